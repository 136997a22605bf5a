"""A writer of Riegeli records after their specification, with the hashes that readers demand.

https://github.com/google/riegeli/blob/master/doc/riegeli_records_file_format.md,
https://github.com/google/highwayhash (the portable form of its hash of 64 bits).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from tests.scanners.protobuf import varint

BLOCK, BLOCK_HEADER, CHUNK_HEADER = 1 << 16, 24, 40
KEY: tuple[int, ...] = struct.unpack("<4Q", b"Riegeli/records\n" * 2)
_MASK = (1 << 64) - 1
_MUL0 = (0xDBE6D5D5FE4CCE2F, 0xA4093822299F31D0, 0x13198A2E03707344, 0x243F6A8885A308D3)
_MUL1 = (0x3BD39E10CB0EF593, 0xC0ACF169B5F18A8C, 0xBE5466CF34E90C6C, 0x452821E638D01377)


class Hash:
    """The state of a HighwayHash."""

    def __init__(self) -> None:
        self.mul0, self.mul1 = list(_MUL0), list(_MUL1)
        self.v0 = [mul ^ key for mul, key in zip(_MUL0, KEY, strict=True)]
        self.v1 = [mul ^ _swapped(key) for mul, key in zip(_MUL1, KEY, strict=True)]

    def update(self, lanes: Sequence[int]) -> None:
        """Take in 32 bytes, as four numbers."""
        v0, v1, mul0, mul1 = self.v0, self.v1, self.mul0, self.mul1
        for i in range(4):
            v1[i] = (v1[i] + mul0[i] + lanes[i]) & _MASK
            mul0[i] ^= (v1[i] & 0xFFFFFFFF) * (v0[i] >> 32)
            v0[i] = (v0[i] + mul1[i]) & _MASK
            mul1[i] ^= (v0[i] & 0xFFFFFFFF) * (v1[i] >> 32)
        for source, target in ((v1, v0), (v0, v1)):
            for i in (0, 2):
                low, high = _zipped(source[i + 1], source[i])
                target[i] = (target[i] + low) & _MASK
                target[i + 1] = (target[i + 1] + high) & _MASK

    def rest(self, data: bytes) -> None:
        """Take in the last bytes, which are fewer than 32."""
        size = len(data)
        for i in range(4):
            self.v0[i] = (self.v0[i] + (size << 32) + size) & _MASK
            halves = (self.v1[i] & 0xFFFFFFFF, self.v1[i] >> 32)
            low, high = ((half << size | half >> 32 - size) & 0xFFFFFFFF for half in halves)
            self.v1[i] = low | high << 32
        whole, left = size & ~3, size & 3
        packet = bytearray(data[:whole].ljust(32, b"\0"))
        if size & 16:
            packet[28:] = data[size - 4 :]
        elif left:
            packet[16:19] = bytes((data[whole], data[whole + (left >> 1)], data[-1]))
        self.update(struct.unpack("<4Q", packet))

    def value(self) -> int:
        """Return the hash of all that was taken in."""
        for _ in range(4):
            self.update([_swapped(self.v0[i]) for i in (2, 3, 0, 1)])
        found: int = self.v0[0] + self.v1[0] + self.mul0[0] + self.mul1[0]
        return found & _MASK


def _swapped(value: int) -> int:
    return (value >> 32 | value << 32) & _MASK


def _zipped(v1: int, v0: int) -> tuple[int, int]:
    """Return the bytes of two numbers in another order: what is added to the first and to the second lane."""
    low = ((v0 & 0xFF000000 | v1 & 0xFF00000000) >> 24) | ((v0 & 0xFF0000000000 | v1 & 0xFF000000000000) >> 16)
    low |= v0 & 0xFF0000 | (v0 & 0xFF00) << 32 | (v1 & 0xFF00000000000000) >> 8 | v0 << 56
    high = ((v1 & 0xFF000000 | v0 & 0xFF00000000) >> 24) | v1 & 0xFF0000 | (v1 & 0xFF0000000000) >> 16
    high |= (v1 & 0xFF00) << 24 | (v0 & 0xFF000000000000) >> 8 | (v1 & 0xFF) << 48 | v0 & 0xFF00000000000000
    return low & _MASK, high & _MASK


def hashed(data: bytes) -> bytes:
    """Return the hash of `data`."""
    state = Hash()
    whole = len(data) & ~31
    for at in range(0, whole, 32):
        state.update(struct.unpack_from("<4Q", data, at))
    if len(data) > whole:
        state.rest(data[whole:])
    return struct.pack("<Q", state.value())


def simple(*records: bytes, compression: int = 0, pack: Callable[[bytes], bytes] | None = None) -> bytes:
    """Return the data of a simple chunk."""
    parts = [b"".join(varint(len(record)) for record in records), b"".join(records)]
    sizes, values = (varint(len(part)) + pack(part) if pack else part for part in parts)
    return bytes((compression,)) + varint(len(sizes)) + sizes + values


class Writer:
    """The bytes of a file, to which chunks are added."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.chunk(b"s", b"")

    def chunk(self, kind: bytes, data: bytes, records: int = 0, decoded: int = 0) -> int:
        """Add a chunk, and return where it begins: what the places of its records are counted from."""
        begin = len(self.data)
        about = hashed(data) + kind + records.to_bytes(7, "little") + struct.pack("<Q", decoded)
        about = struct.pack("<Q", len(data)) + about
        content = hashed(about) + about + data
        end = max(_behind(begin, len(content)), _boundary(begin + records))
        at = 0
        while len(self.data) < end:
            here = len(self.data)
            if here % BLOCK == 0:
                distances = struct.pack("<2Q", here - begin, end - here)
                self.data += hashed(distances) + distances
            else:
                piece = content[at : at + min(end - here, BLOCK - here % BLOCK)]
                piece = piece or bytes(min(end - here, BLOCK - here % BLOCK))
                self.data += piece
                at += len(piece)
        return begin

    def records(self, *records: bytes, compression: int = 0, pack: Callable[[bytes], bytes] | None = None) -> int:
        """Add records in a chunk of their own, and return where it begins."""
        data = simple(*records, compression=compression, pack=pack)
        return self.chunk(b"r", data, len(records), sum(map(len, records)))


def _behind(position: int, size: int) -> int:
    usable = BLOCK - BLOCK_HEADER
    return position + size + (size + (position + usable - 1) % BLOCK) // usable * BLOCK_HEADER


def _boundary(position: int) -> int:
    left = BLOCK - 1 - (position + BLOCK - 1) % BLOCK
    return position + max(left - (BLOCK - BLOCK_HEADER - 1), 0)
