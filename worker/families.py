"""Archives whose members are examined as units of their own, until all of them are there."""

from __future__ import annotations

from modelsweep.core.limits import Limits
from modelsweep.core.locator import Locator
from modelsweep.core.members import identity, with_members
from modelsweep.core.report import UnitResult
from modelsweep.core.values import dataclass, field


@dataclass(slots=True)
class Family:
    """An archive and the results of its members so far: `waiting` have none yet.

    `known` says whether nothing of it was read so far.
    """

    archive: UnitResult
    waiting: int
    known: bool
    parts: dict[tuple[object, ...], UnitResult] = field(default_factory=dict)

    def result(self, limits: Limits) -> UnitResult:
        """Return the result of all of it."""
        parts = (self.parts[identity(member.unit)] for member in self.archive.members)
        return with_members(self.archive, parts, limits)


class Families:
    """All archives that wait for members, by their addresses."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[Locator, Family] = {}

    def expect(self, archive: UnitResult, *, known: bool) -> None:
        """Wait for the results of the members that an archive names."""
        self._waiting[archive.unit.locator] = Family(archive, len(archive.members), known)

    def add(self, result: UnitResult, *, known: bool) -> tuple[UnitResult, bool] | None:
        """Take in a result; return what may be given away by it, with whether nothing was read of that.

        Itself where no archive waits for it, the whole archive where it was the last member, else nothing.
        """
        where = result.unit.locator
        family = self._waiting.get(where.outermost)
        if family is None:
            return result, False
        family.parts[identity(result.unit)] = result
        family.known = family.known and known
        family.waiting -= 1
        if family.waiting:
            return None
        del self._waiting[where.outermost]
        return family.result(self._limits), family.known

    def clear(self) -> None:
        """Wait for none any more."""
        self._waiting.clear()
