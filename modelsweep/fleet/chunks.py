"""From units to chunks: what one message has examined. A chunk holds consecutive units of a job, in report order.

Members of archives that are units of their own make chunks that are the children of their archives' chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from modelsweep.core.report import Unit, UnitResult
from modelsweep.core.units import MIB
from modelsweep.fleet.answers import Allotment
from modelsweep.fleet.job import JobSpec
from modelsweep.fleet.messages import CPU, SCANS, queue_of
from modelsweep.fleet.pages import CHUNK_UNITS, PAGE_CHUNKS, Chunk, Page, Pages

RUN_CHUNKS, RUN_UNITS, RUN_BYTES = 16, 256, MIB
"""Chunks of one message at most, where it has several, and what they may hold together: some 0.3 s of work."""
RUN_GROWTH = 8
"""Chunks of a job after which its messages may have one more: few are spread over as many workers as they can."""


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


class Run(NamedTuple):
    """Chunks of one message: `amount` from number `first` on, for workers of `queue`."""

    queue: str
    first: int
    amount: int


def runs(numbered: Iterable[tuple[int, Chunk]]) -> Iterator[Run]:
    """Yield the runs of chunks, each with its number: those that follow each other and are little work share one.

    A message costs its worker and Redis what 64 tiny files do, so that there are to be few of them in a large job. In a
    small one, and where somebody waits for each, every chunk has its own.
    """
    run, units, size = Run("", 0, 0), 0, 0
    for number, chunk in numbered:
        units, size = units + len(chunk.units), size + sum([unit.extent for unit in chunk.units])
        follows = (chunk.queue, number) == (CPU, run.first + run.amount) == (run.queue, number)
        most = min(RUN_CHUNKS, 1 + run.first // RUN_GROWTH)
        if follows and run.amount < most and units <= RUN_UNITS and size <= RUN_BYTES:
            run = run._replace(amount=run.amount + 1)
            continue
        if run.amount:
            yield run
        run, units, size = Run(chunk.queue, number, 1), len(chunk.units), sum([unit.extent for unit in chunk.units])
    if run.amount:
        yield run


class Children(NamedTuple):
    """Chunks that were found in a chunk, and as what they are allocated: their page is in the store."""

    chunks: tuple[Chunk, ...]
    allotment: Allotment | None


def put_children(results: Sequence[UnitResult], chunk: int, spec: JobSpec, pages: Pages) -> Children:
    """Store the page of the members that the results of `chunk` name, the same whoever does it; raises StoreFault.

    Files are counted by their archives, so that the allotment has no units. Where addresses are so long that no page
    holds them, there are no children, and reports say of each member that there is no result of it.
    """
    found = _children(results, spec)
    if not found:
        return Children((), None)
    try:
        name = pages.put(Page(0, tuple(found), chunk))
    except ValueError:
        return Children((), None)
    queues = bytes(SCANS.index(chunk.queue) for chunk in found)
    size = sum(unit.extent for chunk in found for unit in chunk.units)
    return Children(tuple(found), Allotment(queues, name, 0, size))


def _children(results: Sequence[UnitResult], spec: JobSpec) -> list[Chunk]:
    """Return the chunks of all members: those of one page."""
    if not any(result.members for result in results):
        return []
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
