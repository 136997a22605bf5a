"""ONNX: a graph of operators as a protocol buffer, with tensors inside it or in files beside it.

Specification: https://github.com/onnx/onnx/blob/main/docs/IR.md; external data:
https://github.com/onnx/onnx/blob/main/docs/ExternalData.md. Tensors are not read here. Operators and the paths of
external files are judged in `scanners.judge.operators` and `scanners.judge.external_files`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Numbers, Scanner, Signs
from modelsweep.core.text import printable, shorten
from scanners.metadata_text import suspicious_facts
from scanners.parsing.extents import Extents
from scanners.parsing.onnx_schema import COMPARING, SCHEMA
from scanners.parsing.onnx_tensors import DTYPES, size_of

if TYPE_CHECKING:
    from scanners.parsing.protobuf import Record

_SHOWN = 100
_MAX_TENSORS, _MAX_RANK = 50_000, 16
"""Maximum tensors that are kept by name, and maximum dimensions of each."""
_MAX_PATH = 1_100
_MAX_FIELDS = 256
"""Maximum fields that are read to recognise a model."""
_MAX_GRAPH_FIELDS = 8
"""Maximum fields of a graph that are read to recognise it: unknown fields may precede those of its schema."""
_IR_VERSIONS = range(1, 1_000)
_OPSETS_SINCE = 3
"""First version of the format that requires `opset_import`."""
COMPILED = "EPContext"
"""The operator of onnxruntime for a graph that a device's compiler produced, embedded here or in another file."""
CALLING = "ATen"
"""The operator of PyTorch's exporter that calls the PyTorch operator named by its attribute `operator`."""
_MAX_NAMES = 200
"""Maximum PyTorch operators, and maximum Python names, that are reported per model."""
_PYTHON_OPERATORS = frozenset({"PyOp", "PyCustomOp", "PythonOp", "PythonOpGrad"})
"""Operators that call the Python class or function that their attributes name."""
_MODULE_KEY = "module"
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_ATTRIBUTE_SCHEMA = {
    "Node": {5: ("attribute", "Value")},
    "Value": {1: ("name", "text"), 3: ("i", "int"), 4: ("s", "text")},
}
_MAX_NODE_BYTES = 1 << 20
"""Maximum bytes of one node's attributes that are held in memory, at most 4 KiB of each."""
COMPILED_PATHS = ("ep_cache_context", "onnx_model_filename")
_STREAMED = frozenset({"Model", "Training", "Function", "Graph", "Node", "Attribute", "Sparse", "Tensor"})
_GRAPH_FIELDS = frozenset({1, 2, 5, 10, 11, 12, 13, 14, 15, 16})
# Tags that a model may begin with: field numbers of ModelProto with their wire types
_FIRST = frozenset(b"\x08\x10\x12\x1a\x22\x28\x32\x3a\x42\x72\xa2\xca\xd2")
_SUFFIXES = (".onnx", ".pb")
"""Of files that may begin with any tag: one that takes more bytes than it needs, or that no schema knows."""
_KEYS = frozenset({"location", "offset", "length", "checksum", "basepath"})
_PREPACKED = "prepacked"
"""Prefix of the keys that onnxruntime adds."""
_DATA_TYPE = 2
_DATA_TYPES = range(1, 33)
_TENSOR_FIELDS = frozenset(range(1, 17))
_TENSOR_DATA = frozenset({4, 5, 6, 7, 9, 10, 11, 13})
"""Field numbers of TensorProto that hold the data, or say where it is."""
_REFERENCE = "https://github.com/onnx/onnx/blob/main/docs/ExternalData.md"


def _rule(what: str, title: str, message: str, why: str, cwe: int, *references: str) -> Rule:
    return Rule(
        id=f"onnx/{what}",
        title=title,
        severity=Severity.WARNING,
        message=message,
        why=why,
        fix="Export the model again, and check it with onnx.checker from a current release before you load it.",
        cwe=cwe,
        references=references or (_REFERENCE,),
    )


SIZE_MISMATCH = _rule(
    "size-mismatch",
    "Tensor whose size does not match its shape",
    "tensor {subject} has {length} bytes, but its shape and type require {expected}",
    "Runtimes that trust the shape read beyond the bytes that are there, or leave bytes that nobody looks at.",
    125,
)
EXTERNAL_RANGE = _rule(
    "external-range",
    "External data with an impossible offset or length",
    "tensor {subject} reads its data from {key} {value}",
    "Offset and length are counts of bytes, never negative. Loaders that do not check read outside the mapped file.",
    125,
)
EXTERNAL_KEY = _rule(
    "external-key",
    "External data with a key that is not part of the format",
    "the external data of tensor {subject} has the key {key}",
    "Old releases of onnx set an attribute of that name on their own object, whatever it was. Newer ones reject the "
    "model.",
    915,
    "https://github.com/onnx/onnx/blob/main/onnx/external_data_helper.py",
)


def accepts(blob: Blob) -> bool:
    """Return whether version and graph are where ModelProto has them; the suffix also admits a damaged model."""
    is_usual = blob.head[:1] != b"" and blob.head[0] in _FIRST
    if not is_usual and blob.locator.suffix not in _SUFFIXES:
        return False
    from scanners.parsing.protobuf import LENGTH, VARINT, Wire

    wire = Wire(blob.reader)
    version = graph = False
    try:
        for field in islice(wire.fields(0, blob.size), _MAX_FIELDS):
            if field.number == 1 and field.wire == VARINT:
                version = field.value in _IR_VERSIONS
            elif field.number == 7 and field.wire == LENGTH:
                inner = islice(wire.fields(field.value, field.value + field.length), _MAX_GRAPH_FIELDS)
                graph = graph or any(one.number in _GRAPH_FIELDS and one.wire == LENGTH for one in inner)
            if version and graph:
                return True
    except (Malformed, OverLimit):
        pass
    return (is_usual and blob.locator.suffix == ".onnx") or _is_tensor(blob)


def _is_tensor(blob: Blob) -> bool:
    """Return whether a .pb file is a TensorProto (test data): it has only such fields, with a type and with data."""
    if blob.locator.suffix != ".pb":
        return False
    from scanners.parsing.protobuf import LENGTH, VARINT, Wire

    seen: set[int] = set()
    try:
        for field in islice(Wire(blob.reader).fields(0, blob.size), _MAX_FIELDS):
            wire = VARINT if field.number <= _DATA_TYPE else LENGTH if field.number in _TENSOR_DATA else field.wire
            known = field.number != _DATA_TYPE or field.value in _DATA_TYPES
            if field.number not in _TENSOR_FIELDS or field.wire != wire or not known:
                return False
            seen.add(field.number)
    except (Malformed, OverLimit):
        return False
    return _DATA_TYPE in seen and not seen.isdisjoint(_TENSOR_DATA)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield all operators and external files, at any depth, and tensors whose size does not fit their data."""
    from scanners.parsing.protobuf import Walker, Wire

    walker = Walker(Wire(blob.reader, context), SCHEMA, _STREAMED, context.limits.parsed_bytes)
    content = _Content(blob, context)
    alone = _is_tensor(blob)
    fault: Exception | None = None
    try:
        for record in walker.walk("Tensor" if alone else "Model", 0, blob.size):
            yield from content.take(record)
    except (Malformed, Truncated, OverLimit) as error:
        fault = error
    yield from content.operators_used()
    yield from content.files_used()
    if fault:
        raise fault
    if any(operator in COMPARING for _, operator in content.operators):
        yield from _decisions(blob, content.constants)
    if not content.graphs and not alone:
        raise Malformed("the model has no graph")


def _decisions(blob: Blob, tensors: Mapping[str, tuple[Sequence[int], Span]]) -> Iterator[Fact]:
    """Yield the places where the graph's output depends on a test of its input; none if the graph is damaged."""
    from scanners.parsing.input_branches import decision_facts
    from scanners.parsing.onnx_graph import Walk
    from scanners.parsing.protobuf import Wire

    walk = Walk(Wire(blob.reader), tensors)
    try:
        found = walk.decisions(blob.size)
    except (Malformed, Truncated):
        return
    yield from decision_facts(blob, walk.branches, found, "onnx")


class _Content:
    """What has been read of one model so far; functions come after the graphs that call them."""

    def __init__(self, blob: Blob, context: Context) -> None:
        self.blob, self.context, self.limit = blob, context, context.limits.facts
        self.graphs = 0
        self.functions: set[tuple[str, str]] = set()
        self.operators: dict[tuple[str, str], Record] = {}
        self.files: set[str] = set()
        self.extents: dict[str, Extents] = {}
        self.called: set[str] = set()
        self.python: set[str] = set()
        self.constants: dict[str, tuple[Sequence[int], Span]] = {}
        """Shapes and spans of the graphs' tensors by name, up to `_MAX_TENSORS` of them."""
        self._tensors: list[tuple[str, Sequence[int], Span]] = []
        """Tensors whose enclosing message has not ended yet, so that their owner is still unknown."""

    def take(self, record: Record) -> Iterator[Item]:
        """Yield what follows from one message alone, and keep what needs the whole model."""
        if record.kind == "Node":
            yield from self._of_node(record)
        elif record.kind == "Tensor":
            yield from self._tensor(record)
        elif record.kind == "Function":
            self.functions.add((record.text("domain"), record.text("name")))
        elif record.kind in ("Attribute", "Sparse"):
            self._close(record)
        elif record.kind == "Graph":
            yield from self._graph(record)
        elif record.kind == "Model":
            yield from _model(self.blob, record, self.context)

    def _of_node(self, record: Record) -> Iterator[Item]:
        self._node(record)
        if record.text("op_type") == COMPILED:
            yield from self._compiled_files(record)
        elif record.text("op_type") == CALLING:
            self._aten_call(record)
        elif record.text("op_type") in _PYTHON_OPERATORS:
            self._python_names(record)

    def _graph(self, record: Record) -> Iterator[Item]:
        self.graphs += 1
        for named, dims, span in self._close(record):
            if named and len(self.constants) < _MAX_TENSORS:
                self.constants[named] = dims, span
        name = printable(record.text("name"), _SHOWN)
        if name and self.context.first(f"name {self.blob.locator}", name):
            yield Fact("metadata", "graph_name", self.blob.locator, detail={"key": "graph_name", "text": name})

    def _close(self, holder: Record) -> list[tuple[str, Sequence[int], Span]]:
        """Remove and return the tensors inside `holder`, a message that has just ended."""
        tensors, start = self._tensors, len(self._tensors)
        while start and tensors[start - 1][2].offset >= holder.span.offset:
            start -= 1
        own = tensors[start:]
        del tensors[start:]
        return own

    def _node(self, record: Record) -> None:
        key = (record.text("domain"), record.text("op_type"))
        if key not in self.operators:
            if len(self.operators) >= self.limit:
                raise OverLimit(f"more than {self.limit:,} different operators")
            self.operators[key] = record

    def _attributes(self, node: Record) -> Iterator[Sequence[Record]]:
        """Yield the attributes of a node, whose messages are read again for them."""
        from scanners.parsing.protobuf import Walker, Wire

        wire = Wire(self.blob.reader, self.context)
        walker = Walker(wire, _ATTRIBUTE_SCHEMA, frozenset({"Node"}), _MAX_NODE_BYTES)
        for record in walker.walk("Node", node.span.offset, node.span.offset + node.span.length):
            yield record.records.get("attribute", ())

    def _compiled_files(self, node: Record) -> Iterator[Item]:
        """Yield the files that a runtime opens to load a compiled graph."""
        for attributes in self._attributes(node):
            values = {value.text("name"): value for value in attributes}
            embedded = "embed_mode" not in values or values["embed_mode"].integer("i") != 0
            for name in COMPILED_PATHS:
                path = values[name].text("s") if name in values else ""
                # With `embed_mode`, the first attribute holds the program itself, not a path
                if path and not (embedded and name == COMPILED_PATHS[0]) and path not in self.files:
                    yield from self._external_file(path, f"{node.text('name')}.{name}", node, "node")

    def _aten_call(self, node: Record) -> None:
        """Keep the PyTorch operator that a node names, or "" if it names none or the limit is reached."""
        for attributes in self._attributes(node):
            named = [one.text("s") for one in attributes if one.text("name") == "operator"]
            self.called.add(printable(named[0], _SHOWN) if len(named) == 1 and len(self.called) < _MAX_NAMES else "")

    def _python_names(self, node: Record) -> None:
        """Keep the Python names in the attributes of a node, also qualified by the module it names."""
        for attributes in self._attributes(node):
            values = {one.text("name"): one.text("s") for one in attributes}
            names = [value for value in values.values() if len(value) < _SHOWN and _DOTTED.fullmatch(value)]
            module = values.get(_MODULE_KEY, "")
            below = [f"{module}.{name}" for name in names if module in names and name != module]
            self.python.update([*names, *below][: max(_MAX_NAMES - len(self.python), 0)])

    def operators_used(self) -> Iterator[Item]:
        """Yield each operator once, with its first node, and whether the model defines it."""
        for (domain, name), first in self.operators.items():
            detail: dict[str, Json] = {
                "framework": "onnx",
                "domain": printable(domain, _SHOWN),
                "name": printable(name, _SHOWN),
                "node": printable(first.text("name"), _SHOWN),
                "defined": (domain, name) in self.functions,
            }
            if name == CALLING:
                calls: list[Json] = [*sorted(self.called)]
                detail["calls"] = calls
            if name in _PYTHON_OPERATORS and self.python:
                detail["python"] = [*sorted(self.python)]
            value = printable(f"{domain or 'ai.onnx'}.{name}", 2 * _SHOWN)
            yield Fact("operator", value, self.blob.locator, first.span, detail)

    def files_used(self) -> Iterator[Item]:
        """Yield for each external file how much of it the tensors use."""
        for location, extents in self.extents.items():
            fact = extents.fact(printable(location, _MAX_PATH), self.blob.locator)
            if fact:
                yield fact

    def _tensor(self, record: Record) -> Iterator[Item]:
        name = printable(record.text("name"), _SHOWN) or "without a name"
        expected = _expected(record)
        if len(self._tensors) < _MAX_TENSORS and len(record.integers.get("dims", ())) <= _MAX_RANK:
            self._tensors.append((record.text("name"), record.integers.get("dims", ()), record.span))
        entries = [(entry.text("key"), entry.text("value")) for entry in record.records.get("external_data", ())]
        lengths = [span.length for span in record.spans.get("raw_data", ())][-1:]
        for key, value in entries:
            if key == "location" and value not in self.files:
                yield from self._external_file(value, name, record)
            elif key in ("offset", "length") and not (value.isascii() and value.isdecimal() and len(value) < 20):
                evidence: dict[str, Json] = {"key": key, "value": printable(value, _SHOWN)}
                yield Finding(EXTERNAL_RANGE, self.blob.locator, name, span=record.span, evidence=evidence)
            elif key == "length":
                lengths.append(int(value))
            elif key not in _KEYS and not key.startswith(_PREPACKED):
                evidence = {"key": printable(key, _SHOWN)}
                yield Finding(EXTERNAL_KEY, self.blob.locator, name, span=record.span, evidence=evidence)
        values = dict(entries)
        if "location" in values:
            extents = self.extents.setdefault(values["location"], Extents())
            extents.add(values.get("offset", "0"), values.get("length", str(expected)))
        yield from _numbers(record, expected)
        for length in lengths:
            if expected is not None and length != expected:
                evidence = {"length": length, "expected": _amount(expected)}
                yield Finding(SIZE_MISMATCH, self.blob.locator, name, span=record.span, evidence=evidence)

    def _external_file(self, location: str, user: str, record: Record, kind: str = "tensor") -> Iterator[Item]:
        if len(self.files) >= self.limit:
            raise OverLimit(f"more than {self.limit:,} external files")
        self.files.add(location)
        detail: dict[str, Json] = {"framework": "onnx", "used_by": f"{kind} {printable(user, _SHOWN)}"}
        yield Fact("external-file", printable(location, _MAX_PATH), self.blob.locator, record.span, detail)


def _expected(record: Record) -> int | None:
    """Return the bytes that shape and type require, None if that is unknown, or -1 if the shape is impossible."""
    if "segment" in record.spans:
        return None
    return size_of(record.integer("data_type"), record.integers.get("dims", []))


def _numbers(record: Record, expected: int | None) -> Iterator[Numbers]:
    """Yield a tensor whose numbers are stored in the file as in memory."""
    spans = record.spans.get("raw_data", ())
    dtype = DTYPES.get(record.integer("data_type"), "")
    if spans and dtype and spans[-1].length == expected:
        shape = tuple(record.integers.get("dims", ()))
        yield Numbers(record.text("name"), dtype, shape, spans[-1].offset, expected)


def _amount(size: int) -> str:
    return shorten(str(size), _SHOWN) if size >= 0 else "an impossible number"


def _model(blob: Blob, record: Record, context: Context) -> Iterator[Item]:
    producer = f"{record.text('producer_name')} {record.text('producer_version')}".strip()
    if producer:
        yield Fact("framework", printable(producer, _SHOWN), blob.locator)
    for entry in record.records.get("metadata_props", ()):
        key, value = printable(entry.text("key"), _SHOWN), printable(entry.text("value"), _SHOWN)
        if key.lower() in ("license", "licence"):
            from scanners.parsing.licences import licence_facts

            yield from licence_facts(context, blob.locator, entry.text("value"), key)
        else:
            yield Fact("metadata", key, blob.locator, detail={"key": key, "text": value})
            yield from suspicious_facts(entry.text("value"), blob.locator, f"metadata_props.{key}", context)
    if record.integer("ir_version") >= _OPSETS_SINCE and "opset_import" not in record.records:
        raise Malformed("the model does not name the operator sets that it needs: cut short?")


SCANNER = Scanner(
    name="onnx",
    title="ONNX",
    version=12,
    accepts=accepts,
    scan=scan,
    rules=(SIZE_MISMATCH, EXTERNAL_RANGE, EXTERNAL_KEY),
    suffixes=(".onnx",),
    signs=Signs(bytes(_FIRST), _SUFFIXES),
)
