"""Units on their way to examining processes: what is known and open of each, and the queue in which they wait."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from modelsweep.core.reader import SourceFault
from modelsweep.core.report import Unit
from modelsweep.core.units import MIB
from modelsweep.core.values import dataclass, replace
from sources.source import Opened, OpenedObject
from worker.lending import Lent, lend

if TYPE_CHECKING:
    from modelsweep.cache.known import Known

OpenUnit = Callable[[Unit], Opened]
"""Opens what a unit names, for reading; raises SourceFault."""
FETCHED, FETCHED_BYTES = 8, 4 * MIB
"""Remote objects, and bytes of all of them, that are fetched while they wait for fresh children."""


@dataclass(slots=True)
class Task:
    """A unit on its way to a child: `opened` while none has it, `lent` where ranges are given already (a descriptor).

    `key` is what its result is kept by, nothing where it is not; `known` is what was kept of an earlier examination.
    `digest` is what the store vouches for: of a member, that of its archive.
    """

    unit: Unit
    digest: str
    opened: Opened | None = None
    key: bytes = b""
    known: bytes | None = None
    looked_up: bool = False
    lent: Lent | None = None

    @property
    def extent(self) -> int:
        """Bytes that are to be examined."""
        return self.unit.extent if self.known is None else len(self.known)

    @property
    def named(self) -> int:
        """Characters of its address."""
        where = self.unit.locator
        return len(where.uri) + sum(map(len, where.members)) if where.members else len(where.uri)

    @property
    def wants_fresh_child(self) -> bool:
        """Whether its result is kept, and so must not come from a child that another file may have taken over."""
        return bool(self.key) and self.known is None

    @property
    def waits_for_bytes(self) -> bool:
        """Whether it is for a fresh child, and of a remote object, whose bytes may come meanwhile."""
        return self.wants_fresh_child and (self.lent is not None or isinstance(self.opened, OpenedObject))

    def anew(self, *, looked_up: bool = False) -> Task:
        """Return the same unit's way from the beginning."""
        return Task(self.unit, self.digest, looked_up=looked_up)

    def look_up(self, known: Known, open_unit: OpenUnit, ruleset: str) -> None:
        """Open the unit, and note what it is known by and what is known of it; what cannot be opened stays as it is."""
        self.looked_up = True
        try:
            opened = open_unit(self.unit)
        except SourceFault:
            return  # said when it is handed over
        self.unit = _of_size(self.unit, opened.size)
        self.key = known.key(self.unit, self.digest, opened, ruleset)
        self.known = known.entry(self.key) if self.key else None
        self.opened = opened
        if self.known is not None:
            self.close()

    def lend(self) -> None:
        """Have the bytes of an open remote object come while it waits."""
        if isinstance(self.opened, OpenedObject):
            self.lent, self.opened = lend(self.opened), None

    def hand_over(self, open_unit: OpenUnit) -> tuple[int, Lent | None]:
        """Return a descriptor of what a child needs for it, and the loan where ranges are asked of that.

        The descriptor is the caller's to close. Raises SourceFault.
        """
        if self.known is not None:
            return _in_memory(self.known), None
        if self.lent is None:
            opened, self.opened = self.opened or open_unit(self.unit), None
            self.unit = _of_size(self.unit, opened.size)
            if not isinstance(opened, OpenedObject):
                return opened.descriptor, None
            return (lent := lend(opened)).descriptor, lent
        lent, self.lent = self.lent, None
        return lent.descriptor, lent

    def close(self) -> None:
        """Give back what is open of it: no child needs it."""
        opened, self.opened = self.opened, None
        if isinstance(opened, OpenedObject):
            opened.close()
        elif opened:
            os.close(opened.descriptor)
        if self.lent is not None:
            os.close(self.lent.descriptor)
            self.lent = None


class Waiting:
    """Tasks that no child has: first those that came back, then those that are fetched ahead, then further units.

    What is `known` is looked up as tasks are asked for, by the ruleset that `ruleset` tells; `planned` is told the
    bytes of each further unit.
    """

    def __init__(self, known: Known | None, ruleset: Callable[[], str], planned: Callable[[int], None]) -> None:
        self._known, self._ruleset, self._planned = known, ruleset, planned
        self._units: Iterator[Unit] = iter(())
        self._again: list[Task] = []
        """None would take them, or the child that had them ended before their turn."""
        self._ahead: deque[Task] = deque()
        """They wait for fresh children, and are fetched meanwhile."""

    def __bool__(self) -> bool:
        return bool(self._again or self._ahead)

    def begin(self, units: Iterator[Unit]) -> None:
        """Have all that can still be asked of `units` wait behind what waits already."""
        self._units = units

    def add(self, *tasks: Task) -> None:
        """Have tasks wait before all others, the last of them first."""
        self._again += tasks

    def next(self, open_unit: OpenUnit) -> Task | None:
        """Return what to examine next, looked up in the cache, None where there is nothing more."""
        if self._again:
            return self._looked_up(self._again.pop(), open_unit)
        if self._ahead:
            return self._ahead.popleft()
        unit = next(self._units, None)
        if unit is None:
            return None
        self._planned(unit.extent)
        return self._looked_up(Task(unit, unit.digest), open_unit)

    def _looked_up(self, task: Task, open_unit: OpenUnit) -> Task:
        if self._known and not task.looked_up:
            task.look_up(self._known, open_unit, self._ruleset())
        return task

    def fetch_ahead(self, task: Task, open_unit: OpenUnit) -> None:
        """Have small remote objects come while `task` and they wait for fresh children, which have no queue."""
        last, size = (self._ahead or (task,))[-1], sum(queued.extent for queued in (task, *self._ahead))
        while last.waits_for_bytes and len(self._ahead) < FETCHED and size <= FETCHED_BYTES:
            unit = next(self._units, None)
            if unit is None:
                break
            last = self._looked_up(Task(unit, unit.digest), open_unit)
            self._ahead.append(last)
            size += last.extent
        for queued in (task, *self._ahead):
            if queued.waits_for_bytes:
                queued.lend()

    def clear(self) -> None:
        """Have nothing wait any more."""
        for task in (*self._again, *self._ahead):
            task.close()
        self._again.clear()
        self._ahead.clear()
        self._units = iter(())


def _of_size(unit: Unit, size: int) -> Unit:
    """Return a unit of the size that it was found to have, which mostly is the one that was listed."""
    return unit if unit.size == size else replace(unit, size=size)


def _in_memory(data: bytes) -> int:
    """Return a descriptor that `data` can be read from: it may be too long for a socket whose peer is busy."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("known")
    else:
        import tempfile

        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
