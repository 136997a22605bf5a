"""What people look at first: the worst files with their findings, and what was not scanned, by kind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from modelsweep.core.finding import Finding, Problem, ProblemKind, Severity
from modelsweep.core.report import Report, UnitResult
from modelsweep.core.values import replace
from reporting.kinds import MEANING, Meaning
from reporting.writer import View


def worst_files(report: Report, view: View, most: int) -> Iterator[tuple[UnitResult, tuple[Finding, ...]]]:
    """Yield files with the findings to be shown, at most so many of these, the worst files first."""
    files: dict[Severity, list[tuple[UnitResult, tuple[Finding, ...]]]] = {each: [] for each in reversed(Severity)}
    room = dict.fromkeys(files, most)
    for result in report.results if view.count(report) else ():
        if findings := view.findings(result):
            worst = max(finding.severity for finding in findings)
            listed = findings[: room[worst]]
            room[worst] -= len(listed)
            if listed:  # no more of the result than is shown: members of archives may be many
                files[worst].append((replace(result, artifacts=result.artifacts[:1], facts=()), listed))
    left = most
    for result, findings in chain.from_iterable(files.values()):
        if not left:
            return
        yield result, findings[:left]
        left -= len(findings[:left])


def problems_by_kind(report: Report, most: int) -> list[tuple[Meaning, int, list[Problem]]]:
    """Return how many problems there are of each kind, with at most so many of them."""
    counts = report.totals.problems
    groups: dict[ProblemKind, list[Problem]] = {kind: [] for kind in ProblemKind if kind in counts}
    if groups:
        for problem in report.each_problem():
            if len(groups[problem.kind]) < most:
                groups[problem.kind].append(problem)
    return [(MEANING[kind], counts[kind], group) for kind, group in groups.items()]
