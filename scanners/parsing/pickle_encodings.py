"""Encodings under which strings of a pickle hide another one: base64, hexadecimal, zlib and gzip, in layers."""

from __future__ import annotations

import base64
import binascii
import zlib

LAYERS = 4
"""Encodings inside encodings that are undone."""
PROBE = 48
"""Bytes of a string that tell whether anything may lie in it, a multiple of 3 and 4."""
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_\r\n")
_HEX = frozenset(b"0123456789abcdefABCDEF\r\n")
_DICTIONARY = 0x20
"""Flag of a zlib stream that needs a preset dictionary (RFC 1950)."""


def _compressed(head: bytes) -> bool:
    """Return whether the header is that of zlib (RFC 1950: any window, checked by 31) or gzip (RFC 1952)."""
    if len(head) < 2:
        return False
    method, flags = head[0], head[1]
    zlib_header = method & 0x8F == 8 and not flags & _DICTIONARY and (method << 8 | flags) % 31 == 0
    return zlib_header or (method, flags) == (0x1F, 0x8B)


def _pickled(head: bytes) -> bool:
    return len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5


def _pairs() -> bytes:
    """Return a table over the first two bytes of a string: 1 where it may hide a pickle."""
    zlib_headers = (bytes((method, flags)) for method in range(0x08, 0x80, 0x10) for flags in range(256))
    layer = {b"\x1f\x8b", *(b"\x80%c" % protocol for protocol in range(2, 6)), *filter(_compressed, zlib_headers)}
    found = set(layer)
    for _ in range(LAYERS):
        layer = {text for pair in layer for text in _encodings(pair)}
        found |= layer
    table = bytearray(1 << 16)
    for first, second in found:
        table[first << 8 | second] = 1
    return bytes(table)


def _encodings(pair: bytes) -> tuple[bytes, ...]:
    plain, digits = base64.b64encode(pair + b"\0")[:2], pair.hex()[:2].encode()
    return plain, plain.translate(bytes.maketrans(b"+/", b"-_")), digits, digits.upper()


PAIRS = _pairs()


def may_hide(head: bytes) -> bool:
    """Return whether a string that begins with `head` (up to `PROBE` bytes) may hold a pickle, encoded or as it is."""
    for _ in range(LAYERS + 1):
        if _pickled(head) or _compressed(head):
            return True
        decoded = _undo_text(head[: len(head) - len(head) % 4])
        if decoded is None:
            return False
        head = decoded
    return False


def undo(data: bytes, limit: int) -> bytes | None:
    """Undo one layer of encoding, None where there is none; what decompresses is cut to `limit` bytes."""
    if not _compressed(data):
        return _undo_text(data)
    try:
        return zlib.decompressobj(wbits=47).decompress(data, limit)
    except zlib.error:
        return None


def _undo_text(data: bytes) -> bytes | None:
    if _HEX.issuperset(data):
        try:
            return bytes.fromhex(data.decode("ascii"))
        except ValueError:
            return None
    if _BASE64.issuperset(data):
        try:
            return base64.b64decode(data.translate(bytes.maketrans(b"-_", b"+/")))
        except binascii.Error:
            return None
    return None
