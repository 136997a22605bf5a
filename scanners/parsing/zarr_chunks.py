"""Chunks of zarr arrays: numbers, most of them compressed, in files named after their place; Orbax writes them, too.

Names: https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#chunk-key-encoding (and of version 2: `0.1`).
Shards end with an index of the chunks in them, and its checksum:
https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html.
"""

from __future__ import annotations

import struct

from modelsweep.core import patterns as re
from modelsweep.core.reader import Reader

_NAME = re.compile(r"\d{1,9}(?:\.\d{1,9}){0,31}")
_ENTRY, _CHECKSUM = struct.Struct("<2Q"), 4
_BLOSC = 16
"""Bytes of its header: two versions, flags, the size of an element, then of all, of a block, and in the file."""
_NONE = (1 << 64) - 1
"""Offset and length of a chunk that was never written."""
_ENTRIES = 1 << 16


def is_chunk(name: str) -> bool:
    """Return whether a file is named as a chunk: by numbers alone."""
    return _NAME.fullmatch(name) is not None


def is_blosc(head: bytes, size: int) -> bool:
    """Return whether a container of Blosc begins here, whole or cut short: it is not opened (README_CHUNK_FORMAT)."""
    return head.startswith(b"\2\1") and (size < _BLOSC or int.from_bytes(head[12:_BLOSC], "little") >= size)


def is_index(reader: Reader, start: int) -> bool:
    """Return whether all from `start` on is the index of a shard, of which every chunk stands in front of it."""
    count, odd = divmod(reader.size - start - _CHECKSUM, _ENTRY.size)
    if odd or not 0 < count <= _ENTRIES:
        return False
    entries = _ENTRY.iter_unpack(reader.read(start, count * _ENTRY.size))
    return all(offset + length <= start or offset == length == _NONE for offset, length in entries)
