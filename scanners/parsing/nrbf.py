"""The stream of .NET's BinaryFormatter: classes by name, whose members contain further ones.

Specification: https://learn.microsoft.com/openspecs/windows_protocols/ms-nrbf. Records are read one after the other;
no objects are created.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import NamedTuple

from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Context, Malformed
from modelsweep.core.units import KIB
from scanners.parsing.cursor import Cursor

CLASS, TEXT, BYTES = "class", "text", "bytes"
_END = 11
_WITH_ID, _STRING, _ARRAY, _TYPED, _LIBRARY = 1, 6, 7, 8, 12
_CLASSES = {2: (False, False), 3: (False, True), 4: (True, False), 5: (True, True)}
"""Class records: whether the types of the members, and the id of a library, follow."""
_PRIMITIVES, _OBJECTS, _STRINGS = 15, 16, 17
_NULLS = {10: "", 13: "B", 14: "i"}
"""Records of null, once or repeated by a count of that width."""
_REFERENCE = 9
# Bytes of a value by PrimitiveTypeEnum; values of 1, 5 and 18 have variable lengths
_WIDTHS = {1: 1, 2: 1, 6: 8, 7: 2, 8: 4, 9: 8, 10: 1, 11: 4, 12: 8, 13: 8, 14: 2, 15: 4, 16: 8}
_CHARACTER, _DECIMAL, _BYTE, _NULL, _LITERAL = 3, 5, 2, 17, 18
_PRIMITIVE, _SYSTEM_CLASS, _CLASS, _PRIMITIVE_ARRAY = 0, 3, 4, 7
_COST = 50
_MAX_RANKS = 32
_MAX_MEMBERS = 100_000
"""Maximum members of one class."""
_MAX_HELD = 2_000_000
"""Maximum members of all classes that are kept."""
_MAX_DEPTH = 100_000
_MAX_TEXT = 64 * KIB


class Event(NamedTuple):
    """A class, a string or a byte array in the stream."""

    kind: str
    name: str
    offset: int
    length: int = 0


class _Frame:
    """The pending part of one object: types of members, or a number of records."""

    __slots__ = ("at", "left", "members")

    def __init__(self, members: tuple[int, ...] = (), left: int = 0) -> None:
        self.members, self.at, self.left = members, 0, left or len(members)


_RECORD = -1
"""Pseudo-type of a member that is stored as a record."""


class NrbfStream:
    """The records of `reader` from the header on."""

    def __init__(self, reader: Reader, context: Context) -> None:
        self._cursor, self._context = Cursor(reader), context
        self._known: dict[int, tuple[int, ...]] = {}
        self._held = 0
        self._frames: list[_Frame] = []

    @property
    def position(self) -> int:
        """The offset up to which the stream has been read."""
        return self._cursor.position

    def events(self) -> Iterator[Event]:
        """Yield the events of the stream up to its end; raises Malformed, Truncated and OverLimit."""
        self._cursor.skip(17)
        while True:
            self._context.operations.spend(_COST)
            frame = self._frames[-1] if self._frames else None
            if frame is not None and not frame.left:
                self._frames.pop()
                continue
            kind = frame.members[frame.at] if frame is not None and frame.members else _RECORD
            if frame is not None and kind != _RECORD:
                frame.at += 1
                frame.left -= 1
                self._primitive(kind)
                continue
            record = self._cursor.number("B")
            if record == _END:
                return
            if record != _LIBRARY and frame is not None:
                self._take(frame, record)
            yield from self._record(record)

    def _take(self, frame: _Frame, record: int) -> None:
        """Count a record as the next member or item."""
        width = _NULLS.get(record)
        count = 1
        if width:
            count = self._cursor.number(width)
            if not 0 < count <= frame.left or (frame.members and count > 1):
                raise Malformed(f"{count:,} nulls, but only {frame.left:,} values are left", self.position)
        frame.left -= count
        frame.at += 1

    def _record(self, record: int) -> Iterator[Event]:
        if record in _CLASSES:
            yield from self._class(*_CLASSES[record])
        elif record == _WITH_ID:
            self._cursor.skip(4)
            members = self._known.get(self._cursor.number("i"))
            if members is None:
                raise Malformed("an object of an undeclared class", self.position)
            self._enter(_Frame(members))
        elif record in (_STRING, _LIBRARY):
            self._cursor.skip(4)
            yield from self._text(TEXT if record == _STRING else "")
        elif record == _TYPED:
            self._primitive(self._cursor.number("B"))
        elif record == _ARRAY:
            yield from self._array()
        elif record in (_PRIMITIVES, _OBJECTS, _STRINGS):
            yield from self._simple_array(record)
        elif record == _REFERENCE:
            self._cursor.skip(4)
        elif record not in _NULLS:
            raise Malformed(f"no record has the kind {record}", self.position - 1)

    def _enter(self, frame: _Frame) -> None:
        if len(self._frames) >= _MAX_DEPTH:
            raise OverLimit(f"objects are nested deeper than {_MAX_DEPTH:,}")
        self._frames.append(frame)

    def _class(self, typed: bool, of_library: bool) -> Iterator[Event]:
        number = self._cursor.number("i")
        yield from self._text(CLASS)
        count = self._cursor.number("i")
        if not 0 <= count <= _MAX_MEMBERS:
            raise Malformed(f"a class of {count:,} members", self.position)
        self._context.operations.spend(count)
        for _ in range(count):
            self._skip_text()
        if not typed:
            raise Malformed("a class whose members have no types", self.position)
        kinds = list(self._cursor.take(count))
        members = [_RECORD] * count
        for place, kind in enumerate(kinds):
            more = yield from self._type(kind)
            if kind == _PRIMITIVE:
                members[place] = more
        if of_library:
            self._cursor.skip(4)
        self._held += count + 1
        if self._held > _MAX_HELD:
            raise OverLimit(f"classes of more than {_MAX_HELD:,} members")
        self._known[number] = tuple(members)
        self._enter(_Frame(tuple(members)))

    def _type(self, kind: int) -> Generator[Event, None, int]:
        """Yield the class that a type names; return the number of a primitive type."""
        primitive = _RECORD
        if kind in (_PRIMITIVE, _PRIMITIVE_ARRAY):
            primitive = self._cursor.number("B")
        elif kind in (_SYSTEM_CLASS, _CLASS):
            yield from self._text(CLASS)
            self._cursor.skip(4 if kind == _CLASS else 0)
        elif kind > _PRIMITIVE_ARRAY:
            raise Malformed(f"no member has the type {kind}", self.position)
        return primitive

    def _array(self) -> Iterator[Event]:
        self._cursor.skip(4)
        form, rank = self._cursor.number("B"), self._cursor.number("i")
        if not 0 < rank <= _MAX_RANKS or form > 5:
            raise Malformed(f"an array of {rank:,} dimensions", self.position)
        elements = 1
        for _ in range(rank):
            elements *= max(self._cursor.number("i"), 0)
        self._cursor.skip(4 * rank if form > 2 else 0)
        kind = self._cursor.number("B")
        primitive = yield from self._type(kind)
        if kind == _PRIMITIVE:
            yield from self._primitives(primitive, elements)
        else:
            self._items(elements)

    def _items(self, count: int) -> None:
        if count:
            self._enter(_Frame(left=count))

    def _simple_array(self, record: int) -> Iterator[Event]:
        self._cursor.skip(4)
        count = self._cursor.number("i")
        if count < 0:
            raise Malformed(f"an array of {count:,} values", self.position)
        if record == _PRIMITIVES:
            yield from self._primitives(self._cursor.number("B"), count)
        else:
            self._items(count)

    def _primitives(self, kind: int, count: int) -> Iterator[Event]:
        if kind == _BYTE:
            yield Event(BYTES, "", self.position, count)
        if kind in _WIDTHS:
            self._cursor.skip(count * _WIDTHS[kind])
            return
        for _ in range(count):
            self._context.operations.spend()
            self._primitive(kind)

    def _primitive(self, kind: int) -> None:
        if kind in _WIDTHS:
            self._cursor.skip(_WIDTHS[kind])
        elif kind == _CHARACTER:
            first = self._cursor.number("B")
            self._cursor.skip(3 if first >= 0xF0 else 2 if first >= 0xE0 else 1 if first >= 0xC0 else 0)
        elif kind in (_DECIMAL, _LITERAL):
            self._skip_text()
        elif kind != _NULL:
            raise Malformed(f"no value has the type {kind}", self.position)

    def _length(self) -> int:
        """Return the length of a string: seven bits per byte, the lowest first."""
        length = 0
        for shift in range(0, 35, 7):
            byte = self._cursor.number("B")
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                return length
        raise Malformed("the length of a text is longer than five bytes", self.position)

    def _skip_text(self) -> None:
        self._cursor.skip(self._length())

    def _text(self, kind: str) -> Iterator[Event]:
        length = self._length()
        start = self.position
        text = self._cursor.take(min(length, _MAX_TEXT)).decode("utf-8", "replace") if kind else ""
        self._cursor.skip(start + length - self.position)
        if kind:
            yield Event(kind, text, start, length)
