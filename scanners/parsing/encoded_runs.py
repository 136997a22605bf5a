"""How far a text in base64 or hexadecimal digits goes: over lines, escapes, and the strings of a list."""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.scanner import Blob, Context
from modelsweep.core.units import KIB, MIB

LONGEST = 8 * MIB
"""Characters of one run that are decoded."""
# JSON may write a slash behind another one; some writers escape the plus sign, too
_LETTERS = rb"(?:[A-Za-z0-9+/_-]++|\\/|\\u002[BbFf])++"
# Lines of a run end as they are, or as strings of JSON and Python write it
RUN = re.compile(rb"(?:" + _LETTERS + rb"(?:\r?\n[ \t]{0,16}|(?:\\r)?\\n)?+)++={0,2}")
LINE = re.compile(rb"(" + _LETTERS + rb")={0,2}")
_LIST = re.compile(
    _LETTERS
    + rb"(?:={0,2}(?:\"\s{0,80},\s{0,80}\"|'\s{0,80},\s{0,80}'|[\"']?\r?\n[ \t]{0,40}- [\"']?)"
    + _LETTERS
    + rb")++={0,2}"
)
_OTHERS = re.compile(rb"\\[rn]|[ \t\r\n]+")
_BETWEEN = re.compile(rb"\n[ \t]*- |[\s\"',]+")
_ESCAPE = re.compile(rb"\\(?:u002([BbFf])|/)")
_CHUNK = 64 * KIB
_EDGE = 8
"""Characters that an escape or the end of a line has: a chunk may end within."""
_PRICE = 8
"""Operations that a letter of a run counts for: it is looked at, decoded and judged in several ways."""
_LOOKED = 400
"""Letters that each look counts for, however few there are."""
_BEFORE = 128
_FIRST = re.compile(rb"\[\s*[\"']\Z|:[ \t]*\r?\n[ \t]*- [\"']?\Z")
"""What stands before the first string of a list."""
_REACH = 256 * KIB
"""Characters before a place in a run among which its beginning is looked for."""
_TURNED = rb"(?:/\\|[BbFf]200u\\|[A-Za-z0-9+/_-])"
# What stands before a place of the same text, read backwards: in one line, over lines, in strings of a list
_BACKWARDS = tuple(
    re.compile(rb"(?:" + between + _TURNED + rb")*+")
    for between in (
        rb"",
        rb"(?:n\\(?:r\\)?(?!\\)|[ \t]{0,16}\n\r?)?+",
        rb"(?:[\"']\s{0,80},\s{0,80}[\"']|[\"']?+ -[ \t]{0,40}\n\r?[\"']?+)?+",
    )
)


def run_at(blob: Blob, start: int, context: Context, *, continues: bool) -> bytes:
    """Return the text from `start` on; the letters of one that `continues` are part of others, too."""
    pieces: list[bytes] = []
    end = start
    while end < blob.size and end - start < LONGEST:
        chunk = blob.reader.read(end, min(_CHUNK, blob.size - end))
        match = RUN.match(chunk)
        piece = match[0] if match else b""
        pieces.append(piece)
        end += len(piece)
        context.operations.spend(_PRICE * (len(piece) + _LOOKED))
        if continues:
            context.undone.spend(len(piece))
        if not piece or len(piece) < len(chunk) - _EDGE or piece.endswith(b"="):
            break
    return b"".join(pieces)


def list_at(blob: Blob, start: int, context: Context) -> bytes:
    """Return the strings of a list, the first of which begins at `start`, as one text; nothing where there is none."""
    if not _FIRST.search(blob.reader.read(max(0, start - _BEFORE), min(_BEFORE, start))):
        return b""
    match = _LIST.match(blob.reader.read(start, min(LONGEST, blob.size - start)))
    context.operations.spend(_PRICE * (len(match[0]) if match else _LOOKED))
    return _BETWEEN.sub(b"", match[0]) if match else b""


def bare(run: bytes) -> bytes:
    """Return the letters of a text without escapes and ends of lines."""
    plain = _OTHERS.sub(b"", run)
    return _ESCAPE.sub(lambda escape: b"+" if escape[1] in (b"B", b"b") else b"/", plain) if b"\\" in plain else plain


def beginnings(blob: Blob, place: int, context: Context) -> Iterator[int]:
    """Yield where a text that holds `place` may begin: in its line, in lines or strings of a list before it."""
    before = blob.reader.read(max(0, place - _REACH), min(_REACH, place))[::-1]
    seen = {place}
    for backwards in _BACKWARDS:
        match = backwards.match(before)
        start = place - (match.end() if match else 0)
        context.undone.spend(place - start)
        if start not in seen:
            seen.add(start)
            yield start
