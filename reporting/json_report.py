"""The report as JSON, complete: docs/report.schema.json describes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from json.encoder import encode_basestring_ascii as encoded
from typing import TextIO

from modelsweep.core.finding import Finding, Json, JsonObject, Rule
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Nature, Plain, Report, UnitResult, Verdict
from modelsweep.core.shape import (
    FACT_VALUES,
    asset_shape,
    attachments_shape,
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
_CLEAN = _VERDICTS[Verdict.CLEAN]


# Put together by f-strings, which take a sixth of the time of a template with places
_V0, _V1, _V2, _V3, _V4 = in_pieces(dict.fromkeys(("path", "verdict", "digest", "size"), SLOT), _MARGIN)
_A0, _A1, _A2, _A3, _A4, _A5 = in_pieces(dict.fromkeys(("path", "type", "scanners", "size", "digest"), SLOT), _MARGIN)
_F0, _F1, _F2, _F3, _F4 = in_pieces({"path": SLOT, "kind": SLOT, "values": [SLOT], "distinct": SLOT}, _MARGIN)
_BETWEEN_VALUES = f",\n{INDENT * 4}"
# Of plain files, whose digests need no more than quotes
_V1_CLEAN_V2, _V3_PLAIN = f'{_V1}{_CLEAN}{_V2}"', f'"{_V3}'
_A4_PLAIN, _A5_PLAIN = f'{_A4}"', f'"{_A5}'


class Draft:
    """The record of a report, the same for every view."""

    def __init__(self, report: Report, view: View) -> None:
        self._start = report.run.start_time
        scratch = Scratch()
        self._verdicts, self._issues, self._problems = (Items(scratch, INDENT) for _ in range(3))
        self._assets, self._facts = Items(scratch, INDENT), Items(scratch, INDENT)
        self.parts = (self._verdicts, self._issues, self._problems, self._assets, self._facts)
        for problem in report.problems:
            self._problems.put(problem_shape(problem))

    def add_plain(self, files: Sequence[Plain]) -> None:
        """Put plain files into the lists of verdicts, assets and facts."""
        verdicts, assets, facts = [], [], []
        nature: Nature | None = None
        kind, groups = _plain_asset(((), ()))
        for uri, _, size, digest, now, _ in files:
            if now is not nature:
                nature, (kind, groups) = now, _plain_asset(now)
            path = encoded(uri) if uri.isascii() else quoted(uri)
            verdicts.append(f"{_V0}{path}{_V1_CLEAN_V2}{digest}{_V3_PLAIN}{size}{_V4}")
            assets.append(f"{_A0}{path}{kind}{size}{_A4_PLAIN}{digest}{_A5_PLAIN}")
            for group in groups:
                facts.append(f"{_F0}{path}{group}")  # noqa: PERF401 - one, as a rule: a list of it takes longer
        self._verdicts.extend(verdicts)
        self._assets.extend(assets)
        self._facts.extend(facts)

    def add(self, result: UnitResult) -> None:
        """Put a result into all lists."""
        path, digest = quoted(str(result.unit.locator)), quoted(result.digest)
        verdict = _VERDICTS[result.verdict]
        self._verdicts.add(f"{_V0}{path}{_V1}{verdict}{_V2}{digest}{_V3}{result.unit.size}{_V4}")
        for finding in result.findings:
            self._issues.add(_issue(finding, self._start))
        for problem in result.problems:
            self._problems.put(problem_shape(problem))
        for item in result.artifacts:
            where, content = quoted(str(item.locator)), quoted(item.digest)
            kind, names = _natures(item.scanners)
            self._assets.add(f"{_A0}{where}{_A1}{kind}{_A2}{names}{_A3}{item.size}{_A4}{content}{_A5}")
        for group in _groups((fact.kind, fact.value) for fact in result.facts):
            self._facts.add(f"{_F0}{path}{group}")

    def brief(self) -> Json:
        """Return nothing: no file has to do with another one here."""

    def said(self) -> Json:
        """Return nothing: all is in the parts."""

    def join(self, said: Json) -> None:
        """Do nothing."""

    def finish(self, report: Report, stream: TextIO) -> None:
        """Write the record."""
        write_object(self._members(report), stream)
        stream.write("\n")

    def _members(self, report: Report) -> Iterator[tuple[str, Json | Items]]:
        yield from head_shape(report).items()
        yield "verdicts", self._verdicts
        yield "issues", self._issues
        yield "problems", self._problems
        yield "rules", rules_shape(report)
        yield "assets", self._assets
        yield "facts", self._facts
        yield "attachments", attachments_shape(report)
        yield "run", run_shape(report)


@lru_cache(512)
def _natures(scanners: tuple[str, ...]) -> tuple[str, str]:
    """Return type and scanners of an asset as JSON."""
    shape = asset_shape(Artifact(Locator(""), 0, "", scanners))
    margin = f"{_MARGIN}{INDENT}"
    return indented(shape["type"], margin), indented(shape["scanners"], margin)


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


@lru_cache(512)
def _plain_asset(nature: Nature) -> tuple[str, tuple[str, ...]]:
    """Return what stands between path and size of plain files of one nature, and the ends of their facts."""
    scanners, stated = nature
    kind, names = _natures(scanners)
    return f"{_A1}{kind}{_A2}{names}{_A3}", tuple(_groups((kind, value) for kind, value, _ in stated))


def _groups(facts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield what `fact_shapes` says of facts (kind and value), as text behind the path of their file."""
    kinds: dict[str, dict[str, None]] = {}
    for kind, value in facts:
        kinds.setdefault(kind, {})[value] = None
    for kind, values in sorted(kinds.items()):
        listed = _BETWEEN_VALUES.join(map(quoted, islice(values, FACT_VALUES)))
        yield f"{_F1}{quoted(kind)}{_F2}{listed}{_F3}{len(values)}{_F4}"


def section(report: Report, view: View, _brief: Json) -> Draft:
    """Return a section of the record."""
    return Draft(report, view)
