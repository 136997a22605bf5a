"""TensorFlow Lite (LiteRT): a FlatBuffer of operators, tensors and buffers, possibly followed by a zip of labels.

Schema: https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs, to which Samsung's
Circle appends fields (https://github.com/Samsung/ONE/blob/master/nnpackage/schema/circle_schema.fbs). Flex operators
contain a node of TensorFlow, and are judged as such; the zip scanner examines what follows the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from modelsweep.core.values import dataclass, field
from scanners.metadata_text import LONGEST, suspicious_facts

if TYPE_CHECKING:
    from scanners.parsing.flatbuffer import FlatBuffer, Table

_IDENTIFIERS = {b"TFL3": "tensorflow lite", b"CIR0": "circle"}
_COMPRESSION_FIELD = 10
"""Field of a Circle tensor that tells that its bytes are compressed."""
_SHOWN = 100
_MAX_NAME = 256
_MAX_PATH = 1_100
_MAX_DIMENSIONS = 64
_CUSTOM = 32
"""BuiltinOperator of custom operators, which have a name of their own."""
_FLEX = "Flex"
_STRING, _UNSIZED = 5, frozenset({5, 13, 14})
"""TensorType of strings, and TensorTypes whose elements have no fixed size."""
# Bits of one element, by TensorType
_BITS = {
    **dict.fromkeys((0, 2, 15), 32),
    **dict.fromkeys((1, 7, 16, 18), 16),
    **dict.fromkeys((3, 6, 9), 8),
    **dict.fromkeys((4, 8, 10, 12), 64),
    **dict.fromkeys((17, 20), 4),
    11: 128,
    19: 2,
}
_MAX_BYTES = 1 << 63
# Fields that name a subgraph, by BuiltinOptions: those of If, While, Call and CallOnce
_SUBGRAPHS = {16: (0,), 92: (0, 1), 93: (0, 1), 103: (0,)}
# The same by BuiltinOptions2: those of StableHLO's reduce, scatter, reduce_window, sort, while and composite
_SUBGRAPHS_2 = {6: (1,), 7: (6,), 13: (5,), 14: (2,), 15: (0, 1), 21: (1,)}
_MAX_FLEX_BYTES = 64 * MIB
"""Maximum bytes of Flex operators that are examined."""
_REFERENCE = "https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md"


def _rule(what: str, title: str, message: str, why: str, cwe: int) -> Rule:
    return Rule(
        id=f"tflite/{what}",
        title=title,
        severity=Severity.WARNING,
        message=message,
        why=why,
        fix="Convert the model again from its source. Do not load this file with an interpreter that trusts it.",
        cwe=cwe,
        references=(_REFERENCE,),
    )


OUT_OF_RANGE = _rule(
    "out-of-range",
    "Reference to a part that does not exist",
    "{subject} refers to {what} {index}, but there are {count}",
    "Interpreters use such numbers as array indices and file offsets. Unchecked, they read or write memory beyond.",
    125,
)
SIZE_MISMATCH = _rule(
    "size-mismatch",
    "Tensor whose size does not match its shape",
    "tensor {subject} has {length} bytes, but its shape and type require {expected}",
    "Interpreters that trust the shape read beyond the bytes that are there.",
    125,
)
RECURSION = _rule(
    "recursive-subgraph",
    "Subgraph that calls itself",
    "subgraph {subject} calls itself, directly or through another one",
    "Interpreters that do not expect it recurse until the stack overflows, and crash.",
    674,
)


def accepts(blob: Blob) -> bool:
    """Return whether the identifier of the format follows the first offset."""
    return blob.head[4:8] in _IDENTIFIERS


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield operators, file names and references out of range; Flex operators as a TensorFlow graph."""
    from scanners.parsing.flatbuffer import FlatBuffer

    buffer = FlatBuffer(blob.reader, context)
    model = _Model(blob, buffer, context)
    yield Fact("framework", _IDENTIFIERS.get(blob.head[4:8], "tensorflow lite"), blob.locator)
    yield from model.items()
    if model.flex:
        yield blob.nested("flex operators", context.spool(model.flex), expect="tensorflow", expanded=True)


@dataclass(slots=True)
class _Subgraph:
    """One subgraph: its number of tensors, and the other subgraphs that its operators run."""

    ordinal: int
    tensors: int = 0
    strings: dict[int, Span] = field(default_factory=dict)
    """The buffers of its constant tensors of strings."""
    runs: set[int] = field(default_factory=set)


class _Model:
    """A walk through the tables of a model in order, which checks the references in them."""

    def __init__(self, blob: Blob, buffer: FlatBuffer, context: Context) -> None:
        self.blob, self.buffer, self.context = blob, buffer, context
        self.root = buffer.root()
        self.flex: list[bytes] = []
        """Pieces of a GraphDef with the nodes of all Flex operators."""
        self._flex_size = 0
        self._codes: list[tuple[int, str]] = []
        self._buffers: list[Span] = []
        self._subgraphs: list[_Subgraph] = []

    def items(self) -> Iterator[Item]:
        """Yield what the model contains."""
        root = self.root
        description = root.text(3, _MAX_NAME)
        if description:
            detail: dict[str, Json] = {"value": printable(description, _SHOWN)}
            yield Fact("metadata", "description", self.blob.locator, detail=detail)
            yield from suspicious_facts(description, self.blob.locator, "description", self.context)
        yield from self._operator_codes()
        yield from self._buffer_places()
        for ordinal, table in enumerate(root.tables(2)):
            yield from self._subgraph(_Subgraph(ordinal), table)
        if not self._subgraphs:
            raise Malformed("there are no subgraphs")
        yield from self._recursion()
        for metadata in root.tables(6):
            name = printable(metadata.text(0, _MAX_NAME), _SHOWN)
            place = metadata.number(1, "I")
            yield from self._within(f"metadata {name}", "buffer", place, len(self._buffers))
            yield from self._metadata(f"metadata {name}", place)
        for place in root.numbers(5):
            yield from self._within("metadata", "buffer", place, len(self._buffers))
        yield from self._signatures()
        yield from self._external()
        yield from self._decisions()

    def _metadata(self, name: str, place: int) -> Iterator[Item]:
        """Yield what a buffer of metadata contains if it is text; others hold a table of their own, or a number."""
        span = self._buffers[place] if place < len(self._buffers) else Span(0, 0)
        if 0 < span.length <= LONGEST:
            with suppress(UnicodeDecodeError):
                text = self.blob.reader.read(span.offset, span.length).rstrip(b"\0").decode()
                yield from suspicious_facts(text, self.blob.locator, name, self.context)

    def _decisions(self) -> Iterator[Item]:
        """Yield the places where the output depends on a test of the input; none if tables are damaged."""
        from scanners.parsing.flatbuffer import FlatBuffer
        from scanners.parsing.input_branches import decision_facts
        from scanners.parsing.tflite_graph import COMPARING, Walk

        codes = [code for code, _ in self._codes]
        if COMPARING.isdisjoint(codes):
            return
        walk = Walk(FlatBuffer(self.blob.reader).root(), codes, [span.length > 0 for span in self._buffers])
        try:
            found = walk.decisions()
        except (Malformed, IndexError):
            return
        yield from decision_facts(self.blob, walk.branches, found, "tflite")

    def _signatures(self) -> Iterator[Item]:
        for signature in self.root.tables(7):
            name = f"signature {printable(signature.text(2, _MAX_NAME), _SHOWN)}"
            index = signature.number(4, "I")
            yield from self._within(name, "subgraph", index, len(self._subgraphs))
            tensors = self._subgraphs[index].tensors if index < len(self._subgraphs) else 0
            for entry in (*signature.tables(0), *signature.tables(1)):
                yield from self._within(name, "tensor", entry.number(1, "I"), tensors)

    def _operator_codes(self) -> Iterator[Item]:
        seen: set[str] = set()
        for table in self.root.tables(1):
            # The code was once a byte; readers use the greater of both fields
            code = max(table.number(0, "b"), table.number(3, "i"))
            name = table.text(1, _MAX_NAME) if code == _CUSTOM else ""
            self._codes.append((code, name))
            if code == _CUSTOM and not name.startswith(_FLEX) and name not in seen:
                seen.add(name)
                detail: dict[str, Json] = {"framework": "tflite", "node": "", "strings": []}
                yield Fact("operator", printable(name, _SHOWN), self.blob.locator, Span(table.position), detail)

    def _buffer_places(self) -> Iterator[Item]:
        for ordinal, table in enumerate(self.root.tables(4)):
            span = table.vector(0, 1)
            offset, size = table.number(1, "Q"), table.number(2, "Q")
            if offset > 1:  # 0 and 1 mean that the bytes, if any, are in the table itself
                span = Span(offset, size)
                if offset + size > self.blob.size:
                    yield self._out_of_range(f"buffer {ordinal}", "byte", offset + size, self.blob.size)
                    span = Span(0, 0)
            self._buffers.append(span)

    def _subgraph(self, subgraph: _Subgraph, table: Table) -> Iterator[Item]:
        self._subgraphs.append(subgraph)
        name = f"subgraph {subgraph.ordinal}"
        subgraph.tensors = table.count(0)
        for index, tensor in enumerate(table.tables(0)):
            yield from self._tensor(subgraph, index, tensor)
        for slot in (1, 2):
            for value in table.numbers(slot):
                yield from self._within(name, "tensor", value, subgraph.tensors)
        for index, operator in enumerate(table.tables(3)):
            yield from self._operator(subgraph, f"operator {index} of {name}", operator)

    def _tensor(self, subgraph: _Subgraph, index: int, table: Table) -> Iterator[Item]:
        kind, place = table.number(1, "b"), table.number(2, "I")
        name = printable(table.text(3, _MAX_NAME), _SHOWN) or f"{index} of subgraph {subgraph.ordinal}"
        if place >= len(self._buffers):
            yield self._out_of_range(f"tensor {name}", "buffer", place, len(self._buffers))
            return
        span = self._buffers[place]
        if kind == _STRING and span.length:
            subgraph.strings[index] = span
        if kind in _UNSIZED or kind not in _BITS or table.table(6) is not None:
            return
        if self.blob.head[4:8] == b"CIR0" and table.number(_COMPRESSION_FIELD, "b"):
            return
        elements = 1
        for size in table.numbers(0, limit=_MAX_DIMENSIONS):
            elements *= max(size, 0)
        expected = (elements * _BITS[kind] + 7) // 8
        if (span.length and expected != span.length) or expected >= _MAX_BYTES:
            evidence = {"length": f"{span.length:,}", "expected": f"{expected:,}"}
            yield Finding(SIZE_MISMATCH, self.blob.locator, name, span=Span(table.position), evidence=evidence)

    def _operator(self, subgraph: _Subgraph, name: str, table: Table) -> Iterator[Item]:
        code = table.number(0, "I")
        inputs = list(table.numbers(1, limit=_MAX_NAME))
        outputs = list(table.numbers(2, limit=_MAX_NAME))
        yield from self._within(name, "operator code", code, len(self._codes))
        for slot, least in ((1, -1), (2, 0), (8, -1)):  # -1 is an input that was left out
            for value in table.numbers(slot):
                yield from self._within(name, "tensor", value, subgraph.tensors, least)
        for kind_slot, known in ((3, _SUBGRAPHS), (11, _SUBGRAPHS_2)):
            slots = known.get(table.number(kind_slot, "B"), ())
            options = table.table(kind_slot + 1) if slots else None
            for slot in slots if options else ():
                value = options.number(slot, "i") if options else 0
                subgraph.runs.add(value)
                yield from self._within(name, "subgraph", value, self.root.count(2))
        if code < len(self._codes) and self._codes[code][0] == _CUSTOM and self._codes[code][1].startswith(_FLEX):
            yield from self._flex(subgraph, self._codes[code][1], (inputs, outputs), table)

    def _flex(
        self, subgraph: _Subgraph, name: str, tensors: tuple[list[int], list[int]], table: Table
    ) -> Iterator[Item]:
        """Add a TensorFlow node to the graph of these, with the inputs from this model."""
        from scanners.parsing import flex

        span = table.vector(5, 1)
        offset, size = table.number(9, "Q"), table.number(10, "Q")
        if offset > 1:
            span = Span(offset, size)
            if offset + size > self.blob.size:
                yield self._out_of_range(name, "byte", offset + size, self.blob.size)
                return
        declared = name.removeprefix(_FLEX)
        if not span.length or span.length > _MAX_FLEX_BYTES:
            raise Malformed(f"the node of a Flex operator takes {span.length:,} bytes", table.position)
        options = flex.options(self.blob.reader.read(span.offset, span.length))
        prefix = f"of subgraph {subgraph.ordinal}"
        inputs, outputs = tensors
        for index in inputs:
            if index in subgraph.strings:
                strings = flex.strings(self.blob.reader, subgraph.strings.pop(index))
                self._add(flex.constant(f"tensor {index} {prefix}", strings))
        fed = [f"tensor {index} {prefix}" for index in inputs]
        made = f"tensor {outputs[0]} {prefix}" if outputs else prefix
        self._add(flex.node(made, options.node, fed))
        for other in sorted({declared, options.name} - {options.operator, ""}):
            # Which of its three names counts depends on the runtime
            self._add(flex.bare_node(made, other, fed))

    def _add(self, piece: bytes) -> None:
        self._flex_size += len(piece)
        if self._flex_size > _MAX_FLEX_BYTES:
            raise OverLimit(f"more than {_MAX_FLEX_BYTES:,} bytes of Flex operators")
        self.flex.append(piece)

    def _recursion(self) -> Iterator[Item]:
        """Yield the first subgraph left after repeatedly removing those that run no others: it runs itself."""
        count = len(self._subgraphs)
        runs = {item.ordinal: {index for index in item.runs if 0 <= index < count} for item in self._subgraphs}
        run_by: dict[int, list[int]] = {}
        for ordinal, others in runs.items():
            for other in others:
                run_by.setdefault(other, []).append(ordinal)
        ends = [ordinal for ordinal, others in runs.items() if not others]
        while ends:
            end = ends.pop()
            del runs[end]
            for ordinal in run_by.get(end, ()):
                runs[ordinal].discard(end)
                if not runs[ordinal]:
                    ends.append(ordinal)
        if runs:
            yield Finding(RECURSION, self.blob.locator, str(min(runs)))

    def _external(self) -> Iterator[Item]:
        """Yield the external files of weights."""
        for table in self.root.tables(8):
            detail: dict[str, Json] = {"framework": "tflite", "used_by": "a group of external buffers"}
            name = printable(table.text(0, _MAX_PATH), _MAX_PATH)
            yield Fact("external-file", name, self.blob.locator, Span(table.position), detail)
        groups = self.root.count(8)
        for ordinal, table in enumerate(self.root.tables(9)):
            yield from self._within(f"external buffer {ordinal}", "group", table.number(1, "I"), groups)

    def _within(self, subject: str, what: str, index: int, count: int, least: int = 0) -> Iterator[Item]:
        if not least <= index < count:
            yield self._out_of_range(subject, what, index, count)

    def _out_of_range(self, subject: str, what: str, index: int, count: int) -> Finding:
        evidence = {"what": what, "index": f"{index:,}", "count": f"{count:,}"}
        return Finding(OUT_OF_RANGE, self.blob.locator, subject, evidence=evidence)


SCANNER = Scanner(
    name="tflite",
    title="TensorFlow Lite (LiteRT), Circle",
    version=7,
    accepts=accepts,
    scan=scan,
    rules=(OUT_OF_RANGE, SIZE_MISMATCH, RECURSION),
    suffixes=(".tflite", ".lite", ".circle"),
    signs=Signs(at=((4, tuple(_IDENTIFIERS)),)),
)
