"""Archives whose members were examined as units of their own: one result of the file again, as users know files.

It is the result that examining all of it at once would have had: what was said of a member stands in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind, in_order
from modelsweep.core.limits import Limits
from modelsweep.core.report import Artifact, Member, Unit, UnitResult
from modelsweep.core.values import replace

NAME = "members"
_Item = TypeVar("_Item")
_Said = TypeVar("_Said", Fact, Finding, Problem)


def with_members(result: UnitResult, parts: Iterable[UnitResult], limits: Limits) -> UnitResult:
    """Return the result of an archive with those of its members, `parts` in their order, as one result.

    It has no more than one unit may have, and no more is held meanwhile. A member without a result is a Problem; what
    is of no member that the archive has any more, since it was examined again and has changed, stands at the end.
    """
    if not result.artifacts:  # the first one is of the archive itself
        result = replace(result, artifacts=(Artifact(result.unit.locator, result.unit.size, "", ()),))
    room = _Room(limits)
    found = {identity(part.unit): room.let_in(part) for part in parts}
    placed = [(member, found.pop(identity(member.unit), _missing(member))) for member in result.members]
    placed += [(_at_the_end(part.unit, result), part) for part in found.values()]
    inner = [part for _, part in placed]
    facts = _woven(result.facts, [(member.facts, part.facts) for member, part in placed])
    problems = _woven(result.problems, [(member.problems, part.problems) for member, part in placed])
    return replace(
        result,
        artifacts=tuple(_woven(result.artifacts, [(member.artifacts, part.artifacts) for member, part in placed])),
        facts=room.cut(facts, limits.facts, "facts"),
        findings=in_order(finding for part in (result, *inner) for finding in part.findings),
        problems=(*room.cut(problems, limits.problems, "problems"), *room.left_out),
        bytes_read=result.bytes_read + sum(part.bytes_read for part in inner),
        duration=result.duration + sum(part.duration for part in inner),
        members=(),
    )


def identity(unit: Unit) -> tuple[object, ...]:
    """Return what no other member has in common with this one, nor one of the archive as it was before a change."""
    return unit.locator, unit.index, unit.stamp


def _at_the_end(unit: Unit, result: UnitResult) -> Member:
    return Member(unit, len(result.artifacts), len(result.facts), len(result.problems))


def _missing(member: Member) -> UnitResult:
    problem = Problem(ProblemKind.SOURCE, member.unit.locator, NAME, "there is no result of this member")
    return UnitResult(member.unit, problems=(problem,))


def _woven(own: Sequence[_Item], inner: Sequence[tuple[int, Sequence[_Item]]]) -> list[_Item]:
    """Return `own` with each of `inner` behind the number of own items that stands with it."""
    woven: list[_Item] = []
    places = [0, *(place for place, _ in inner), len(own)]
    for (start, stop), (_, items) in zip(pairwise(places), (*inner, (0, ())), strict=True):
        woven += own[start:stop]
        woven += items
    return woven


class _Room:
    """What the results of members may still hold together: as much as that of one unit."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._facts, self._problems = limits.facts, limits.problems
        self._findings = limits.facts + limits.findings
        self.left_out: list[Problem] = []
        """Says of what there was more."""

    def let_in(self, part: UnitResult) -> UnitResult:
        """Return `part` without what is too much."""
        kept = replace(
            part,
            facts=self.cut(part.facts, self._facts, "facts"),
            findings=self.cut(part.findings, self._findings, "findings"),
            problems=self.cut(part.problems, self._problems, "problems"),
        )
        self._facts -= len(kept.facts)
        self._findings -= len(kept.findings)
        self._problems -= len(kept.problems)
        return kept

    def cut(self, items: Sequence[_Said], length: int, what: str) -> tuple[_Said, ...]:
        """Return so many of `items`, and say once where there are more."""
        if len(items) > length:
            self._say(items[length], what)
        return tuple(items[:length])

    def _say(self, item: Fact | Finding | Problem, what: str) -> None:
        detail = f"more than {getattr(self._limits, what):,} {what}: the rest is left out"
        if all(problem.detail != detail for problem in self.left_out):
            self.left_out.append(Problem(ProblemKind.LIMIT, item.locator, NAME, detail))
