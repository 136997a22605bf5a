"""Disguised payloads in bytes: reversed, XORed with one byte, in zlib, base85, Ascii85, base32 or rot13, in several
layers of ordinary encodings, uuencoded, quoted-printable, escaped, or as text with two bytes per letter.

This module proves nothing: what it yields begins, once decoded, like a pickle, an executable, a script or compressed
bytes; its structure must confirm that.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from modelsweep.core.reader import MemoryReader
from modelsweep.core.units import KIB, MIB
from scanners.parsing.bytes_as_text import AS_TEXT, of_text
from scanners.parsing.disguise_starts import (
    AS_LATIN1,
    BEGINNINGS,
    DANGEROUS_TEXTS,
    DEFLATED,
    DEFLATED_AS_LATIN1,
    IN_ESCAPES,
    IN_UNICODE_ESCAPES,
    LINE_IN_ESCAPES,
    LONG,
    QUOTED_PRINTABLE,
    RUN,
    STUB,
    TURNED_BEGINNINGS,
    TURNED_TEXTS,
    UU_HEAD,
    XORED,
    Starts,
    ascii85_beginnings,
    mask,
)
from scanners.parsing.encoded_runs import LINE, letters_of, padded

_MIN_TEXT_BEFORE = 4
"""Minimum printable characters before a pickle in the middle of a string."""
MAX_RUNS = 5_000
"""Maximum runs of printable characters that are examined."""
LONGEST = 1 * MIB
"""Maximum characters of a text that are decoded."""
_PROBE = 48
_HEAD_LETTERS = 200
"""Letters of a text, possibly with escapes, that are read to recognise its encoding."""
_LAST = 68
"""Letters of base64 for more than 48 bytes, a multiple of 4 even if the last ones are padding."""
_HEAD = 64
_MAX_WIDE_TEXTS = 50
"""Maximum texts with two bytes per letter that are examined, each to its end."""
_PACKED = 4 * KIB
"""Compressed bytes from which the beginning of the content is computed."""
_PRINTED = bytes(97 if 33 <= byte <= 126 and byte != ord('"') else 0 for byte in range(256))
_OPENING = re.compile(rb"[='(>`~]{1,2}")
_AFTER = b"'`,;)"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_REVERSED_RUN = re.compile(rb"['`,;)]{0,3}=*([A-Za-z0-9+/_-]{20,})")
_ENDING = re.compile(rb"[A-Za-z0-9+/_=-]{16}.{0,6}\Z", re.DOTALL)
_STRAY_LIMIT = 4
"""One more than the number of characters after a run that may belong to it by chance."""
_ASCII85 = re.compile(rb"(?:<~)?[!-uz~\r\n]{20,}")
_STUB_AT = 0x4E
"""Offset of the stub text in a PE file, after its DOS header."""
_INSIDE = re.compile(
    rb"\x80[\x02-\x05](?:\x95.{5}\x00{3}|c[A-Za-z_]\w*[.\n]|\x8c[\x01-\x40][A-Za-z_]|X.\x00{3}[A-Za-z_])", re.DOTALL
)


_STRINGS = ((1, b"\x8cUC"), (4, b"XTB"), (8, b"\x8d\x8e\x96"))
"""Opcodes of strings, by the size of their length field in bytes."""
_SHORTEST = 2
_BEFORE_STREAM = (b".", b"b")
"""What precedes a stream outside of a string: the end of another one, or joblib's state of an array."""
_RUN64 = re.compile(rb"([A-Za-z0-9+/_-]{24,})={0,2}")
_LETTERS64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
_HEX = frozenset(b"0123456789abcdefABCDEF")
_MORE_LAYERS = 2
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"0": b"\0"}
_WIDE_TEXT = re.compile(rb"(?:[\t\n -~]\0){24,}")


MAY_BEGIN_STREAM = "text that may be a stream"
"""`Disguise.how` of encoded text that begins like opcodes; it is not decoded, since it may continue elsewhere."""


class Disguise(NamedTuple):
    """A decoded payload, the name of its disguise (`how`), and the offset of its first byte."""

    offset: int
    how: str
    data: bytes


def disguises(data: bytes, starts: Starts) -> Iterator[Disguise]:
    """Yield possible disguised payloads; `starts` tells where in `data` one may begin."""
    if starts.has_run:
        yield from _in_text(data)
        for _, at in starts.of(*ascii85_beginnings()):
            yield from _undone(data, at, min(len(data), at + LONGEST))
    yield from _escaped(data, starts)
    if not data.isascii() or b"\0" in data:
        yield from _wide(data, starts)
        yield from _deflated(data, starts)
        yield from _reversed(data, starts)
        yield from _xored(data, starts)
    else:
        yield from _reversed_text(data, starts)


def inside_strings(data: bytes, starts: Starts) -> Iterator[int]:
    """Yield possible starts of pickles with a header in the middle of another pickle's string."""
    for at in starts.headers():
        before = data[max(0, at - _MIN_TEXT_BEFORE) : at]
        text = len(before) == _MIN_TEXT_BEFORE and all(0x20 <= byte < 0x7F for byte in before)
        if at and (text or not (before.endswith(_BEFORE_STREAM) or _begins(data, at))) and _INSIDE.match(data, at):
            yield at


def dangerous_beginnings(data: bytes, starts: Starts) -> Iterator[int]:
    """Yield where a line with GLOBAL and the name of a dangerous module begins, except at offset 0."""
    for text, at in starts.xored(*DANGEROUS_TEXTS):
        if at and data.startswith(text, at) and not _begins(data, at):
            yield at


def _begins(data: bytes, at: int) -> bool:
    """Return whether a pickle's string begins here, according to its length; the pickle scanner examines it."""
    return any(
        data[at - width - 1 : at - width] in opcodes
        and _SHORTEST <= int.from_bytes(data[at - width : at], "little") <= len(data) - at
        for width, opcodes in _STRINGS
        if at > width
    )


# Text


def _in_text(data: bytes) -> Iterator[Disguise]:
    from scanners.parsing.pickle_encodings import unusual_start

    kinds = data.translate(_PRINTED)
    start, runs = kinds.find(LONG), 0
    while start >= 0 and runs < MAX_RUNS:
        end = kinds.find(0, start)
        end = len(data) if end < 0 else end
        first = kinds.rfind(0, 0, start) + 1 if start and kinds[start - 1] else start
        for at in _places(data, first, end):
            if unusual_start(data[at : at + 2]):
                yield from _undone(data, at, end)
            yield from _layers(data, at, end)
        yield from _backwards(data[first:end], first)
        start, runs = kinds.find(LONG, end), runs + 1


def _places(data: bytes, start: int, end: int) -> list[int]:
    """Return where encoded text may begin in a run of characters, possibly after a length or an opening bracket."""
    openings = [match.end() for match in _OPENING.finditer(data, start, min(start + _HEAD, end))]
    return list(dict.fromkeys((start, start + 1, start + 2, *openings)))


def _undone(data: bytes, at: int, end: int) -> Iterator[Disguise]:
    from scanners.parsing.pickle_encodings import unusual

    if not _may_be_unusual(data[at : min(end, at + _HEAD_LETTERS)], data[at : at + _HEAD_LETTERS]):
        return
    run = data[at:end]
    quoted = _ASCII85.match(data, at)
    longer = quoted[0] if quoted else run  # with quotes among its letters, which JSON escapes
    for text in dict.fromkeys((run, longer, re.sub(rb"\\([\"\\/])", rb"\1", longer))):
        found = unusual(text)
        if found:
            yield Disguise(at, *found)
            return


def _may_be_unusual(run: bytes, quoted: bytes) -> bool:
    """Return whether the beginning of a text decodes to that of a payload; `quoted` is the same with escaped quotes."""
    from scanners.parsing.pickle_encodings import may_be_unusual

    match = _ASCII85.match(quoted)
    longer = match[0] if match else run
    return any(map(may_be_unusual, (run, longer, re.sub(rb"\\([\"\\/])", rb"\1", longer))))


def _layers(data: bytes, at: int, end: int) -> Iterator[Disguise]:
    """Yield what base64 or hexadecimal digits hide, if that is a payload, compressed bytes or more such text."""
    match = LINE.match(data, at, end)
    if match is None or len(match[1]) < RUN:
        return
    letters, padding = letters_of(match[1]), match[0][len(match[1]) :]
    found = _undone_head(letters)
    if found is None or not _leads_to_payload(found[1]):
        begins = at == 0 or data[at - 1] not in _LETTERS64 or abs(len(match[0]) - data[at - 1]) < RUN // 4
        if found and begins and _may_walk(found[1]):
            yield Disguise(at, MAY_BEGIN_STREAM, b"")
        return
    text = letters[: len(letters) & ~1] if found[0] == "hexadecimal" else padded(letters + padding)
    data = _undone64(found[0], text)
    if data:
        yield Disguise(at, found[0], data)


def _undone_head(text: bytes) -> tuple[str, bytes] | None:
    how = "hexadecimal" if _HEX.issuperset(text[:_PROBE]) else "base64"
    data = _undone64(how, text[: min(_PROBE, len(text) & ~3)])
    return (how, data) if data else None


def _undone64(how: str, text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode()) if how == "hexadecimal" else _decoded64(text)
    except ValueError:
        return b""


def _leads_to_payload(head: bytes) -> bool:
    for _ in range(_MORE_LAYERS):
        if _is_telling(head):
            return True
        match = _RUN64.match(head)
        below = _undone_head(match[1]) if match else None
        if below is None:
            return False
        head = below[1]
    return _is_telling(head)


def _may_walk(head: bytes) -> bool:
    """Return whether a beginning consists of pickle opcodes to its end, since any may precede the telling ones."""
    from scanners.parsing.pickle_kinds import FAULTY
    from scanners.parsing.pickle_machine import Interests, Machine
    from scanners.parsing.pickle_opcodes import CUT, UNENDED

    machine = Machine(MemoryReader(head), 0, Interests(), _PROBE)
    return machine.run() != FAULTY or machine.fault in (CUT, UNENDED) or machine.position >= len(head)


def _backwards(run: bytes, at: int) -> Iterator[Disguise]:
    """Yield what is base64 when read backwards."""
    if not _ENDING.search(run[-RUN:]):
        return
    turned = run[::-1]
    for cut in range(_STRAY_LIMIT):
        match = _REVERSED_RUN.match(turned, cut)
        if match is None:
            continue
        if _is_telling(_decoded64(padded(match[1][:_PROBE]))):
            yield Disguise(at + len(run) - match.end(), "reversed base64", _decoded64(padded(match[1])))
            return
        text = match[0].lstrip(_AFTER)[::-1]
        whole = padded(text[len(text) % 4 if text.endswith(b"=") else 0 :])
        data = _decoded64(whole) if _is_telling(_decoded64(whole[-_LAST:])[: -_PROBE - 1 : -1]) else b""
        if data:
            yield Disguise(at + len(run) - match.end(), "base64 of reversed bytes", data[::-1])
            return


def _decoded64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text.translate(_URL_SAFE))
    except ValueError:
        return b""


def _reversed_text(data: bytes, starts: Starts) -> Iterator[Disguise]:
    first: dict[bytes, int] = {}
    for text, at in starts.of(*TURNED_TEXTS):
        first.setdefault(text, at)
    for text, at in first.items():
        yield Disguise(at, "reversed text", data[: at + len(text)][::-1])


def _escaped(data: bytes, starts: Starts) -> Iterator[Disguise]:
    """Yield what is uuencoded, quoted-printable, or escaped as in Python, C or JSON."""
    match = re.search(UU_HEAD, data) if starts.holds(UU_HEAD) else None
    if match:
        begun = match.end() - 1
        for text in _ways_to_read(data[begun : begun + LONGEST]):
            yield Disguise(begun, "uuencoded text", b"".join(_uu_lines(text)))
    for pattern, how, undo in _ESCAPES:
        match = re.search(pattern, data) if starts.holds(pattern) else None
        if match:
            for text in _ways_to_read(data[match.start() : match.start() + LONGEST]):
                yield Disguise(match.start(), how, undo(text))


def _ways_to_read(text: bytes) -> tuple[bytes, ...]:
    """Return `text` unchanged, and without the backslashes of an enclosing JSON or Python string."""
    bare = re.sub(rb"\\([nrt\"\\/])", _of_escape, text)
    return (text, bare) if bare != text else (text,)


def _uu_lines(text: bytes) -> Iterator[bytes]:
    for line in text.splitlines():
        try:
            yield binascii.a2b_uu(line)
        except binascii.Error:
            return


def _quoted_printable(text: bytes) -> bytes:
    return binascii.a2b_qp(text)


def _hexadecimal_escapes(text: bytes) -> bytes:
    match = re.match(rb"(?:\\x[0-9a-fA-F]{2}|\\.|[^\\\"'\r\n])+", text)
    return re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", _of_escape, match[0], flags=re.DOTALL) if match else b""


def _escaped_lines(text: bytes) -> bytes:
    """Return the unescaped lines of a JSON string, in which single quotes are not escaped."""
    match = re.match(rb"(?:\\.|[^\\\"\r\n])+", text)
    return re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", _of_escape, match[0], flags=re.DOTALL) if match else b""


def _of_escape(match: re.Match[bytes]) -> bytes:
    letter = match[1]
    return bytes.fromhex(letter[1:].decode()) if len(letter) > 1 else _ESCAPED.get(letter, letter)


def _unicode_escapes(text: bytes) -> bytes:
    match = re.match(rb'(?:\\u00[0-9a-fA-F]{2}|\\[nrtbf"\\/]|[ !#-\[\]-~])+', text)
    return str(json.loads(b'"%b"' % match[0])).encode("latin-1") if match else b""


# Bytes


def _wide(data: bytes, starts: Starts) -> Iterator[Disguise]:
    """Yield what is written with two bytes per letter."""
    for at in islice(starts.wide_heads(), _MAX_WIDE_TEXTS):
        zeros = re.match(rb"(?:.\0)+", data[at : at + 2 * LONGEST], re.DOTALL)
        if zeros:
            yield Disguise(at, "UTF-16", zeros[0][::2])
    if not starts.has_wide:
        return
    for match in islice(_WIDE_TEXT.finditer(data), _MAX_WIDE_TEXTS):
        text = match[0][::2]
        for at in [text.find(beginning) for beginning in DANGEROUS_TEXTS]:
            if at >= 0:
                yield Disguise(match.start() + 2 * at, "UTF-16", text[at:])
        for run in islice(_RUN64.finditer(text), _MAX_WIDE_TEXTS):
            for found in _layers(text, run.start(), run.end()):
                yield Disguise(match.start() + 2 * run.start(), f"{found.how} in UTF-16", found.data)


def _deflated(data: bytes, starts: Starts) -> Iterator[Disguise]:
    for _, at in starts.of(*DEFLATED):
        head = _inflated(data[at : at + _PACKED], _HEAD) if at else b""
        if head and (_is_telling(head) or _leads_to_payload(head)):
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
    for turned, at in starts.of(*TURNED_BEGINNINGS):
        end = at + len(turned)
        if _is_payload(data[max(0, end - _PROBE) : end][::-1]):
            yield Disguise(end - 1, "reversed bytes", data[:end][::-1])


def _is_payload(head: bytes) -> bool:
    """Return whether bytes begin like an executable, a script or a pickle, with too much structure for chance."""
    return head.startswith((*BEGINNINGS, b"import os")) or _INSIDE.match(head) is not None


def _xored(data: bytes, starts: Starts) -> Iterator[Disguise]:
    for beginning, at in starts.xored(*XORED):
        key = data[at] ^ beginning[0]
        start = max(0, at - _STUB_AT) if beginning == STUB else at
        if key and _is_payload(data[start : start + _PROBE].translate(mask(key))):
            yield Disguise(start, f"bytes XORed with {key:#04x}", data[start:].translate(mask(key)))


_ESCAPES: tuple[tuple[bytes, str, Callable[[bytes], bytes]], ...] = (
    (QUOTED_PRINTABLE, "quoted-printable text", _quoted_printable),
    (IN_ESCAPES, "escapes", _hexadecimal_escapes),
    (IN_UNICODE_ESCAPES, "escapes", _unicode_escapes),
    (LINE_IN_ESCAPES, "escapes", _escaped_lines),
    *((pattern, AS_TEXT, of_text) for pattern in (AS_LATIN1, *DEFLATED_AS_LATIN1)),
)
