"""Indexes for the search of similar vectors: FAISS, hnswlib and Annoy, which hold vectors and numbers of neighbours.

Layouts: `write_index` of https://github.com/facebookresearch/faiss/blob/main/faiss/impl/index_write.cpp, `saveIndex` of
https://github.com/nmslib/hnswlib/blob/master/hnswlib/hnswalg.h, https://github.com/spotify/annoy/blob/main/src/annoylib.h.
Nothing in them runs. An index of FAISS may keep its lists in another file, which is opened by the path in it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from modelsweep.core.finding import Fact, Json, Span
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from scanners.parsing.cursor import Cursor

NAME = "search-index"
_FAISS = struct.Struct("<4siqqq?i")
"""Kind of index, dimensions, vectors, two numbers that are always the same, whether it is trained, and the metric."""
_BINARY = struct.Struct("<4siiq?i")
_DUMMY = 1 << 20
_LARGEST = 1 << 40
_DIMENSIONS = range(1, 1 << 24)
_METRICS = range(1_000)
_FLAT = (b"IxFI", b"IxF2", b"IxFl")
_ON_DISK = b"ilod"
_LIST, _SLOT = 24, 16
"""Bytes that describe a list, and a gap between lists."""
_LISTS = 1 << 32
_PATH, _PATH_KEPT = 4_096, 1_100
_COST = 1_000
_HNSW = struct.Struct("<6QiIQQQdQ")
_LINKS = range(1, 1 << 16)
_NAMED = (".ann", ".annoy")
_LEAF = b"\1\0\0\0"
"""With which the first item begins: it is the only one below it."""


def accepts(blob: Blob) -> bool:
    """Return whether the header of an index is here; those of Annoy have none, but a name and their first item."""
    if _is_faiss(blob.head) or _is_hnsw(blob):
        return True
    return blob.locator.suffix in _NAMED and blob.head.startswith(_LEAF)


def _is_faiss(head: bytes) -> bool:
    if not head.startswith(b"I") or len(head) < _FAISS.size or not head[:4].isalnum():
        return False
    _, size, count, first, second, _, metric = _FAISS.unpack_from(head)
    if first == second == _DUMMY:
        return size in _DIMENSIONS and 0 <= count < _LARGEST and metric in _METRICS
    _, size, width, count, _, metric = _BINARY.unpack_from(head)
    return head[1:2] == b"B" and size in _DIMENSIONS and width == (size + 7) // 8 and 0 <= count < _LARGEST


def _is_hnsw(blob: Blob) -> bool:
    """Return whether the sizes and offsets of an item add up, as they do in no other bytes."""
    if len(blob.head) < _HNSW.size:
        return False
    start, most, count, item, label, data, level, entry, links, lowest, *_ = _HNSW.unpack_from(blob.head)
    if start or not 0 < count <= most < _LARGEST or links not in _LINKS or lowest != 2 * links:
        return False
    return bool(data == 4 * lowest + 4 < label == item - 8 and entry < count and -1 <= level < 256)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield files that an index of FAISS opens; raises Malformed and Truncated where vectors are missing."""
    if not _is_faiss(blob.head):
        if _is_hnsw(blob):
            _check_hnsw(blob, context)
        return
    yield Fact("framework", "faiss", blob.locator)
    if blob.head.startswith(_FLAT):
        start = _FAISS.size
        if _FAISS.unpack_from(blob.head)[-1] > 1:
            start += 4  # what the metric takes
        length = int.from_bytes(blob.reader.read(start, 8), "little") * 4
        if length != blob.size - start - 8:
            raise Malformed(f"{length:,} bytes of vectors do not end with the file", start)
        return
    yield from _outside(blob, context)


def _outside(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the files that hold the lists of an index."""
    at = blob.reader.find(_ON_DISK)
    while at >= 0:
        context.operations.spend(_COST)
        path = _path(blob, at + 4)
        if path is not None:
            detail: dict[str, Json] = {"framework": "faiss", "used_by": "the lists of the index"}
            yield Fact("external-file", printable(path, _PATH_KEPT), blob.locator, Span(at), detail)
        at = blob.reader.find(_ON_DISK, at + 4)


def _path(blob: Blob, start: int) -> str | None:
    """Return the path behind the numbers of lists and gaps; None where none stand here."""
    try:
        lists = int.from_bytes(blob.reader.read(start, 8), "little")
        counted = int.from_bytes(blob.reader.read(start + 16, 8), "little")
        if lists > _LISTS or counted != lists:
            return None
        place = start + 24 + _LIST * lists
        place += 8 + _SLOT * min(int.from_bytes(blob.reader.read(place, 8), "little"), _LISTS)
        length = int.from_bytes(blob.reader.read(place, 8), "little")
        return blob.reader.read(place + 8, length).decode("utf-8", "replace") if length <= _PATH else None
    except Truncated:
        return None


def _check_hnsw(blob: Blob, context: Context) -> None:
    """Raise Malformed or Truncated where the items and their upper levels do not end with the file."""
    _, _, count, item, *_ = _HNSW.unpack_from(blob.head)
    cursor = Cursor(blob.reader, _HNSW.size)
    cursor.skip(count * item)
    context.operations.spend(count)
    cursor.skip_strings(count, "I")
    if cursor.position < blob.size:
        raise Malformed(f"{blob.size - cursor.position:,} bytes follow the index", cursor.position)


SCANNER = Scanner(
    name=NAME,
    title="Indexes of vectors (FAISS, hnswlib, Annoy)",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(".faiss", ".index", ".hnsw", ".ann", ".annoy"),
    signs=Signs(b"I\0", suffixes=_NAMED),
)
