"""JSON as loaders read it, including what they overlook: replaced values of repeated keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.finding import Json
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Blob, Malformed
from modelsweep.core.units import MIB

if TYPE_CHECKING:
    from json import JSONDecodeError, JSONDecoder

_SPACE = re.compile(r"[ \t\r\n]*")
_WORDS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_NUMBER = "0123456789.eE+-"
_PATH = 1_000
_ESCAPE = len("\\uXXXX")


class JsonFault(Exception):
    """Raised for text that is not JSON; the message tells where, `cut` whether the text ends too early."""

    def __init__(self, detail: str, *, cut: bool) -> None:
        super().__init__(detail)
        self.cut = cut


class Entry(NamedTuple):
    """A value, its `key` in an object, and the `path` of all keys that lead to it."""

    path: str
    key: str
    value: Json


_BEGINNING = 64
"""Bytes that are read to recognise JSON in a wide encoding."""
WIDE_STARTS = (
    *(nothing + first for first in (b"{", b"[", b" ", b"\t", b"\r", b"\n") for nothing in (b"\0", b"\0\0\0")),
    b"\0\0\xfe\xff",
)
"""Beginnings with a zero of JSON in UTF-16 or UTF-32."""


def begins_wide(head: bytes) -> bool:
    """Return whether bytes begin a JSON object in UTF-16 or UTF-32, which Python's reader accepts without a BOM."""
    import json

    head = head[:_BEGINNING]
    if b"\0" not in head[:4]:
        return False
    text = head.decode(json.detect_encoding(head), "replace").lstrip("\ufeff \t\r\n")
    return text.startswith(("{", "[")) and text.lstrip("{[ \t\r\n")[:1] in ('"', "}", "]") and "\0" not in text


def as_utf8(data: bytes) -> bytes:
    """Return JSON of any encoding that Python's reader accepts (UTF-8, 16, 32, with or without a BOM) as UTF-8."""
    import json

    encoding = json.detect_encoding(data)
    return data if encoding == "utf-8" else data.decode(encoding, "replace").encode("utf-8", "replace")


def text_of(data: bytes) -> str:
    """Return JSON of any encoding as text, with invalid bytes replaced."""
    return as_utf8(data).decode("utf-8", "replace")


def documents_of(blob: Blob, limit: int, fault: str = "no JSON") -> list[Json]:
    """Return the documents of a blob, like `documents`.

    Raises OverLimit for more than `limit` bytes, and Malformed, whose message begins with `fault`, for invalid JSON.
    """
    if blob.size > limit:
        raise OverLimit(f"more than {limit:,} bytes of JSON")
    try:
        return documents(text_of(blob.reader.read(0, blob.size)))
    except JsonFault as error:
        raise Malformed(f"{fault}: {error}") from None


_TOP_LIMIT = 16 * MIB
"""Maximum bytes of JSON that are parsed to find its top-level keys."""
_LETTER = re.compile(rb"\\u00(?:[46][1-9a-fA-F]|[57][0-9aAfF])")
"""Escapes of a letter or an underscore, which no JSON writer uses."""
_SPELLED = re.compile(rb"(?<!\\)((?:\\\\)*)\\(?:u00([46][1-9a-fA-F]|[57][0-9aAfF])|/)")
"""The same or an escaped slash, whose backslash is not itself escaped."""


def spelled_out(data: bytes) -> bytes:
    """Return equivalent JSON with letters and slashes unescaped, so that it can be searched for words."""
    if b"\\u00" not in data and b"\\/" not in data:
        return data
    return _SPELLED.sub(lambda match: match[1] + (bytes.fromhex(match[2].decode()) if match[2] else b"/"), data)


def has_keys(blob: Blob, *keys: str) -> bool:
    """Return whether a top-level object has all of `keys`, in any order and with any escapes.

    Most files do not contain one of them, and need not be parsed.
    """
    if not may_begin(blob):
        return False
    find = blob.reader.find
    plain = all(find(b'"%b"' % key.encode()) >= 0 for key in keys)
    if not plain and b"\0" not in blob.head[:4] and not _spells_letters(blob.reader):
        return False
    found = None if blob.size > _TOP_LIMIT else _top_keys(blob.reader)
    return plain if found is None else found.issuperset(keys)


def may_begin(blob: Blob) -> bool:
    """Return whether the head begins with an object or a list, or is only white space."""
    return _may_begin(blob.head)


@lru_cache(1)  # several scanners ask all of this of one blob, one after the other
def _may_begin(head: bytes) -> bool:
    return as_utf8(head).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"", b"{", b"[")


@lru_cache(1)
def _spells_letters(reader: Reader) -> bool:
    if reader.find(b"\\u00") < 0:
        return False
    step, overlap = MIB, _ESCAPE - 1
    starts = range(0, reader.size, step)
    return any(_LETTER.search(reader.read(at, min(step + overlap, reader.size - at))) for at in starts)


@lru_cache(1)
def _top_keys(reader: Reader) -> frozenset[str] | None:
    """Return the keys of top-level objects, also in a top-level list, or None if the text is damaged."""
    try:
        found = documents(text_of(reader.read(0, reader.size)), repeated=False)
    except (JsonFault, RecursionError):
        return None
    objects = [item for document in found for item in (document if isinstance(document, list) else [document])]
    return frozenset(key for item in objects if isinstance(item, dict) for key in item)


def with_repeated(text: str) -> tuple[Json, tuple[str, ...]]:
    """Return the only document of `text`, with the last value of each key, and the keys that an object repeats.

    Raises ValueError if the text is anything else, and RecursionError for very deep nesting.
    """
    import json

    repeated: dict[str, None] = {}

    def pairs(items: list[tuple[str, Json]]) -> dict[str, Json]:
        found = dict(items)
        if len(found) < len(items):
            repeated.update((key, None) for key, count in Counter(key for key, _ in items).items() if count > 1)
        return found

    return json.loads(text, object_pairs_hook=pairs), tuple(repeated)


class Outline(NamedTuple):
    """All `keys` of the objects in a text, and whether one of the objects may repeat a key."""

    keys: frozenset[str]
    may_repeat: bool


def outline(text: str) -> Outline:
    """Return the outline of `text` in half the time that parsing takes; raises the same errors as `documents`."""
    import json

    objects: list[dict[str, Json]] = []
    # Hooks replace each object, so that none holds another one, and each fraction, whose
    # value takes twice as long to find as anything else of it
    _decoded(text, json.JSONDecoder(object_hook=objects.append, parse_float=len))
    # A colon follows each key; colons in strings only increase the count
    return Outline(frozenset().union(*objects), sum(map(len, objects)) != text.count(":"))


def documents(text: str, *, repeated: bool = True) -> list[Json]:
    """Return the documents of `text`, possibly several as in JSON Lines, then objects with the replaced values.

    Replaced values are only collected if `repeated`. Raises JsonFault for anything that is not JSON, and
    RecursionError for very deep nesting.
    """
    import json

    if not repeated:
        return _decoded(text, json.JSONDecoder())
    replaced: list[Json] = []

    def pairs(items: list[tuple[str, Json]]) -> Json:
        made = dict(items)
        if len(made) < len(items):
            # The parser decides which value counts, so all are kept
            replaced.extend({key: value} for key, value in items if made[key] is not value)
        return made

    return _decoded(text, json.JSONDecoder(object_pairs_hook=pairs)) + replaced


def _decoded(text: str, decoder: JSONDecoder) -> list[Json]:
    import json

    found: list[Json] = []
    place, end = _after_space(text, 0), len(text)
    while place < end:
        try:
            document, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise JsonFault(f"{error.msg} in line {error.lineno}", cut=_is_cut(error, text)) from None
        except ValueError:
            raise JsonFault("a number has more digits than Python reads", cut=False) from None
        found.append(document)
        place = _after_space(text, place)
    return found


def _after_space(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _is_cut(error: JSONDecodeError, text: str) -> bool:
    """Return whether the error is that the text ends, inside or between tokens."""
    rest = text[error.pos : error.pos + 2 * _ESCAPE].strip()
    if error.msg.startswith("Unterminated") or ("escape" in error.msg and len(rest) < _ESCAPE):
        return True
    return not rest.strip(_NUMBER) or any(word.startswith(rest) for word in _WORDS)


def joined(path: str, key: str | int) -> str:
    """Return the path of the value at `key` or list index `key`, shortened to its end if it is very long.

    Each value has a path of its own, so below a key of a megabyte each would take a megabyte.
    """
    longer = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}" if path else key
    return longer if len(longer) <= _PATH else f"…{longer[1 - _PATH :]}"


def entries(document: Json) -> Iterator[Entry]:
    """Yield every value of every object in `document`, outer ones first."""
    for path, value in within(document):
        if isinstance(value, dict):
            yield from (Entry(joined(path, key), key, item) for key, item in value.items())


def within(document: Json) -> Iterator[tuple[str, dict[str, Json] | list[Json]]]:
    """Yield every object and list of `document` with its path, outer ones first.

    Paths are built on demand: those of a million lists below a long key would not fit in memory.
    """
    left: list[tuple[str, str | int, Json]] = [("", "", document)]
    while left:
        outer, key, value = left.pop()
        path = joined(outer, key) if outer or key != "" else ""
        if isinstance(value, dict):
            yield path, value
            left += [(path, name, item) for name, item in reversed(value.items()) if isinstance(item, dict | list)]
        elif isinstance(value, list):
            yield path, value
            last = len(value) - 1
            inner = ((path, last - at, item) for at, item in enumerate(reversed(value)))
            left += [one for one in inner if isinstance(one[2], dict | list)]
