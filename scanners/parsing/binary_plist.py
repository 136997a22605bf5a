"""Binary property lists of macOS: the strings in them, each with the keys that lead to it.

Format: CFBinaryPList.c of https://github.com/apple-oss-distributions/CF. Objects refer to each other by number; only
strings and containers are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Context, Malformed

MAGIC = b"bplist00"
_TRAILER = 32
MAX_SIZE = 1 << 22
_MAX_DEPTH = 30
_COST = 20
_TEXT, _WIDE, _ARRAY, _SET, _TABLE = 5, 6, 10, 12, 13


class _Form(NamedTuple):
    data: bytes
    offsets: list[int]
    width: int


def texts(reader: Reader, context: Context) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the strings with their keys; raises Malformed."""
    data = reader.read(0, min(reader.size, MAX_SIZE))
    if len(data) < len(MAGIC) + _TRAILER:
        raise Malformed("the property list has no trailer")
    trailer = data[-_TRAILER:]
    size, width = trailer[6], trailer[7]
    count, top, table = (int.from_bytes(trailer[at : at + 8], "big") for at in (8, 16, 24))
    if not (0 < size <= 8 and 0 < width <= 8 and 0 < count <= len(data) and table + count * size <= len(data)):
        raise Malformed("the trailer of the property list points outside it")
    offsets = [int.from_bytes(data[table + at * size :][:size], "big") for at in range(count)]
    yield from _walk(_Form(data, offsets, width), top, (), context)


def _walk(form: _Form, number: int, keys: tuple[str, ...], context: Context) -> Iterator[tuple[tuple[str, ...], str]]:
    context.operations.spend(_COST)
    kind, length, start = _head(form, number)
    if kind in (_TEXT, _WIDE):
        yield keys, _text(form, kind, length, start)
    elif kind in (_ARRAY, _SET, _TABLE) and len(keys) < _MAX_DEPTH:
        numbers = _numbers(form, start, length * (2 if kind == _TABLE else 1))
        named = [""] * length
        if kind == _TABLE:
            named = [_key(form, key) for key in numbers[:length]]
            numbers = numbers[length:]
        for name, inner in zip(named, numbers, strict=True):
            yield from _walk(form, inner, (*keys, name), context)


def _key(form: _Form, number: int) -> str:
    kind, length, start = _head(form, number)
    return _text(form, kind, length, start) if kind in (_TEXT, _WIDE) else ""


def _head(form: _Form, number: int) -> tuple[int, int, int]:
    """Return kind and length of an object, and the offset of its content; raises Malformed."""
    if number >= len(form.offsets) or form.offsets[number] >= len(form.data):
        raise Malformed("an object of the property list is outside it")
    at = form.offsets[number]
    kind, length = form.data[at] >> 4, form.data[at] & 15
    at += 1
    if length == 15 and kind >= 4 and at < len(form.data):
        width = 1 << (form.data[at] & 15)
        length = int.from_bytes(form.data[at + 1 : at + 1 + min(width, 8)], "big")
        at += 1 + width
    return kind, length, at


def _text(form: _Form, kind: int, length: int, start: int) -> str:
    size = length * (2 if kind == _WIDE else 1)
    raw = form.data[start : start + size]
    if len(raw) < size:
        raise Malformed("a text of the property list runs beyond its end", start)
    return raw.decode("utf-16-be" if kind == _WIDE else "ascii", "replace")


def _numbers(form: _Form, start: int, count: int) -> list[int]:
    stop = start + count * form.width
    if stop > len(form.data):
        raise Malformed("a container of the property list runs beyond its end", start)
    return [int.from_bytes(form.data[at : at + form.width], "big") for at in range(start, stop, form.width)]
