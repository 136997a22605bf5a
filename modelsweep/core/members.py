"""Archives whose members were examined as units of their own: one result of the file again, as users know files.

It is the result that examining all of it at once would have had: what was said of a member stands in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind, in_order
from modelsweep.core.limits import Limits
from modelsweep.core.report import STRICT_ONLY, Artifact, Member, Unit, UnitResult
from modelsweep.core.values import replace

NAME = "members"
ENGINE = "engine"
"""Who says what is left out, whether members were examined together or apart."""
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


def left_out(item: Fact | Finding | Problem, limit: int, what: str) -> Problem:
    """Return what says that `item` and its like are beyond the limit; it fails no scan which they would not fail."""
    if isinstance(item, Problem) and item.kind in STRICT_ONLY:
        detail = f"more than {limit:,} {what}: the rest of those that are {item.kind} is left out"
        return Problem(item.kind, item.locator, ENGINE, detail)
    return Problem(ProblemKind.LIMIT, item.locator, ENGINE, f"more than {limit:,} {what}: the rest is left out")


def identity(unit: Unit) -> tuple[object, ...]:
    """Return what no other member has in common with this one, nor one of the archive as it was before a change."""
    return unit.locator, unit.index, unit.stamp


def _at_the_end(unit: Unit, result: UnitResult) -> Member:
    return Member(unit, len(result.artifacts), len(result.facts), len(result.problems))


def _missing(member: Member) -> UnitResult:
    problem = Problem(ProblemKind.SOURCE, member.unit.locator, NAME, "this member has no result")
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
        facts, findings, problems = (
            part.facts[: self._facts],
            part.findings[: self._findings],
            part.problems[: self._problems],
        )
        self.left_out = _once(
            *self.left_out,
            *self._said(part.facts[self._facts :], "facts"),
            *self._said(part.findings[self._findings :], "findings"),
            *self._said(part.problems[self._problems :], "problems"),
        )
        self._facts -= len(facts)
        self._findings -= len(findings)
        self._problems -= len(problems)
        return replace(part, facts=facts, findings=findings, problems=problems)

    def cut(self, items: Sequence[_Said], length: int, what: str) -> tuple[_Said, ...]:
        """Return so many of `items` of all members together; what is left out of them stands before other such."""
        self.left_out = _once(*self._said(items[length:], what), *self.left_out)
        return tuple(items[:length])

    def _said(self, items: Sequence[_Said], what: str) -> Iterator[Problem]:
        return (left_out(item, getattr(self._limits, what), what) for item in items)


def _once(*problems: Problem) -> list[Problem]:
    """Return the first of each sort."""
    sorts: dict[str, Problem] = {}
    for problem in problems:
        sorts.setdefault(problem.detail, problem)
    return list(sorts.values())
