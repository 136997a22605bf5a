"""FlatBuffers read in place: tables, vectors and strings by offset, each checked against the size of the buffer.

Layout: https://flatbuffers.dev/internals/. All offsets lead forward, except those to a table's list of fields.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from modelsweep.core.finding import Span
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Context, Malformed
from modelsweep.core.units import KIB

_PAGE = 64 * KIB
_MAX_PAGES = 16
"""Maximum pages in memory: tables and their targets may be far apart."""
_MIN_TABLE = 4
"""Bytes of the smallest table: a file with more tables than fit into it uses some of them twice."""
_MAX_READ_RATIO = 4
"""How many times the bytes of a file may be read as vectors: writers share equal vectors, but not everything."""
_NUMBERS = {code: struct.Struct(f"<{code}") for code in "BbHhIiQq"}


class FlatBuffer:
    """One buffer; each table costs an operation of `context`, and there may be no more tables than fit into it."""

    __slots__ = ("_context", "_pages", "_tables", "_vectors", "reader")

    def __init__(self, reader: Reader, context: Context | None = None) -> None:
        self.reader, self._context = reader, context
        self._pages: dict[int, bytes] = {}
        self._tables = reader.size // _MIN_TABLE
        self._vectors = reader.size * _MAX_READ_RATIO

    def root(self) -> Table:
        """Return the root table."""
        return self.table(self.offset(0))

    def table(self, position: int) -> Table:
        """Return the table at `position`; raises Malformed if it does not fit, or if too many tables are used."""
        if self._context is not None:
            self._context.operations.spend()
        self._tables -= 1
        if self._tables < 0:
            raise Malformed("it uses tables more often than it has room for tables", position)
        fields = position - self.number(position, "i")
        size = self.number(fields, "H")
        if size < 4 or size % 2 or fields + size > self.reader.size:
            raise Malformed(f"the fields of a table claim {size} bytes", fields)
        return Table(self, position, fields, size)

    def spend(self, length: int) -> None:
        """Count the bytes of a vector that is read; raises Malformed if the same bytes are read too often."""
        self._vectors -= length
        if self._vectors < 0:
            raise Malformed("it uses vectors more often than it has room for vectors")

    def offset(self, position: int) -> int:
        """Return the target of the offset at `position`; raises Malformed unless it is after that, in the buffer."""
        length = self.number(position, "I")
        if not 4 <= length <= self.reader.size - position - 4:
            raise Malformed(f"an offset of {length:,} points outside the file", position)
        return position + length

    def vector(self, place: int, width: int) -> Span:
        """Return the span of the elements of the vector that the offset at `place` refers to; raises Malformed."""
        start = self.offset(place)
        length = self.number(start, "I") * width
        if length > self.reader.size - start - 4:
            raise Malformed(f"a vector claims {length:,} bytes", start)
        return Span(start + 4, length)

    def text(self, span: Span, limit: int) -> str:
        """Return the start of the string in `span`, at most `limit` bytes; raises Malformed without a final zero."""
        if span.offset and self.number(span.offset + span.length, "B"):
            raise Malformed("a text has no terminating NUL", span.offset)
        return self.bytes(span.offset, min(span.length, limit)).decode("utf-8", "replace")

    def number(self, position: int, code: str) -> int:
        """Return the number at `position` for a `struct` code; raises Malformed."""
        form = _NUMBERS[code]
        value: int = form.unpack(self.bytes(position, form.size))[0]
        return value

    def bytes(self, position: int, length: int) -> bytes:
        """Return exactly `length` bytes, through cached pages if they are short; raises Malformed."""
        if position < 0 or length > self.reader.size - position:
            raise Malformed(f"{length:,} bytes are missing", max(position, 0))
        start = position - position % _PAGE
        if position + length > start + _PAGE:
            return self.reader.read(position, length)
        page = self._pages.get(start)
        if page is None:
            if len(self._pages) >= _MAX_PAGES:
                self._pages.pop(next(iter(self._pages)))
            page = self._pages[start] = self.reader.read(start, min(_PAGE, self.reader.size - start))
        return page[position - start : position - start + length]


class Table:
    """A table: fields by number, each of which is absent, or a number, a table, a string or a vector."""

    __slots__ = ("_buffer", "_fields", "_size", "position")

    def __init__(self, buffer: FlatBuffer, position: int, fields: int, size: int) -> None:
        self._buffer, self.position, self._fields, self._size = buffer, position, fields, size

    def _place(self, slot: int) -> int:
        """Return the position of a field, or 0 if it is absent."""
        at = 4 + 2 * slot
        length = self._buffer.number(self._fields + at, "H") if at + 2 <= self._size else 0
        return self.position + length if length else 0

    def number(self, slot: int, code: str, default: int = 0) -> int:
        """Return a number, or `default` if it is absent."""
        place = self._place(slot)
        return self._buffer.number(place, code) if place else default

    def table(self, slot: int) -> Table | None:
        """Return a table, or None if it is absent."""
        place = self._place(slot)
        return self._buffer.table(self._buffer.offset(place)) if place else None

    def vector(self, slot: int, width: int) -> Span:
        """Return the span of a vector's elements of `width` bytes each; empty if it is absent."""
        place = self._place(slot)
        return self._buffer.vector(place, width) if place else Span(0, 0)

    def numbers(self, slot: int, code: str = "i", limit: int | None = None) -> Iterator[int]:
        """Yield the numbers of a vector, at most `limit`."""
        return (value for (value,) in self.structs(slot, _NUMBERS[code], limit))

    def structs(self, slot: int, form: struct.Struct, limit: int | None = None) -> Iterator[tuple[int, ...]]:
        """Yield the fields of each element of a vector, at most `limit` elements."""
        width = form.size
        span = self.vector(slot, width)
        stop = span.offset + (span.length if limit is None else min(span.length, limit * width))
        self._buffer.spend(stop - span.offset)
        step = _PAGE - _PAGE % width
        for start in range(span.offset, stop, step):
            yield from form.iter_unpack(self._buffer.bytes(start, min(step, stop - start)))

    def tables(self, slot: int) -> Iterator[Table]:
        """Yield the tables of a vector."""
        span = self.vector(slot, 4)
        self._buffer.spend(span.length)
        for place in range(span.offset, span.offset + span.length, 4):
            yield self._buffer.table(self._buffer.offset(place))

    def count(self, slot: int) -> int:
        """Return the number of offsets in a vector."""
        return self.vector(slot, 4).length // 4

    def text(self, slot: int, limit: int) -> str:
        """Return the start of a string, at most `limit` bytes; empty if it is absent.

        Raises Malformed without a final zero.
        """
        return self._buffer.text(self.vector(slot, 1), limit)

    def texts(self, slot: int, limit: int) -> Iterator[str]:
        """Yield the beginnings of the strings in a vector, like `text`."""
        span = self.vector(slot, 4)
        self._buffer.spend(span.length)
        for place in range(span.offset, span.offset + span.length, 4):
            yield self._buffer.text(self._buffer.vector(place, 1), limit)
