"""Decode pickle literals from the offset of the opcode that pushed them (CPython Lib/pickletools.py)."""

from __future__ import annotations

import codecs
import struct
import warnings

from modelsweep.core.reader import Reader
from modelsweep.core.units import MIB
from modelsweep.core.values import dataclass

LINE = 4096
"""Bytes that are read at once to find the end of a newline-terminated argument."""
_SHORT = 64
"""Bytes that are read at once from an opcode on: most literals and lines are shorter."""

# Opcode -> bytes of its length field, for strings and long integers.
_LENGTHS = {b"U": 1, b"C": 1, b"\x8c": 1, b"\x8a": 1, b"T": 4, b"B": 4, b"X": 4, b"\x8b": 4}
_LENGTHS |= {b"\x8d": 8, b"\x8e": 8, b"\x96": 8}
Constant = bool | int | float | str | bytes | None
_BYTES = frozenset((b"C", b"B", b"\x8e", b"\x96"))
_LONGS = frozenset((b"\x8a", b"\x8b"))
_WIDEST = {b"S": len(r"\x00"), b"V": len(r"\U00000000")}
"""Bytes of the longest escape of one byte, in a newline-terminated string."""
_CONSTANTS: dict[bytes, bool | None] = {b"N": None, b"\x88": True, b"\x89": False}
_NUMBERS = {b"K": struct.Struct("<B"), b"M": struct.Struct("<H"), b"J": struct.Struct("<i"), b"G": struct.Struct(">d")}


@dataclass(frozen=True, slots=True)
class Text:
    """A string or bytes literal: the offset of its content, its full length in bytes, and its opcode."""

    offset: int
    length: int
    binary: bool
    opcode: bytes

    def read(self, reader: Reader, limit: int) -> bytes:
        """Return the first `limit` bytes of the content, without escapes."""
        raw = self._raw(reader, limit)
        if self.opcode not in _WIDEST:
            return raw
        if b"\\" in raw:
            raw = self._raw(reader, limit * _WIDEST[self.opcode])
        if self.opcode == b"S":
            return _unescape(raw)[:limit]
        return raw.decode("raw-unicode-escape", "replace").encode("utf-8", "surrogatepass")[:limit]

    def _raw(self, reader: Reader, limit: int) -> bytes:
        return reader.read(self.offset, max(0, min(self.length, limit, reader.size - self.offset)))

    def decode(self, reader: Reader, limit: int) -> str | bytes:
        """Return the first `limit` bytes of the content as the string or bytes that a loader would create."""
        raw = self.read(reader, limit)
        return raw if self.binary else raw.decode("utf-8", "surrogateescape")


def short_line(reader: Reader, start: int) -> bytes | None:
    """Return the line at `start`, or None if it is long or has no newline."""
    line, newline, _ = reader.read(start, max(0, min(_SHORT, reader.size - start))).partition(b"\n")
    return line if newline else None


def short_lines(reader: Reader, start: int) -> tuple[bytes, bytes] | None:
    """Return the two lines at `start`, or None if they are long or have no newlines."""
    left = reader.size - start
    lines = reader.read(start, _SHORT if left >= _SHORT else max(0, left)).split(b"\n", 2)
    return (lines[0], lines[1]) if len(lines) > 2 else None


def line_end(reader: Reader, start: int, reach: int | None = None) -> int:
    """Return the offset of the newline that ends an argument, or -1 if there is none within `reach` bytes."""
    if start >= reader.size:
        return -1
    at = reader.read(start, min(_SHORT, reader.size - start)).find(b"\n")
    if at < 0 and reader.size - start > _SHORT:
        at = reader.read(start, min(LINE, reader.size - start)).find(b"\n")
    stop = reader.size if reach is None else min(reader.size, start + reach)
    return start + at if at >= 0 else reader.find(b"\n", start, stop)


def text_at(reader: Reader, offset: int, reach: int = MIB) -> Text | None:
    """Return the string literal that the opcode at `offset` pushes, or None if it pushes something else.

    Newline-terminated strings are cut to `reach` bytes, so that a long one costs no more however often it is used.
    """
    opcode = reader.read(offset, 1)
    width = _LENGTHS.get(opcode)
    if width and opcode not in _LONGS:
        length = int.from_bytes(reader.read(offset + 1, width), "little")
        return Text(offset + 1 + width, length, opcode in _BYTES, opcode)
    if opcode in (b"S", b"V"):
        end = line_end(reader, offset + 1, reach)
        if end < 0:
            end = min(reader.size, offset + 1 + reach)
        start, quotes = (offset + 2, 2) if opcode == b"S" else (offset + 1, 0)
        return Text(start, max(0, end - offset - 1 - quotes), False, opcode)
    return None


def raw_string(reader: Reader, offset: int, limit: int) -> bytes:
    """Return the first `limit` bytes of the string pushed at `offset`, or no bytes if it is not a string."""
    text = text_at(reader, offset)
    return text.read(reader, limit) if text else b""


def literal_at(reader: Reader, offset: int, limit: int) -> Constant:
    """Return the constant that the opcode at `offset` pushes; strings are cut to `limit` bytes."""
    left = reader.size - offset
    head = reader.read(offset, _SHORT if left >= _SHORT else max(1, left))
    opcode = head[:1]
    form = _NUMBERS.get(opcode)
    if form:
        form_end = 1 + form.size
        body = head[1:form_end] if len(head) >= form_end else reader.read(offset + 1, form.size)
        number: int | float = form.unpack(body)[0]
        return number
    if opcode in _CONSTANTS:
        return _CONSTANTS[opcode]
    width = _LENGTHS.get(opcode, 0)
    stop = 1 + width + int.from_bytes(head[1 : 1 + width], "little")
    if width and opcode not in _LONGS and stop <= min(len(head), limit):
        raw = head[1 + width : stop]
        return raw if opcode in _BYTES else raw.decode("utf-8", "surrogateescape")
    text = text_at(reader, offset)
    if text:
        return text.decode(reader, limit)
    if opcode in _LONGS:
        width = _LENGTHS[opcode]
        length = int.from_bytes(reader.read(offset + 1, width), "little")
        return int.from_bytes(reader.read(offset + 1 + width, min(length, limit)), "little", signed=True)
    return _line_literal(opcode, reader, offset)


def _line_literal(opcode: bytes, reader: Reader, offset: int) -> Constant:
    """Decode the opcodes INT, LONG and FLOAT of protocol 0."""
    end = line_end(reader, offset + 1, LINE)
    line = reader.read(offset + 1, max(0, min(end - offset - 1, LINE))).decode("ascii", "replace")
    if opcode == b"I" and line in ("00", "01"):
        return line == "01"
    try:
        return float(line) if opcode == b"F" else int(line.rstrip("L"), 0)
    except ValueError:
        return line


def _unescape(raw: bytes) -> bytes:
    if b"\\" not in raw:
        return raw
    for cut in range(_WIDEST[b"S"]):  # bytes of an escape that the limit cuts
        try:
            with warnings.catch_warnings(action="ignore"):  # about unknown escapes
                return codecs.escape_decode(raw[: len(raw) - cut])[0]
        except ValueError:
            continue
    return raw
