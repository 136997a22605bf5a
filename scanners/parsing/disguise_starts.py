"""Where payloads in disguise may begin in bytes: all that is looked for in one pass where hyperscan searches.

Both ways of looking say the same. XOR with one byte leaves the XOR of neighbours as it is: by that the standard library
finds the beginning of a payload under all keys at once; hyperscan is given it under each of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from typing import Protocol

from scanners.matcher import Database, Wanted, matcher_for

RUN = 24
"""Printable characters in a row from which a text encoding is looked for."""
STARTS = 1_000
"""Places of one kind that are undone."""
BUSY = 1_000
"""Places in all at which hyperscan is stopped, since each costs a call: such bytes are searched the other way."""
TEXTS = (b"cos\ns", b"cos\np", b"cposix\ns", b"cnt\ns", b"c__builtin__\n", b"cbuiltins\n", b"csubprocess\n")
"""Beginnings of payloads of protocols 0 and 1."""
DANGEROUS_TEXTS = (b"cos\ns", b"cos\np", b"cposix\ns", b"cnt\ns", b"csubprocess\n")
"""Those that no harmless stream holds."""
BEGINNINGS = (b"\x7fELF", b"MZ\x90\0\x03", *TEXTS, b"#!/bin/", b"#!/usr/bin/", b"\x1f\x8b\x08\0")
_PICKLED = (b"\x80\x04\x95", b"\x80\x05\x95", b"\x80\x02c", b"\x80\x03c")
ENCODED = (*_PICKLED, *TEXTS, b"\x7fELF", b"\x1f\x8b\x08\0")
"""What is worth a look where it is encoded."""
DEFLATED = (b"\x78\x9c", b"\x78\xda", b"\x78\x01", b"\x78\x5e")
TURNED_TEXTS = tuple(text[::-1] for text in TEXTS)
TURNED_BEGINNINGS = tuple(beginning[::-1] for beginning in (*BEGINNINGS, *_PICKLED))
UU_START = b"begin "
ESCAPED_STARTS = (b"=80=0", b"\\x80\\x0", b"\\u0080\\u000", b"os\\n", b"\xc2\x80")
"""How payloads begin, or nearly so, in quoted-printable text, under escapes, and as text of their bytes."""
STUB = b"This program cannot"
XORED = (b"\x7fELF", STUB, *TEXTS, b"#!/bin/", b"import os", *_PICKLED)
_PROTOCOLS, _OPENERS = b"\x02\x03\x04\x05", b"\x95c\x8cX"
_HEADER = re.compile(rb"\x80[%b][%b]" % (_PROTOCOLS, _OPENERS))
_HEADERS = tuple(b"\x80%c%c" % (protocol, opener) for protocol in _PROTOCOLS for opener in _OPENERS)
QUOTED = bytes(97 if 33 <= byte <= 126 else 0 for byte in range(256))
"""Turns printable characters, but for space, into `a`."""
LONG = b"a" * RUN
_ESCAPES = (UU_START, *ESCAPED_STARTS)
_KEYS = 256
_WIDE = re.compile(rb"(?:[\x09\x0a\x20-\x7e]\x00){%d}" % RUN)
_RUNS = 2
"""Patterns before the literals."""
_LAYOUT = 2
"""Raised when `_wanted` makes something else of the same values: databases are kept."""


class Starts(Protocol):
    """Where in some bytes there is what was looked for."""

    @property
    def has_run(self) -> bool:
        """Whether `RUN` printable characters stand in a row."""

    @property
    def has_wide(self) -> bool:
        """Whether `RUN` characters of two bytes, the second of which is zero, stand in a row."""

    def of(self, literal: bytes) -> Iterable[int]:
        """Return where one of `literals()` stands, the first `STARTS` places."""

    def xored(self, beginning: bytes) -> Iterable[int]:
        """Return where one of XORED stands under any key, 0 too, the first `STARTS` places."""

    def headers(self) -> Iterable[int]:
        """Return where a header of a pickle may stand, all places in order."""


def starts_in(data: bytes) -> Starts:
    """Return where in `data` payloads in disguise may begin."""
    if not matcher_for.pays:
        return _Searched(data)
    found: list[tuple[int, int]] = []
    return _Scanned(found) if DISGUISES_SOUGHT.scan(data, _note, found) else _Searched(data)


@cache
def ascii85_beginnings() -> tuple[bytes, ...]:
    """Return what payloads begin with in Ascii85, whose letters are quotes, too, so that no run of them can be told."""
    import base64

    heads = [beginning[:4] for beginning in ENCODED]
    low, high = ([base64.a85encode((head + end)[:4]) for head in heads] for end in (b"\0\0\0", b"\xff\xff\xff"))
    return tuple(dict.fromkeys(one if one == other else one[:3] for one, other in zip(low, high, strict=True)))


@cache
def literals() -> tuple[bytes, ...]:
    """Return what is looked for as it stands."""
    return tuple(
        dict.fromkeys((*ascii85_beginnings(), *DEFLATED, *TURNED_TEXTS, *TURNED_BEGINNINGS, *_HEADERS, *_ESCAPES))
    )


@cache
def mask(key: int) -> bytes:
    """Return what XORs bytes with a key, for `bytes.translate`."""
    return bytes(byte ^ key for byte in range(256))


# By the standard library


class _Searched:
    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def has_run(self) -> bool:
        return LONG in self._data.translate(QUOTED)

    @property
    def has_wide(self) -> bool:
        # A regular expression that begins with a class is ten times slower than looking for zeros
        zeros = bytes(RUN)
        may_be = zeros in self._data[::2] or zeros in self._data[1::2]
        return may_be and _WIDE.search(self._data) is not None

    def of(self, literal: bytes) -> Iterable[int]:
        return _places(self._data, literal)

    def xored(self, beginning: bytes) -> Iterable[int]:
        return _places(self._delta, delta(beginning))

    def headers(self) -> Iterable[int]:
        return [match.start() for match in _HEADER.finditer(self._data)]

    @cached_property
    def _delta(self) -> bytes:
        return delta(self._data)


def _places(data: bytes, literal: bytes) -> Iterator[int]:
    if data.rfind(literal) < 0:  # `rfind` is several times as quick in CPython where there is nothing to be found
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
    """Return what finds `literal`: in CPython a fifth of the time that `find` takes for a few bytes."""
    return re.compile(re.escape(literal)).search


def delta(data: bytes) -> bytes:
    """Return the XOR of each byte with the next one: one byte less."""
    number = int.from_bytes(data, "big")
    return (number ^ (number >> 8)).to_bytes(len(data), "big")[1:]


# By hyperscan


def _wanted() -> Iterator[Wanted]:
    """Yield what the database is made of: two runs, the literals, and what is XORED with each key in turn."""
    yield Wanted(rb"[!-~]{%d}" % RUN)
    yield Wanted(_WIDE.pattern)
    for literal in literals():
        yield Wanted(_escaped(literal), once=False)
    for beginning in XORED:
        for key in range(_KEYS):
            yield Wanted(_escaped(beginning.translate(mask(key))), once=False)


def _escaped(literal: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in literal)


DISGUISES_SOUGHT = Database(1, (_LAYOUT, RUN, ENCODED, DEFLATED, TURNED_BEGINNINGS, XORED, _HEADERS, _ESCAPES), _wanted)


def _note(number: int, _start: int, end: int, _flags: int, found: list[tuple[int, int]]) -> bool:
    found.append((number, end))
    return len(found) > BUSY


class _Scanned:
    def __init__(self, found: list[tuple[int, int]]) -> None:
        self.has_run = self.has_wide = False
        self._of: dict[bytes, list[int]] = {}
        self._xored: dict[bytes, list[int]] = {}
        first_xored = _RUNS + len(literals())
        for number, end in found:
            if number < _RUNS:
                self.has_run |= number == 0
                self.has_wide |= number == 1
            elif number < first_xored:
                literal = literals()[number - _RUNS]
                self._of.setdefault(literal, []).append(end - len(literal))
            else:
                beginning = XORED[(number - first_xored) // _KEYS]
                self._xored.setdefault(beginning, []).append(end - len(beginning))

    def of(self, literal: bytes) -> Iterable[int]:
        found = self._of.get(literal)  # hardly ever any
        return sorted(found)[:STARTS] if found else ()

    def xored(self, beginning: bytes) -> Iterable[int]:
        found = self._xored.get(beginning)
        return sorted(found)[:STARTS] if found else ()

    def headers(self) -> Iterable[int]:
        return sorted(at for header in _HEADERS for at in self._of.get(header, ()))
