"""Files attached to a report as further evidence: what other tools found by running a model, in a few lines.

They are recognised by content and read as hostile input. What they say changes neither a verdict nor an exit code, and
they stay where they are: a report has the name, SHA-256 and size of each, and its summary. A module for each tool reads
its files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelsweep.core.report import Attachment
from modelsweep.core.units import KIB, format_size
from modelsweep.evidence import art, garak, giskard, restler
from modelsweep.evidence.content import WHOLE, Content, opened
from modelsweep.evidence.summary import BYTES, CSV, HTML, JSON, JSONL, NAME, PLAIN, Found, parsed, shown

_SIGNATURES = {
    b"%PDF-": "application/pdf",
    b"PK\x03\x04": "application/zip",
    b"\x1f\x8b": "application/gzip",
    b"\x89PNG\r\n": "image/png",
    b"<?xml": "application/xml",
}


class NotAttachable(ValueError):
    """A file cannot be attached; the sentence names it and says why."""


def attached(path: str) -> Attachment:
    """Return what a report has of the file at `path`; raises NotAttachable."""
    try:
        with opened(path) as stream:
            content = Content(stream)
            found = _found(content, path)
            content.drain()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise NotAttachable(f"cannot attach {shown(path, NAME * 10)!r}: {why}") from error
    return Attachment(path, found.media_type, content.size, content.digest, found.tool, found.summary, found.note)


def _found(content: Content, name: str) -> Found:
    if not content.head:
        return Found(BYTES, note="the file is empty")
    first = next(content.lines(), None)
    record = parsed(first) if first is not None and first.lstrip().startswith(b"{") else None
    if isinstance(record, dict) and (found := garak.read(record, content)):
        return found
    text = _text(content.head)
    if text is None:
        return Found(next((kind for begin, kind in _SIGNATURES.items() if content.head.startswith(begin)), BYTES))
    if not content.is_whole:
        return Found(PLAIN, note=f"larger than {format_size(WHOLE)}: not summarised")
    if text.lstrip().startswith(("{", "[")):
        return _json(content.head, text, is_lines=record is not None)
    other = CSV if name.lower().endswith(".csv") else PLAIN
    return giskard.page(text) or _page(text) or restler.buckets(text) or art.table(text) or Found(other)


def _text(head: bytes) -> str | None:
    """Return text, None for what is no UTF-8; a character may be cut where the rest was not read."""
    if b"\0" in head or head.startswith(tuple(_SIGNATURES)):
        return None
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        is_cut = error.start >= WHOLE - 3
        return head[: error.start].decode("utf-8-sig") if is_cut else None


def _json(data: bytes, text: str, *, is_lines: bool) -> Found:
    value = parsed(data)
    if value is None:
        note = "" if is_lines else "not read: no valid JSON, or too deep, or of too many values"
        return Found(JSONL if is_lines else PLAIN, note=note)
    readers: tuple[Callable[[dict[str, Any]], Found | None], ...] = (restler.summary, giskard.issues, art.poisoning)
    for read in readers if isinstance(value, dict) else ():
        if found := read(value):
            return found
    return art.results(value, text) or Found(JSON)


def _page(text: str) -> Found | None:
    """Return that a text is HTML, of garak or of others; None if it is not."""
    start = text[: 4 * KIB].lstrip().lower()
    if not start.startswith(("<!doctype html", "<html")):
        return None
    return Found(HTML, "garak" if "<title>nvidia garak</title>" in start else "")
