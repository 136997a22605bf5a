"""R's serialization format, parsed without creating objects: the functions, promises and calls in it.

Format: https://cran.r-project.org/doc/manuals/r-release/R-ints.html#Serialization-Formats and src/main/serialize.c.
Three encodings: XDR (big-endian), native binary, and text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Context, Malformed
from scanners.parsing.cursor import Cursor

_COST = 20
_NAME = 256
_MAX_REFERENCES = 10_000_000
_MAX_PENDING = 4_000_000
"""Maximum pending items, which nested lists need."""
SYMBOL, LIST, CLOSURE, ENVIRONMENT, PROMISE, CALL, SPECIAL, BUILTIN, CHARACTERS = range(1, 10)
LOGICAL, INTEGER, REAL, COMPLEX, STRINGS, DOTS = 10, 13, 14, 15, 16, 17
VECTOR, EXPRESSION, BYTECODE, POINTER, WEAK, RAW_BYTES, S4 = range(19, 26)
REFERENCE, NIL, UNBOUND, NAMESPACE, PACKAGE, PERSISTENT = 255, 254, 252, 249, 248, 247
REPEATED, REPEAT, ATTRIBUTED_CALL, ATTRIBUTED_LIST, COMPACT = 244, 243, 240, 239, 238
_EMPTY = frozenset({NIL, UNBOUND, 253, 251, 250, 246, 245, 242, 241})
_PAIRS = frozenset({LIST, CLOSURE, PROMISE, CALL, DOTS})
# Bytes per number, and numbers per element
_NUMBERS = {LOGICAL: (4, 1), INTEGER: (4, 1), REAL: (8, 1), COMPLEX: (8, 2), RAW_BYTES: (1, 1)}
_LISTS = frozenset({STRINGS, VECTOR, EXPRESSION})
_LANGUAGE = frozenset({CALL, LIST, REPEATED, REPEAT, ATTRIBUTED_CALL, ATTRIBUTED_LIST})
_HAS_ATTRIBUTES, _HAS_TAG, _ACTIVE = 1 << 9, 1 << 10, 1 << 27
DATA, FUNCTION, LAZY, ACTIVE, NAME, TEXT = "data", "function", "promise", "active", "name", "text"
HOOK = "hook"
"""Contexts and kinds of events."""
_HOOKS = frozenset({".First", ".Last", ".First.sys", ".Last.sys"})
"""Functions of a workspace that R runs when it starts or ends (`?Startup`)."""


class Event(NamedTuple):
    """Something that runs (a promise, a function, an active binding), or a name or string in its code."""

    kind: str
    name: str
    within: str
    offset: int


class RStream:
    """One serialized object; every item costs operations, and pending items are counted."""

    def __init__(self, reader: Reader, start: int, context: Context) -> None:
        self._context = context
        self._found: list[Event] = []
        self._references: list[str] = []
        self._left: list[tuple[Callable[..., None], tuple[object, ...]]] = []
        marker = reader.read(start, 2)
        self._text = marker == b"A\n"
        self._cursor = Cursor(reader, start + 2, "<" if marker == b"B\n" else ">")

    @property
    def position(self) -> int:
        """The offset up to which the stream has been read."""
        return self._cursor.position

    def events(self) -> Iterator[Event]:
        """Yield the events in order; raises Malformed, Truncated and OverLimit."""
        version = self._integer()
        self._integer()
        self._integer()
        if version not in (2, 3):
            raise Malformed(f"version {version} of the format is unknown", self.position)
        if version == 3:
            self._characters(self._integer(), 0)
        self._push(self._item, DATA)
        while self._left:
            self._context.operations.spend(_COST)
            task, arguments = self._left.pop()
            task(*arguments)
            if self._found:
                yield from self._found
                self._found.clear()

    def _push(self, task: Callable[..., None], *arguments: object) -> None:
        self._left.append((task, arguments))
        if len(self._left) > _MAX_PENDING:
            raise OverLimit(f"more than {_MAX_PENDING:,} items are announced at once")

    def _emit(self, kind: str, name: str, within: str, offset: int | None = None) -> None:
        offset = self.position if offset is None else offset
        self._found.append(Event(kind, name, within, offset))

    # How numbers and characters are read

    def _integer(self) -> int:
        if not self._text:
            return self._cursor.number("i")
        word = self._word()
        if word == b"NA":
            return -(1 << 31)
        try:
            return int(word)
        except ValueError:
            raise Malformed("not a number", self.position) from None

    def _word(self) -> bytes:
        """Return the characters up to the next white space."""
        word = bytearray()
        while True:
            self._context.operations.spend()
            byte = self._cursor.take(1)
            if byte.isspace():
                if word:
                    return bytes(word)
                continue
            word += byte
            if len(word) > _NAME:
                raise Malformed("a word is longer than any number", self.position)

    def _length(self) -> int:
        length = self._integer()
        if length == -1:  # the length exceeds 31 bits
            length = (self._integer() << 32) + (self._integer() & 0xFFFFFFFF)
        if length < 0 or length > self._cursor.reader.size:
            raise Malformed(f"a vector of {length:,} elements", self.position)
        return length

    def _characters(self, length: int, kept: int = _NAME) -> str:
        """Skip `length` bytes of text, and return the beginning."""
        if length < 0:
            return ""
        if self._text:
            return self._escaped(length, kept)
        data = self._cursor.take(min(length, kept))
        self._cursor.skip(length - len(data))
        return data.decode("utf-8", "replace")

    def _escaped(self, length: int, kept: int) -> str:
        if not length:
            return ""
        byte = self._cursor.take(1)
        while byte.isspace():
            byte = self._cursor.take(1)
        data = bytearray()
        for number in range(length):
            self._context.operations.spend()
            if number:
                byte = self._cursor.take(1)
            if byte == b"\\":
                byte = self._escape()
            if len(data) < kept:
                data += byte
        return data.decode("utf-8", "replace")

    def _escape(self) -> bytes:
        """Return the character of an escape: three octal digits, or a letter as in C."""
        byte = self._cursor.take(1)
        if byte in b"01234567":
            digits = byte
            while len(digits) < 3 and (more := self._cursor.take(1)) in b"01234567":
                digits += more
            if len(digits) < 3:
                self._cursor.position -= 1
            return bytes([int(digits, 8) & 0xFF])
        return {b"n": b"\n", b"t": b"\t", b"r": b"\r"}.get(byte, byte)

    # Items

    def _item(self, within: str) -> None:
        offset = self.position
        self._body(self._integer(), within, offset)

    def _body(self, flags: int, within: str, offset: int) -> None:
        """Read an item whose flags have been read."""
        kind = flags & 0xFF
        if kind in _PAIRS:
            self._pair(flags, within, offset)
        elif kind in _NUMBERS:
            self._attributes(flags)
            self._numbers(kind)
        elif kind in _LISTS:
            length = self._length()
            self._attributes(flags)
            if length:
                self._push(self._several, length, within)
        elif kind in _RARE:
            _RARE[kind](self, flags, within)
        elif kind not in _EMPTY:
            raise Malformed(f"no item has the type {kind}", offset)

    def _several(self, left: int, within: str) -> None:
        if left > 1:
            self._push(self._several, left - 1, within)
        self._item(within)

    def _attributes(self, flags: int) -> None:
        if flags & _HAS_ATTRIBUTES:
            self._push(self._item, DATA)

    def _numbers(self, kind: int) -> None:
        width, parts = _NUMBERS[kind]
        length = self._length() * parts
        if not self._text:
            self._cursor.skip(length * width)
            return
        for _ in range(length):
            self._word()

    def _pair(self, flags: int, within: str, offset: int) -> None:
        """Read a cell of a list or a call, a function or a promise: attributes, tag, first and rest, in this order."""
        kind = flags & 0xFF
        if kind == PROMISE:
            self._push(self._promise_value, within, offset)
        elif kind == CLOSURE:
            self._emit(FUNCTION, "", within, offset)
            inside = LAZY if within == LAZY else FUNCTION
            self._push(self._item, inside)
            self._push(self._item, inside)
        else:
            if kind == LIST and flags & _ACTIVE:
                self._emit(ACTIVE, "", within, offset)
            self._push(self._item, within)
            self._push(self._item, within)
        if flags & _HAS_TAG:
            self._push(self._item, DATA)  # the name of an element, the environment of a function or a promise
        self._attributes(flags)

    def _promise_value(self, within: str, start: int) -> None:
        """Read the value of a promise; without one, its code runs as soon as the value is used."""
        offset = self.position
        flags = self._integer()
        lazy = flags & 0xFF == UNBOUND
        if lazy:
            self._emit(LAZY, "", within, start)
        self._push(self._item, LAZY if lazy else within)
        self._body(flags, within, offset)

    def _symbol(self, _flags: int, within: str) -> None:
        if self._integer() & 0xFF != CHARACTERS:
            raise Malformed("the name of a symbol is not text", self.position)
        name = self._characters(self._integer())
        self._refer(name)
        self._name(name, within)
        if within == DATA and name in _HOOKS:
            self._emit(HOOK, name, within)

    def _name(self, name: str, within: str) -> None:
        if within in (FUNCTION, LAZY) and name:
            self._emit(NAME, name, within)

    def _refer(self, name: str) -> None:
        self._references.append(name)
        if len(self._references) > _MAX_REFERENCES:
            raise OverLimit(f"more than {_MAX_REFERENCES:,} symbols and environments")

    def _reference(self, flags: int, within: str) -> None:
        number = flags >> 8 or self._integer()
        if not 0 < number <= len(self._references):
            raise Malformed(f"a reference to item {number:,} of {len(self._references):,}", self.position)
        self._name(self._references[number - 1], within)

    def _environment(self, _flags: int, within: str) -> None:
        self._integer()
        self._refer("")
        for _ in range(4):  # enclosing environment, frame, hash table, attributes
            self._push(self._item, DATA if within == LAZY else within)

    def _string(self, flags: int, within: str) -> None:
        self._attributes(flags)
        text = self._characters(self._integer())
        if within == LAZY and text:
            self._emit(TEXT, text, within)

    def _builtin(self, _flags: int, within: str) -> None:
        self._name(self._characters(self._integer()), within)

    def _named(self, _flags: int, _within: str) -> None:
        """Read a package, namespace or persistent object: zero, and its names."""
        self._refer("")
        if self._integer():
            raise Malformed("the names of a namespace begin with something unknown", self.position)
        length = self._length()
        if length:
            self._push(self._several, length, DATA)

    def _pointer(self, flags: int, _within: str) -> None:
        self._refer("")
        self._attributes(flags)
        self._push(self._item, DATA)
        self._push(self._item, DATA)

    def _weak(self, flags: int, _within: str) -> None:
        self._refer("")
        self._attributes(flags)

    def _object(self, flags: int, _within: str) -> None:
        self._attributes(flags)

    def _compact(self, _flags: int, within: str) -> None:
        """Read a vector in a form that a package defines: class, state, attributes."""
        for _ in range(3):
            self._push(self._item, within)

    # Bytecode

    def _bytecode(self, flags: int, within: str) -> None:
        self._integer()  # number of repeated calls
        self._attributes(flags)
        self._push(self._code, within)

    def _code(self, within: str) -> None:
        self._push(self._constants, within)
        self._item(within)

    def _constants(self, within: str) -> None:
        length = self._length()
        if length:
            self._push(self._constant, length, within)

    def _constant(self, left: int, within: str) -> None:
        if left > 1:
            self._push(self._constant, left - 1, within)
        kind = self._integer()
        if kind == BYTECODE:
            self._code(within)
        elif kind in _LANGUAGE:
            self._language(kind, within)
        else:
            self._item(within)

    def _language(self, kind: int, within: str) -> None:
        if kind == REPEAT:
            self._integer()
        elif kind in _LANGUAGE:
            if kind == REPEATED:
                self._integer()
                kind = self._integer()
            self._push(self._next_language, within)
            self._push(self._next_language, within)
            self._push(self._item, DATA)
            if kind in (ATTRIBUTED_CALL, ATTRIBUTED_LIST):
                self._push(self._item, DATA)
        else:
            self._item(within)

    def _next_language(self, within: str) -> None:
        self._language(self._integer(), within)


_RARE: dict[int, Callable[[RStream, int, str], None]] = {
    SYMBOL: RStream._symbol,
    REFERENCE: RStream._reference,
    ENVIRONMENT: RStream._environment,
    CHARACTERS: RStream._string,
    SPECIAL: RStream._builtin,
    BUILTIN: RStream._builtin,
    NAMESPACE: RStream._named,
    PACKAGE: RStream._named,
    PERSISTENT: RStream._named,
    POINTER: RStream._pointer,
    WEAK: RStream._weak,
    S4: RStream._object,
    COMPACT: RStream._compact,
    BYTECODE: RStream._bytecode,
}
