"""Universal Binary JSON as XGBoost writes it; arrays of numbers are not read, but returned as ranges of the file.

Specification: https://ubjson.org/type-reference/. Lengths are checked against the size of the file.
"""

from __future__ import annotations

import sys
from array import array
from typing import NamedTuple

from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Context, Malformed
from scanners.parsing.cursor import Cursor

_MAX_DEPTH = 200
_MAX_KEY = 4_096
_MAX_TEXT = 65_536
"""Maximum bytes of one string that are kept."""
_VALUE_COST = 200
"""Bytes that one kept value takes in memory, besides its string."""
_COST = 50
# Type -> code in struct and array; float types are skipped
_INTEGERS = {0x69: "b", 0x55: "B", 0x49: "h", 0x6C: "i", 0x4C: "q"}
_FLOATS = {0x64: 4, 0x44: 8}
_PLAIN = {0x5A: None, 0x54: True, 0x46: False}
_WIDTHS = {"b": 1, "B": 1, "h": 2, "i": 4, "q": 8}
_NO_OP = 0x4E


class Numbers(NamedTuple):
    """An array of `length` numbers at `offset`; `code` is the integer type, or "" for floats."""

    code: str
    offset: int
    length: int

    def read(self, reader: Reader) -> array[int]:
        """Return the integers."""
        values = array(self.code)
        values.frombytes(reader.read(self.offset, self.length * values.itemsize))
        if sys.byteorder == "little":
            values.byteswap()
        return values


Value = None | bool | int | str | Numbers | list["Value"] | dict[str, "Value"]


class UbjsonParser:
    """A parser for one document; `position` is its end."""

    def __init__(self, reader: Reader, context: Context) -> None:
        self._cursor = Cursor(reader, order=">")
        self._context = context
        self._held = 0

    @property
    def position(self) -> int:
        """The offset up to which the document has been parsed."""
        return self._cursor.position

    def value(self, depth: int = 0, kind: int | None = None) -> Value:
        """Return the next value; raises Malformed, Truncated, OverLimit."""
        self._context.operations.spend(_COST)
        if depth > _MAX_DEPTH:
            raise OverLimit(f"values are nested deeper than {_MAX_DEPTH}")
        kind = self._kind() if kind is None else kind
        if kind in _INTEGERS:
            return self._cursor.number(_INTEGERS[kind])
        if kind in _FLOATS:
            self._cursor.skip(_FLOATS[kind])
            return None
        if kind in _PLAIN:
            return _PLAIN[kind]
        if kind in b"SH":
            return self._text(_MAX_TEXT)
        if kind == 0x43:  # C: one character
            return self._cursor.take(1).decode("latin-1")
        if kind == 0x7B:
            return self._object(depth)
        if kind == 0x5B:
            return self._array(depth)
        raise Malformed(f"no value begins with the byte {kind:02x}", self.position - 1)

    def _kind(self) -> int:
        kind = self._cursor.number("B")
        while kind == _NO_OP:
            self._context.operations.spend()
            kind = self._cursor.number("B")
        return kind

    def _length(self) -> int:
        kind = self._cursor.number("B")
        length = self._cursor.number(_INTEGERS[kind]) if kind in _INTEGERS else -1
        if length < 0:
            raise Malformed("a length is not a valid number of bytes", self.position)
        return length

    def _text(self, limit: int) -> str:
        length = self._length()
        data = self._cursor.take(length) if length <= limit else b""
        if length > limit:
            self._cursor.skip(length)
        self._hold(len(data))
        return data.decode("utf-8", "replace")

    def _object(self, depth: int) -> Value:
        found: dict[str, Value] = {}
        while self._peek() != 0x7D:
            key = self._text(_MAX_KEY)
            found[key] = self.value(depth + 1)
            self._hold(_VALUE_COST)
        self._cursor.skip(1)
        return found

    def _array(self, depth: int) -> Value:
        kind = None
        if self._peek() == 0x24:  # $: the type of all elements
            self._cursor.skip(1)
            kind = self._cursor.number("B")
        if self._peek() == 0x23:  # #: how many
            self._cursor.skip(1)
            return self._counted(self._length(), kind, depth)
        if kind is not None:
            raise Malformed("a typed array has no length", self.position)
        found: list[Value] = []
        while self._peek() != 0x5D:
            found.append(self.value(depth + 1))
            self._hold(_VALUE_COST)
        self._cursor.skip(1)
        return found

    def _counted(self, count: int, kind: int | None, depth: int) -> Value:
        if kind in _INTEGERS or kind in _FLOATS:
            code = _INTEGERS.get(kind, "")
            numbers = Numbers(code, self.position, count)
            self._cursor.skip(count * (_WIDTHS[code] if code else _FLOATS[kind]))
            return numbers
        if kind in _PLAIN:
            raise Malformed("an array of values without bytes", self.position)
        found: list[Value] = []
        for _ in range(count):
            found.append(self.value(depth + 1, kind))
            self._hold(_VALUE_COST)
        return found

    def _peek(self) -> int:
        first = self._cursor.take(1)[0]
        self._cursor.position -= 1
        return first

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > self._context.limits.parsed_bytes:
            raise OverLimit("the document holds more values than may be held in memory")
