"""The wire format of protocol buffers, parsed by offset: fields are visited without reading large payloads.

Encoding: https://protobuf.dev/programming-guides/encoding/. A `Schema` names the few relevant fields of each message;
everything else is skipped, and only its bounds are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Final, NamedTuple

from modelsweep.core.finding import Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Context, Malformed
from modelsweep.core.units import KIB
from modelsweep.core.values import dataclass, field

VARINT, FIXED64, LENGTH, START, END, FIXED32 = range(6)
"""Wire types; START and END enclose a group, a form that no format here uses and every parser reads."""
INT: Final = "int"
TEXT: Final = "text"
SPAN: Final = "span"
PIECE: Final = "piece"
"""Bytes that are yielded separately and unread, since a message may hold more of them than fit in memory."""
Schema = Mapping[str, Mapping[int, tuple[str, str]]]
"""Message → field number → (name of the field, INT, TEXT, SPAN, PIECE or the message that it holds)."""
DEPTH = 100
"""Maximum nesting of messages that protobuf parsers accept."""
TEXT_LIMIT = 4 * KIB
"""Maximum bytes of one string that are kept."""
_PACKED_PIECE = 64 * KIB
_BUFFER = 16 * KIB
_VARINT = 10
_MAX_PLAIN, _MAX_CACHED = 128, 4_096
"""Maximum bytes of a message that may be skipped as plain, and maximum cached decisions."""
_VALUE_COST = 200
"""Bytes that one kept value takes in memory, besides its string."""
_64_BITS = (1 << 64) - 1


class Field(NamedTuple):
    """A field in place: `value` is the number, or for LENGTH the offset of `length` bytes."""

    number: int
    wire: int
    value: int
    length: int = 0


class Wire:
    """Access to the fields of messages in `reader` through a small buffer; each costs an operation of `context`."""

    __slots__ = ("_buffer", "_context", "_start", "_stop", "reader")

    def __init__(self, reader: Reader, context: Context | None = None) -> None:
        self.reader, self._context = reader, context
        self._buffer, self._start, self._stop = b"", 0, 0

    def fields(self, start: int, stop: int) -> Iterator[Field]:
        """Yield the fields of the message in [start, stop), except those inside groups; raises Malformed."""
        groups: list[int] = []
        position = start
        while position < stop:
            if self._context is not None:
                self._context.operations.spend()
            at = position
            tag, position = self.varint(position, stop)
            number, wire = tag >> 3, tag & 7
            if not 0 < number < 1 << 29:
                raise Malformed(f"no field has the number {number}", at)
            if wire in (START, END):
                _group(groups, number, wire, at)
                continue
            found = self.field(number, wire, position, stop)
            position = found.value + found.length if wire == LENGTH else position + found.length
            if not groups:
                yield found
        if groups:
            raise Malformed(f"group {groups[-1]} does not end", stop)

    def field(self, number: int, wire: int, position: int, stop: int) -> Field:
        """Return the field whose value begins at `position`; its `length` is the size of the value."""
        if wire == VARINT:
            value, end = self.varint(position, stop)
            return Field(number, wire, value, end - position)
        if wire == LENGTH:
            length, offset = self.varint(position, stop)
            if length > stop - offset:
                raise Malformed(f"field {number} claims {length:,} bytes, {stop - offset:,} are left", position)
            return Field(number, wire, offset, length)
        width = {FIXED64: 8, FIXED32: 4}.get(wire)
        if width is None or width > stop - position:
            detail = f"the unknown wire type {wire}" if width is None else "a number that is cut short"
            raise Malformed(f"field {number} has {detail}", position)
        return Field(number, wire, int.from_bytes(self.read(position, width), "little"), width)

    def varint(self, position: int, stop: int) -> tuple[int, int]:
        """Return the 64-bit varint at `position` and its end; raises Malformed."""
        index = position - self._start
        if index < 0 or index + _VARINT > len(self._buffer):
            self._fill(position)
            index = 0
        buffer = self._buffer
        value = shift = 0
        while True:
            byte = buffer[index]
            index += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift == 7 * _VARINT:
                raise Malformed("a number is longer than ten bytes", position)
        end = self._start + index
        if end > stop:
            raise Malformed("a number is cut short", position)
        return value & _64_BITS, end

    def packed(self, offset: int, length: int, most: int) -> Iterator[int]:
        """Yield at most `most` signed integers of a packed field; raises Malformed."""
        stop = offset + length
        while offset < stop and most > 0:
            value, offset = self.varint(offset, stop)
            yield signed(value)
            most -= 1

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes; raises Truncated."""
        index = offset - self._start
        if index >= 0 and offset + length <= self._stop:
            return self._buffer[index : index + length]
        return self.reader.read(offset, length)

    def _fill(self, position: int) -> None:
        available = max(min(_BUFFER, self.reader.size - position), 0)
        self._buffer = self.reader.read(position, available) if available else b""
        self._start, self._stop = position, position + available
        if self._stop >= self.reader.size:
            # Zeros after the end terminate every varint; the bounds are checked afterwards
            self._buffer += bytes(_VARINT)


def _group(groups: list[int], number: int, wire: int, at: int) -> None:
    """Enter or leave the group `number`; raises Malformed if it is not the innermost."""
    if wire == START:
        groups.append(number)
        if len(groups) > DEPTH:
            raise OverLimit(f"groups are nested deeper than {DEPTH}")
    elif not groups or groups.pop() != number:
        raise Malformed(f"group {number} ends but never began", at)


@dataclass(frozen=True, slots=True)
class Record:
    """The fields of one message that are in the schema, in order; `span` is the range of the message."""

    kind: str
    span: Span
    integers: dict[str, list[int]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    spans: dict[str, list[Span]] = field(default_factory=dict)
    records: dict[str, list[Record]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return the last string of a field, which is the one that counts, or ""."""
        return self.texts[name][-1] if name in self.texts else ""

    def integer(self, name: str) -> int:
        """Return the last number of a field, which is the one that counts, or zero."""
        return (self.integers.get(name) or [0])[-1]  # a packed field may be empty


class Walker:
    """A walk through messages by a schema: kinds in `streamed` are yielded, others kept in their parent.

    `plain` has, for some kinds, a function that tells whether the bytes of a short message can be skipped, since each
    node of a graph repeats the same few attributes. Its answers are cached.
    """

    __slots__ = ("_held", "_known", "_limit", "_plain", "_schema", "_streamed", "wire")

    def __init__(
        self,
        wire: Wire,
        schema: Schema,
        streamed: frozenset[str],
        limit: int,
        plain: Mapping[str, Callable[[bytes], bool]] | None = None,
    ) -> None:
        self.wire, self._schema, self._streamed = wire, schema, streamed
        self._held, self._limit = 0, limit
        self._plain = plain or {}
        self._known: dict[bytes, bool] = {}

    def walk(self, kind: str, start: int, stop: int, depth: int = 0) -> Generator[Record, None, Record]:
        """Yield the streamed messages in [start, stop), innermost first; return the message itself.

        Raises Malformed, and OverLimit if messages are nested too deeply or `limit` bytes are held at once.
        """
        if depth > DEPTH:
            raise OverLimit(f"messages are nested deeper than {DEPTH}")
        held = self._held
        record = Record(kind, Span(start, stop - start))
        schema = self._schema[kind]
        for found in self.wire.fields(start, stop):
            name, what = schema.get(found.number, ("", ""))
            if what == INT:
                self._keep_integers(record, name, found)
            elif not what or found.wire != LENGTH:
                continue  # like in parsers, a field of another wire type is unknown
            elif what == PIECE:
                yield Record(name, Span(found.value, found.length))
            elif what in self._plain and self._is_plain(what, found):
                continue
            elif what in self._schema:
                child = yield from self.walk(what, found.value, found.value + found.length, depth + 1)
                if what not in self._streamed:
                    record.records.setdefault(name, []).append(child)
                    self._hold(_VALUE_COST)
            else:
                self._keep_bytes(record, name, what, found)
        if kind in self._streamed:
            yield record
            self._held = held
        return record

    def _is_plain(self, kind: str, found: Field) -> bool:
        if found.length > _MAX_PLAIN:
            return False
        data = self.wire.read(found.value, found.length)
        known = self._known.get(data)
        if known is None:
            if len(self._known) >= _MAX_CACHED:
                self._known.clear()
            known = self._known[data] = self._plain[kind](data)
        return known

    def _keep_integers(self, record: Record, name: str, found: Field) -> None:
        values = record.integers.setdefault(name, [])
        if found.wire == VARINT:
            values.append(signed(found.value))
            self._hold(_VALUE_COST)
        elif found.wire == LENGTH:
            if found.length > _PACKED_PIECE:
                raise OverLimit(f"{name} is a list of {found.length:,} bytes")
            self._hold(_VALUE_COST * found.length)
            values.extend(self.wire.packed(found.value, found.length, found.length))

    def _keep_bytes(self, record: Record, name: str, what: str, found: Field) -> None:
        self._hold(_VALUE_COST)
        if what == SPAN:
            record.spans.setdefault(name, []).append(Span(found.value, found.length))
            return
        data = self.wire.read(found.value, min(found.length, TEXT_LIMIT))
        self._hold(len(data))
        record.texts.setdefault(name, []).append(data.decode("utf-8", "replace"))

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > self._limit:
            raise OverLimit("one message holds more values than may be held in memory")


def signed(value: int) -> int:
    """Return a 64-bit integer as a signed one."""
    return value - (1 << 64) if value >> 63 else value
