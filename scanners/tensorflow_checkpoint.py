"""The variables of TensorFlow's checkpoints: a table of names (.index), and shards that are nothing but tensors.

Table: https://github.com/google/leveldb/blob/main/doc/table_format.md, written by
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/tensor_bundle/tensor_bundle.h. Shards have no
structure of their own: a file of that name is looked at as raw bytes, and by every scanner that knows its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER = 48
"""Bytes at the end: where two blocks stand, padding, and the magic number."""
_TRAILER = 5
"""Bytes behind each block: how it is compressed, and a checksum."""


def accepts(blob: Blob) -> bool:
    """Return whether the blob ends as a table does, or is named as a shard is."""
    if blob.size >= _FOOTER and blob.reader.read(blob.size - len(_MAGIC), len(_MAGIC)) == _MAGIC:
        return True
    return blob.size > 0 and _is_shard(blob.locator.name)


def _is_shard(name: str) -> bool:
    """Return whether a name ends as in `variables.data-00000-of-00001`."""
    stem, dash, total = name.rpartition("-of-")
    shard = stem.rpartition(".data-")
    return bool(dash and shard[1]) and len(total) == len(shard[2]) == 5 and (shard[2] + total).isdecimal()


def scan(blob: Blob, _context: Context) -> Iterator[Item]:
    """Yield nothing; raises Malformed for a table whose blocks do not stand in it."""
    if blob.reader.read(max(blob.size - len(_MAGIC), 0), min(len(_MAGIC), blob.size)) == _MAGIC:
        _check(blob)
    yield from ()


def _check(blob: Blob) -> None:
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
