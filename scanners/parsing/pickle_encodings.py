"""Encodings that hide a pickle in a string of another pickle: base64, hexadecimal, compression, in layers."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from modelsweep.core import patterns as re
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import MemoryReader, Truncated
from modelsweep.core.scanner import Malformed
from modelsweep.core.units import MIB

if TYPE_CHECKING:
    from bz2 import BZ2Decompressor
    from lzma import LZMADecompressor

LAYERS = 4
"""Maximum nested encodings that are decoded."""
OLD_LAYERS = 1
"""Maximum encodings around a stream without a header: each one makes matches by chance more likely."""
PROBE = 48
"""Bytes at the start of a string that decide whether it may hide something; a multiple of 3 and 4."""
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_\r\n")
_HEX = frozenset(b"0123456789abcdefABCDEF\r\n")
_BASE64_LETTERS, _HEX_LETTERS = bytes(sorted(_BASE64)), bytes(sorted(_HEX))
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
LZMA_MEMORY = 64 * MIB
"""Maximum memory of an LZMA decoder; its dictionary is as large as the stream says."""
_DICTIONARY = 0x20
"""Flag of a zlib stream that needs a preset dictionary (RFC 1950)."""


def _bzip2() -> BZ2Decompressor:
    import bz2

    return bz2.BZ2Decompressor()


def _lzma() -> LZMADecompressor:
    import lzma

    return lzma.LZMADecompressor(memlimit=LZMA_MEMORY)


_CODECS: dict[bytes, Callable[[], BZ2Decompressor | LZMADecompressor]] = {
    b"BZh": _bzip2,
    b"\xfd7zXZ\0": _lzma,
    b"]\0\0": _lzma,
}
_ZSTD, _LZ4 = b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"
_MAGICS = (*_CODECS, _ZSTD, _LZ4)
# Beginnings of streams of protocols 0 and 1, which have no header, with a name or a container of names.
_OLD = re.compile(
    rb"c[A-Za-z_][\w.]*\n[A-Za-z_]|\(+(?:[ci][A-Za-z_][\w.]*\n|S['\x22]|V.*\n|[dlt]p[0-9]+\n|[UX].\0)|[\]}]q\0"
    rb"|(?:\x8c.|X.\0\0\0)(?:os|nt|pty|sys|posix|runpy|builtins|importlib|subprocess)[\x8c\x94Xhq]"
)
_OLD_PAIRS = (
    *(b"c%c" % letter for letter in b"_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    *(b"(%c" % opcode for opcode in b"(cidlSVUX"),
    b"]q",
    b"}q",
    *(b"%c%c" % (opcode, length) for opcode in b"\x8cX" for length in (2, 3, 5, 8, 9, 10)),
)
"""First two bytes of such streams; the last pairs begin the name of a module that runs code, for STACK_GLOBAL."""
_OLD_STARTS = b"c(]}\x8cX"
_SAMPLE = 40
"""Bytes of a text by which its encoding is recognised; a multiple of 4, 5 and 8."""
_ROT13 = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", b"NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm"
)
_LATIN1 = (
    b"\xc2\x80",
    b"\xc2\x8c",
    b"\x1f\xc2\x8b",
    b"x\xc2\x9c",
    b"x\xc3\x9a",
    b"\xc3\xbd7zXZ",
    b"(\xc2\xb5/\xc3\xbd",
)
"""Beginnings of pickles and compressed bytes that are written as text, as protocols 0 to 2 do."""


UNUSUAL = ("base32", "base85", "ascii85", "rot13 of base64")
"""Encodings that are decoded only as the outermost layer, and only if the result begins with a known header."""
_LETTERS32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LETTERS85 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_BASE32 = frozenset(_LETTERS32 + b"=\r\n")
_BASE85 = frozenset(_LETTERS85 + b"\r\n")
_ASCII85 = frozenset(range(33, 118)) | frozenset(b"z\r\n~")
_HEADS = frozenset((b"impo", b"from", b"exec", b"#!/b", b"#!/u", b"\x7fELF"))
"""First bytes of other payloads than pickles."""
_MACH_HEADS = frozenset(
    (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"\xfe\xed\xfa\xce", b"\xca\xfe\xba\xbe")
)
"""First bytes of Mach-O executables."""
_FIRST = frozenset(
    bytes((first,))
    for first in (0x80, *_OLD_STARTS, *(head[0] for head in (*_HEADS, *_MACH_HEADS)), 0x1F, *range(8, 0x80, 0x10))
) | frozenset(magic[:1] for magic in _CODECS)
"""First byte of any of these."""
_LINE_ENDS = b"\r\n"
_STRAY = (0, 1, 2, 3, 4, 5, 6, 8, 10)
"""Numbers of characters to cut from the end of a text, in case they do not belong to it and break base85."""


def _first_letters(pair: bytes) -> set[bytes]:
    """Return the first two letters of texts in one of UNUSUAL whose decoded bytes begin with `pair`."""
    found = {base64.b64encode(pair + b"\0")[:2].translate(_ROT13)}
    for rest in (b"\0\0", b"\xff\xff"):
        number = int.from_bytes(pair + rest, "big")
        first, second = number // 85**4, number // 85**3 % 85
        found.add(bytes((_LETTERS85[first], _LETTERS85[second])))
        found.add(bytes((33 + first, 33 + second)))
        found.add(bytes((_LETTERS32[number >> 27], _LETTERS32[number >> 22 & 31])))
    return found


def unusual(data: bytes) -> tuple[str, bytes] | None:
    """Return which encoding of UNUSUAL a text is in, and the decoded bytes, or None.

    Since any text may decode by chance, the result must begin as a pickle, compressed bytes or another payload.
    """
    for kind in _kinds_of(data[:_SAMPLE]):
        found = _decoded(kind, data)
        if found:
            return kind, found
    return None


def may_be_unusual(head: bytes) -> bool:
    """Return whether a text with this beginning may be in one of UNUSUAL; `unusual` checks the whole text."""
    return next(_kinds_of(head[:_SAMPLE]), None) is not None


def _kinds_of(sample: bytes) -> Iterator[str]:
    """Yield the encodings of UNUSUAL that a text with this beginning may be in."""
    for kind, letters in zip(UNUSUAL, (_BASE32, _BASE85, _ASCII85, _BASE64), strict=True):
        if letters.issuperset(sample) and is_telling(_decoded(kind, sample)):
            yield kind


def is_telling(head: bytes) -> bool:
    """Return whether bytes begin as a pickle of any protocol, compressed bytes or another payload."""
    if head[:1] not in _FIRST:
        return False
    return _pickled(head) or head[:4] in _HEADS or head[:4] in _MACH_HEADS or (len(head) > 2 and _compressed(head))


def _within(text: bytes, letters: frozenset[int]) -> int:
    """Return the length of the prefix of a text that consists of letters of an encoding."""
    return next((place for place, letter in enumerate(text) if letter not in letters), len(text))


def _decoded(kind: str, data: bytes) -> bytes:
    """Return the decoded prefix of a text in one of UNUSUAL, or no bytes if it is not in that encoding."""
    text = data.translate(None, _LINE_ENDS)
    for stray in _STRAY if kind.endswith("85") else (0,):
        found = _decoded_text(kind, text[: len(text) - stray])
        if found:
            return found
    return b""


def _decoded_text(kind: str, text: bytes) -> bytes:
    try:
        match kind:
            case "base32":
                bare = text[: _within(text, _BASE32)].rstrip(b"=")
                bare = bare[: len(bare) - (len(bare) % 8 in (1, 3, 6))]
                return base64.b32decode(bare + b"=" * (-len(bare) % 8))
            case "base85":
                return base64.b85decode(text[: _within(text, _BASE85)])
            case "ascii85":
                bare = text.removeprefix(b"<~").partition(b"~")[0]
                return base64.a85decode(bare[: _within(bare, _ASCII85)])
        turned = text[: _within(text, _BASE64)]
        return base64.b64decode(turned[: len(turned) & ~3].translate(_ROT13))
    except (ValueError, binascii.Error, struct.error):
        return b""


@cache
def _unusual_starts() -> frozenset[bytes]:
    headers = {b"\x80%c" % protocol for protocol in range(2, 6)} | {b"\x1f\x8b", b"x\x9c", b"x\xda", b"x\x01"}
    pairs = {*headers, *_OLD_PAIRS, *(head[:2] for head in _HEADS), *(magic[:2] for magic in _MAGICS)}
    return frozenset(letters for pair in pairs for letters in _first_letters(pair)) | {b"<~"}


def unusual_start(pair: bytes) -> bool:
    """Return whether a text with these first two characters may hide something in one of UNUSUAL."""
    return pair in _unusual_starts()


def _compressed(head: bytes) -> bool:
    """Return whether bytes begin with a header of zlib (RFC 1950: any window, a multiple of 31) or another codec."""
    if len(head) < 2:
        return False
    method, flags = head[0], head[1]
    zlib_header = method & 0x8F == 8 and not flags & _DICTIONARY and (method << 8 | flags) % 31 == 0
    return zlib_header or (method, flags) == (0x1F, 0x8B) or head.startswith(_MAGICS)


def _pickled(head: bytes) -> bool:
    if len(head) < 2:
        return False
    if head[0] == 0x80:
        return 2 <= head[1] <= 5
    return head[0] in _OLD_STARTS and _OLD.match(head) is not None


def _pairs() -> bytes:
    """Return a table by the first two bytes of a string: 1 if it may hide a pickle."""
    methods = range(0x08, 0x80, 0x10)
    zlib_headers = (bytes((method, flags)) for method in methods for flags in range(-(method << 8) % 31, 256, 31))
    layer = {b"\x1f\x8b", *(b"\x80%c" % protocol for protocol in range(2, 6)), *filter(_compressed, zlib_headers)}
    headers = {b"\x80%c" % protocol for protocol in range(2, 6)} | {b"\x1f\x8b", b"x\x9c", b"x\xda", b"x\x01"}
    unusually = {letters for pair in headers for letters in _first_letters(pair)}
    found = (
        unusually
        | _encoded(layer, LAYERS)
        | _encoded({*_OLD_PAIRS, *(magic[:2] for magic in _MAGICS), _LATIN1[0]}, OLD_LAYERS)
        | {text[:2] for text in _LATIN1}
    )
    table = bytearray(1 << 16)
    for first, second in found:
        table[first << 8 | second] = 1
    return bytes(table)


def _encoded(layer: set[bytes], layers: int) -> set[bytes]:
    """Return the pairs, and the first two bytes of their encoded forms in up to `layers` encodings."""
    found = set(layer)
    for _ in range(layers):
        layer = {text for pair in layer for text in _encodings(pair)}
        found |= layer
    return found


def _encodings(pair: bytes) -> tuple[bytes, ...]:
    plain, digits = base64.b64encode(pair + b"\0")[:2], pair.hex()[:2].encode()
    return plain, plain.translate(_URL_SAFE), digits, digits.upper()


PAIRS = _pairs()
"""1 if a string with these first two bytes may hide a pickle, by the bytes as a big-endian number."""


def may_hide(head: bytes) -> bool:
    """Return whether a string that begins with `head` (up to `PROBE` bytes) may hide a pickle, plain or encoded."""
    start = head
    for _ in range(LAYERS + 1):
        if _pickled(head) or _compressed(head) or head.startswith(_LATIN1):
            return True
        decoded = _undo_text(head[: len(head) - len(head) % 4])
        if decoded is None:
            break
        head = decoded
    return unusual(start) is not None


def undo(data: bytes, limit: int) -> bytes | None:
    """Remove one layer of encoding, or return None if there is none; decompressed bytes are cut to `limit`."""
    if data.startswith(_LATIN1):
        return data.decode("utf-8", "replace").encode("latin-1", "replace")
    if not _compressed(data):
        return _undo_text(data)
    found = _decompressed(data, limit)
    if found is None and (raw := _from_latin1(data)):
        found = _decompressed(raw, limit)
    return found


def _from_latin1(data: bytes) -> bytes:
    """Return the bytes that UTF-8 text represents, one per character, or no bytes if it is not such text."""
    try:
        return data.decode("utf-8").encode("latin-1")
    except UnicodeError:
        return b""


def _decompressed(data: bytes, limit: int) -> bytes | None:
    from lzma import LZMAError

    if data.startswith((_ZSTD, _LZ4)):
        return _of_frame(data, limit)
    codec = next((codec for magic, codec in _CODECS.items() if data.startswith(magic)), None)
    try:
        return codec().decompress(data, limit) if codec else zlib.decompressobj(wbits=47).decompress(data, limit)
    except (zlib.error, LZMAError, OSError, EOFError, ValueError):
        return None


def _of_frame(data: bytes, limit: int) -> bytes | None:
    """Return the decompressed bytes of a Zstandard or LZ4 frame, up to `limit` or to damage; None without any."""
    from scanners.parsing.decompression import unlz4, unzstd

    stream = unzstd if data.startswith(_ZSTD) else unlz4
    found = bytearray()
    try:
        for chunk in stream(MemoryReader(data), 0, len(data)):
            found += chunk[: limit - len(found)]
            if len(found) >= limit:
                break
    except (Malformed, Truncated, OverLimit):
        pass
    return bytes(found) or None


def _is_of(data: bytes, letters: bytes) -> bool:
    """Return whether a text consists of certain letters only; `translate` is faster here than a set."""
    return not data[:PROBE].translate(None, letters) and not data.translate(None, letters)


def _undo_text(data: bytes) -> bytes | None:
    if _is_of(data, _HEX_LETTERS):
        try:
            return bytes.fromhex(data.decode("ascii"))
        except ValueError:
            return None
    if _is_of(data, _BASE64_LETTERS):
        try:
            return base64.b64decode(data.translate(bytes.maketrans(b"-_", b"+/")))
        except binascii.Error:
            return None
    return None
