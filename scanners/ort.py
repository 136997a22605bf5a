"""ONNX Runtime's own format (.ort): the graph of an ONNX model as a FlatBuffer, optimized for a device.

Schema: onnxruntime/core/flatbuffers/schema/ort.fbs of https://github.com/microsoft/onnxruntime; core/graph/graph.cc and
graph_flatbuffers_utils.cc read it. It holds what ONNX does, and also edges, whose indices the runtime does not check.
Operators and paths are judged like those of ONNX.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Numbers, Scanner, Signs
from modelsweep.core.text import printable, shorten
from scanners.onnx import CALLING, COMPILED, COMPILED_PATHS, SIZE_MISMATCH
from scanners.parsing.onnx_tensors import DTYPES, size_of

if TYPE_CHECKING:
    from scanners.parsing.flatbuffer import Table

NAME = "ort"
_IDENTIFIER = b"ORTM"
_SHOWN = 100
_MAX_TEXT = 256
_MAX_PATH = 1_100
_MAX_DIMENSIONS = 64
_MAX_DEPTH = 50
"""Maximum nesting of graphs."""
_MAX_NODES = 500_000
"""Maximum nodes of one graph whose edges are checked."""
_MAX_FINDINGS = 50
_MAX_CALLED = 200
"""Maximum PyTorch operators that are reported per model."""
_EDGE = struct.Struct("<Iii")
_CONTROL_EDGE = (1 << 31) - 1
"""Value of both argument indices in an edge that only orders two nodes."""

EDGE = Rule(
    id="ort/edge-out-of-range",
    title="Edge to a node or argument that does not exist",
    severity=Severity.WARNING,
    message="an edge of node {subject} leads to {what} {index}, but there are {count}",
    why="ONNX Runtime uses these numbers as array indices without checking them, so it reads and follows whatever lies "
    "beyond. No converter writes such an edge.",
    fix="Convert the model again from its ONNX file. Do not load this one.",
    cwe=125,
    references=("https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/graph/graph.cc",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the identifier of the format follows the first offset."""
    return blob.head[4:8] == _IDENTIFIER


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield operators, external files, and edges out of range; raises Malformed and OverLimit."""
    from scanners.parsing.flatbuffer import FlatBuffer

    session = FlatBuffer(blob.reader, context).root()
    yield Fact("framework", printable(f"onnxruntime format {session.text(0, _MAX_TEXT)}".strip(), _SHOWN), blob.locator)
    model = session.table(1)
    graph = model and model.table(7)
    if model is None or graph is None:
        raise Malformed("the model has no graph")
    yield from _described(blob, model)
    content = _Content(blob, context.limits.facts)
    fault: Exception | None = None
    try:
        yield from content.graph(graph, 0)
    except (Malformed, OverLimit) as error:
        fault = error
    yield from content.operators_used()
    if fault:
        raise fault
    if content.unchecked:
        raise OverLimit(f"more than {_MAX_NODES:,} nodes in a graph: where its edges lead is unknown")


def _described(blob: Blob, model: Table) -> Iterator[Fact]:
    producer = f"{model.text(2, _MAX_TEXT)} {model.text(3, _MAX_TEXT)}".strip()
    if producer:
        yield Fact("framework", printable(producer, _SHOWN), blob.locator)
    for entry in model.tables(9):
        key, value = (printable(entry.text(slot, _MAX_TEXT), _SHOWN) for slot in (0, 1))
        yield Fact("metadata", key, blob.locator, detail={"key": key, "text": value})
    for opset in model.tables(1):
        opset.text(0, _MAX_TEXT)


class _Operator(NamedTuple):
    node: str
    span: Span


class _Content:
    """What has been read of one model so far; an operator is reported once, with its first node."""

    def __init__(self, blob: Blob, limit: int) -> None:
        self.blob, self.limit = blob, limit
        self.operators: dict[tuple[str, str], _Operator] = {}
        self.called: set[str] = set()
        self.files: set[str] = set()
        self.found = 0
        self.unchecked = False

    def graph(self, graph: Table, depth: int) -> Iterator[Item]:
        """Yield what a graph holds, including graphs nested in its nodes."""
        if depth > _MAX_DEPTH:
            raise OverLimit(f"graphs are nested deeper than {_MAX_DEPTH}")
        for tensor in graph.tables(0):
            yield from self._tensor(tensor)
        for sparse in graph.tables(7):
            for part in filter(None, (sparse.table(0), sparse.table(1))):
                yield from self._tensor(part)
        arguments: dict[int, tuple[int, int]] = {}
        for node in graph.tables(2):
            if len(arguments) < _MAX_NODES:
                arguments[node.number(4, "I")] = (node.count(8) + node.count(12), node.count(9))
            else:
                self.unchecked = True
            yield from self._node(node, depth)
        if not self.unchecked:
            for edges in graph.tables(4):
                yield from self._edges(edges, arguments)

    def _node(self, node: Table, depth: int) -> Iterator[Item]:
        name, domain, kind = (node.text(slot, _MAX_TEXT) for slot in (0, 2, 5))
        if (domain, kind) not in self.operators:
            if len(self.operators) >= self.limit:
                raise OverLimit(f"more than {self.limit:,} different operators")
            self.operators[domain, kind] = _Operator(name, Span(node.position))
        values: dict[str, tuple[str, int]] = {}
        for attribute in node.tables(10):
            if kind in (COMPILED, CALLING) and len(values) < _MAX_FINDINGS:
                values[attribute.text(0, _MAX_TEXT)] = (attribute.text(5, _MAX_PATH), attribute.number(4, "q"))
            yield from self._attribute(attribute, depth)
        if kind == COMPILED:
            yield from self._compiled(name, values, Span(node.position))
        elif kind == CALLING:
            named = printable(values.get("operator", ("", 0))[0], _SHOWN)
            self.called.add(named if len(self.called) < _MAX_CALLED else "")

    def _attribute(self, attribute: Table, depth: int) -> Iterator[Item]:
        for tensor in filter(None, (attribute.table(6), *attribute.tables(11))):
            yield from self._tensor(tensor)
        for graph in filter(None, (attribute.table(7), *attribute.tables(12))):
            yield from self.graph(graph, depth + 1)

    def _compiled(self, node: str, values: dict[str, tuple[str, int]], span: Span) -> Iterator[Item]:
        """Yield the files that a runtime opens to load a compiled graph."""
        embedded = values.get("embed_mode", ("", 1))[1] != 0
        for name in COMPILED_PATHS:
            path = values.get(name, ("", 0))[0]
            # With `embed_mode`, the first attribute holds the program itself, not a path
            if path and not (embedded and name == COMPILED_PATHS[0]) and path not in self.files:
                if len(self.files) >= self.limit:
                    raise OverLimit(f"more than {self.limit:,} external files")
                self.files.add(path)
                detail: dict[str, Json] = {"framework": "onnx", "used_by": f"node {printable(node, _SHOWN)}.{name}"}
                yield Fact("external-file", printable(path, _MAX_PATH), self.blob.locator, span, detail)

    def operators_used(self) -> Iterator[Item]:
        """Yield each operator once, with its first node."""
        for (domain, kind), first in self.operators.items():
            detail: dict[str, Json] = {
                "framework": "onnx",
                "domain": printable(domain, _SHOWN),
                "name": printable(kind, _SHOWN),
                "node": printable(first.node, _SHOWN),
                "defined": False,
            }
            if kind == CALLING:
                calls: list[Json] = [*sorted(self.called)]
                detail["calls"] = calls
            value = printable(f"{domain or 'ai.onnx'}.{kind}", 2 * _SHOWN)
            yield Fact("operator", value, self.blob.locator, first.span, detail)

    def _tensor(self, tensor: Table) -> Iterator[Item]:
        name, kind = printable(tensor.text(0, _MAX_TEXT), _SHOWN) or "without a name", tensor.number(3, "i")
        dims, span = list(tensor.numbers(2, "q", _MAX_DIMENSIONS)), tensor.vector(4, 1)
        expected = size_of(kind, dims)
        if expected is None or not span.offset:  # strings, or training data in another file
            return
        if expected != span.length:
            amount = shorten(str(expected), _SHOWN) if expected >= 0 else "an impossible number"
            evidence: dict[str, Json] = {"length": span.length, "expected": amount}
            yield from self._limited(
                Finding(SIZE_MISMATCH, self.blob.locator, name, span=Span(tensor.position), evidence=evidence)
            )
        elif kind in DTYPES:
            yield Numbers(name, DTYPES[kind], tuple(dims), span.offset, expected)

    def _edges(self, edges: Table, arguments: dict[int, tuple[int, int]]) -> Iterator[Item]:
        own = edges.number(0, "I")
        for incoming, slot in ((True, 1), (False, 2)):
            for other, source, target in edges.structs(slot, _EDGE):
                taker, giver = (own, other) if incoming else (other, own)
                ends = (("input", target, taker, 0), ("output", source, giver, 1))
                missing = next((node for node in (own, other) if node not in arguments), None)
                if missing is not None:
                    yield from self._edge(own, "node", missing, len(arguments))
                    return
                for what, index, node, place in () if source == target == _CONTROL_EDGE else ends:
                    count = arguments[node][place]
                    if not 0 <= index < count:
                        yield from self._edge(own, f"{what} of node {node}:", index, count)
                        return

    def _edge(self, node: int, what: str, index: int, count: int) -> Iterator[Finding]:
        evidence: dict[str, Json] = {"what": what, "index": f"{index:,}", "count": f"{count:,}"}
        return self._limited(Finding(EDGE, self.blob.locator, str(node), evidence=evidence))

    def _limited(self, finding: Finding) -> Iterator[Finding]:
        self.found += 1
        if self.found <= _MAX_FINDINGS:
            yield finding


SCANNER = Scanner(
    name=NAME,
    title="ONNX Runtime format",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(EDGE, SIZE_MISMATCH),
    suffixes=(".ort",),
    signs=Signs(at=((4, (_IDENTIFIER,)),)),
)
