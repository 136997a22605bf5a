"""TensorFlow's graphs: SavedModel (saved_model.pb), frozen graphs (.pb) and meta graphs of checkpoints (.meta).

Messages: https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/protobuf. All nodes are visited, those of
function libraries and of graphs that stand serialized inside attributes and constants included. What operators do is
judged in `scanners.judge.operators`. Tensors are not read here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from modelsweep.core.finding import Fact, Json, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner
from modelsweep.core.text import printable

if TYPE_CHECKING:
    from scanners.parsing.protobuf import Record, Walker, Wire

_SHOWN = 100
_STRING = 1_100
"""Bytes kept of one string constant: longer than any path should be."""
_STRINGS = 8
"""Strings kept of one node."""
_SCHEME = 12
"""Bytes in which a string that is an address says so."""
_CONSTANTS = 20_000
"""String constants kept of one graph, to tell which files its operators name."""
_SEEN = 64
"""Fields in which a graph must show that it is one."""
_NAME = 256
_FIRST = frozenset(b"\x08\x0a\x12\x1a\x22")
_FINGERPRINT = range(1, 6)
# text and piece are what scanners.parsing.protobuf keeps of a field or hands out; the rest are messages
_SCHEMA = {
    "SavedModel": {2: ("meta_graphs", "MetaGraph")},
    "MetaGraph": {
        1: ("meta_info_def", "MetaInfo"),
        2: ("graph_def", "Graph"),
        4: ("collection_def", "Collections"),
        6: ("asset_file_def", "Asset"),
    },
    "MetaInfo": {5: ("tensorflow_version", "text")},
    "Collections": {2: ("value", "Collection")},
    "Collection": {2: ("bytes_list", "BytesList"), 5: ("any_list", "AnyList")},
    "BytesList": {1: ("piece", "piece")},
    "AnyList": {1: ("value", "Any")},
    "Any": {1: ("type_url", "text"), 2: ("value", "span")},
    "Asset": {1: ("tensor_info", "TensorInfo"), 2: ("filename", "text")},
    "TensorInfo": {1: ("name", "text")},
    "Graph": {1: ("node", "Node"), 2: ("library", "Library")},
    "Library": {1: ("function", "Function")},
    "Function": {3: ("node_def", "Node"), 5: ("attr", "Attributes"), 7: ("arg_attr", "Arguments")},
    "Arguments": {2: ("value", "ArgumentAttributes")},
    "ArgumentAttributes": {1: ("attr", "Attributes")},
    "Node": {1: ("name", "text"), 2: ("op", "text"), 3: ("input", "text"), 5: ("attr", "Attributes")},
    "Attributes": {2: ("value", "Attribute")},
    "Attribute": {1: ("list", "List"), 2: ("piece", "piece"), 8: ("tensor", "Tensor"), 10: ("func", "Call")},
    "List": {2: ("piece", "piece"), 8: ("tensor", "Tensor"), 9: ("func", "Call")},
    "Call": {2: ("attr", "Attributes")},
    "Tensor": {4: ("content", "piece"), 8: ("piece", "piece"), 15: ("variant_val", "Variant")},
    "Variant": {2: ("piece", "piece"), 3: ("tensors", "Tensor")},
    "Fingerprint": {},
}
_STREAMED = frozenset(_SCHEMA) - {"MetaInfo", "TensorInfo"}


def accepts(blob: Blob) -> bool:
    """Return whether nodes of a graph stand where one of the messages has them."""
    return _root(blob) != ""


def _root(blob: Blob) -> str:
    """Return which message the blob is, or nothing."""
    if blob.head[:1] == b"" or blob.head[0] not in _FIRST:
        return ""
    from scanners.parsing.protobuf import Wire

    wire = Wire(blob.reader)
    whole = Span(0, blob.size)
    checks = {"SavedModel": _is_saved_model, "Graph": _is_graph, "MetaGraph": _is_meta_graph}
    for kind, check in checks.items():
        if check(wire, whole):
            return kind
    if blob.locator.name == "fingerprint.pb" and _is_fingerprint(wire, whole):
        return "Fingerprint"
    return "SavedModel" if blob.locator.name == "saved_model.pb" else ""


def _inside(wire: Wire, span: Span, number: int) -> Iterator[Span]:
    """Yield what stands in the fields `number` among the first of a message, up to where it is damaged."""
    from scanners.parsing.protobuf import LENGTH

    try:
        for field in islice(wire.fields(span.offset, span.offset + span.length), _SEEN):
            if field.number == number and field.wire == LENGTH:
                yield Span(field.value, field.length)
    except (Malformed, OverLimit):
        return


def _is_saved_model(wire: Wire, span: Span) -> bool:
    return any(_is_meta_graph(wire, inner) for inner in _inside(wire, span, 2))


def _is_meta_graph(wire: Wire, span: Span) -> bool:
    return any(_is_graph(wire, inner) for inner in _inside(wire, span, 2))


def _is_graph(wire: Wire, span: Span) -> bool:
    """Return whether the message begins with nodes, or with a library whose functions do."""
    if any(_is_node(wire, inner) for inner in islice(_inside(wire, span, 1), 1)):
        return True
    libraries = islice(_inside(wire, span, 2), 1)
    functions = (inner for library in libraries for inner in islice(_inside(wire, library, 1), 1))
    return any(_is_node(wire, node) for inner in functions for node in islice(_inside(wire, inner, 3), 1))


def _is_node(wire: Wire, span: Span) -> bool:
    """Return whether a name and an operator begin the message."""
    operators = list(_inside(wire, span, 2))
    if len(operators) != 1 or not 0 < operators[0].length <= _NAME or not any(_inside(wire, span, 1)):
        return False
    text = wire.read(*operators[0]).decode("latin-1")
    return text.isascii() and text.replace(">", "").isidentifier()


def _is_fingerprint(wire: Wire, span: Span) -> bool:
    from scanners.parsing.protobuf import FIXED64, VARINT

    try:
        fields = list(islice(wire.fields(span.offset, span.offset + span.length), _SEEN))
    except (Malformed, OverLimit):
        return False
    numbers = [field for field in fields if field.wire in (VARINT, FIXED64) and field.number in _FINGERPRINT]
    return len(numbers) >= len(_FINGERPRINT) - 1


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield operators wherever they stand, graphs inside strings as nested blobs, and the assets."""
    from scanners.parsing.protobuf import Walker, Wire

    walker = Walker(Wire(blob.reader, context), _SCHEMA, _STREAMED, context.limits.parsed_bytes)
    graphs = _Graphs(blob, walker, context.limits.facts)
    root = "Graph" if blob.expect else _root(blob)
    fault: Exception | None = None
    try:
        for record in walker.walk(root, 0, blob.size):
            yield from graphs.take(record)
    except (Malformed, Truncated, OverLimit) as error:
        fault = error
    yield from graphs.rest()
    if fault:
        raise fault
    if not graphs.count and root != "Fingerprint":
        raise Malformed("no graph stands in it: cut short?")


class _Graphs:
    """What has been seen of the graphs of one file; a function's nodes are asked for when it ends."""

    def __init__(self, blob: Blob, walker: Walker, limit: int) -> None:
        from scanners.judge.operators import concerns

        self.blob, self.walker, self.limit = blob, walker, limit
        self.count = 0
        self._concerns = concerns
        # (offset, text); addresses apart, so that other strings cannot crowd them out
        self._strings: deque[tuple[int, str]] = deque(maxlen=_STRINGS)
        self._addresses: deque[tuple[int, str]] = deque(maxlen=_STRINGS)
        self._constants: dict[str, list[str]] = {}
        self._open: list[tuple[Record, list[str]]] = []
        self._seen: set[tuple[str, ...]] = set()

    def take(self, record: Record) -> Iterator[Item]:
        """Yield what one message tells."""
        if record.kind == "piece":
            yield from self._piece(record.span)
        elif record.kind == "Node":
            yield from self._node(record)
        elif record.kind == "content":
            yield from self._content(record.span)
        elif record.kind in ("Function", "Graph"):
            self.count += record.kind == "Graph"
            yield from self._close(record.span.offset)
        elif record.kind == "Any":
            yield from self._any(record)
        elif record.kind == "Asset":
            yield self._asset(record)
        elif record.kind == "MetaGraph":
            versions = [info.text("tensorflow_version") for info in record.records.get("meta_info_def", ())]
            if any(versions):
                yield Fact("framework", printable(f"tensorflow {versions[-1]}", _SHOWN), self.blob.locator)

    def rest(self) -> Iterator[Item]:
        """Yield what stands in a graph that does not end."""
        return self._close(0)

    def _piece(self, span: Span) -> Iterator[Item]:
        """Keep the beginning of a string for the node it is in; one that is a graph is a nested blob."""
        wire = self.walker.wire
        data = wire.read(span.offset, min(span.length, _STRING))
        kept = self._addresses if b"://" in data[:_SCHEME] else self._strings
        kept.append((span.offset, data.decode("utf-8", "replace")))
        if data[:1] and data[0] in _FIRST and _is_graph(wire, span):
            yield self.blob.window(f"graph@{span.offset}", span.offset, span.length, expect=SCANNER.name)

    def _content(self, span: Span) -> Iterator[Item]:
        """Take the bytes of a tensor that are one string behind its length; numbers are left alone."""
        stop = span.offset + span.length
        if span.length:
            length, offset = self.walker.wire.varint(span.offset, stop)
            if offset + length == stop:
                yield from self._piece(Span(offset, length))

    def _node(self, record: Record) -> Iterator[Item]:
        name, operator = record.text("name"), record.text("op")
        strings = [text for at, text in (*self._addresses, *self._strings) if at >= record.span.offset]
        self._addresses.clear()
        self._strings.clear()
        if operator == "Const" and strings and len(self._constants) < _CONSTANTS:
            self._constants[name] = strings
        if self._concerns(operator):
            self._open.append((record, strings))
            if len(self._open) > self.limit:
                raise OverLimit(f"more than {self.limit:,} nodes that reach outside their graph")
        elif (operator,) not in self._seen:
            yield from self._operator(record, ())

    def _close(self, start: int) -> Iterator[Item]:
        """Yield the operators that need their constants, of nodes that stand at `start` or behind."""
        while self._open and self._open[-1][0].span.offset >= start:
            record, strings = self._open.pop()
            for entry in record.texts.get("input", ())[:_STRINGS]:
                strings = strings + self._constants.get(entry.partition(":")[0], [])
            yield from self._operator(record, tuple(strings[:_STRINGS]))

    def _operator(self, record: Record, strings: tuple[str, ...]) -> Iterator[Item]:
        key = (record.text("op"), *strings)
        if key in self._seen:
            return
        if len(self._seen) >= self.limit:
            raise OverLimit(f"more than {self.limit:,} different operators")
        self._seen.add(key)
        detail: dict[str, Json] = {
            "framework": "tensorflow",
            "node": printable(record.text("name"), _SHOWN),
            "strings": [printable(string, _SHOWN) for string in strings],
        }
        yield Fact("operator", printable(key[0], _SHOWN), self.blob.locator, record.span, detail)

    def _any(self, record: Record) -> Iterator[Item]:
        """Yield the asset that a collection of TensorFlow 1 holds."""
        if record.text("type_url").endswith(".AssetFileDef"):
            for span in record.spans.get("value", ()):
                for inner in self.walker.walk("Asset", span.offset, span.offset + span.length):
                    yield self._asset(inner)

    def _asset(self, record: Record) -> Fact:
        tensors = [info.text("name") for info in record.records.get("tensor_info", ())]
        used_by = printable(f"asset {tensors[-1] if tensors else ''}".strip(), _SHOWN)
        detail: dict[str, Json] = {"framework": "tensorflow", "used_by": used_by}
        filename = printable(record.text("filename"), _STRING)
        return Fact("external-file", filename, self.blob.locator, record.span, detail)


SCANNER = Scanner(
    name="tensorflow",
    title="TensorFlow SavedModel, frozen graph and meta graph",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(".pb", ".meta"),
)
