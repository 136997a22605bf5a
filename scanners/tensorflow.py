"""TensorFlow graphs: SavedModel (saved_model.pb), frozen graphs (.pb) and meta graphs of checkpoints (.meta).

Messages: https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/protobuf. All nodes are visited, also
those of function libraries and of graphs serialized inside attributes and constants. What operators do is judged in
`scanners.judge.operators`. Tensors are not read here. Descriptions of Keras layers (keras_metadata.pb, and inside
saved_model.pb) are passed to the Keras scanner.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from modelsweep.core.finding import Fact, Json, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB

if TYPE_CHECKING:
    from scanners.parsing.protobuf import Record, Walker
    from scanners.parsing.tensorflow_graph import Node, Scope

_SHOWN = 100
_MAX_STRING = 1_100
"""Maximum bytes kept of one string constant: longer than any path should be."""
_MAX_STRINGS = 8
"""Maximum strings kept per node."""
_MAX_TRACED = 64
"""Maximum strings reaching one node that are searched for paths."""
_MAX_SCHEME = 12
"""Bytes at the start of a string in which the scheme of an address must appear."""
_MAX_NODES = 100_000
"""Maximum nodes kept per graph, to find the files that its operators name."""
_FIRST = frozenset(b"\x08\x0a\x12\x1a\x22")
"""First bytes (protobuf tags) of the messages."""
_SUFFIXES = (".pb", ".meta")
"""Of files that may begin with any tag: one that takes more bytes than it needs, or that no schema knows."""
_BYTECODE = b"ML\xefR"
_MLIR_STARTS = (_BYTECODE, b"module", b'"builtin.module"', b"#")
"""Beginnings of MLIR programs, as bytecode and as text."""
_MAX_PROGRAM = 64 * MIB
"""Maximum bytes of a program that is searched for names of operators."""
_WITHOUT_GRAPH = frozenset({"Fingerprint", "KerasMetadata"})


def accepts(blob: Blob) -> bool:
    """Return whether graph nodes are where one of the messages has them."""
    return bool(_roots(blob))


def _roots(blob: Blob) -> list[str]:
    is_usual = blob.head[:1] != b"" and blob.head[0] in _FIRST
    if not is_usual and blob.locator.suffix not in _SUFFIXES:
        return []
    from scanners.parsing.protobuf import Wire
    from scanners.parsing.tensorflow_graph import roots_of

    wire = Wire(blob.reader)
    return roots_of(wire, blob.size, blob.locator.name) if is_usual or roots_of(wire, blob.size, "") else []


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield operators at any depth, assets, and graphs inside strings as nested blobs."""
    from scanners.parsing.tensorflow_graph import ROOTS

    faults: list[Exception] = []
    for root in [ROOTS.get(blob.locator.name, "Graph")] if blob.expect else _roots(blob):
        try:
            yield from _parsed_as(root, blob, context)
        except (Malformed, Truncated, OverLimit) as error:
            faults.append(error)
    if faults:
        raise faults[0]


def _parsed_as(root: str, blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what the blob holds when it is parsed as the message `root`."""
    from scanners.parsing.protobuf import Walker, Wire
    from scanners.parsing.tensorflow_graph import PLAIN, SCHEMA, STREAMED

    walker = Walker(Wire(blob.reader, context), SCHEMA, STREAMED, context.limits.parsed_bytes, PLAIN)
    graphs = _Graphs(blob, walker, context.limits.facts)
    fault: Exception | None = None
    try:
        for record in walker.walk(root, 0, blob.size):
            yield from graphs.take(record)
    except (Malformed, Truncated, OverLimit) as error:
        fault = error
    yield from graphs.rest()
    if fault:
        raise fault
    if not graphs.count and root not in _WITHOUT_GRAPH:
        raise Malformed("it holds no graph: cut short?")
    yield from _decisions(root, blob, graphs.operators)
    if graphs.nodes.full:
        raise OverLimit(f"more than {_MAX_NODES:,} nodes of strings: files named by further nodes are unknown")


def _decisions(root: str, blob: Blob, operators: frozenset[str]) -> Iterator[Item]:
    """Yield the places where the graph's output depends on a test of its input."""
    from scanners.parsing.tensorflow_branches import COMPARING, ROOTS, Walk

    if root not in ROOTS or COMPARING.isdisjoint(operators):
        return
    from scanners.parsing.input_branches import decision_facts
    from scanners.parsing.protobuf import Wire

    walk = Walk(Wire(blob.reader))
    try:
        found = walk.decisions(root, blob.size)
    except (Malformed, Truncated):
        return
    yield from decision_facts(blob, walk.branches, found, "tensorflow")


class _Graphs:
    """What has been read of a file's graphs; the nodes of a graph are evaluated when its enclosing message ends."""

    def __init__(self, blob: Blob, walker: Walker, limit: int) -> None:
        self.blob, self.walker, self.limit = blob, walker, limit
        self.count = 0
        self.nodes = _Nodes()
        self._functions: set[str] = set()
        self._assets: set[str] = set()
        # operators that only compute, by name; some of these turn out to be calls of functions of the graph
        self._plain: dict[str, Node] = {}
        self._seen: set[tuple[str, ...]] = set()
        # per function, the operators that use its arguments as paths, and the functions that it calls ("call NAME")
        self._effects: dict[str, set[str]] = {}
        self._calls: list[tuple[str, Node, list[str]]] = []

    @property
    def operators(self) -> frozenset[str]:
        """The operators that only compute."""
        return frozenset(self._plain)

    def take(self, record: Record) -> Iterator[Item]:
        """Yield what follows from one message."""
        handler = _HANDLERS.get(record.kind)
        return handler(self, record) if handler else iter(())

    def _graph(self, _record: Record) -> Iterator[Item]:
        self.count += 1
        return iter(())

    def _meta_graph(self, record: Record) -> Iterator[Item]:
        versions = [info.text("tensorflow_version") for info in record.records.get("meta_info_def", ())]
        if any(versions):
            yield Fact("framework", printable(f"tensorflow {versions[-1]}", _SHOWN), self.blob.locator)
        yield from self._close(record.span.offset, "")
        self._assets.clear()

    def rest(self) -> Iterator[Item]:
        """Yield what is left at the end: nodes of an unfinished graph, plain operators, and calls that pass paths."""
        yield from self._close(0, "")
        for node in self._plain.values():
            if node.operator not in self._functions:
                yield self._fact(node.operator, node, [])
        for operator, node, strings in self._passed_strings():
            yield from self._operator(operator, node, strings)

    def _piece(self, record: Record) -> Iterator[Item]:
        return self._string(record.span)

    def _string(self, span: Span) -> Iterator[Item]:
        """Keep the beginning of a string for its node; yield a string that is a graph as a nested blob."""
        from scanners.parsing.tensorflow_graph import is_graph

        wire = self.walker.wire
        data = wire.read(span.offset, min(span.length, _MAX_STRING))
        self.nodes.string(span.offset, data)
        if data[:1] and data[0] in _FIRST and is_graph(wire, span):
            yield self.blob.window(f"graph@{span.offset}", span.offset, span.length, expect=SCANNER.name)
        elif data.startswith(_MLIR_STARTS):
            yield from self._program(span)

    def _program(self, span: Span) -> Iterator[Item]:
        """Yield the relevant operators that an MLIR program names."""
        from scanners.judge.operators import TENSORFLOW_NAMED
        from scanners.parsing.tensorflow_graph import Node

        if span.length > _MAX_PROGRAM:
            raise OverLimit(f"an attribute holds a program of {span.length:,} bytes")
        data = self.walker.wire.read(span.offset, span.length)
        if data.startswith(_BYTECODE):
            yield self.blob.window(f"program@{span.offset}", span.offset, span.length, expect="stablehlo")
        for operator in sorted({match[1].decode() for match in TENSORFLOW_NAMED.finditer(data)}):
            yield from self._operator(operator, Node(span, "MLIR module", operator, (), (), ()), [])

    def _metadata(self, record: Record) -> Iterator[Item]:
        span = record.span
        if self.walker.wire.read(span.offset, min(span.length, 1)) == b"{":
            yield self.blob.window(f"layer@{span.offset}.json", span.offset, span.length, expect="keras")

    def _tensor(self, record: Record) -> Iterator[Item]:
        """Process the strings of a tensor that are packed in `tensor_content`."""
        from scanners.parsing.tensorflow_graph import STRING, packed_strings

        if record.integer("dtype") == STRING:
            for content in record.spans.get("tensor_content", ()):
                for span in packed_strings(self.walker.wire, content):
                    yield from self._string(span)

    def _attribute(self, record: Record) -> Iterator[Item]:
        self.nodes.attribute(record)
        return iter(())

    def _node(self, record: Record) -> Iterator[Item]:
        node = self.nodes.node(record)
        if node and node.operator not in self._plain:
            self._plain[node.operator] = node
            if len(self._plain) > self.limit:
                raise OverLimit(f"more than {self.limit:,} different operators")
        return iter(())

    def _function(self, record: Record) -> Iterator[Item]:
        names = [signature.text("name") for signature in record.records.get("signature", ())]
        name = names[-1] if names else ""
        self._functions.add(name)
        yield from self._close(record.span.offset, name)

    def _close(self, start: int, function: str) -> Iterator[Item]:
        """Yield the operators that are judged by their constants, of the nodes at or after offset `start`."""
        from scanners.judge.operators import by_path, concerns, path_inputs, paths_only

        scope = self.nodes.close(start)
        for node in scope.nodes:
            if concerns(node.operator):
                # The stored path of an asset does not matter: loaders replace it by the new one
                own = paths_only(node.operator) and self._assets & scope.sources(node)
                strings = [] if own else scope.strings(node, path_inputs(node.operator), _MAX_TRACED)
                yield from self._operator(node.operator, node, strings)
                if by_path(node.operator) and function:
                    self._effects.setdefault(function, set()).add(node.operator)
            if node.calls:
                self._effects.setdefault(function, set()).update(f"call {name}" for name in node.calls)
                strings = [] if self._assets & scope.sources(node) else scope.strings(node, None, _MAX_TRACED)
                if strings:
                    self._calls.append((function, node, strings))

    def _passed_strings(self) -> Iterator[tuple[str, Node, list[str]]]:
        """Yield operators that receive strings through calls of the function that contains them."""
        from scanners.judge.operators import relevant_strings

        for _, node, strings in self._calls:
            waiting, reached = list(node.calls), set()
            while waiting:
                name = waiting.pop()
                for effect in sorted(self._effects.get(name, ())):
                    call, _, callee = effect.partition(" ")
                    if call != "call":
                        yield effect, node, relevant_strings(effect, strings)
                    elif callee not in reached:
                        reached.add(callee)
                        waiting.append(callee)

    def _operator(self, operator: str, node: Node, strings: list[str]) -> Iterator[Item]:
        from scanners.judge.operators import paths_first

        strings = paths_first(operator, strings)[:_MAX_STRINGS]
        key = (operator, *strings)
        if key in self._seen:
            return
        if len(self._seen) >= self.limit:
            raise OverLimit(f"more than {self.limit:,} different operators")
        self._seen.add(key)
        yield self._fact(operator, node, strings)

    def _fact(self, operator: str, node: Node, strings: list[str]) -> Fact:
        detail: dict[str, Json] = {
            "framework": "tensorflow",
            "node": printable(node.name, _SHOWN),
            "strings": [printable(string, _SHOWN) for string in strings],
        }
        return Fact("operator", printable(operator, _SHOWN), self.blob.locator, node.span, detail)

    def _any(self, record: Record) -> Iterator[Item]:
        """Yield the asset in a collection of TensorFlow 1."""
        if record.text("type_url").endswith(".AssetFileDef"):
            for span in record.spans.get("value", ()):
                for inner in self.walker.walk("Asset", span.offset, span.offset + span.length):
                    yield from self._asset(inner)

    def _asset(self, record: Record) -> Iterator[Item]:
        tensors = [info.text("name") for info in record.records.get("tensor_info", ())]
        self._assets.update(tensor.partition(":")[0] for tensor in tensors)
        used_by = printable(f"asset {tensors[-1] if tensors else ''}".strip(), _SHOWN)
        detail: dict[str, Json] = {"framework": "tensorflow", "used_by": used_by}
        filename = printable(record.text("filename"), _MAX_STRING)
        yield Fact("external-file", filename, self.blob.locator, record.span, detail)


_HANDLERS: dict[str, Callable[[_Graphs, Record], Iterator[Item]]] = {
    "piece": _Graphs._piece,
    "metadata": _Graphs._metadata,
    "Tensor": _Graphs._tensor,
    "Node": _Graphs._node,
    "Attribute": _Graphs._attribute,
    "List": _Graphs._attribute,
    "Call": _Graphs._attribute,
    "Function": _Graphs._function,
    "Graph": _Graphs._graph,
    "MetaGraph": _Graphs._meta_graph,
    "Any": _Graphs._any,
    "Asset": _Graphs._asset,
}


class _Nodes:
    """Nodes that handle strings, in file order, so that those of a function follow the offset where it begins."""

    def __init__(self) -> None:
        from scanners.judge.operators import concerns

        self.full = False
        self._concerns = concerns
        self._kept: list[Node] = []
        # (offset, text); addresses separately, so that other strings cannot crowd them out
        self._strings: deque[tuple[int, str]] = deque(maxlen=_MAX_STRINGS)
        self._addresses: deque[tuple[int, str]] = deque(maxlen=_MAX_STRINGS)
        self._calls: deque[tuple[int, str]] = deque(maxlen=_MAX_STRINGS)
        self._text = -1

    def string(self, offset: int, data: bytes) -> None:
        """Keep the beginning of a string for the node that contains it."""
        kept = self._addresses if b"://" in data[:_MAX_SCHEME] else self._strings
        kept.append((offset, data.decode("utf-8", "replace")))

    def attribute(self, record: Record) -> None:
        """Note whether the node handles strings, and which functions it calls."""
        from scanners.parsing.tensorflow_graph import STRING

        if record.kind == "Call":
            self._calls.append((record.span.offset, record.text("name")))
        elif STRING in record.integers.get("type", ()):
            self._text = record.span.offset

    def node(self, record: Record) -> Node | None:
        """Keep a node that is relevant; return it if it only computes."""
        from scanners.judge.operators import TEXT_OPERATORS
        from scanners.parsing.tensorflow_graph import Node

        start = record.span.offset
        operator = record.text("op")
        strings = tuple(text for at, text in (*self._addresses, *self._strings) if at >= start)
        calls = tuple(name for at, name in self._calls if at >= start)
        for kept in (self._addresses, self._strings, self._calls):
            kept.clear()
        inputs = tuple(record.texts.get("input", ())[:_MAX_TRACED])
        node = Node(record.span, record.text("name"), operator, inputs, strings, calls)
        concerns = self._concerns(operator)
        text = (operator == "Const" and strings) or self._text >= start or operator in TEXT_OPERATORS
        if concerns or calls or text:
            self.full = self.full or len(self._kept) >= _MAX_NODES
            if concerns and len(self._kept) >= 2 * _MAX_NODES:
                raise OverLimit(f"more than {_MAX_NODES:,} nodes that reach outside their graph")
            if concerns or not self.full:
                self._kept.append(node if concerns or operator == "Const" else node._replace(strings=()))
        return None if concerns else node

    def close(self, start: int) -> Scope:
        """Remove and return the nodes at or after offset `start`."""
        from scanners.parsing.tensorflow_graph import Scope

        index = len(self._kept)
        while index and self._kept[index - 1].span.offset >= start:
            index -= 1
        nodes = self._kept[index:]
        del self._kept[index:]
        return Scope(nodes)


SCANNER = Scanner(
    name="tensorflow",
    title="TensorFlow SavedModel, frozen graph and meta graph",
    version=5,
    accepts=accepts,
    scan=scan,
    suffixes=(".pb", ".meta"),
    signs=Signs(bytes(_FIRST), _SUFFIXES),
)
