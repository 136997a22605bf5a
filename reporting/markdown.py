"""Markdown for pull requests, job summaries and chat: what people have to act on, short enough for a comment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TextIO

from modelsweep.core.finding import Finding, Rule
from modelsweep.core.report import Report, Verdict
from modelsweep.core.shape import place
from modelsweep.core.text import printable
from modelsweep.core.units import format_size
from reporting.kinds import MEANING
from reporting.writer import View

ROWS = 100
"""Findings in the table: GitHub refuses comments of more than 65,536 characters."""
CODE = 200
"""Characters of a code span."""


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write `report` as GitHub-flavoured Markdown; all that comes out of files stands in code spans."""
    stream.writelines(f"{line}\n" for line in _lines(report, view))


def _lines(report: Report, view: View) -> Iterator[str]:
    findings = [finding for result in report.results for finding in view.findings(result)]
    findings.sort(key=lambda finding: -finding.severity)
    verdicts = ", ".join(f"{count} {verdict.value}" for verdict, count in report.verdicts().items() if count)
    yield f"### modelsweep: {_headline(report)}"
    yield ""
    yield f"{len(report.results)} files, {format_size(report.bytes_read)} read: {verdicts or 'nothing to scan'}."
    if findings:
        yield from _table(findings, view)
        yield from _advice({finding.rule for finding in findings})
    yield from _unexamined(report)


def _headline(report: Report) -> str:
    counts = report.verdicts()
    if counts[Verdict.MALICIOUS]:
        return "malicious files"
    if counts[Verdict.REVIEW]:
        return "files to review"
    return "not everything could be scanned" if report.all_problems else "clean"


def _table(findings: list[Finding], view: View) -> Iterator[str]:
    yield ""
    yield "| Severity | Rule | What | Where |"
    yield "| --- | --- | --- | --- |"
    for finding in findings[: None if view.verbose else ROWS]:
        where = _cell(place(finding.locator, finding.span))
        yield f"| {finding.severity.name} | {code(finding.rule.id)} | {_cell(finding.message)} | {where} |"
    if len(findings) > ROWS and not view.verbose:
        yield ""
        yield f"{len(findings) - ROWS} more findings are in the other reports."


def _advice(rules: set[Rule]) -> Iterator[str]:
    yield ""
    for rule in sorted(rules, key=lambda rule: (-rule.severity, rule.id)):
        yield f"- {code(rule.id)}: {rule.why} **{rule.fix}**"


def _unexamined(report: Report) -> Iterator[str]:
    counts = Counter(problem.kind for problem in report.all_problems)
    if counts:
        yield ""
        yield "Not scanned:"
        yield ""
    for kind, count in sorted(counts.items()):
        yield f"- {count} {MEANING[kind].heading}"


def code(text: str) -> str:
    """Return `text` as a code span: no link, mention or markup in it comes to life."""
    return "`" + printable(text, CODE).replace("`", "'") + "`"


def _cell(text: str) -> str:
    return code(text).replace("|", r"\|")
