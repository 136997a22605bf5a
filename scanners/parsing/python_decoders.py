"""Standard library functions by which obfuscated Python code decodes its constants, with bounded results."""

from __future__ import annotations

import base64
import binascii
import bz2
import codecs
import lzma
import re
import struct
import zlib
from collections.abc import Callable, Sequence

from modelsweep.core.units import MIB

Text = str | bytes
Value = str | bytes | int
MAX_LENGTH = MIB
"""Maximum characters or bytes of a constant that is computed."""
_LZMA_MEMORY = 64 * MIB
_QUOTED = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'")
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_MAX_FORMAT = 1024
"""Maximum characters of a `struct.pack` format."""
_ERRORS = (ValueError, LookupError, TypeError, EOFError, OSError, SyntaxError, zlib.error, lzma.LZMAError)
_CODECS: dict[str, Callable[[Text], Text]] = {
    "rot13": lambda value: codecs.decode(text_of(value), "rot13"),
    "hex": binascii.unhexlify,
    "base64": base64.b64decode,
    "zlib": lambda value: _inflated(value, zlib.MAX_WBITS),
    "zip": lambda value: _inflated(value, zlib.MAX_WBITS),
    "bz2": lambda value: bz2.BZ2Decompressor().decompress(bytes_of(value), MAX_LENGTH),
    **{
        name: lambda value, name=name: bytes_of(value).decode(name, "replace")  # type: ignore[misc]
        for name in ("utf16", "utf16le", "utf16be", "utf32", "utf32le", "utf32be", "utf7")
    },
    "unicodeescape": lambda value: bytes_of(value).decode("unicode_escape"),
}
_DECODERS: dict[str, Callable[[Text], Text]] = {
    "base64.b64decode": base64.b64decode,
    "base64.standard_b64decode": base64.b64decode,
    "base64.decodebytes": base64.b64decode,
    "base64.urlsafe_b64decode": base64.urlsafe_b64decode,
    "base64.b32decode": base64.b32decode,
    "base64.b16decode": base64.b16decode,
    "base64.b85decode": base64.b85decode,
    "base64.a85decode": base64.a85decode,
    "binascii.unhexlify": binascii.unhexlify,
    "binascii.a2b_hex": binascii.unhexlify,
    "binascii.a2b_base64": binascii.a2b_base64,
    "builtins.bytes.fromhex": lambda value: bytes.fromhex(text_of(value)),
    "builtins.bytearray.fromhex": lambda value: bytes.fromhex(text_of(value)),
    "zlib.decompress": lambda value: _inflated(value, zlib.MAX_WBITS),
    "gzip.decompress": lambda value: _inflated(value, zlib.MAX_WBITS | 16),
    "bz2.decompress": _CODECS["bz2"],
    "urllib.parse.unquote": lambda value: _unquoted(text_of(value)),
    "urllib.parse.unquote_plus": lambda value: _unquoted(text_of(value)),
    "html.unescape": lambda value: _unescaped(text_of(value)),
    "json.loads": lambda value: _literal(text_of(value)),
    "ast.parse": lambda value: value,
    "ast.literal_eval": lambda value: _literal(text_of(value)),
    "lzma.decompress": lambda value: lzma.LZMADecompressor(memlimit=_LZMA_MEMORY).decompress(
        bytes_of(value), MAX_LENGTH
    ),
}
DECODERS = frozenset(_DECODERS) | {"codecs.decode", "codecs.encode"}
"""Dotted names of the decoders."""


def _unquoted(value: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value)


def _unescaped(value: str) -> str:
    from html import unescape

    return unescape(value)


def _literal(value: str) -> str:
    """Return the value of a string literal; raises ValueError for any other literal."""
    import ast

    match = _QUOTED.fullmatch(value.strip())
    if match is None:
        raise ValueError("no text in quotes")
    return str(ast.literal_eval(match[0]))


def decoded(name: str, values: Sequence[Value | None]) -> Text | None:
    """Return what the decoder `name` makes of a constant, or None if it fails."""
    if not values or not isinstance(values[0], (str, bytes)):
        return None
    try:
        if name in ("codecs.decode", "codecs.encode"):
            return recoded(values[0], values[1] if len(values) > 1 else "utf-8")
        return _DECODERS[name](values[0])[:MAX_LENGTH]
    except _ERRORS:
        return None


def packed(values: Sequence[Value | None]) -> bytes | None:
    """Return what `struct.pack` makes of constants, or None if it fails or the result is too long."""
    if not values or not isinstance(values[0], (str, bytes)) or len(values[0]) > _MAX_FORMAT:
        return None
    try:
        return struct.pack(values[0], *values[1:]) if struct.calcsize(values[0]) <= MAX_LENGTH else None
    except (struct.error, OverflowError, ValueError):
        return None


def recoded(value: Text, encoding: Value | None) -> Text | None:
    """Return the result of `value.decode(encoding)`; character encodings other than UTF-16, -32 and -7 are ignored."""
    name = str(encoding).lower().replace("-", "").replace("_", "").removesuffix("codec")
    try:
        return _CODECS[name](value)[:MAX_LENGTH] if name in _CODECS else value
    except _ERRORS:
        return None


def text_of(value: Text) -> str:
    """Return a constant as a string."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def bytes_of(value: Text) -> bytes:
    """Return a constant as bytes; characters above 255 raise ValueError."""
    return value if isinstance(value, bytes) else value.encode("latin-1")


def _inflated(value: Text, wbits: int) -> bytes:
    return zlib.decompressobj(wbits).decompress(bytes_of(value), MAX_LENGTH)
