"""The report as JSON, complete: docs/report.schema.json describes it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import TextIO

from modelsweep.core.finding import Finding, Json, Rule
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Report, UnitResult, Verdict
from modelsweep.core.shape import (
    FACT_VALUES,
    JsonObject,
    asset_shape,
    details,
    head_shape,
    issue_shape,
    place,
    problem_shape,
    rules_shape,
    run_shape,
)
from modelsweep.core.values import replace
from reporting.encode import INDENT, SLOT, Items, in_pieces, indented, quoted, write_object
from reporting.scratch import Scratch
from reporting.writer import View

_MARGIN = INDENT * 2
_VERDICTS = {verdict: quoted(verdict.value) for verdict in Verdict}
_CLEAN, _NO_DIGEST = _VERDICTS[Verdict.CLEAN], quoted("")


# Put together by f-strings, which take a sixth of the time of a template with places
_V0, _V1, _V2, _V3, _V4 = in_pieces(dict.fromkeys(("path", "verdict", "digest", "size"), SLOT), _MARGIN)
_A0, _A1, _A2, _A3, _A4, _A5 = in_pieces(dict.fromkeys(("path", "type", "scanners", "size", "digest"), SLOT), _MARGIN)
_F0, _F1, _F2, _F3, _F4 = in_pieces({"path": SLOT, "kind": SLOT, "values": [SLOT], "distinct": SLOT}, _MARGIN)
_BETWEEN_VALUES = f",\n{INDENT * 4}"


class Draft:
    """The record of a report, the same for every view."""

    def __init__(self, report: Report, view: View) -> None:
        self._start = report.run.start_time
        scratch = Scratch()
        self._verdicts, self._issues, self._problems = (Items(scratch, INDENT) for _ in range(3))
        self._assets, self._facts = Items(scratch, INDENT), Items(scratch, INDENT)
        self.parts = (self._verdicts, self._issues, self._problems, self._assets, self._facts)
        self._known: dict[tuple[str, ...], tuple[str, str]] = {}
        for problem in report.problems:
            self._problems.put(problem_shape(problem))

    def add(self, result: UnitResult) -> None:
        """Put a result into all lists."""
        unit, verdict = result.unit, _CLEAN
        path, digest = quoted(str(unit.locator)), _NO_DIGEST
        if result.findings or result.problems:
            verdict = _VERDICTS[result.verdict]
            for finding in result.findings:
                self._issues.add(_issue(finding, self._start))
            for problem in result.problems:
                self._problems.put(problem_shape(problem))
        if artifacts := result.artifacts:
            own = artifacts[0]
            digest = quoted(own.digest)
            self._add_asset(own, path if own.locator is unit.locator else quoted(str(own.locator)), digest)
            if len(artifacts) > 1:
                for item in artifacts[1:]:
                    self._add_asset(item, quoted(str(item.locator)), quoted(item.digest))
        self._verdicts.add(f"{_V0}{path}{_V1}{verdict}{_V2}{digest}{_V3}{unit.size}{_V4}")
        if len(result.facts) == 1:
            (fact,) = result.facts
            self._facts.add(f"{_F0}{path}{_F1}{quoted(fact.kind)}{_F2}{quoted(fact.value)}{_F3}1{_F4}")
        elif result.facts:
            for group in _facts(result, path):
                self._facts.add(group)

    def brief(self) -> Json:
        """Return nothing: no file has to do with another one here."""

    def said(self) -> Json:
        """Return nothing: all is in the parts."""

    def join(self, said: Json) -> None:
        """Do nothing."""

    def _add_asset(self, artifact: Artifact, path: str, digest: str) -> None:
        kind, scanners = self._known.get(artifact.scanners) or self._natures(artifact)
        self._assets.add(f"{_A0}{path}{_A1}{kind}{_A2}{scanners}{_A3}{artifact.size}{_A4}{digest}{_A5}")

    def finish(self, report: Report, stream: TextIO) -> None:
        """Write the record."""
        write_object(self._members(report), stream)
        stream.write("\n")

    def _members(self, report: Report) -> Iterator[tuple[str, Json | Iterator[str]]]:
        yield from head_shape(report).items()
        yield "verdicts", self._verdicts.array()
        yield "issues", self._issues.array()
        yield "problems", self._problems.array()
        yield "rules", rules_shape(report)
        yield "assets", self._assets.array()
        yield "facts", self._facts.array()
        yield "run", run_shape(report)

    def _natures(self, artifact: Artifact) -> tuple[str, str]:
        """Return type and scanners of an asset as JSON, and note them: many have the same."""
        shape = asset_shape(artifact)
        margin = f"{_MARGIN}{INDENT}"
        found = indented(shape["type"], margin), indented(shape["scanners"], margin)
        self._known[artifact.scanners] = found
        return found


@lru_cache(512)
def _issue_of(rule: Rule, start: float) -> list[str]:
    """Return the text of what findings of a rule have in common, in pieces."""
    plain = replace(rule, message="")  # its places could not be filled in
    varying: JsonObject = dict.fromkeys(("message", "location", "details", "fingerprint"), SLOT)
    return in_pieces({**issue_shape(Finding(plain, Locator("")), start), **varying}, _MARGIN)


def _issue(finding: Finding, start: float) -> str:
    """Return what `issue_shape` says, as text."""
    p0, p1, p2, p3, p4 = _issue_of(finding.rule, start)
    where = quoted(place(finding.locator, finding.span))
    said = indented(details(finding), _MARGIN + INDENT)
    return f'{p0}{quoted(finding.message)}{p1}{where}{p2}{said}{p3}"{finding.fingerprint}"{p4}'


def _facts(result: UnitResult, path: str) -> Iterator[str]:
    """Yield what `fact_shapes` says, as text."""
    kinds: dict[str, dict[str, None]] = {}
    for fact in result.facts:
        kinds.setdefault(fact.kind, {})[fact.value] = None
    for kind, values in sorted(kinds.items()):
        listed = _BETWEEN_VALUES.join(map(quoted, islice(values, FACT_VALUES)))
        yield f"{_F0}{path}{_F1}{quoted(kind)}{_F2}{listed}{_F3}{len(values)}{_F4}"


def section(report: Report, view: View, _brief: Json) -> Draft:
    """Return a section of the record."""
    return Draft(report, view)
