"""Flex operators of TensorFlow Lite: conversion of the TensorFlow node in their options to a part of a graph.

The options are a FlexBuffer of two strings, the name of the operator and a NodeDef:
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/lite/delegates/flex/kernel.cc. Its layout:
https://flatbuffers.dev/internals/#flexbuffers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from modelsweep.core.finding import Span
from modelsweep.core.reader import MemoryReader, Reader
from modelsweep.core.scanner import Malformed
from scanners.parsing.protobuf import LENGTH, Wire
from scanners.parsing.protobuf_writer import data, varint

_VECTOR, _STRING, _BLOB = 10, 5, 25
_WIDTHS = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}
_MAX_STRINGS = 8
"""Maximum strings kept per tensor, and maximum bytes of each."""
_MAX_BYTES = 1_100
_NAME, _OPERATOR, _INPUT = 1, 2, 3
_TYPE_STRING = 7


class Options(NamedTuple):
    """A Flex operator: its name in the FlexBuffer and in the node, and the node."""

    name: str
    operator: str
    node: bytes


def options(content: bytes) -> Options:
    """Return the options of an operator; raises Malformed."""
    name, node = _two_strings(content)
    operators = [node[offset : offset + length] for number, offset, length in _lengths(node) if number == _OPERATOR]
    operator = operators[-1] if operators else b""
    return Options(name.decode("utf-8", "replace"), operator.decode("utf-8", "replace"), node)


def _two_strings(content: bytes) -> tuple[bytes, bytes]:
    """Return the two strings in the root vector of a FlexBuffer, which is parsed from its end."""
    if len(content) < 3:
        raise Malformed("the options of a Flex operator are cut short")
    width, kind = content[-1], content[-2]
    root = len(content) - 2 - width
    if width not in _WIDTHS or kind >> 2 != _VECTOR:
        raise Malformed("the options of a Flex operator are not a vector")
    width, start = 1 << (kind & 3), root - _number(content, root, width)
    if _number(content, start - width, width) < 2:
        raise Malformed("the options of a Flex operator hold no node")
    return _string(content, start, width, 0), _string(content, start, width, 1)


def _string(content: bytes, start: int, width: int, index: int) -> bytes:
    """Return a string of the vector at `start`, whose element types follow the elements."""
    count = _number(content, start - width, width)
    kind = _number(content, start + count * width + index, 1)
    if kind >> 2 not in (_STRING, _BLOB):
        raise Malformed("the options of a Flex operator hold something other than strings")
    place = start + index * width
    offset = place - _number(content, place, width)
    own = 1 << (kind & 3)
    length = _number(content, offset - own, own)
    if length > len(content) - offset:
        raise Malformed("a string in the options of a Flex operator points outside them")
    return content[offset : offset + length]


def _number(content: bytes, position: int, width: int) -> int:
    if width not in _WIDTHS or not 0 <= position <= len(content) - width:
        raise Malformed("the options of a Flex operator point outside themselves")
    value: int = struct.unpack_from(_WIDTHS[width], content, position)[0]
    return value


def _lengths(content: bytes) -> list[tuple[int, int, int]]:
    """Return number, offset and length of a message's length-delimited fields; NodeDef has no others."""
    wire = Wire(MemoryReader(content))
    return [(item.number, item.value, item.length) for item in wire.fields(0, len(content)) if item.wire == LENGTH]


def node(name: str, message: bytes, inputs: Iterable[str]) -> bytes:
    """Return a node as a field of a GraphDef: `message` with another name and other inputs."""
    kept = (
        data(number, message[offset : offset + length])
        for number, offset, length in _lengths(message)
        if number not in (_NAME, _INPUT)
    )
    return data(1, data(_NAME, name.encode()), *kept, *(data(_INPUT, entry.encode()) for entry in inputs))


def bare_node(name: str, operator: str, inputs: Iterable[str]) -> bytes:
    """Return a node without attributes as a field of a GraphDef."""
    return node(name, data(_OPERATOR, operator.encode()), inputs)


def constant(name: str, strings: Iterable[bytes]) -> bytes:
    """Return a constant of strings as a field of a GraphDef."""
    kind = varint(1 << 3) + varint(_TYPE_STRING)
    tensor = data(8, kind, *(data(8, item) for item in strings))
    return data(1, data(_NAME, name.encode()), data(_OPERATOR, b"Const"), data(5, data(1, b"value"), data(2, tensor)))


def strings(reader: Reader, span: Span) -> list[bytes]:
    """Return the first strings of a tensor, which holds their number, their offsets, and their bytes."""
    if span.length < 4:
        return []
    count = min(int.from_bytes(reader.read(span.offset, 4), "little"), _MAX_STRINGS, span.length // 4 - 2)
    if count < 1:
        return []
    places = struct.unpack(f"<{count + 1}i", reader.read(span.offset + 4, 4 * (count + 1)))
    inside = ((start, stop) for start, stop in pairwise(places) if 0 <= start <= stop <= span.length)
    return [reader.read(span.offset + start, min(stop - start, _MAX_BYTES)) for start, stop in inside]
