"""Chunks of zarr arrays, also of Orbax: mostly compressed numbers in files named after their coordinates.

Names: https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#chunk-key-encoding (version 2: `0.1`). Shards end
with an index of their chunks and its checksum:
https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html.
"""

from __future__ import annotations

import struct

from modelsweep.core import patterns as re
from modelsweep.core.reader import Reader

_NAME = re.compile(r"\d{1,9}(?:\.\d{1,9}){0,31}")
_ENTRY, _CHECKSUM = struct.Struct("<2Q"), 4
_BLOSC = 16
"""Bytes of a Blosc header: two versions, flags, element size, then the sizes of content, block and container."""
_NONE = (1 << 64) - 1
"""Offset and length of a chunk that was never written."""
_ENTRIES = 1 << 16


def is_chunk(name: str) -> bool:
    """Return whether a file has the name of a chunk, which consists of numbers only."""
    return _NAME.fullmatch(name) is not None


def is_blosc(head: bytes, size: int) -> bool:
    """Return whether the data is a Blosc container, complete or cut short; it is not opened (README_CHUNK_FORMAT)."""
    return head.startswith(b"\2\1") and (size < _BLOSC or int.from_bytes(head[12:_BLOSC], "little") >= size)


def is_index(reader: Reader, start: int) -> bool:
    """Return whether everything from `start` on is the index of a shard, with all chunks before it."""
    count, odd = divmod(reader.size - start - _CHECKSUM, _ENTRY.size)
    if odd or not 0 < count <= _ENTRIES:
        return False
    entries = _ENTRY.iter_unpack(reader.read(start, count * _ENTRY.size))
    return all(offset + length <= start or offset == length == _NONE for offset, length in entries)
