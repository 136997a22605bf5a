"""Ruby's Marshal, parsed without creating objects: the classes of its objects, and those that it refers to.

Format: https://docs.ruby-lang.org/en/master/marshal_rdoc.html, `r_object` of https://github.com/ruby/ruby/blob/master/marshal.c.
"""

from __future__ import annotations

from typing import NamedTuple

from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Context, Malformed
from scanners.parsing.cursor import Cursor

MAGIC = b"\x04\x08"
OBJECT, LOADED, REFERRED = "object", "loaded", "reference"
"""Uses of a class: an object of it, an object that the class itself reads, and the class or module as a value."""
_COST = 20
_MAX_SYMBOLS = 1_000_000
_MAX_PENDING = 1_000_000
_MAX_NAME = 1_024
_OBJECTS = frozenset(b"oSeCdUu")
"""Types of values that begin with the symbol of a class."""
_REFERENCES = frozenset(b"cmM")
_PLAIN = frozenset(b"0TF")
_TEXTS = frozenset(b'"/f')
_PATTERN = ord("/")
_NUMBERED = frozenset(b"i;@")
VALUE, PAIR, VARIABLES = "value", "symbol and value", "variables of the value before"
KINDS = frozenset(bytes((code,)) for code in (*b'oSeCdUucmM0TF"/fil:;@[{}I',))


class Named(NamedTuple):
    """A class that the stream names at `offset`, and its use."""

    how: str
    name: str
    offset: int


class RubyStream:
    """Streams of one value each; `step` reads a value or a part of one, and `taken` returns the classes named."""

    def __init__(self, reader: Reader, context: Context | None = None) -> None:
        self._cursor = Cursor(reader)
        self._context = context
        self._left: list[tuple[str, int]] = []
        """Pending parts with their counts, the next one last."""
        self._symbols: list[str] = []
        self._named: list[Named] = []

    def step(self) -> bool:
        """Read the next part; return whether there was one. Raises Malformed, Truncated and OverLimit."""
        if self._context is not None:
            self._context.operations.spend(_COST)
        if not self._left:
            if self._cursor.position == self._cursor.reader.size:
                return False
            if self._cursor.take(len(MAGIC)) != MAGIC:
                raise Malformed("there is no value after the last one", self._cursor.position - len(MAGIC))
            self._symbols.clear()
            self._await(VALUE)
        part, count = self._left.pop()
        self._await(part, count - 1)
        if part == VARIABLES:
            self._await(PAIR, self._length())
        else:
            if part == PAIR:
                self._symbol()
            self._value()
        return True

    def taken(self) -> list[Named]:
        """Return the classes named since the last call."""
        named, self._named = self._named, []
        return named

    def _await(self, part: str, count: int = 1) -> None:
        if count > 0:
            self._left.append((part, count))
        if len(self._left) > _MAX_PENDING:
            raise OverLimit(f"more than {_MAX_PENDING:,} nested values")

    def _value(self) -> None:
        at = self._cursor.position
        kind = self._cursor.take(1)[0]
        if kind in _OBJECTS:
            self._object(chr(kind), at)
        elif kind in _REFERENCES:
            self._named.append(Named(REFERRED, self._text(), at))
        elif kind in _TEXTS:
            self._cursor.skip(self._length() + (kind == _PATTERN))
        elif kind in _NUMBERED:
            self._long()
        elif kind not in _PLAIN:
            self._composed(chr(kind), at)

    def _object(self, kind: str, at: int) -> None:
        self._named.append(Named(LOADED if kind in "uU" else OBJECT, self._symbol(), at))
        if kind in "oS":
            self._await(PAIR, self._length())
        elif kind == "u":
            self._cursor.skip(self._length())
        else:
            self._await(VALUE)

    def _composed(self, kind: str, at: int) -> None:
        """Read a symbol, a large integer, or the beginning of a container."""
        if kind == ":":
            self._keep(self._text())
        elif kind == "l":
            self._cursor.skip(1)
            self._cursor.skip(2 * self._length())
        elif kind == "I":
            self._await(VARIABLES)
            self._await(VALUE)
        elif kind == "[":
            self._await(VALUE, self._length())
        elif kind in "{}":
            self._await(VALUE, 2 * self._length() + (kind == "}"))
        else:
            raise Malformed(f"no value has the kind {ord(kind):#04x}", at)

    def _symbol(self) -> str:
        """Read a symbol or a back reference to one; it may have an encoding."""
        at = self._cursor.position
        kind = self._cursor.take(1)
        encoded = kind == b"I"
        if encoded:
            kind = self._cursor.take(1)
        if kind == b";":
            number = self._length()
            if number >= len(self._symbols):
                raise Malformed(f"there is no symbol {number:,}", at)
            return self._symbols[number]
        if kind != b":":
            raise Malformed("a symbol is missing", at)
        name = self._keep(self._text())
        for _ in range(self._length() if encoded else 0):
            self._symbol()
            if self._cursor.take(1)[0] not in _PLAIN:
                raise Malformed("the encoding of a symbol is unknown", self._cursor.position - 1)
        return name

    def _keep(self, name: str) -> str:
        if len(self._symbols) >= _MAX_SYMBOLS:
            raise OverLimit(f"more than {_MAX_SYMBOLS:,} symbols")
        self._symbols.append(name)
        return name

    def _text(self) -> str:
        length = self._length()
        kept = self._cursor.take(min(length, _MAX_NAME))
        self._cursor.skip(length - len(kept))
        return kept.decode("utf-8", "replace")

    def _length(self) -> int:
        length = self._long()
        if length < 0:
            raise Malformed(f"the length {length:,} is negative", self._cursor.position)
        return length

    def _long(self) -> int:
        """Read an integer: small ones in the byte itself, others in as many bytes as that tells."""
        first = self._cursor.number("b")
        if -5 < first < 5:
            data = self._cursor.take(abs(first))
            value = int.from_bytes(data, "little")
            return value if first >= 0 else value - (1 << 8 * len(data))
        return first - 5 if first > 0 else first + 5
