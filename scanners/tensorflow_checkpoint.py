"""The variables of TensorFlow checkpoints: a table of names (.index), and shards that contain only tensors.

Table: https://github.com/google/leveldb/blob/main/doc/table_format.md, written by
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/tensor_bundle/tensor_bundle.h. Shards have no
structure of their own: such a file is searched as raw bytes, and examined by every scanner that knows its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER = 48
"""Bytes of the footer: the offsets of two blocks, padding, and the magic number."""
_TRAILER = 5
"""Bytes after each block: its compression and a checksum."""


def accepts(blob: Blob) -> bool:
    """Return whether the blob ends like a table, or has the name of a shard."""
    if blob.size >= _FOOTER and blob.reader.read(blob.size - len(_MAGIC), len(_MAGIC)) == _MAGIC:
        return True
    return blob.size > 0 and _is_shard(blob.locator.name)


def _is_shard(name: str) -> bool:
    """Return whether a name ends like `variables.data-00000-of-00001`."""
    stem, dash, total = name.rpartition("-of-")
    shard = stem.rpartition(".data-")
    return bool(dash and shard[1]) and len(total) == len(shard[2]) == 5 and (shard[2] + total).isdecimal()


def scan(blob: Blob, _context: Context) -> Iterator[Item]:
    """Yield nothing; raises Malformed if the blocks of a table lie outside of it."""
    if blob.reader.read(max(blob.size - len(_MAGIC), 0), min(len(_MAGIC), blob.size)) == _MAGIC:
        _check_table(blob)
    yield from ()


def _check_table(blob: Blob) -> None:
    from scanners.parsing.protobuf import Wire

    wire = Wire(blob.reader)
    position = footer = blob.size - _FOOTER
    end = 0
    for block in ("index of metadata", "index"):
        offset, position = wire.varint(position, blob.size)
        length, position = wire.varint(position, blob.size)
        end = offset + length + _TRAILER
        if end > footer:
            raise Malformed(f"the {block} ends at byte {end:,}, after {footer:,}", footer)
    if end != footer:
        raise Malformed("there are bytes between the index and the end of the table", end)


SCANNER = Scanner(
    name="tensorflow-checkpoint",
    title="TensorFlow checkpoint (variables)",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(".index", ".data-00000-of-00001"),
)
