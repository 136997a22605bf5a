"""The report as JSON, complete: docs/report.schema.json describes it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TextIO

from modelsweep.core.finding import Json
from modelsweep.core.report import Artifact, Report, UnitResult, Verdict
from modelsweep.core.shape import (
    FACT_VALUES,
    asset_shape,
    head_shape,
    issue_shape,
    problem_shape,
    rules_shape,
    run_shape,
)
from reporting.encode import INDENT, Items, indented, quoted, write_object
from reporting.scratch import Scratch
from reporting.writer import View

_MARGIN = INDENT * 2
_VERDICTS = {verdict: quoted(verdict.value) for verdict in Verdict}


def _template(shape: Json) -> str:
    """Return the text of `shape` with a place for each "%s": the lists that have every file in them are filled in."""
    return indented(shape, _MARGIN).replace('"%s"', "%s")


_VERDICT = _template({"path": "%s", "verdict": "%s", "digest": "%s", "size": "%s"})
_ASSET = _template({"path": "%s", "type": "%s", "scanners": "%s", "size": "%s", "digest": "%s"})
_FACTS = _template({"path": "%s", "kind": "%s", "values": ["%s"], "distinct": "%s"})
_BETWEEN_VALUES = f",\n{INDENT * 4}"


class Draft:
    """The record of a report, the same for every view."""

    def __init__(self, report: Report, view: View) -> None:
        self._start = report.run.start_time
        scratch = Scratch()
        self._verdicts, self._issues, self._problems = (Items(scratch, INDENT) for _ in range(3))
        self._assets, self._facts = Items(scratch, INDENT), Items(scratch, INDENT)
        self._known: dict[tuple[str, ...], tuple[str, str]] = {}
        for problem in report.problems:
            self._problems.put(problem_shape(problem))

    def add(self, result: UnitResult) -> None:
        """Put a result into all lists."""
        unit, path = result.unit, quoted(str(result.unit.locator))
        self._verdicts.add(_VERDICT % (path, _VERDICTS[result.verdict], quoted(result.digest), unit.size))
        for finding in result.findings:
            self._issues.put(issue_shape(finding, self._start))
        for problem in result.problems:
            self._problems.put(problem_shape(problem))
        for item in result.artifacts:
            where = path if item.locator is unit.locator else quoted(str(item.locator))
            self._assets.add(_ASSET % (where, *self._natures(item), item.size, quoted(item.digest)))
        if result.facts:
            for group in _facts(result, path):
                self._facts.add(group)

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
        """Return type and scanners of an asset as JSON; many have the same."""
        found = self._known.get(artifact.scanners)
        if found is None:
            shape = asset_shape(artifact)
            margin = f"{_MARGIN}{INDENT}"
            found = indented(shape["type"], margin), indented(shape["scanners"], margin)
            self._known[artifact.scanners] = found
        return found


def _facts(result: UnitResult, path: str) -> Iterator[str]:
    """Yield what `fact_shapes` says, as text."""
    kinds: dict[str, dict[str, None]] = {}
    for fact in result.facts:
        kinds.setdefault(fact.kind, {})[fact.value] = None
    for kind, values in sorted(kinds.items()):
        listed = _BETWEEN_VALUES.join(map(quoted, islice(values, FACT_VALUES)))
        yield _FACTS % (path, quoted(kind), listed, len(values))
