"""Julia objects: documents of BSON.jl (models of Flux), and streams of the standard library's `serialize`.

Formats: https://github.com/JuliaIO/BSON.jl (https://bsonspec.org), stdlib/Serialization of
https://github.com/JuliaLang/julia. Both look up types and functions by name, and can contain functions as code, which
runs when the model is used. BSON is parsed; the other stream, which only Julia can parse, is searched for names.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json, Problem, ProblemKind, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.parsing.cursor import Cursor

NAME = "julia"
_STREAM = b"7JL"
"""The tag of a header and the magic letters after it."""
_DOUBLE, _TEXT, _DOCUMENT, _ARRAY, _BINARY = 1, 2, 3, 4, 5
# Bytes of a value by the type of its element; texts, documents and binary data say themselves how many they take
_WIDTHS = {_DOUBLE: 8, 6: 0, 7: 12, 8: 1, 9: 8, 10: 0, 16: 4, 17: 8, 18: 8, 19: 16, 127: 0, 255: 0}
_TEXTS = frozenset({_TEXT, 13, 14})
_FIRST = (1, 2, 3, 4, 5, 8, 10, 16, 18)
"""Element types with which a document may begin."""
_BEGINNING = re.compile(rb"....[\x01-\x12][A-Za-z0-9_. -]{1,1000}\0", re.DOTALL)
_DEPTH = 10_000
_COST = 200
_NAMES = ("name", "path")
_MAX_PARTS = 32
"""Maximum parts of a dotted name that are kept."""
_MAX_PART = 128
_CODE = frozenset({"jl_anonymous", "methodinstance", "Method", "CodeInfo"})
_SYMBOL = re.compile(rb"\x01([\x05-\x28])([A-Za-z_][A-Za-z0-9_!]{4,39})")
"""A symbol in a stream: tag, length and text. Shorter ones occur in numbers by chance."""
_MAX_SEARCHED = 512 * MIB
_SHOWN = 200


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with a BSON document of its own length, or with the header of a Julia stream."""
    head = blob.head
    if head.startswith(_STREAM):
        return len(head) >= 8 and head[3] < 64
    documents = len(head) > 4 and int.from_bytes(head[:4], "little") == blob.size and head[4] in _FIRST
    return documents and _BEGINNING.match(head) is not None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield names that are looked up, and embedded code; raises Malformed, Truncated and OverLimit."""
    if blob.head.startswith(_STREAM):
        yield from _stream(blob, context)
    else:
        yield from _Documents(blob, context).items()


def _stream(blob: Blob, context: Context) -> Iterator[Item]:
    reported: set[str] = set()
    for start in range(0, min(blob.size, _MAX_SEARCHED), MIB):
        context.operations.spend(MIB // 100)
        for length, name in _SYMBOL.findall(blob.reader.read(start, min(MIB + 64, blob.size - start))):
            text = name[: length[0]].decode("ascii")
            if length[0] <= len(name) and text not in reported and len(reported) < context.limits.facts:
                reported.add(text)
                yield _fact(blob, text, "symbol", start)
    detail = "only Julia can follow its own stream: names were looked for, its values were not examined"
    yield Problem(ProblemKind.UNSUPPORTED, blob.locator, NAME, detail)


def _fact(blob: Blob, name: str, how: str, offset: int) -> Fact:
    detail: dict[str, Json] = {"how": how}
    return Fact("julia-name", printable(name, _SHOWN), blob.locator, Span(offset), detail)


class _Frame:
    """A document or an array that is being read: its end, its key, and its texts."""

    __slots__ = ("end", "key", "names", "tag")

    def __init__(self, end: int, key: str) -> None:
        self.end, self.key, self.tag = end, key, ""
        self.names: list[str] = []


class _Documents:
    """A walk through nested documents in file order."""

    def __init__(self, blob: Blob, context: Context) -> None:
        self.blob, self.context = blob, context
        self.cursor = Cursor(blob.reader)
        self.frames: list[_Frame] = []
        self.reported: set[tuple[str, str]] = set()

    def items(self) -> Iterator[Item]:
        """Yield what the documents name."""
        self._enter("")
        while self.frames:
            self.context.operations.spend(_COST)
            frame, kind = self.frames[-1], self.cursor.number("B")
            if not kind:
                if self.cursor.position != frame.end:
                    raise Malformed("a document does not have its declared length", self.cursor.position)
                yield from self._leave(self.frames.pop())
                continue
            yield from self._element(frame, kind)
        if self.cursor.position != self.blob.size:
            raise Malformed("data follows the document", self.cursor.position)

    def _enter(self, key: str) -> None:
        start, length = self.cursor.position, self.cursor.number("i")
        outer = self.frames[-1].end if self.frames else self.blob.size
        if length < 5 or start + length > outer:
            raise Malformed(f"a document of {length:,} bytes", start)
        if len(self.frames) >= _DEPTH:
            raise OverLimit(f"documents are nested deeper than {_DEPTH:,}")
        self.frames.append(_Frame(start + length, key))

    def _element(self, frame: _Frame, kind: int) -> Iterator[Item]:
        key = self._key(frame.end)
        if kind in (_DOCUMENT, _ARRAY):
            self._enter(key)
        elif kind in _TEXTS:
            yield from self._text(frame, key)
        elif kind == _BINARY:
            length = self.cursor.number("i")
            if length < 0:
                raise Malformed(f"{length:,} bytes of binary data", self.cursor.position)
            self.cursor.skip(1 + length)
        elif kind == 11:  # a regular expression: two texts that end with a zero
            self._key(frame.end)
            self._key(frame.end)
        elif kind in _WIDTHS:
            self.cursor.skip(_WIDTHS[kind])
        else:
            raise Malformed(f"no element has the type {kind}", self.cursor.position)

    def _key(self, end: int) -> str:
        """Skip a zero-terminated string and return its beginning."""
        start, beginning = self.cursor.position, b""
        while start < end:
            piece = self.cursor.take(min(_MAX_PART, end - start))
            beginning = beginning or piece
            zero = piece.find(b"\0")
            if zero >= 0:
                self.cursor.position = start + zero + 1
                return beginning.partition(b"\0")[0].decode("utf-8", "replace")
            start = self.cursor.position
        raise Malformed("a name does not end", start)

    def _text(self, frame: _Frame, key: str) -> Iterator[Item]:
        length = self.cursor.number("i")
        if length < 1:
            raise Malformed(f"a text of {length:,} bytes", self.cursor.position)
        start = self.cursor.position
        text = self.cursor.take(min(length, _MAX_PART)).rstrip(b"\0").decode("utf-8", "replace")
        self.cursor.skip(start + length - self.cursor.position)
        if key == "tag":
            frame.tag = text
            if text in _CODE:
                yield from self._report(text, "code")
        elif (frame.key in _NAMES or key == "name") and len(frame.names) < _MAX_PARTS:
            frame.names.append(text)

    def _leave(self, frame: _Frame) -> Iterator[Item]:
        """Yield the name that a finished document or array denotes; tag and name may come in any order."""
        if frame.key in _NAMES and frame.names:
            yield from self._report(".".join(frame.names), "name")
        elif frame.tag == "symbol" and frame.names:
            yield from self._report(frame.names[-1], "symbol")

    def _report(self, name: str, how: str) -> Iterator[Item]:
        if (name, how) not in self.reported and len(self.reported) < self.context.limits.facts:
            self.reported.add((name, how))
            yield _fact(self.blob, name, how, self.cursor.position)


SCANNER = Scanner(
    name=NAME,
    title="Julia's objects (BSON.jl, Serialization)",
    version=3,
    accepts=accepts,
    scan=scan,
    suffixes=(".bson", ".jls"),
    signs=Signs(at=((4, tuple(bytes([first]) for first in _FIRST)), (0, (_STREAM,)))),
)
