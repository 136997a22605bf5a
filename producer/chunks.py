"""From units to chunks: what one message has examined. A chunk holds consecutive units of a job, in report order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelsweep.core.report import Unit
from modelsweep.fleet.job import JobSpec
from modelsweep.fleet.messages import queue_of
from modelsweep.fleet.pages import CHUNK_UNITS, Chunk


class Packer:
    """Packs units into chunks as `spec` says: a large unit has a chunk of its own, others share one by the byte."""

    def __init__(self, spec: JobSpec) -> None:
        self._spec = spec
        self._most = min(spec.chunk_files, CHUNK_UNITS)
        self._units: list[Unit] = []
        self._bytes = 0
        self._queue = ""

    def add(self, unit: Unit) -> Iterator[Chunk]:
        """Take in the next unit; yield the chunk before it where it has no room there."""
        queue = queue_of(unit, self._spec)
        if self._units and (queue != self._queue or self._bytes + unit.size > self._spec.chunk_bytes):
            yield from self.flush()
        self._units.append(unit)
        self._bytes += unit.size
        self._queue = queue
        if len(self._units) >= self._most:
            yield from self.flush()

    def flush(self) -> Iterator[Chunk]:
        """Yield the chunk that is not full yet, if there is one."""
        if self._units:
            yield Chunk(self._queue, tuple(self._units))
        self._units, self._bytes = [], 0


def chunked(units: Iterable[Unit], spec: JobSpec) -> Iterator[Chunk]:
    """Yield the chunks of all `units`."""
    packer = Packer(spec)
    for unit in units:
        yield from packer.add(unit)
    yield from packer.flush()
