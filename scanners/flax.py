"""Flax, spaCy and other MessagePack: maps of names to arrays, which are extension types with shape, dtype and bytes.

Formats: https://github.com/msgpack/msgpack/blob/master/spec.md and flax/serialization.py. Nothing in them runs when
Flax loads them; values are skipped in place, and the shapes of arrays are checked against their bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import MemoryReader, Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from scanners.metadata_text import LONGEST, suspicious_facts
from scanners.parsing.cursor import Cursor
from scanners.text import is_text

NAME = "flax"
_SUFFIXES = (".msgpack", ".flax")
_NAMES = ("key2row", "lookups.bin", "patterns")
"""Tables of spaCy, whose keys are numbers, and lists of its rules, by file name."""
MAX_DEPTH = 512
"""Maximum nesting of lists and maps that msgpack unpacks."""
_COST = 400
_MAX_KEY = 256
"""Maximum bytes of a key that are read."""
_MIN_CODE = len("eval(a)")
"""Minimum bytes of a text that could be code."""
_MAX_DTYPE = 64
_MAX_DIMENSIONS = 64
_MAX_ELEMENTS = 1 << 63
_SHOWN = 100
_MAX_PATH = 1_200
"""Maximum characters of a path that are kept: more than judges accept as a path."""
_PLACEHOLDER = "//GDAPlaceholder:"
"""Prefix of a text that refers to an array in a folder beside the checkpoint."""
NDARRAY, COMPLEX, SCALAR = 1, 2, 3
"""Codes of the extension types of Flax."""
_SPACY_MAP = re.compile(rb"(?:[\x81-\x8f]|\xde..|\xdf....)[\xa3-\xbf][a-z_]{3,31}[\x80-\xc6\xca-\xdf]", re.DOTALL)
"""A map whose first key is a lower-case word with a value that is not a number, as in pipelines and models of spaCy."""
_MAPS = frozenset({*range(0x80, 0x90), 0xDE, 0xDF})
_LISTS = frozenset({*range(0x90, 0xA0), 0xDC, 0xDD})
_KEYS = frozenset(bytes((first,)) for first in (*range(0xA0, 0xC0), 0xD9, 0xDA, 0xDB))
"""Possible first bytes of a text."""
# First byte -> bytes of the length that follows, or of the value itself
_LENGTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_EXTENSIONS = {0xC7: 1, 0xC8: 2, 0xC9: 4}
_FIXED_EXTENSIONS = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
_FIXED = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_ARRAYS = {0xDC: 2, 0xDD: 4}
_LARGE_MAPS = {0xDE: 2, 0xDF: 4}
_UNSIGNED = {1: "B", 2: "H", 4: "I", 8: "Q"}
# Bytes of one element, by the name of its type; what numpy knows besides is not checked
_SIZES = {
    **dict.fromkeys("bool int8 uint8 int4 uint4 int2 uint2".split(), 1),
    **dict.fromkeys("int16 uint16 float16 bfloat16".split(), 2),
    **dict.fromkeys("int32 uint32 float32".split(), 4),
    **dict.fromkeys("int64 uint64 float64 complex64".split(), 8),
    "complex128": 16,
}
_REFERENCE = "https://flax.readthedocs.io/en/latest/api_reference/flax.serialization.html"

SIZE_MISMATCH = Rule(
    id="flax/size-mismatch",
    title="Array whose size does not match its shape",
    severity=Severity.WARNING,
    message="the array {subject} has {length} bytes, but its shape and type require {expected}",
    why="Flax rejects the array. Readers in other languages that trust the shape read beyond the bytes that are there.",
    fix="Save the model again. Do not load this file with a reader that does not check it.",
    cwe=125,
    references=(_REFERENCE,),
)
TRAILING = Rule(
    id="flax/trailing-data",
    title="Data after the end of the model",
    severity=Severity.INFO,
    message="{length} bytes follow the end of the MessagePack value",
    why="Flax rejects the file. Programs that read only the first value do not see the rest.",
    fix="If nobody can say what the data is, save the model again.",
    references=(_REFERENCE,),
)


class Token(NamedTuple):
    """The head of one value: `inner` values follow it, or its content is `length` bytes from `start`."""

    kind: str
    inner: int = 0
    start: int = 0
    length: int = 0
    code: int = 0


def accepts(blob: Blob) -> bool:
    """Return whether the suffix or name fits, or the blob is a map that leads to a Flax array or looks like spaCy's."""
    first = blob.head[:1]
    if first and (blob.locator.suffix in _SUFFIXES or (blob.locator.name in _NAMES and first[0] in _MAPS | _LISTS)):
        return True
    return bool(first) and first[0] in _MAPS and (_SPACY_MAP.match(blob.head) is not None or _leads_to_array(blob.head))


def _leads_to_array(head: bytes) -> bool:
    """Return whether the first bytes are keys and small values, up to a Flax array."""
    cursor = Cursor(MemoryReader(head), order=">")
    try:
        # Pickles begin like an empty map, and most else with what is no key of Flax
        if not _token(cursor).inner or head[cursor.position : cursor.position + 1] not in _KEYS:
            return False
        while True:
            token = _token(cursor)
            if token.kind == "extension":
                return token.code in (NDARRAY, SCALAR) and head[token.start : token.start + 1] == b"\x93"
            if token.kind == "bytes":
                return False  # Flax stores numbers in arrays, so only names precede the first one
            cursor.skip(token.length)
    except (Truncated, Malformed):
        return False


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield facts about arrays, and arrays that do not fit their bytes; raises Malformed, OverLimit, Truncated."""
    walk = _Walk(blob, context)
    yield from walk.values()
    if walk.arrays:
        yield Fact("framework", NAME, blob.locator)
        yield Fact("tensors", ", ".join(sorted(walk.types)), blob.locator, detail={"count": walk.arrays})
    end = walk.cursor.position
    if end < blob.size:
        yield Finding(
            TRAILING, blob.locator, span=Span(end, blob.size - end), evidence={"length": f"{blob.size - end:,}"}
        )
    while walk.cursor.position < blob.size:  # values in a row are MessagePack as well, anything else is not
        yield from walk.values()


class _Walk:
    """A walk through one value and everything nested in it."""

    def __init__(self, blob: Blob, context: Context) -> None:
        self.blob, self.context = blob, context
        self.cursor = Cursor(blob.reader, order=">")
        self.types: set[str] = set()
        self.arrays = 0
        self._path: list[str] = []

    def values(self) -> Iterator[Item]:
        """Yield what is wrong with the arrays of one value; raises Malformed if it is neither a map nor a list."""
        position = self.cursor.position
        if self.blob.reader.read(position, 1)[0] not in _MAPS | _LISTS:
            raise Malformed("neither a map nor a list begins here", position)
        left = [1]
        maps = [False]
        name = ""
        while left:
            if not left[-1]:
                left.pop()
                maps.pop()
                continue
            left[-1] -= 1
            self.context.operations.spend(_COST)
            token = _token(self.cursor)
            if token.inner:
                left.append(token.inner)
                maps.append(token.kind == "map")
                if len(left) > MAX_DEPTH:
                    raise OverLimit(f"values are nested deeper than {MAX_DEPTH}")
            elif token.kind == "extension" and token.code in (NDARRAY, SCALAR):
                yield from self._array(token, name)
            elif token.kind in ("text", "bytes"):
                if token.kind == "text" and maps[-1] and left[-1] % 2:
                    name = self._text(token)
                yield from self._suspicious(token, name)
            self.cursor.skip(token.length)

    def _text(self, token: Token) -> str:
        data = self.blob.reader.read(token.start, min(token.length, _MAX_KEY, self.blob.size - token.start))
        return printable(data.decode("utf-8", "replace"), _SHOWN)

    def _suspicious(self, token: Token, name: str) -> Iterator[Item]:
        """Yield a text, or bytes that are one, if it is code or a path that has no place among weights."""
        if token.length >= _MIN_CODE and token.length <= min(LONGEST, self.blob.size - token.start):
            data = self.blob.reader.read(token.start, token.length)
            if is_text(data):
                text = data.decode("utf-8", "replace")
                if text.startswith(_PLACEHOLDER):
                    yield from self._external_array(text.removeprefix(_PLACEHOLDER), token, name)
                yield from suspicious_facts(text, self.blob.locator, name, self.context)

    def _external_array(self, path: str, token: Token, name: str) -> Iterator[Fact]:
        """Yield the file of an array that is stored beside the checkpoint, if its path leads out of it."""
        from scanners.judge.external_files import leaves

        if leaves(path):
            detail: dict[str, Json] = {"framework": "orbax", "used_by": name or "an array"}
            yield Fact("external-file", printable(path, _MAX_PATH), self.blob.locator, Span(token.start), detail)

    def _array(self, token: Token, name: str) -> Iterator[Item]:
        """Check an array: a list with its shape, the name of its dtype, and its bytes."""
        self.blob.window("array", token.start, token.length)
        cursor = Cursor(self.blob.reader, token.start, ">")
        stop = token.start + token.length
        shape, dtype, length = _shape_of(cursor), _dtype_of(cursor), _token(cursor)
        if length.kind not in ("bytes", "text") or length.start + length.length != stop:
            raise Malformed("an array is not a list of shape, type and bytes", token.start)
        self.arrays += 1
        self.types.add(dtype)
        size = _SIZES.get(dtype)
        expected = _product(shape) * size if size else length.length
        if expected != length.length:
            amount = f"{expected:,}" if 0 <= expected < _MAX_ELEMENTS else "an impossible number"
            evidence: dict[str, Json] = {"length": f"{length.length:,}", "expected": amount}
            subject = name or "without a name"
            yield Finding(SIZE_MISMATCH, self.blob.locator, subject, span=Span(token.start), evidence=evidence)


def _shape_of(cursor: Cursor) -> list[int]:
    outer, inner = _token(cursor), _token(cursor)
    if outer.kind != "list" or outer.inner != 3 or inner.kind not in ("list", "map") or inner.inner > _MAX_DIMENSIONS:
        raise Malformed("an array is not a list of shape, type and bytes", cursor.position)
    sizes = []
    for _ in range(inner.inner):
        size = _token(cursor)
        if size.kind != "number":
            raise Malformed("the shape of an array is not a list of numbers", cursor.position)
        sizes.append(size.code)
    return sizes


def _dtype_of(cursor: Cursor) -> str:
    token = _token(cursor)
    if token.kind not in ("text", "bytes") or token.length > _MAX_DTYPE:
        raise Malformed("the type of an array is not a name", cursor.position)
    return printable(cursor.take(token.length).decode("utf-8", "replace"))


def _product(sizes: list[int]) -> int:
    elements = 1
    for size in sizes:
        elements *= size
    return elements


def _token(cursor: Cursor) -> Token:
    """Return the head of the next value, and leave the cursor at its content; raises Malformed, Truncated."""
    first = cursor.number("B")
    if first < 0x80 or first >= 0xE0:
        return Token("number", code=first if first < 0x80 else first - 256)
    if first < 0x90:
        return Token("map", 2 * (first & 0xF))
    if first < 0xA0:
        return Token("list", first & 0xF)
    if first < 0xC0:
        return Token("text", start=cursor.position, length=first & 0x1F)
    return _long_token(cursor, first)


def _long_token(cursor: Cursor, first: int) -> Token:
    if first in _FIXED:
        width = _FIXED[first]
        if first <= 0xCB:
            return Token("float", length=width)
        return Token("number", code=cursor.number(_UNSIGNED[width] if first < 0xD0 else _UNSIGNED[width].lower()))
    if first in _LENGTHS:
        length = cursor.number(_UNSIGNED[_LENGTHS[first]])
        return Token("text" if first >= 0xD9 else "bytes", start=cursor.position, length=length)
    if first in _EXTENSIONS or first in _FIXED_EXTENSIONS:
        known = _FIXED_EXTENSIONS.get(first)
        length = cursor.number(_UNSIGNED[_EXTENSIONS[first]]) if known is None else known
        code = cursor.number("b")
        return Token("extension", start=cursor.position, length=length, code=code)
    if first in _ARRAYS:
        return Token("list", cursor.number(_UNSIGNED[_ARRAYS[first]]))
    if first in _LARGE_MAPS:
        return Token("map", 2 * cursor.number(_UNSIGNED[_LARGE_MAPS[first]]))
    if first == 0xC1:
        raise Malformed("no value begins with the byte c1", cursor.position - 1)
    return Token("plain")  # nil, false and true


SCANNER = Scanner(
    name=NAME,
    title="Flax and other MessagePack",
    version=7,
    accepts=accepts,
    scan=scan,
    rules=(SIZE_MISMATCH, TRAILING),
    suffixes=_SUFFIXES,
    signs=Signs(bytes(_MAPS), _SUFFIXES, _NAMES),
)
