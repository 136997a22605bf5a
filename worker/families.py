"""Archives whose members are examined as units of their own, until all of them are there."""

from __future__ import annotations

from modelsweep.core.limits import Limits
from modelsweep.core.locator import Locator
from modelsweep.core.members import identity, with_members
from modelsweep.core.report import UnitResult
from modelsweep.core.values import dataclass, field
from worker.answer import Examined


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

    def expect(self, archive: Examined) -> None:
        """Wait for the results of the members that an archive names."""
        result = archive.result
        self._waiting[result.unit.locator] = Family(result, len(result.members), archive.known)

    def add(self, member: Examined) -> Examined | None:
        """Take in the result of a member; return what may be given away by it.

        Itself where no archive waits for it, the whole archive where it was the last member, else nothing.
        """
        result = member.result
        where = result.unit.locator
        family = self._waiting.get(where.outermost)
        if family is None:
            return Examined(result)
        family.parts[identity(result.unit)] = result
        family.known = family.known and member.known
        family.waiting -= 1
        if family.waiting:
            return None
        del self._waiting[where.outermost]
        return Examined(family.result(self._limits), family.known)

    def clear(self) -> None:
        """Wait for none any more."""
        self._waiting.clear()
