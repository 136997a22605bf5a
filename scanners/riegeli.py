"""Riegeli records: a SavedModel that TensorFlow split (saved_model.cpb), and data.

Format: https://github.com/google/riegeli/blob/master/doc/riegeli_records_file_format.md. The records of a SavedModel
are merged as its loader does, and examined like any SavedModel; records of data are searched as raw bytes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice

from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from scanners.parsing import riegeli_chunks
from scanners.parsing.riegeli_chunks import SIGNATURE, Chunk

NAME = "riegeli"
_SPLIT, _MESSAGE, _SAVED_MODEL = ".cpb", ".pb", "saved_model.pb"
_MAX_CHUNKS = 1_000_000


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the header of the first block, which is the same in all files."""
    return blob.head.startswith(SIGNATURE)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the message that the records form, or else the chunks' content; raises Malformed and MissingDependency."""
    from scanners.parsing import split_message

    found = _Records(blob.reader, context)
    last = found.last()
    about = split_message.metadata(last, context) if last else None
    if about is not None:
        name = blob.locator.name.removesuffix(_SPLIT) + _MESSAGE
        message = context.spool(split_message.merged(about, found.at, context))
        expect = "tensorflow" if name == _SAVED_MODEL else ""
        yield blob.nested(name, message, expect=expect, expanded=True)
    elif blob.locator.suffix == _SPLIT:
        raise Malformed("no record says how the others form a message")
    else:
        for chunk in found.chunks:
            _, held = riegeli_chunks.values(blob.reader, chunk, context)
            if held.size:
                yield blob.nested(f"records at {chunk.start}", held, expect="raw-weights", expanded=True)


class _Records:
    """The records of a file by position, as writers number them from the start of their chunk."""

    def __init__(self, reader: Reader, context: Context) -> None:
        self._reader, self._context = reader, context
        self.chunks: list[Chunk] = []
        for chunk in islice(riegeli_chunks.chunks(reader, context), _MAX_CHUNKS + 1):
            if chunk.records:
                self.chunks.append(chunk)
        if len(self.chunks) > _MAX_CHUNKS:
            raise OverLimit(f"more than {_MAX_CHUNKS:,} chunks of records")
        self._known: dict[int, list[Reader]] = {}

    def last(self) -> Reader | None:
        """Return the last record."""
        return self._of(len(self.chunks) - 1)[-1] if self.chunks else None

    def at(self, place: int) -> Reader:
        """Return the record at a position, or the first one after it; raises Malformed."""
        index = bisect_right(self.chunks, place, key=lambda chunk: chunk.start) - 1
        if index >= 0 and place - self.chunks[index].start < self.chunks[index].records:
            return self._of(index)[place - self.chunks[index].start]
        if index + 1 >= len(self.chunks):
            raise Malformed(f"there is no record at {place:,}")
        return self._of(index + 1)[0]

    def _of(self, index: int) -> list[Reader]:
        if index not in self._known:
            self._known[index] = riegeli_chunks.records(self._reader, self.chunks[index], self._context)
        return self._known[index]


SCANNER = Scanner(
    name=NAME,
    title="Riegeli records (saved_model.cpb)",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(_SPLIT, ".riegeli"),
    signs=Signs(begins(SIGNATURE)),
)
