"""Parameters of PaddlePaddle (.pdiparams, __params__): a sequence of tensors, each after its description.

Format: SerializeToStream in paddle/phi/core/framework/dense_tensor_serialize.cc of
https://github.com/PaddlePaddle/Paddle: versions, levels of detail, then a protocol buffer with type and dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core.reader import MemoryReader, Reader, Truncated
from modelsweep.core.scanner import Malformed
from scanners.parsing.cursor import Cursor

_START = bytes(16)
"""Beginning of the first tensor: its versions, which are zero, and no levels of detail."""
_DESCRIPTION = range(2, 1_025)
_LEVELS = 64
_SIGN = 1 << 63
# Bytes per element, by type number
_WIDTHS = {0: 1, 1: 2, 2: 4, 3: 8, 4: 2, 5: 4, 6: 8, 19: 8, 20: 1, 21: 1, 22: 2, 23: 8, 24: 16, 32: 1, 33: 1}
_TYPE, _DIMENSION = 1, 2


class Tensor(NamedTuple):
    """The position of a tensor's elements."""

    offset: int
    length: int


def begins(head: bytes) -> bool:
    """Return whether `head` begins with a tensor: three versions of zero, then a description of plausible length."""
    return (
        head.startswith(_START)
        and int.from_bytes(head[16:20], "little") in _DESCRIPTION
        and head[20:21] == b"\x08"
        and head[21:22] in [bytes([kind]) for kind in _WIDTHS]
        and head[22:23] in (b"\x10", b"\x12", b"")
    )


def tensors(reader: Reader) -> Iterator[Tensor]:
    """Yield the tensors in order; raises Malformed and Truncated."""
    cursor = Cursor(reader)
    while cursor.position < reader.size:
        start = cursor.position
        if cursor.number("I"):
            raise Malformed("a tensor of an unknown version", start)
        levels = cursor.number("Q")
        if levels > _LEVELS:
            raise Malformed(f"{levels:,} levels of detail", start)
        for _ in range(levels):
            cursor.skip(cursor.number("Q"))
        if cursor.number("I"):
            raise Malformed("a tensor of an unknown version", start)
        length = cursor.number("i")
        if length not in _DESCRIPTION:
            raise Malformed(f"a description of {length:,} bytes", start)
        length = _bytes_of(cursor.take(length), start)
        if length > reader.size - cursor.position:
            raise Truncated(cursor.position, length, reader.size)
        yield Tensor(cursor.position, length)
        cursor.skip(length)


def _bytes_of(description: bytes, start: int) -> int:
    """Return the size in bytes of a tensor's elements; raises Malformed."""
    from scanners.parsing.protobuf import VARINT, Wire

    length = 0
    dimensions = []
    wire = Wire(MemoryReader(description))
    for field in wire.fields(0, len(description)):
        if field.number == _TYPE:
            length = _WIDTHS.get(field.value, 0)
        elif field.number == _DIMENSION and field.wire == VARINT:
            dimensions.append(field.value)
        elif field.number == _DIMENSION:
            position = field.value
            while position < field.value + field.length:
                dimension, position = wire.varint(position, field.value + field.length)
                dimensions.append(dimension)
    if not length or any(dimension >= _SIGN for dimension in dimensions):
        raise Malformed("a tensor of an unknown type or shape", start)
    for dimension in dimensions:
        length *= dimension
    return length
