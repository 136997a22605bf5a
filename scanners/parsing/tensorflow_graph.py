"""Schema of TensorFlow's graph messages, their recognition, and the strings that reach a node.

Messages: https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/framework and .../core/protobuf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from modelsweep.core.finding import Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import Malformed
from scanners.parsing.protobuf import FIXED64, LENGTH, VARINT, Field, Wire

_MAX_FIELDS = 4_096
"""Maximum fields that are read to recognise a graph, since parsers ignore unknown fields in front."""
_MAX_PACKED = 64
"""Maximum strings that are read from the content of one tensor."""
STRING = 7
"""DataType of strings."""
ROOTS = {"saved_model.pb": "SavedModel", "meta_graph.pb": "MetaGraph", "keras_metadata.pb": "KerasMetadata"}
"""Messages that loaders expect in files of these names."""
_NAME = 256
_FINGERPRINT = range(1, 6)
_TYPE = 6
_PLAIN, _PLAIN_LIST = frozenset({3, 4, 5, _TYPE, 7}), frozenset({3, 4, 5, 7})
"""Fields of an attribute, and of a list in one, with numbers, shapes and types."""
_COLOCATION_PREFIX = b"loc:@"
"""Prefix of strings that place a node beside another one."""
_MAX_TRACED = 1_000
"""Maximum nodes that are visited to find the strings that reach a node."""
# text, int, span and piece are what scanners.parsing.protobuf keeps of a field or hands out; the rest are messages
SCHEMA = {
    "SavedModel": {2: ("meta_graphs", "MetaGraph")},
    "MetaGraph": {
        1: ("meta_info_def", "MetaInfo"),
        2: ("graph_def", "Graph"),
        4: ("collection_def", "Collections"),
        6: ("asset_file_def", "Asset"),
        7: ("object_graph_def", "ObjectGraph"),
    },
    "MetaInfo": {5: ("tensorflow_version", "text")},
    "Collections": {2: ("value", "Collection")},
    "Collection": {2: ("bytes_list", "BytesList"), 5: ("any_list", "AnyList")},
    "BytesList": {1: ("piece", "piece")},
    "AnyList": {1: ("value", "Any")},
    "Any": {1: ("type_url", "text"), 2: ("value", "span")},
    "Asset": {1: ("tensor_info", "TensorInfo"), 2: ("filename", "text")},
    "TensorInfo": {1: ("name", "text")},
    "ObjectGraph": {1: ("nodes", "SavedObject")},
    "SavedObject": {4: ("user_object", "UserObject")},
    "UserObject": {3: ("metadata", "piece")},
    "KerasMetadata": {1: ("nodes", "KerasNode")},
    "KerasNode": {5: ("metadata", "piece")},
    "Graph": {1: ("node", "Node"), 2: ("library", "Library")},
    "Library": {1: ("function", "Function")},
    "Function": {
        1: ("signature", "Signature"),
        3: ("node_def", "Node"),
        5: ("attr", "Attributes"),
        7: ("arg_attr", "Arguments"),
    },
    "Signature": {1: ("name", "text")},
    "Arguments": {2: ("value", "ArgumentAttributes")},
    "ArgumentAttributes": {1: ("attr", "Attributes")},
    "Node": {1: ("name", "text"), 2: ("op", "text"), 3: ("input", "text"), 5: ("attr", "Attributes")},
    "Attributes": {2: ("value", "Attribute")},
    "Attribute": {
        1: ("list", "List"),
        2: ("piece", "piece"),
        6: ("type", "int"),
        8: ("tensor", "Tensor"),
        10: ("func", "Call"),
    },
    "List": {2: ("piece", "piece"), 6: ("type", "int"), 8: ("tensor", "Tensor"), 9: ("func", "Call")},
    "Call": {1: ("name", "text"), 2: ("attr", "Attributes")},
    "Tensor": {
        1: ("dtype", "int"),
        4: ("tensor_content", "span"),
        8: ("piece", "piece"),
        15: ("variant_val", "Variant"),
    },
    "Variant": {2: ("piece", "piece"), 3: ("tensors", "Tensor")},
    "Fingerprint": {},
}
STREAMED = frozenset(SCHEMA) - {"MetaInfo", "TensorInfo", "Signature"}


def is_plain(data: bytes) -> bool:
    """Return whether an attribute holds only numbers, shapes and types, but not the type of strings."""
    wire = Wire(MemoryReader(data))
    try:
        return all(
            field.number != 2 or (field.wire == LENGTH and _is_plain_value(wire, field, _PLAIN))
            for field in wire.fields(0, len(data))
        )
    except (Malformed, OverLimit):
        return False


def _is_plain_value(wire: Wire, value: Field, plain: frozenset[int]) -> bool:
    for field in wire.fields(value.value, value.value + value.length):
        if field.number == 1 and plain is _PLAIN:
            if field.wire != LENGTH or not _is_plain_value(wire, field, _PLAIN_LIST):
                return False
        elif field.number == 2 and plain is _PLAIN_LIST:
            if (
                field.wire != LENGTH
                or wire.read(field.value, min(field.length, len(_COLOCATION_PREFIX))) != _COLOCATION_PREFIX
            ):
                return False
        elif field.number not in plain or (field.number == _TYPE and (field.wire != VARINT or field.value == STRING)):
            return False
    return True


PLAIN = {"Attributes": is_plain}
"""Messages of a graph that are skipped if they are plain."""


def roots_of(wire: Wire, size: int, name: str) -> list[str]:
    """Return which messages the bytes may be: the one that loaders expect in a file `name`, and all that fit.

    A file may fit several on purpose, to be examined as the harmless one.
    """
    whole = Span(0, size)
    checks: dict[str, Callable[[Wire, Span], bool]] = {
        "SavedModel": _is_saved_model,
        "Graph": is_graph,
        "MetaGraph": _is_meta_graph,
        "KerasMetadata": _is_keras_metadata,
    }
    found = [kind for kind, check in checks.items() if check(wire, whole)]
    if name == "fingerprint.pb" and not found and _is_fingerprint(wire, whole):
        found = ["Fingerprint"]
    named = ROOTS.get(name, "")
    return found if not named or named in found else [named, *found]


def _fields(wire: Wire, span: Span) -> Iterator[Field]:
    """Yield the first fields of a message, up to damage."""
    try:
        yield from islice(wire.fields(span.offset, span.offset + span.length), _MAX_FIELDS)
    except (Malformed, OverLimit):
        return


def _inside(wire: Wire, span: Span, number: int) -> Iterator[Span]:
    """Yield the spans of the fields `number` among the first fields of a message."""
    for field in _fields(wire, span):
        if field.number == number and field.wire == LENGTH:
            yield Span(field.value, field.length)


def _is_saved_model(wire: Wire, span: Span) -> bool:
    return any(_is_meta_graph(wire, inner) for inner in _inside(wire, span, 2))


def _is_meta_graph(wire: Wire, span: Span) -> bool:
    return any(is_graph(wire, inner) for inner in _inside(wire, span, 2))


def is_graph(wire: Wire, span: Span) -> bool:
    """Return whether the first fields of the message contain nodes, or a library whose functions do."""
    if any(_is_node(wire, inner) for inner in _inside(wire, span, 1)):
        return True
    libraries = islice(_inside(wire, span, 2), 1)
    functions = (inner for library in libraries for inner in islice(_inside(wire, library, 1), 1))
    return any(_is_node(wire, node) for inner in functions for node in islice(_inside(wire, inner, 3), 1))


def _is_node(wire: Wire, span: Span) -> bool:
    """Return whether the message begins with a name and an operator; the last of repeated fields counts."""
    operator: Span | None = None
    named = False
    for field in _fields(wire, span):
        if field.wire == LENGTH:
            operator = Span(field.value, field.length) if field.number == 2 else operator
            named = named or field.number == 1
    if operator is None or not named or not 0 < operator.length <= _NAME:
        return False
    text = wire.read(operator.offset, operator.length).decode("latin-1")
    return text.isascii() and text.replace(">", "").isidentifier()


def _is_keras_metadata(wire: Wire, span: Span) -> bool:
    nodes = islice(_inside(wire, span, 1), 1)
    identifiers = (identifier for node in nodes for identifier in _inside(wire, node, 4))
    return any(
        wire.read(identifier.offset, min(identifier.length, _NAME)).startswith(b"_tf_keras")
        for identifier in identifiers
    )


def _is_fingerprint(wire: Wire, span: Span) -> bool:
    fields = list(_fields(wire, span))
    numbers = [field for field in fields if field.wire in (VARINT, FIXED64) and field.number in _FINGERPRINT]
    return len(numbers) >= len(_FINGERPRINT) - 1


def packed_strings(wire: Wire, span: Span) -> list[Span]:
    """Return the strings in a tensor's content, which follow all of their lengths; none if it does not fit."""
    stop = position = span.offset + span.length
    lengths: list[int] = []
    position, total = span.offset, 0
    try:
        while position + total < stop and len(lengths) < _MAX_PACKED:
            length, position = wire.varint(position, stop)
            lengths.append(length)
            total += length
    except Malformed:
        return []
    if position + total != stop:
        return []
    found = []
    for length in lengths:
        found.append(Span(position, length))
        position += length
    return found


class Node(NamedTuple):
    """A relevant node: its inputs, the strings in it, and the functions that it calls."""

    span: Span
    name: str
    operator: str
    inputs: tuple[str, ...]
    strings: tuple[str, ...]
    calls: tuple[str, ...]


class Scope:
    """The nodes of one graph or function, to find which constants reach a node."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self._named = {node.name: node for node in nodes}

    def strings(self, node: Node, inputs: tuple[int, ...] | None, kept: int) -> list[str]:
        """Return at most `kept` strings that arrive through `inputs` (None: all), and those in the node itself."""
        fed = [entry for entry in node.inputs if not entry.startswith("^")]
        chosen = fed if inputs is None else [fed[index] for index in inputs if index < len(fed)]
        found = list(node.strings) if inputs is None else []
        waiting = [_producer(entry) for entry in reversed(chosen)]
        seen: set[str] = set()
        while waiting and len(found) < kept and len(seen) < _MAX_TRACED:
            name = waiting.pop()
            source = self._named.get(name)
            if name in seen or source is None:
                continue
            seen.add(name)
            found.extend(source.strings)
            if not source.calls:
                waiting.extend(_producer(entry) for entry in reversed(source.inputs))
        return found[:kept]

    def sources(self, node: Node) -> set[str]:
        """Return the names of the nodes that are direct inputs of `node`."""
        return {_producer(entry) for entry in node.inputs}


def _producer(entry: str) -> str:
    return entry.partition(":")[0]
