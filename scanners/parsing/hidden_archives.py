"""Archives and compressed streams inside random bytes, proven by more structure than a magic number.

Four bytes occur by chance every few gigabytes, so correct checksums, or ten bytes and more with few valid values each,
are required.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from modelsweep.core.units import MIB

_ZIP = b"PK\x03\x04"
_ZIP_METHODS = frozenset({0, 8, 9, 12, 14, 93, 95, 98})
_ZIP_VERSION, _ZIP_UNUSED_FLAGS = 63, 0xD790
_ZIP_HEADER = 30
_NAME_LENGTH = 1024
_GZIP = b"\x1f\x8b\x08"
_GZIP_UNUSED_FLAGS = 0xE0
_MAX_GZIP_TRIED = 20
"""Maximum places that begin like gzip and are decompressed, since the checksum is at the end."""
_MAX_EXPANDED = 16 * MIB
_SEVENZIP = b"7z\xbc\xaf\x27\x1c"
_XZ = b"\xfd7zXZ\x00"
_BZIP2 = b"1AY&SY"
"""The beginning of every bzip2 block, after four bytes of header."""


def archives(data: bytes) -> Iterator[tuple[str, int]]:
    """Yield the archives and streams in `data`, with their offsets."""
    yield from (("zip archive", at) for at in _found(data, _ZIP) if _is_zip(data, at))
    yield from (("7z archive", at) for at in _found(data, _SEVENZIP) if _has_checksum(data, at + 12, at + 32, at + 8))
    yield from (("xz stream", at) for at in _found(data, _XZ) if _has_checksum(data, at + 6, at + 8, at + 8))
    yield from (
        ("bzip2 stream", at - 4)
        for at in _found(data, _BZIP2)
        if at >= 4 and data[at - 4 : at - 1] == b"BZh" and 0x31 <= data[at - 1] <= 0x39
    )
    tried = 0
    for at in _found(data, _GZIP):
        if len(data) > at + 10 and not data[at + 3] & _GZIP_UNUSED_FLAGS and tried < _MAX_GZIP_TRIED:
            tried += 1
            if _is_gzip(data, at):
                yield "gzip stream", at


def _found(data: bytes, magic: bytes) -> Iterator[int]:
    # `rfind` is several times faster than `find` in CPython when there is no match
    at = data.find(magic) if data.rfind(magic) >= 0 else -1
    while at >= 0:
        yield at
        at = data.find(magic, at + 1)


def _is_zip(data: bytes, at: int) -> bool:
    """Return whether the header of a zip member is at `at`: 150 bits of it have few valid values."""
    header = data[at : at + _ZIP_HEADER]
    if len(header) < _ZIP_HEADER:
        return False
    version, flags, method = struct.unpack_from("<HHH", header, 4)
    length = int.from_bytes(header[26:28], "little")
    name = data[at + _ZIP_HEADER :][:length] if length <= _NAME_LENGTH else b""
    known = version <= _ZIP_VERSION and not flags & _ZIP_UNUSED_FLAGS and method in _ZIP_METHODS
    return known and name != b"" and len(name) == length and name.isascii() and name.decode().isprintable()


def _has_checksum(data: bytes, start: int, stop: int, stands: int) -> bool:
    """Return whether the CRC-32 of the header's bytes [start, stop) is at offset `stands`."""
    return len(data) >= max(stop, stands + 4) and zlib.crc32(data[start:stop]) == int.from_bytes(
        data[stands : stands + 4], "little"
    )


def _is_gzip(data: bytes, at: int) -> bool:
    """Return whether a complete gzip member with the right checksum of its content is at `at` (RFC 1952)."""
    stream = zlib.decompressobj(31)
    try:
        expanded = stream.decompress(data[at:], _MAX_EXPANDED)
    except zlib.error:
        return False
    return stream.eof and expanded != b""
