"""Payloads that stand in bytes in disguise: reversed, XORed with one byte, in zlib, base85, Ascii85, base32 or rot13.

Nothing here proves anything: what is yielded begins, once undone, as a pickle, an executable, a script or compressed
bytes do; its structure has to say the rest.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from modelsweep.core.units import KIB, MIB
from scanners.parsing.disguise_starts import (
    BEGINNINGS,
    DEFLATED,
    LONG,
    RUN,
    STUB,
    TURNED_BEGINNINGS,
    TURNED_TEXTS,
    XORED,
    Starts,
    ascii85_beginnings,
    mask,
)

_TEXT_BEFORE = 4
"""Printable characters before a pickle in the middle of a string."""
RUNS = 5_000
"""Such runs that are looked at."""
LONGEST = 1 * MIB
"""Characters of a text that are undone."""
_PROBE = 48
_HEAD = 64
_PACKED = 4 * KIB
"""Compressed bytes that the first ones are worked out from."""
_PRINTED = bytes(97 if 33 <= byte <= 126 and byte != ord('"') else 0 for byte in range(256))
_OPENING = re.compile(rb"[='(>`~]{1,2}")
_AFTER = b"'`,;)"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_TURNED = re.compile(rb"['`,;)]{0,3}=*([A-Za-z0-9+/_-]{20,})")
_ENDING = re.compile(rb"[A-Za-z0-9+/_=-]{16}.{0,6}\Z", re.DOTALL)
_STRAY = 4
"""Characters behind a run that belong to it by chance, less one."""
_ASCII85 = re.compile(rb"(?:<~)?[!-uz~\r\n]{20,}")
_STUB_AT = 0x4E
"""Where this stands in a PE file, behind its DOS header."""
_INSIDE = re.compile(
    rb"\x80[\x02-\x05](?:\x95.{5}\x00{3}|c[A-Za-z_]\w*[.\n]|\x8c[\x01-\x40][A-Za-z_]|X.\x00{3}[A-Za-z_])", re.DOTALL
)


class Disguise(NamedTuple):
    """A payload as it is without its disguise, `how` that is called, and the offset of its first byte."""

    offset: int
    how: str
    data: bytes


def disguises(data: bytes, starts: Starts) -> Iterator[Disguise]:
    """Yield what may be a payload in disguise; `starts` is where in `data` one may begin."""
    if starts.has_run:
        yield from _in_text(data)
        for beginning in ascii85_beginnings():
            for at in starts.of(beginning):
                yield from _undone(data, at, min(len(data), at + LONGEST))
    if not data.isascii() or b"\0" in data:
        yield from _deflated(data, starts)
        yield from _reversed(data, starts)
        yield from _xored(data, starts)
    else:
        yield from _reversed_text(data, starts)


def inside_strings(data: bytes, starts: Starts) -> Iterator[int]:
    """Yield where pickles with a header may begin in the middle of a string of another pickle."""
    for at in starts.headers():
        before = data[max(0, at - _TEXT_BEFORE) : at]
        if len(before) == _TEXT_BEFORE and all(0x20 <= byte < 0x7F for byte in before) and _INSIDE.match(data, at):
            yield at


# Text


def _in_text(data: bytes) -> Iterator[Disguise]:
    from scanners.parsing.pickle_encodings import unusual_start

    kinds = data.translate(_PRINTED)
    start, runs = kinds.find(LONG), 0
    while start >= 0 and runs < RUNS:
        end = kinds.find(0, start)
        end = len(data) if end < 0 else end
        first = kinds.rfind(0, 0, start) + 1 if start and kinds[start - 1] else start
        for at in _places(data, first, end):
            if unusual_start(data[at : at + 2]):
                yield from _undone(data, at, end)
        yield from _backwards(data[first:end], first)
        start, runs = kinds.find(LONG, end), runs + 1


def _places(data: bytes, start: int, end: int) -> list[int]:
    """Return where in a run of characters an encoded text may begin: a length or an opening may stand before it."""
    openings = [match.end() for match in _OPENING.finditer(data, start, min(start + _HEAD, end))]
    return list(dict.fromkeys((start, start + 1, start + 2, *openings)))


def _undone(data: bytes, at: int, end: int) -> Iterator[Disguise]:
    from scanners.parsing.pickle_encodings import unusual

    run = data[at:end]
    quoted = _ASCII85.match(data, at)
    longer = quoted[0] if quoted else run  # with quotes among its letters, which JSON escapes
    for text in dict.fromkeys((run, longer, re.sub(rb"\\([\"\\/])", rb"\1", longer))):
        found = unusual(text)
        if found:
            yield Disguise(at, *found)
            return


def _backwards(run: bytes, at: int) -> Iterator[Disguise]:
    """Yield what is base64 when it is read from its end."""
    if not _ENDING.search(run[-RUN:]):
        return
    turned = run[::-1]
    for cut in range(_STRAY):
        match = _TURNED.match(turned, cut)
        if match is None:
            continue
        data = _decoded64(_whole(match[1][:_PROBE]))
        if data and _is_telling(data):
            yield Disguise(at + len(run) - match.end(), "reversed base64", _decoded64(_whole(match[1])))
            return
        text = match[0].lstrip(_AFTER)[::-1]
        data = _decoded64(_whole(text[len(text) % 4 if text.endswith(b"=") else 0 :]))
        if data and _is_telling(data[: -_PROBE - 1 : -1]):
            yield Disguise(at + len(run) - match.end(), "base64 of reversed bytes", data[::-1])
            return


def _decoded64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text.translate(_URL_SAFE))
    except ValueError:
        return b""


def _whole(text: bytes) -> bytes:
    """Return base64 cut where that makes it whole, with the padding that it lacks."""
    bare = text.rstrip(b"=")
    bare = bare[:-1] if len(bare) % 4 == 1 else bare
    return bare + b"=" * (-len(bare) % 4)


def _reversed_text(data: bytes, starts: Starts) -> Iterator[Disguise]:
    for text in TURNED_TEXTS:
        for at in islice(starts.of(text), 1):
            yield Disguise(at, "reversed text", data[: at + len(text)][::-1])


# Bytes


def _deflated(data: bytes, starts: Starts) -> Iterator[Disguise]:
    for header in DEFLATED:
        for at in starts.of(header):
            head = _inflated(data[at : at + _PACKED], _HEAD) if at else b""
            if head and _is_telling(head):
                yield Disguise(at, "zlib", data[at:])


def _inflated(data: bytes, limit: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, limit)
    except zlib.error:
        return b""


def _is_telling(head: bytes) -> bool:
    from scanners.parsing.pickle_encodings import is_telling

    return is_telling(head) or head.startswith(b"MZ")


def _reversed(data: bytes, starts: Starts) -> Iterator[Disguise]:
    for turned in TURNED_BEGINNINGS:
        for at in starts.of(turned):
            end = at + len(turned)
            if _is_payload(data[max(0, end - _PROBE) : end][::-1]):
                yield Disguise(end - 1, "reversed bytes", data[:end][::-1])


def _is_payload(head: bytes) -> bool:
    """Return whether bytes begin as an executable, a script or a pickle, so far as chance makes up none."""
    return head.startswith((*BEGINNINGS, b"import os")) or _INSIDE.match(head) is not None


def _xored(data: bytes, starts: Starts) -> Iterator[Disguise]:
    for beginning in XORED:
        for at in starts.xored(beginning):
            key = data[at] ^ beginning[0]
            start = max(0, at - _STUB_AT) if beginning == STUB else at
            if key and _is_payload(data[start : start + _PROBE].translate(mask(key))):
                yield Disguise(start, f"bytes XORed with {key:#04x}", data[start:].translate(mask(key)))
