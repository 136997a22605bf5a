"""Zip archives inside other bytes: values of pickles, tensors, metadata.

The record at the end of a zip tells where its directory, and therefore the archive, begins. All members are searched
as raw bytes, so hidden payloads are found as anywhere else, and honest documents cause no findings. Archives that are
files or members have their own scanner.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from modelsweep.core.reader import MemoryReader, Truncated
from modelsweep.core.scanner import Blob, Context, Encrypted, Item, Malformed
from modelsweep.core.units import MIB
from modelsweep.core.values import replace
from scanners.detector import AS_RAW, Detector
from scanners.parsing.bytes_as_text import of_text
from scanners.parsing.zip_directory import member_blob, read_directory

_MAX_MEMBERS = 1_000
_END = struct.Struct("<4s4H2IH")
_LOCAL_MAGIC, _CENTRAL_MAGIC, _END_MAGIC = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_ENCRYPTED = 1
_MAX_TEXT = MIB
"""Maximum bytes of text that is decoded as an archive."""


def confirm(blob: Blob, offset: int, context: Context) -> Iterator[Item]:
    """Yield the members of the archive that ends at `offset`, if it begins where its end record says."""
    archive = _archive(blob, offset) or _as_text(blob, offset, context)
    if archive is None or not context.first("archive", f"{archive.locator}"):
        return
    context.operations.spend(archive.size)
    with suppress(Malformed, Truncated, Encrypted):  # the archive is not part of the file's own format
        for entry in islice(read_directory(archive.reader, context.limits).entries, _MAX_MEMBERS):
            if entry.compressed_size and not entry.flags & _ENCRYPTED:
                yield replace(member_blob(archive, entry, context), expect=AS_RAW)


def _archive(blob: Blob, offset: int) -> Blob | None:
    """Return the archive whose end record is at `offset`, or None if no archive fits it."""
    if blob.size - offset < _END.size:
        return None
    *_, size, place, comment = _END.unpack(blob.reader.read(offset, _END.size))
    start, stop = offset - size - place, min(blob.size, offset + _END.size + comment)
    if start < 0 or not size or blob.reader.read(start, len(_LOCAL_MAGIC)) != _LOCAL_MAGIC:
        return None
    if blob.reader.read(offset - size, len(_CENTRAL_MAGIC)) != _CENTRAL_MAGIC:
        return None
    return blob.window(f"zip archive at {start}", start, stop - start)


def _as_text(blob: Blob, offset: int, context: Context) -> Blob | None:
    """Return the archive that ends at `offset` and is written as text with one character per byte."""
    first = max(0, offset - _MAX_TEXT)
    data = blob.reader.read(first, min(offset + _END.size + _MAX_TEXT // 8, blob.size) - first)
    context.undone.spend(len(data))
    start = data.find(_LOCAL_MAGIC)
    bare = of_text(data[start:]) if start >= 0 else b""
    inside = Blob(blob.locator, MemoryReader(bare), blob.depth)
    end = bare.find(_END_MAGIC)
    found = _archive(inside, end) if end >= 0 and not bare.isascii() else None
    return replace(found, locator=blob.locator.member(f"zip archive at {first + start}")) if found else None


DETECTOR = Detector(
    name="archives",
    title="a zip archive",
    version=1,
    patterns=(rb"PK\x05\x06\x00\x00\x00\x00",),
    confirm=confirm,
    rules=(),
    owners=frozenset({"zip", "torch", "torch-distributed", "keras", "skops", "executable", "compressed", "sevenzip"}),
)
