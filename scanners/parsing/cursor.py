"""Sequential, buffered access to the fields in a reader, for formats of many small fields."""

from __future__ import annotations

import struct
from functools import cache

from modelsweep.core.reader import Reader, Truncated
from modelsweep.core.units import KIB

BUFFER = 256 * KIB


@cache
def _form(code: str) -> struct.Struct:
    return struct.Struct(code)


class Cursor:
    """A position in `reader` that moves forward; `order` is the byte order of numbers in `struct` notation."""

    __slots__ = ("_buffer", "_start", "order", "position", "reader")

    def __init__(self, reader: Reader, position: int = 0, order: str = "<") -> None:
        self.reader, self.position, self.order = reader, position, order
        self._buffer, self._start = b"", position

    def take(self, length: int) -> bytes:
        """Return the next `length` bytes; raises Truncated if they are missing."""
        start = self.position - self._start
        if start + length > len(self._buffer):
            self._fill(length)
            start = 0
        self.position += length
        return self._buffer[start : start + length]

    def number(self, code: str) -> int:
        """Return the next integer, whose width and sign are given by the `struct` code."""
        form = _form(self.order + code)
        start, size = self.position - self._start, form.size
        if start + size > len(self._buffer):
            self._fill(size)
            start = 0
        self.position += size
        value: int = form.unpack_from(self._buffer, start)[0]
        return value

    def skip(self, length: int) -> None:
        """Skip `length` bytes; raises Truncated if they are missing."""
        if length > self.reader.size - self.position:
            raise Truncated(self.position, length, self.reader.size)
        self.position += length
        if self.position > self._start + len(self._buffer):
            self._buffer, self._start = b"", self.position

    def skip_strings(self, count: int, code: str) -> None:
        """Skip `count` strings, each after its length in bytes; raises Truncated if they are missing."""
        length = _form(self.order + code)
        while count:
            at, buffer = self.position - self._start, self._buffer
            last = len(buffer) - length.size
            while count and at <= last:
                at += length.size + length.unpack_from(buffer, at)[0]
                count -= 1
            self.position, start = self._start + at, self.position
            if self.position > self.reader.size:
                raise Truncated(start, self.position - start, self.reader.size)
            if count:
                self._fill(length.size)

    def _fill(self, length: int) -> None:
        available = self.reader.size - self.position
        self._buffer = self.reader.read(self.position, max(length, min(BUFFER, available)))
        self._start = self.position
