"""The extent of a text in base64 or hexadecimal digits, across lines, escapes, and the strings of a list."""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.scanner import Blob, Context
from modelsweep.core.units import KIB, MIB

MAX_RUN = 8 * MIB
"""Maximum characters of one run that are decoded."""
# JSON may escape a slash with a backslash; some writers escape the plus sign too
_LETTERS = rb"(?:[A-Za-z0-9+/_-]++|\\/|\\u002[BbFf])++"
# Line ends in a run may be escaped, as in strings of JSON and Python
RUN = re.compile(rb"(?:" + _LETTERS + rb"(?:\r?\n[ \t]{0,16}|(?:\\r)?\\n)?+)++={0,2}")
LINE = re.compile(rb"(" + _LETTERS + rb")={0,2}")
_LIST = re.compile(
    _LETTERS
    + rb"(?:={0,2}(?:\"\s{0,80},\s{0,80}\"|'\s{0,80},\s{0,80}'|[\"']?\r?\n[ \t]{0,40}- [\"']?)"
    + _LETTERS
    + rb")++={0,2}"
)
_LINE_ENDS = re.compile(rb"\\[rn]|[ \t\r\n]+")
_BETWEEN = re.compile(rb"\n[ \t]*- |[\s\"',]+")
_ESCAPE = re.compile(rb"\\(?:u002([BbFf])|/)")
_CHUNK = 64 * KIB
_MAX_ESCAPE = 8
"""Maximum characters of an escape or a line end, within which a chunk may end."""
_LETTER_COST = 8
"""Operations charged per letter of a run, which is matched, decoded and judged in several ways."""
_MIN_CHARGED = 400
"""Minimum letters charged per match, however few there are."""
_BEFORE = 128
_LIST_START = re.compile(rb"\[\s*[\"']\Z|:[ \t]*\r?\n[ \t]*- [\"']?\Z")
"""What precedes the first string of a list."""
_MAX_BEFORE = 256 * KIB
"""Maximum characters before a place in a run that are searched for its beginning."""
_REVERSED_LETTER = rb"(?:/\\|[BbFf]200u\\|[A-Za-z0-9+/_-])"
# The part of a text before a place in it, read backwards: in one line, across lines, in strings of a list
_BACKWARDS = tuple(
    re.compile(rb"(?:" + between + _REVERSED_LETTER + rb")*+")
    for between in (
        rb"",
        rb"(?:n\\(?:r\\)?(?!\\)|[ \t]{0,16}\n\r?)?+",
        rb"(?:[\"']\s{0,80},\s{0,80}[\"']|[\"']?+ -[ \t]{0,40}\n\r?[\"']?+)?+",
    )
)


def run_at(blob: Blob, start: int, context: Context, *, continues: bool) -> bytes:
    """Return the text from `start` on; the letters of a text that `continues` also belong to earlier lines."""
    pieces: list[bytes] = []
    end = start
    while end < blob.size and end - start < MAX_RUN:
        chunk = blob.reader.read(end, min(_CHUNK, blob.size - end))
        match = RUN.match(chunk)
        piece = match[0] if match else b""
        pieces.append(piece)
        end += len(piece)
        context.operations.spend(_LETTER_COST * (len(piece) + _MIN_CHARGED))
        if continues:
            context.undone.spend(len(piece))
        if not piece or len(piece) < len(chunk) - _MAX_ESCAPE or piece.endswith(b"="):
            break
    return b"".join(pieces)


def list_at(blob: Blob, start: int, context: Context) -> bytes:
    """Return the strings of a list whose first one begins at `start`, joined to one text; empty without a list."""
    if not _LIST_START.search(blob.reader.read(max(0, start - _BEFORE), min(_BEFORE, start))):
        return b""
    match = _LIST.match(blob.reader.read(start, min(MAX_RUN, blob.size - start)))
    context.operations.spend(_LETTER_COST * (len(match[0]) if match else _MIN_CHARGED))
    return _BETWEEN.sub(b"", match[0]) if match else b""


def letters_of(run: bytes) -> bytes:
    """Return the letters of a text, without escapes and line ends."""
    plain = _LINE_ENDS.sub(b"", run)
    return _ESCAPE.sub(lambda escape: b"+" if escape[1] in (b"B", b"b") else b"/", plain) if b"\\" in plain else plain


def padded(text: bytes) -> bytes:
    """Return base64 with the missing padding that a decoder may add, or cut to a valid length."""
    letters = text.rstrip(b"=")
    return letters[:-1] if len(letters) % 4 == 1 else letters + b"=" * (-len(letters) % 4)


def beginnings(blob: Blob, place: int, context: Context) -> Iterator[int]:
    """Yield possible starts of a text that contains `place`: in its line, or in earlier lines or strings of a list."""
    before = blob.reader.read(max(0, place - _MAX_BEFORE), min(_MAX_BEFORE, place))[::-1]
    seen = {place}
    for backwards in _BACKWARDS:
        match = backwards.match(before)
        start = place - (match.end() if match else 0)
        context.undone.spend(place - start)
        if start not in seen:
            seen.add(start)
            yield start
