"""Find where disguised payloads may begin, in one pass if hyperscan is used.

Both implementations give the same results. XOR with one byte does not change the XOR of neighbouring bytes, so the
standard library finds the beginning of a payload under all keys at once; hyperscan has a pattern for each key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from itertools import islice
from typing import Protocol

from scanners.matcher import Database, SoughtPattern, matcher_for

RUN = 24
"""Minimum printable characters in a row that are examined as encoded text."""
STARTS = 1_000
"""Maximum places of one kind that are decoded."""
BUSY = 1_000
"""Total matches at which hyperscan is stopped, since each costs a call; `re` searches such bytes instead."""
TEXTS = (b"cos\ns", b"cos\np", b"cposix\ns", b"cnt\ns", b"c__builtin__\n", b"cbuiltins\n", b"csubprocess\n")
"""Beginnings of pickle payloads of protocols 0 and 1."""
DANGEROUS_TEXTS = (b"cos\ns", b"cos\np", b"cposix\ns", b"cnt\ns", b"csubprocess\n")
"""Those that no harmless pickle contains."""
BEGINNINGS = (b"\x7fELF", b"MZ\x90\0\x03", *TEXTS, b"#!/bin/", b"#!/usr/bin/", b"\x1f\x8b\x08\0")
_PICKLED = (b"\x80\x04\x95", b"\x80\x05\x95", b"\x80\x02c", b"\x80\x03c")
ENCODED = (*_PICKLED, *TEXTS, b"\x7fELF", b"\x1f\x8b\x08\0")
"""Beginnings that are searched for in encoded form."""
DEFLATED = (b"\x78\x9c", b"\x78\xda", b"\x78\x01", b"\x78\x5e")
TURNED_TEXTS = tuple(text[::-1] for text in TEXTS)
TURNED_BEGINNINGS = tuple(beginning[::-1] for beginning in (*BEGINNINGS, *_PICKLED))
UU_HEAD = rb"begin [0-7]{3,4} [^\r\n\\]{1,64}(?:\r?\n|\\n)[!-`]"
"""The first line of uuencoded text, with the first character of the next one."""
QUOTED_PRINTABLE = rb"=80=0[2-5]"
IN_ESCAPES = rb"\\x80\\x0[2-5]"
IN_UNICODE_ESCAPES = rb"\\u0080\\u000[2-5]"
LINE_IN_ESCAPES = rb"c(?:os|posix)\\n[sp]"
AS_LATIN1 = rb"\xc2\x80[\x02-\x05](?:\xc2\x95|[cX]|\xc2\x8c)"
DEFLATED_AS_LATIN1 = (rb"x\xc2\x9c", rb"x\xc3\x9a")
WIDE_HEAD = rb"\x80\x00[\x02-\x05]\x00[\x95c\x8cX]\x00"
"""The header of a pickle with two bytes per character."""
WRITTEN = {
    UU_HEAD: b"begin ",
    QUOTED_PRINTABLE: b"=80=0",
    IN_ESCAPES: b"\\x80\\x0",
    IN_UNICODE_ESCAPES: b"\\u0080\\u000",
    LINE_IN_ESCAPES: b"\\n",
    AS_LATIN1: b"\xc2\x80",
    DEFLATED_AS_LATIN1[0]: b"x\xc2\x9c",
    DEFLATED_AS_LATIN1[1]: b"x\xc3\x9a",
}
"""Patterns for beginnings of payloads written as text, each with a literal in every match."""
STUB = b"This program cannot"
XORED = (b"\x7fELF", STUB, *TEXTS, b"#!/bin/", b"import os", *_PICKLED)
_PROTOCOLS, _OPENERS = b"\x02\x03\x04\x05", b"\x95c\x8cX"
_HEADER = re.compile(rb"\x80[%b][%b]" % (_PROTOCOLS, _OPENERS))
_HEADERS = tuple(b"\x80%c%c" % (protocol, opener) for protocol in _PROTOCOLS for opener in _OPENERS)
QUOTED = bytes(97 if 33 <= byte <= 126 else 0 for byte in range(256))
"""Translation table that maps printable characters except space to `a`."""
LONG = b"a" * RUN
_KEYS = 256
_LETTERS = b"\t\n" + bytes(range(0x20, 0x7F))
_WIDE_LETTER = rb"[\x09\x0a\x20-\x7e]\x00"
_IS_LETTER = bytes(byte in _LETTERS for byte in range(256))
_IS_ZERO = bytes(byte == 0 for byte in range(256))
_WIDE = b"\1" * RUN
_ONE_RUN = 1
"""Number of patterns before those of `WRITTEN`."""
_LAYOUT = 5
"""Increase this when `_wanted` changes for the same values, since databases are stored."""


class Starts(Protocol):
    """The matches in some bytes."""

    @property
    def has_run(self) -> bool:
        """Whether `RUN` printable characters occur in a row."""

    @property
    def has_wide(self) -> bool:
        """Whether `RUN` two-byte characters, whose second byte is zero, occur in a row."""

    def holds(self, written: bytes) -> bool:
        """Return whether a pattern of `WRITTEN` matches anywhere."""

    def wide_heads(self) -> Iterable[int]:
        """Return the first `STARTS` offsets at which WIDE_HEAD matches."""

    def of(self, *wanted: bytes) -> Iterable[tuple[bytes, int]]:
        """Yield (literal, offset) for the first `STARTS` occurrences of each of `wanted`, all from `literals()`."""

    def xored(self, *wanted: bytes) -> Iterable[tuple[bytes, int]]:
        """Yield (literal, offset) for `wanted` from XORED under any key including 0, the first `STARTS` of each."""

    def headers(self) -> Iterable[int]:
        """Return all possible offsets of a pickle's header, in order."""


def starts_in(data: bytes) -> Starts:
    """Return where in `data` disguised payloads may begin."""
    if not matcher_for.pays:
        return _Searched(data)
    found: list[tuple[int, int]] = []
    return _Scanned(data, found) if DISGUISES_SOUGHT.scan(data, _note, found) else _Searched(data)


@cache
def ascii85_beginnings() -> tuple[bytes, ...]:
    """Return the beginnings of payloads in Ascii85, whose alphabet contains quotes, so that runs have no clear end."""
    import base64

    heads = [beginning[:4] for beginning in ENCODED]
    low, high = ([base64.a85encode((head + end)[:4]) for head in heads] for end in (b"\0\0\0", b"\xff\xff\xff"))
    return tuple(dict.fromkeys(one if one == other else one[:3] for one, other in zip(low, high, strict=True)))


@cache
def literals() -> tuple[bytes, ...]:
    """Return the literals that are searched for unchanged."""
    return tuple(dict.fromkeys((*ascii85_beginnings(), *DEFLATED, *TURNED_TEXTS, *TURNED_BEGINNINGS, *_HEADERS)))


@cache
def mask(key: int) -> bytes:
    """Return a table for `bytes.translate` that XORs bytes with a key."""
    return bytes(byte ^ key for byte in range(256))


def _has_wide(data: bytes) -> bool:
    """Return whether `RUN` two-byte letters occur in a row; a regular expression would be ten times slower."""
    for first in (0, 1):
        low, high = data[first::2], data[first + 1 :: 2]
        if bytes(RUN) in high:
            letters = int.from_bytes(low[: len(high)].translate(_IS_LETTER))
            both = letters & int.from_bytes(high.translate(_IS_ZERO))
            if _WIDE in both.to_bytes(len(high)):
                return True
    return False


# By the standard library


class _Searched:
    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def has_run(self) -> bool:
        return LONG in self._data.translate(QUOTED)

    @cached_property
    def has_wide(self) -> bool:
        return _has_wide(self._data)

    def holds(self, written: bytes) -> bool:
        return self._data.rfind(WRITTEN[written]) >= 0 and re.search(written, self._data) is not None

    def wide_heads(self) -> Iterable[int]:
        return [match.start() for match in islice(re.finditer(WIDE_HEAD, self._data), STARTS)]

    def of(self, *wanted: bytes) -> Iterable[tuple[bytes, int]]:
        return ((literal, at) for literal in wanted for at in _places(self._data, literal))

    def xored(self, *wanted: bytes) -> Iterable[tuple[bytes, int]]:
        return ((beginning, at) for beginning in wanted for at in _places(self._delta, delta(beginning)))

    def headers(self) -> Iterable[int]:
        return [match.start() for match in _HEADER.finditer(self._data)]

    @cached_property
    def _delta(self) -> bytes:
        return delta(self._data)


def _places(data: bytes, literal: bytes) -> Iterator[int]:
    if data.rfind(literal) < 0:  # `rfind` is several times faster than `find` in CPython when there is no match
        return
    search = _search(literal)
    match = search(data)
    for _ in range(STARTS):
        if match is None:
            return
        yield match.start()
        match = search(data, match.start() + 1)


@cache
def _search(literal: bytes) -> Callable[..., re.Match[bytes] | None]:
    """Return a search function for `literal`, which takes a fifth of the time of `find` in CPython."""
    return re.compile(re.escape(literal)).search


def delta(data: bytes) -> bytes:
    """Return the XOR of each byte with the next one, one byte shorter."""
    number = int.from_bytes(data, "big")
    return (number ^ (number >> 8)).to_bytes(len(data), "big")[1:]


# By hyperscan


def _wanted() -> Iterator[SoughtPattern]:
    """Yield the patterns of the database, whose numbers `_Scanned` relies on."""
    yield SoughtPattern(rb"[!-~]{%d}" % RUN)
    yield from map(SoughtPattern, WRITTEN)
    # Not the run itself: the only literal byte in its pattern would be a zero, and numbers are full of these
    yield from (SoughtPattern(_escaped(b"\0%c\0" % letter) + 2 * _WIDE_LETTER) for letter in _LETTERS)
    yield SoughtPattern(WIDE_HEAD, once=False)
    for literal in literals():
        yield SoughtPattern(_escaped(literal), once=False)
    for beginning in XORED:
        for key in range(_KEYS):
            yield SoughtPattern(_escaped(beginning.translate(mask(key))), once=False)


def _escaped(literal: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in literal)


DISGUISES_SOUGHT = Database(
    1, (_LAYOUT, RUN, ENCODED, DEFLATED, TURNED_BEGINNINGS, XORED, _HEADERS, tuple(WRITTEN), WIDE_HEAD), _wanted
)


def _note(number: int, _start: int, end: int, _flags: int, found: list[tuple[int, int]]) -> bool:
    found.append((number, end))
    return len(found) > BUSY


_FIRST_LETTER = _ONE_RUN + len(WRITTEN)
_HEAD_NUMBER = _FIRST_LETTER + len(_LETTERS)
_FIRST_LITERAL = _HEAD_NUMBER + 1
_WIDE_BYTES = 6
"""Length of a match of WIDE_HEAD."""
_WRITTEN_IN_ORDER = tuple(WRITTEN)


class _Scanned:
    def __init__(self, data: bytes, found: list[tuple[int, int]]) -> None:
        self._data = data
        self.has_run = self._may_be_wide = False
        self._written: set[bytes] = set()
        self._heads: list[int] = []
        self._of: dict[bytes, list[int]] = {}
        self._xored: dict[bytes, list[int]] = {}
        first_xored = _FIRST_LITERAL + len(literals())
        for number, end in found:
            if number >= first_xored:
                beginning = XORED[(number - first_xored) // _KEYS]
                self._xored.setdefault(beginning, []).append(end - len(beginning))
            elif number >= _FIRST_LITERAL:
                literal = literals()[number - _FIRST_LITERAL]
                self._of.setdefault(literal, []).append(end - len(literal))
            elif number == _HEAD_NUMBER:
                self._heads.append(end - _WIDE_BYTES)
            elif number >= _FIRST_LETTER:
                self._may_be_wide = True
            elif number >= _ONE_RUN:
                self._written.add(_WRITTEN_IN_ORDER[number - _ONE_RUN])
            else:
                self.has_run = True

    @cached_property
    def has_wide(self) -> bool:
        return self._may_be_wide and _has_wide(self._data)

    def holds(self, written: bytes) -> bool:
        return written in self._written

    def wide_heads(self) -> Iterable[int]:
        return sorted(self._heads)[:STARTS]

    def of(self, *wanted: bytes) -> Iterable[tuple[bytes, int]]:
        return _listed(self._of, wanted)

    def xored(self, *wanted: bytes) -> Iterable[tuple[bytes, int]]:
        return _listed(self._xored, wanted)

    def headers(self) -> Iterable[int]:
        return sorted(at for header in _HEADERS for at in self._of.get(header, ()))


def _listed(found: dict[bytes, list[int]], wanted: tuple[bytes, ...]) -> Iterable[tuple[bytes, int]]:
    if found.keys().isdisjoint(wanted):  # mostly so
        return ()
    return [(text, at) for text in wanted if text in found for at in sorted(found[text])[:STARTS]]
