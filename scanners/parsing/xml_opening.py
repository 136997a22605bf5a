"""The opening of an XML document: its document type or its root, after a prolog of any length.

White space, comments and instructions of any length may come first, and every parser skips them
(https://www.w3.org/TR/xml/#sec-prolog-dtd). So the first bytes of a file need not show what the document is.
"""

from __future__ import annotations

from functools import lru_cache

from modelsweep.core import patterns as re
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import HEAD, Blob
from modelsweep.core.units import KIB, MIB

_FIRST_BYTES = frozenset((*range(33), *b"<\xc2\xe1\xe2\xe3\xef\xff\xfe"))
"""First bytes of `<`, of white space and of byte order marks: nothing else needs to be decoded."""
_PEEKED = 64
"""Bytes that show whether markup begins, unless they are all white space."""
_FRONT = re.compile(r"\ufeff?+(?:\s++|<!--(?>[\s\S]*?-->)|<\?(?>[\s\S]*?\?>))*+")
_READ_SIZES = (HEAD, 64 * KIB, 4 * MIB)
"""Sizes in bytes that are read in turn, as long as there is only a prolog."""


def opening(blob: Blob) -> str:
    """Return the text from the document type or the root on, or "" if no markup begins."""
    return _opening(blob.reader, blob.head)


@lru_cache(1)  # several scanners in a row ask about the same blob
def _opening(reader: Reader, head: bytes) -> str:
    if not head or head[0] not in _FIRST_BYTES:
        return ""
    begun = _decoded(head[:_PEEKED])[: _PEEKED // 8].lstrip("\ufeff \t\r\n")  # characters that the cut has not changed
    if begun and begun[0] != "<":
        return ""  # of weights, above all
    for size in _READ_SIZES:
        data = head if size == HEAD else reader.read(0, min(size, reader.size))
        text = _decoded(data)
        front = _FRONT.match(text)
        opened = text[front.end() :] if front else text
        if opened[:1] not in ("", "<"):
            return ""
        if opened and not opened.startswith(("<!--", "<?")):
            return opened[:HEAD]
        if len(data) >= reader.size:
            break
    return ""


def _decoded(data: bytes) -> str:
    if b"\0" not in data[:4]:
        return data.decode("utf-8", "replace")
    from scanners.parsing.xml_events import encoding_of

    return data.decode(encoding_of(data) or "utf-16", "replace")
