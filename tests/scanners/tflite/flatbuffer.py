"""Writes FlatBuffers: what a table refers to stands behind it."""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class Number:
    """A number, whose width and sign `code` says as `struct` does."""

    value: int
    code: str = "I"


@dataclass(frozen=True)
class Vector:
    """The bytes of a vector of `count` elements, or a text."""

    data: bytes
    count: int


@dataclass(frozen=True)
class Table:
    """Fields by number."""

    fields: Fields


Fields = dict[int, Number | Vector | Table | list[Table] | list[Vector]]


def text(value: str) -> Vector:
    """Return a text."""
    return Vector(value.encode() + b"\0", len(value.encode()))


def numbers(*values: int, code: str = "i") -> Vector:
    """Return a vector of numbers."""
    return Vector(struct.pack(f"<{len(values)}{code}", *values), len(values))


def octets(data: bytes) -> Vector:
    """Return a vector of bytes."""
    return Vector(data, len(data))


def written(root: Table, identifier: bytes) -> bytes:
    """Return a buffer with its root."""
    out = bytearray(8)
    out[4:8] = identifier
    struct.pack_into("<I", out, 0, _table(out, root))
    return bytes(out)


def _table(out: bytearray, table: Table) -> int:
    slots = max(table.fields, default=-1) + 1
    places, size = {}, 4
    for slot, value in table.fields.items():
        width = struct.calcsize(f"<{value.code}") if isinstance(value, Number) else 4
        size += -size % width
        places[slot] = size
        size += width
    _align(out, 8, 4 + 2 * slots)
    fields = len(out)
    out += struct.pack("<HH", 4 + 2 * slots, size)
    out += struct.pack(f"<{slots}H", *(places.get(slot, 0) for slot in range(slots)))
    start = len(out)
    out += struct.pack("<i", start - fields) + bytes(size - 4)
    for slot, value in table.fields.items():
        place = start + places[slot]
        if isinstance(value, Number):
            struct.pack_into(f"<{value.code}", out, place, value.value)
        else:
            _child(out, place, value)
    return start


def _child(out: bytearray, place: int, value: Vector | Table | list[Table] | list[Vector]) -> None:
    if isinstance(value, Table):
        at = _table(out, value)
    elif isinstance(value, Vector):
        _align(out, 8, 4)
        at = len(out)
        out += struct.pack("<I", value.count) + value.data
    else:
        _align(out, 4)
        at = len(out)
        out += struct.pack("<I", len(value)) + bytes(4 * len(value))
        for index, item in enumerate([*value]):
            _child(out, at + 4 + 4 * index, item)
    struct.pack_into("<I", out, place, at - place)


def _align(out: bytearray, width: int, ahead: int = 0) -> None:
    out += bytes(-(len(out) + ahead) % width)
