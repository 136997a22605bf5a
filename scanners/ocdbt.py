"""OCDBT: the key-value store of Orbax for arrays of JAX: a manifest, and tree nodes with small values.

Format: https://google.github.io/tensorstore/kvstore/ocdbt/index.html#storage-format. Lengths are checked, and the
decompressed content is searched as raw bytes; it holds keys, array metadata and numbers, and nothing in it runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from scanners.parsing.decompression import ZSTD_MAGIC, Expansion, unzstd

NAME = "ocdbt"
_MANIFEST, _NODE, _VERSIONS = b"\x0c\xdb\x3a\x2a", b"\x0c\xdb\x20\xde", b"\x0c\xdb\x1a\x2a"
_MAGICS = (_MANIFEST, _NODE, _VERSIONS)
_HEADER = 14
"""Bytes of the header: magic number, length, version and compression method."""
_CHECKSUM = 4
_PLAIN, _ZSTD = 0, 1


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with a manifest or a node."""
    return blob.head.startswith(_MAGICS) and blob.head[12:13] == b"\0"


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the content of each node; raises Malformed if one does not fit."""
    if blob.expanded:
        return  # the content of a node, which is searched as raw bytes
    yield Fact("framework", "orbax", blob.locator)
    position = 0
    while position < blob.size:
        context.members.spend()
        header = blob.reader.read(position, min(_HEADER, blob.size - position))
        if not header.startswith(_MAGICS):
            break
        if len(header) < _HEADER:
            raise Truncated(position, _HEADER, blob.size)
        length, version, method = int.from_bytes(header[4:12], "little"), header[12], header[13]
        if not _HEADER + _CHECKSUM <= length <= blob.size - position:
            raise Malformed(f"a node claims {length:,} bytes", position)
        if version or method not in (_PLAIN, _ZSTD):
            raise Malformed(f"a node of version {version}, compressed by method {method}", position)
        if method == _ZSTD:
            yield from _content(blob, context, position, length)
        position += length
    if position < blob.size:
        # Values of any length lie between nodes; only the tree tells where each is
        raise OverLimit(f"values from {position:,} on, which the preceding nodes do not describe")


def _content(blob: Blob, context: Context, position: int, length: int) -> Iterator[Item]:
    start, stop = position + _HEADER, position + length - _CHECKSUM
    if blob.reader.read(start, min(len(ZSTD_MAGIC), stop - start)) != ZSTD_MAGIC:
        raise Malformed("a node is not compressed as declared", start)
    expansion = Expansion(context)
    reader = expansion.reader(unzstd(blob.reader, start, stop))
    inside = blob.nested(f"node at {position}", reader, expect=NAME, expanded=True)
    if expansion.fault:
        reader.close()
        raise expansion.fault
    yield inside


SCANNER = Scanner(
    name=NAME,
    title="Orbax checkpoint (OCDBT of TensorStore)",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(".ocdbt",),
    signs=Signs(begins(*_MAGICS)),
)
