"""Rejudging: stored facts under today's rules and options, without reading a model again.

What judges said is judged anew. What scanners and detectors saw in the bytes themselves stays as it was, in today's
words where its rule still stands; so do problems, and findings of plug-ins.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from modelsweep.core.finding import Finding, Json, Problem, ProblemKind, Rule
from modelsweep.core.options import Options
from modelsweep.core.report import Report, StoredResults, Tool, UnitResult
from modelsweep.core.scanner import Scanner
from modelsweep.core.wire import MISSHAPEN
from modelsweep.fleet.siblings import in_order
from scanners import SCANNERS
from scanners.detector import Detector
from scanners.detectors import DETECTORS
from scanners.engine import conclude
from scanners.judge import JUDGED
from scanners.judge.repository.across import Siblings, across, gathered
from scanners.judge.repository.tree import NAME


@dataclass(frozen=True, slots=True)
class Rejudged:
    """The result of a unit as it is judged today, and the findings that are new or gone against what is stored.

    A finding whose severity is another one today is both.
    """

    result: UnitResult
    new: tuple[Finding, ...] = ()
    gone: tuple[Finding, ...] = ()


def rejudge(results: Sequence[UnitResult], options: Options) -> Iterator[Rejudged]:
    """Yield each result as it is judged today, under the allow-list and the blacklist of `options`.

    Facts that an older version told in a way that judges of today do not understand are a Problem; findings then stay.
    What files make of each other is looked for first: the results are gone over twice, where models are signed once
    more.
    """
    siblings = Siblings(siblings_today(results, options, lambda: results))
    for result in results:
        yield rejudged(result, siblings, options)


def siblings_today(
    results: Iterable[UnitResult], options: Options, everything: Callable[[], Iterable[UnitResult]]
) -> Iterator[UnitResult]:
    """Yield what files make of each other as it is judged today, in the order of `results`; see `across`."""
    return gathered(in_order(across(results, options, everything)))


def rejudged(result: UnitResult, siblings: Siblings, options: Options) -> Rejudged:
    """Return how the next result is judged today, where `siblings` are those of today."""
    judged = siblings.join(_alone(result, options))
    if judged.findings == result.findings:
        return Rejudged(judged)
    before, after = _by_identity(result.findings), _by_identity(judged.findings)
    return Rejudged(
        judged,
        tuple(finding for key, finding in after.items() if key not in before),
        tuple(finding for key, finding in before.items() if key not in after),
    )


def _alone(result: UnitResult, options: Options) -> UnitResult:
    """Return a result as it is judged today without the files that stand beside."""
    rules = _todays_rules()
    seen = [_reworded(finding, rules) for finding in result.findings if finding.rule.id not in JUDGED]
    problems = tuple(problem for problem in result.problems if problem.scanner != NAME)
    try:
        findings = conclude(seen, result.facts, result.artifacts, options)
    except MISSHAPEN as error:
        return replace(result, problems=(*problems, _problem(result, error)))
    return replace(result, findings=findings, problems=problems)


def rejudged_report(report: Report, options: Options, tool: Tool) -> Report:
    """Return `report` as it is judged today by `tool`; its results are judged whenever somebody goes over them."""

    def read() -> Iterator[UnitResult]:
        return (judged.result for judged in rejudge(report.results, options))

    shown: dict[str, Json] = {
        **report.options,
        "allow_imports": list(options.allow_imports),
        "blacklist": list(options.blacklist),
    }
    return replace(report, tool=tool, results=StoredResults(read, len(report.results)), options=shown, counted=None)


def _problem(result: UnitResult, error: Exception) -> Problem:
    detail = f"its stored facts cannot be judged by this version, scan it again: {type(error).__name__}"
    return Problem(ProblemKind.UNSUPPORTED, result.unit.locator, "rejudge", detail)


@functools.cache
def _todays_rules() -> Mapping[str, Rule]:
    """Return the rules of scanners and detectors by id."""
    owners: tuple[Scanner | Detector, ...] = (*SCANNERS, *DETECTORS)
    return {rule.id: rule for owner in owners for rule in owner.rules}


def _reworded(finding: Finding, rules: Mapping[str, Rule]) -> Finding:
    """Return a finding of a scanner under today's rule, as it is where today's wording asks for other evidence."""
    rule = rules.get(finding.rule.id, finding.rule)
    if rule == finding.rule:
        return finding
    today = replace(finding, rule=rule)
    try:
        assert today.message
    except (KeyError, IndexError, ValueError):
        return finding
    return today


def _by_identity(findings: Iterable[Finding]) -> dict[tuple[str, int, int], Finding]:
    return {
        (finding.fingerprint, finding.span.offset if finding.span else -1, finding.severity): finding
        for finding in findings
    }
