"""Bytes written as text with one character each, as in pickles of protocols 0 to 2 (`_codecs.encode(text, 'latin1')`).

Torch checkpoints have protocol 2. Byte 0x90 becomes `\\xc2\\x90`, and in protocol 0 a zero becomes `\\u0000`.
"""

from __future__ import annotations

import re

from modelsweep.core.reader import MemoryReader, Reader
from modelsweep.core.units import KIB
from scanners.parsing.native_code import NativeCode, native_code_file

AS_TEXT = "text of one letter for each byte"
STARTS = (
    rb"MZ\xc2\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xc3\xbf\xc3\xbf",
    rb"MZ\x90\\u0000\x03\\u0000\\u0000\\u0000\x04",
    rb"\xc3\x8f\xc3\xba\xc3\xad\xc3\xbe[\x07\x0c]\x00\x00\x01",
    rb"\xcf\xfa\xed\xfe[\x07\x0c]\\u0000\\u0000\x01",
)
"""Beginnings of Windows and macOS programs in such texts; Linux programs begin with ASCII, which is unchanged."""
_OLD_LETTERS = re.compile(rb"(?:\\u00[0-9a-fA-F]{2}|[^\n\\])+")
_ESCAPE = re.compile(rb"\\u00([0-9a-fA-F]{2})")
MAX_DECODED = 16 * KIB
"""Maximum bytes of a text that are decoded to find the headers of a program."""


def of_text(text: bytes) -> bytes:
    """Return the bytes that the characters of `text` stand for, up to the first character that is no byte."""
    try:
        letters = text.decode()
    except UnicodeDecodeError as end:
        letters = text[: end.start].decode()
    try:
        return letters.encode("latin-1")
    except UnicodeEncodeError as end:
        return letters[: end.start].encode("latin-1")


def native_code_as_text(reader: Reader, offset: int) -> NativeCode | None:
    """Return the program that is written as text at `offset`, or None."""
    text = reader.read(offset, min(MAX_DECODED, reader.size - offset))
    for data in (of_text(text), _of_protocol_0(text)):
        code = native_code_file(data, MemoryReader(data)) if data and not text.startswith(data) else None
        if code:
            return NativeCode(offset, code.title)
    return None


def _of_protocol_0(text: bytes) -> bytes:
    """Return the bytes of a text in the form of protocol 0, a line with escapes."""
    match = _OLD_LETTERS.match(text)
    return _ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode()), match[0]) if match else b""
