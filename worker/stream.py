"""Chunks of one message as one supervisor examines them: their files go to its children in one stream.

So a child has the first files of the next chunk in hand while the results of one are stored, and nothing ends and
begins again between the two. Each chunk keeps a lease, a result and a bit of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.report import Unit, UnitResult
from modelsweep.core.values import dataclass, field
from modelsweep.fleet.answers import Claim
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.pages import Chunk
from worker.answer import Examined
from worker.fates import SUPERVISOR
from worker.supervisor import Supervisor
from worker.tasks import OpenUnit

BLAMED = 10
"""Times that a worker was lost while it examined a unit alone, after which the unit is not tried again.

Many, since units seldom do that: hostile bytes are in children, and whoever kills workers knows nothing of units.
"""
TRIES = 3
"""Times that a unit is examined whose child dies."""
DEADLY = frozenset({ProblemKind.CRASH, ProblemKind.LIMIT})


@dataclass(frozen=True, slots=True)
class Work:
    """A chunk that this worker holds; `stop` is set where it shall not go on."""

    ledger: Ledger
    number: int
    claim: Claim
    stop: threading.Event


@dataclass(slots=True)
class Share:
    """A chunk on its way, and what its units came to, by their index."""

    work: Work
    chunk: Chunk
    results: dict[int, Examined] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether all of its units have a result."""
        return len(self.results) == len(self.chunk.units)

    @property
    def ordered(self) -> list[Examined]:
        """The results in the order of the chunk."""
        return [self.results[unit.index] for unit in self.chunk.units]


class _Stops:
    """Set where any of some chunks is to be stopped that is not complete."""

    def __init__(self, shares: Sequence[Share]) -> None:
        self._shares = shares

    def is_set(self) -> bool:
        """Return whether that is so."""
        return any(share.work.stop.is_set() and not share.is_complete for share in self._shares)


def examined(supervisor: Supervisor, shares: Sequence[Share], open_unit: OpenUnit) -> Iterator[Share]:
    """Yield each chunk once all its units are examined, in any order, and never one that is stopped.

    Raises SandboxFailed, and LedgerFault where the ledger cannot be told which unit is examined alone.
    """
    together, apart = _divided(shares)
    for share in _streamed(supervisor, together, open_unit):
        if any(child_died(examined.result) for examined in share.results.values() if examined.result.problems):
            apart.append(share)  # once the supervisor has nothing else in hand
        elif not share.work.stop.is_set():
            yield share
    for share in apart:
        if not share.is_complete:
            _carefully(supervisor, share, open_unit)
        _again(supervisor, share, open_unit)
        if share.is_complete and not share.work.stop.is_set():
            yield share


def _divided(shares: Sequence[Share]) -> tuple[list[Share], list[Share]]:
    """Return the chunks that may be examined together, and the others.

    Over some of those a worker was lost; and members of archives have indexes that are those of other units, too.
    """
    together: list[Share] = []
    apart: list[Share] = []
    taken: set[int] = set()
    for share in shares:
        indexes = {unit.index for unit in share.chunk.units}
        alone = bool(share.work.claim.losses) or not taken.isdisjoint(indexes)
        (apart if alone else together).append(share)
        if not alone:
            taken |= indexes
    return together, apart


def _streamed(supervisor: Supervisor, shares: Sequence[Share], open_unit: OpenUnit) -> Iterator[Share]:
    """Yield each chunk once it is complete; where some are stopped, the rest begin again with what they lack."""
    waiting = list(shares)
    while waiting:
        owners = {unit.index: share for share in waiting for unit in share.chunk.units}
        units = (unit for share in waiting for unit in share.chunk.units if unit.index not in share.results)
        for examined in supervisor.examine_apart(units, open_unit, _Stops(waiting)):
            index = examined.result.unit.index
            share = owners[index]
            share.results[index] = examined
            if share.is_complete:
                yield share
        waiting = [share for share in waiting if not (share.is_complete or share.work.stop.is_set())]


def _carefully(supervisor: Supervisor, share: Share, open_unit: OpenUnit) -> None:
    """Examine a chunk one unit at a time; where a worker was lost over it, the ledger knows which."""
    claim, work = share.work.claim, share.work
    for place, unit in enumerate(share.chunk.units):
        if work.stop.is_set():
            return
        if claim.blames.get(place, 0) >= BLAMED:
            share.results[unit.index] = Examined(_poison(unit, claim.blames[place]))
            continue
        if claim.losses:
            work.ledger.enter(work.number, claim.token, place)
        _alone(supervisor, share, unit, open_unit)
    if claim.losses:  # no unit is to blame where its result cannot be stored
        work.ledger.enter(work.number, claim.token, None)


def _again(supervisor: Supervisor, share: Share, open_unit: OpenUnit) -> None:
    """Examine again, each alone, units whose child died: that may have been somebody else's doing."""
    for place, unit in enumerate(share.chunk.units):
        if share.work.claim.blames.get(place, 0) >= BLAMED:
            continue
        for _ in range(TRIES - 1):
            examined = share.results.get(unit.index)
            if examined is None or not child_died(examined.result) or share.work.stop.is_set():
                break
            _alone(supervisor, share, unit, open_unit)


def _alone(supervisor: Supervisor, share: Share, unit: Unit, open_unit: OpenUnit) -> None:
    for examined in supervisor.examine_apart([unit], open_unit, share.work.stop):
        share.results[unit.index] = examined


def child_died(result: UnitResult) -> bool:
    """Return whether the supervisor saw the examining process die; a timeout is not tried again."""
    return any(problem.scanner == SUPERVISOR and problem.kind in DEADLY for problem in result.problems)


def _poison(unit: Unit, times: int) -> UnitResult:
    detail = f"{times} workers were lost while they examined it"
    return UnitResult(unit, problems=(Problem(ProblemKind.CRASH, unit.locator, SUPERVISOR, detail),))
