"""From units to chunks: what one message has examined. A chunk holds consecutive units of a job, in report order.

Members of archives that are units of their own make chunks that are the children of their archives' chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from modelsweep.core.report import Unit, UnitResult
from modelsweep.fleet.answers import Allotment
from modelsweep.fleet.job import JobSpec
from modelsweep.fleet.messages import SCANS, queue_of
from modelsweep.fleet.pages import CHUNK_UNITS, PAGE_CHUNKS, Chunk, Page, Pages


class Packer:
    """Packs units into chunks as `spec` says: a large unit has a chunk of its own, others share one by the byte.

    `position` is that of the archive, in its chunk, of which they are members.
    """

    def __init__(self, spec: JobSpec, position: int = 0) -> None:
        self._spec, self._position = spec, position
        self._most = min(spec.chunk_files, CHUNK_UNITS)
        self._units: list[Unit] = []
        self._bytes = 0
        self._queue = ""

    def add(self, unit: Unit) -> Iterator[Chunk]:
        """Take in the next unit; yield the chunk before it where it has no room there."""
        queue = queue_of(unit, self._spec)
        if self._units and (queue != self._queue or self._bytes + unit.extent > self._spec.chunk_bytes):
            yield from self.flush()
        self._units.append(unit)
        self._bytes += unit.extent
        self._queue = queue
        if len(self._units) >= self._most:
            yield from self.flush()

    def flush(self) -> Iterator[Chunk]:
        """Yield the chunk that is not full yet, if there is one."""
        if self._units:
            yield Chunk(self._queue, tuple(self._units), self._position)
        self._units, self._bytes = [], 0


def chunked(units: Iterable[Unit], spec: JobSpec, position: int = 0) -> Iterator[Chunk]:
    """Yield the chunks of all `units`."""
    packer = Packer(spec, position)
    for unit in units:
        yield from packer.add(unit)
    yield from packer.flush()


class Children(NamedTuple):
    """Chunks that were found in a chunk, and as what they are allocated: their page is in the store."""

    chunks: tuple[Chunk, ...]
    allotment: Allotment | None


def put_children(results: Sequence[UnitResult], chunk: int, spec: JobSpec, pages: Pages) -> Children:
    """Store the page of the members that the results of `chunk` name, the same whoever does it; raises StoreFault.

    Files are counted by their archives, so that the allotment has no units.
    """
    found = _children(results, spec)
    if not found:
        return Children((), None)
    name = pages.put(Page(0, tuple(found), chunk))
    queues = bytes(SCANS.index(chunk.queue) for chunk in found)
    size = sum(unit.extent for chunk in found for unit in chunk.units)
    return Children(tuple(found), Allotment(queues, name, 0, size))


def _children(results: Sequence[UnitResult], spec: JobSpec) -> list[Chunk]:
    """Return the chunks of all members: those of one page."""
    members = [[member.unit for member in result.members] for result in results]
    found = [chunk for position, units in enumerate(members) for chunk in chunked(units, spec, position)]
    if len(found) <= PAGE_CHUNKS:
        return found
    # Archives that share a chunk are small, unless they grew since they were listed. Each has as many members as
    # a page has chunks, at most.
    return [
        Chunk(queue_of(units[0], spec), tuple(units[start : start + CHUNK_UNITS]), position)
        for position, units in enumerate(members)
        for start in range(0, len(units), CHUNK_UNITS)
    ]
