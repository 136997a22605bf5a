"""Conversion of protobuf text to the wire format, with only the fields of a schema.

Syntax: https://protobuf.dev/reference/protobuf/textformat-spec/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Context, Malformed
from scanners.parsing.protobuf import DEPTH, INT, VARINT
from scanners.parsing.protobuf_writer import data, varint

_TOKEN = re.compile(
    rb"""[ \t\r\n\f\v]+ | \#[^\n]* |
    (?P<text> "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' ) |
    (?P<word> [0-9.]+[eE]-[0-9]+[fF]? | [\w.+]+ ) |
    (?P<mark> [{}<>\[\]:,;/%-] )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_OPEN = {b"{": b"}", b"<": b">"}
_NUMBER = re.compile(rb"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*")
Names = Mapping[str, Mapping[bytes, tuple[int, str]]]
"""Message → field name in the text → (its number, INT, TEXT, SPAN or the message that it holds)."""


class _Token(NamedTuple):
    kind: str
    value: bytes
    position: int


class TextMessage:
    """A message in `text`; `names` are its fields, `enums` the numbers of enum values."""

    def __init__(self, text: bytes, names: Names, enums: Mapping[bytes, int], context: Context) -> None:
        self._names, self._enums, self._context = names, enums, context
        self._tokens = self._split(text)
        self._size = len(text)
        self._next = _Token("", b"", 0)
        self._advance()

    def encoded(self, kind: str) -> bytes:
        """Return the whole text in the wire format; raises Malformed, and OverLimit if it is nested too deeply."""
        return self._message(kind, b"", 0)

    def _split(self, text: bytes) -> Iterator[_Token]:
        position = 0
        while position < len(text):
            self._context.operations.spend()
            match = _TOKEN.match(text, position)
            if match is None:
                raise Malformed("not a token of the text format", position)
            if match.lastgroup:
                yield _Token(match.lastgroup, match[0], position)
            position = match.end()

    def _advance(self) -> _Token:
        token = self._next
        self._next = next(self._tokens, _Token("", b"", self._size))
        return token

    def _take(self, mark: bytes) -> bool:
        if self._next.kind == "mark" and self._next.value == mark:
            self._advance()
            return True
        return False

    def _message(self, kind: str, end: bytes, depth: int) -> bytes:
        """Return the fields up to `end`, without those of unknown messages."""
        if depth > DEPTH:
            raise OverLimit(f"messages are nested deeper than {DEPTH}")
        fields = self._names.get(kind, {})
        out = bytearray()
        while not (end and self._take(end)):
            if not self._next.kind:
                if end:
                    raise Malformed("a message does not end", self._size)
                return bytes(out)
            number, what, type_url = self._field(fields)
            for value in self._values(what, depth):
                out += _written(number, what, value, type_url)
            if not self._take(b","):
                self._take(b";")
        return bytes(out)

    def _field(self, fields: Mapping[bytes, tuple[int, str]]) -> tuple[int, str, bytes]:
        """Return number and kind of the next field, and the type if it is an expanded `Any` in brackets."""
        token = self._advance()
        if token.kind == "word":
            return (*fields.get(token.value, (0, "")), b"")
        if token.value != b"[":
            raise Malformed("the name of a field is missing", token.position)
        parts = []
        while not self._take(b"]"):
            if not self._next.kind:
                raise Malformed("the name of an extension does not end", token.position)
            parts.append(self._advance().value)
        type_url = b"".join(parts)
        known = type_url.rpartition(b".")[2].decode("latin-1")
        return 0, known if known in self._names else "", type_url

    def _values(self, what: str, depth: int) -> Iterator[bytes | int]:
        """Yield the value of a field, or the values of its list."""
        colon = self._take(b":")
        if self._take(b"["):
            while not self._take(b"]"):
                yield self._value(what, depth, colon)
                if not self._take(b",") and self._next.value != b"]":
                    raise Malformed("a list does not end", self._next.position)
        else:
            yield self._value(what, depth, colon)

    def _value(self, what: str, depth: int, colon: bool) -> bytes | int:
        token = self._advance()
        if token.kind == "mark" and token.value in _OPEN:
            return self._message(what, _OPEN[token.value], depth + 1)
        if not colon:
            raise Malformed("the value of a field is missing", token.position)
        if token.kind == "text":
            parts = [_unescaped(token.value)]
            while self._next.kind == "text":
                parts.append(_unescaped(self._advance().value))
            return b"".join(parts)
        negative = token.value == b"-"
        if negative:
            token = self._advance()
        if token.kind != "word":
            raise Malformed("the value of a field is missing", token.position)
        return self._integer(token.value, negative)

    def _integer(self, word: bytes, negative: bool) -> int:
        """Return an integer or the number of an enum value; no schema needs other numbers."""
        value = self._enums.get(word, 0)
        if _NUMBER.fullmatch(word):
            value = int(word, 16 if word[1:2] in b"xX" and len(word) > 1 else 8 if word[:1] == b"0" else 10)
        return (-value if negative else value) & (1 << 64) - 1


def _unescaped(literal: bytes) -> bytes:
    body = literal[1:-1]
    return _ESCAPE.sub(_character, body) if b"\\" in body else body


def _character(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, short, long, letter = match.groups()
    if octal:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    if short or long:
        point = int(short or long, 16)
        return chr(point).encode("utf-8", "surrogatepass") if point <= 0x10FFFF else b"?"
    return _LETTERS.get(letter, letter)


def _written(number: int, what: str, value: bytes | int, type_url: bytes) -> bytes:
    """Return a field in the wire format; empty if the schema lacks it or has another type for it."""
    if type_url:
        return data(1, type_url) + data(2, value) if isinstance(value, bytes) else b""
    if not number or (what == INT) != isinstance(value, int):
        return b""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    return data(number, value)
