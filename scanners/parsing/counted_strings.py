"""Length-prefixed strings, as pickles, msgpack, Protocol Buffers and GGUF write them.

The bytes before and after such a string do not belong to it, though they may look like text: a length of 51 is a `3`,
and the memo opcode after a string in a pickle is a `q`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_CONTROL = rb"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
_NO_TEXT = re.compile(rb"[%b\x80-\xff]" % _CONTROL)
_LINES = re.compile(rb"[^%b]*" % _CONTROL)
_ONE_WORD = re.compile(rb"[!-~]+")
_END_OF_LINE = re.compile(rb"\n(?=p[0-9]{1,9}\n|g[0-9]{1,9}\n|[VSIFLsuatel.(])")
_CONTINUES = re.compile(rb"[A-Za-z0-9_+/=.~-][^%b\x80-\xff]{4}" % _CONTROL)
"""What follows if a string is longer: opcodes, tags and lengths soon contain bytes that are not text."""
_MAX_BEFORE = 512
"""Maximum bytes between the start of a string and the place of interest in it."""
_MIN_SECRET = 16
"""Minimum bytes of a string that may be a secret."""
_LENGTH_DELIMITED = 2
"""Wire type in the lowest bits of a protobuf tag: a string, bytes or a message follow."""
_MEMO = rb"(?:\x94|q[^\xff]|r[^\xff]{4})?"
_LENGTHS = (
    rb"\x8c(?P<text>[^\xff])",
    rb"U(?P<bytes>[^\xff])",
    rb"[XT](?P<long>[^\xff]{4})",
    rb"\x12(?P<field>[^\xff])",
    rb"\xd9(?P<pack>[^\xff])",
    rb"(?P<fixed>[\xb0-\xbf])",
    rb"\x08\0\0\0(?P<value>[^\xff]{8})",
)
FRAME = rb"(?:%b(?:%b))" % (_MEMO, b"|".join(_LENGTHS))
"""What may lie between a name and its value as length-prefixed strings: at most 13 bytes, none of them 0xFF."""
PLAIN_FRAME = re.sub(rb"\?P<[a-z]+>", b"?:", FRAME)
"""The same for a pattern that contains it several times."""


def next_string(match: re.Match[bytes], data: bytes) -> tuple[int, int] | None:
    """Return start and end of the string after a match of `FRAME`, or None if its length does not fit the data."""
    raw, start = match[match.lastgroup or 0], match.end()
    length = raw[0] & 0x1F if match.lastgroup == "fixed" else int.from_bytes(raw, "little")
    whole = start + length <= len(data) and _LINES.match(data, start, start + length)
    return (start, start + length) if whole and whole.end() == start + length else None


def set_apart(data: bytes, at: int) -> Iterator[bytes]:
    """Yield `data` with zeros around the string that contains `at`, for each possible length in front of it.

    Finally yield `data` unchanged, unless there is no doubt about the string.
    """
    for start, stop, sure in bounds(data, at):
        if start > at or stop > len(data) or stop - start < _MIN_SECRET or at >= stop or _CONTINUES.match(data, stop):
            continue
        if _LINES.fullmatch(data, start, stop):
            yield _alone(data, start, stop)
            if sure:
                return
    yield data


def beginning_at(data: bytes, at: int) -> bytes | None:
    """Return `data` with zeros around the word that is a protobuf string beginning at `at`, or None.

    Its tag, its length and the next tag may all look like text.
    """
    length, tag = (data[at - 1], data[at - 2]) if at > 1 else (0, 0)
    stop = at + length
    if (
        not _MIN_SECRET <= length < 0x80
        or tag & 7 != _LENGTH_DELIMITED
        or stop >= len(data)
        or _CONTINUES.match(data, stop)
    ):
        return None
    return _alone(data, at, stop) if _ONE_WORD.fullmatch(data, at, stop) else None


def _alone(data: bytes, start: int, stop: int) -> bytes:
    return b"%b\0%b\0%b" % (data[: start - 1], data[start:stop], data[stop + 1 :])


def bounds(data: bytes, at: int) -> Iterator[tuple[int, int, bool]]:
    """Yield possible start and end of the string that contains `at`, and whether there is no other possibility."""
    first = max(0, at - _MAX_BEFORE)
    line = data.rfind(b"\n", first, at) + 1
    if data.startswith(b"V", line) and (match := _END_OF_LINE.search(data, at)):  # in a pickle of protocol 0
        yield line + 1, match.start(), True
    before = [match.start() for match in _NO_TEXT.finditer(data, first, at)]
    if before:
        last = before[-1]
        sure = data[last] == 0 and last >= 4 and data[last - 4] in b"XTB"
        yield from ((start, start + length, sure) for start, length in _counted(data, last))


def _counted(data: bytes, last: int) -> Iterator[tuple[int, int]]:
    """Yield possible ranges of a string whose length ends at or after `last`, the last byte that is not text."""
    kind, short, other = data[last], data[last + 1 : last + 2], data[last + 2 : last + 3]
    if not kind:
        yield last + 1, int.from_bytes(data[max(0, last - 3) : last + 1], "little")
        yield last + 1, int.from_bytes(data[max(0, last - 7) : last + 1], "little")
    if short:
        yield last + 2, short[0]
    if short in (b"U", b"C") and other:
        yield last + 3, other[0]
    if 0 < kind < 0x80 or data[last - 1 : last] in (b"\x8c", b"\xd9", b"U", b"C"):
        yield last + 1, kind
    if last and 0 < kind < 0x80 <= data[last - 1]:  # a number of two bytes as Protocol Buffers write it
        yield last + 1, kind << 7 | data[last - 1] & 0x7F
