"""Markdown for pull requests, job summaries and chat: what people have to act on, short enough for a comment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TextIO

from modelsweep.core.finding import Finding, Problem, ProblemKind, Rule, Severity
from modelsweep.core.report import Attachment, Report, Verdict
from modelsweep.core.shape import place
from modelsweep.core.text import printable
from modelsweep.core.units import counted, format_size
from reporting.kinds import MEANING
from reporting.writer import LISTED, View

ROWS = 100
"""Findings in the table: GitHub refuses comments of more than 65,536 characters."""
NAMED = 5
"""Files of each kind of problem that are named."""
CODE = 200
"""Characters of a code span."""
SUMMARY = 2_000
"""Characters of what an attachment says."""


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write `report` as GitHub-flavoured Markdown; all that comes out of files stands in code spans."""
    stream.writelines(f"{line}\n" for line in _lines(report, view))


def _lines(report: Report, view: View) -> Iterator[str]:
    totals = report.totals
    verdicts = ", ".join(f"{count} {verdict.value}" for verdict, count in totals.verdicts.items() if count)
    yield f"### modelsweep: {_headline(report)}"
    yield ""
    yield f"{counted(totals.files, 'file')}, {format_size(totals.bytes_read)} read: {verdicts or 'nothing to scan'}."
    rules = view.rules(report)
    if rules:
        yield from _table(report, view)
        yield from _advice(rules)
    yield from _unexamined(report, view)
    if report.attachments:
        yield from ("", "Attached, no part of the verdict:", "")
        yield from map(_attachment, report.attachments)


def _headline(report: Report) -> str:
    counts = report.verdicts()
    if counts[Verdict.MALICIOUS]:
        return "malicious files"
    if counts[Verdict.REVIEW]:
        return "files to review"
    return "not everything could be scanned" if report.totals.problems else "clean"


def _table(report: Report, view: View) -> Iterator[str]:
    yield ""
    yield "| Severity | Rule | What | Where |"
    yield "| --- | --- | --- | --- |"
    room = LISTED if view.verbose else ROWS
    for finding in _worst(report, view, room):
        where = _cell(place(finding.locator, finding.span))
        yield f"| {finding.severity.name} | {code(finding.rule.id)} | {_cell(finding.message)} | {where} |"
    beyond = view.count(report) - room
    if beyond > 0:
        yield ""
        yield f"{beyond} more findings are in the other reports."


def _worst(report: Report, view: View, room: int) -> Iterator[Finding]:
    """Yield the worst findings to be shown, in report order where they are alike."""
    shown: dict[Severity, list[Finding]] = {severity: [] for severity in sorted(Severity, reverse=True)}
    for result in report.results:
        for finding in view.findings(result):
            if len(shown[finding.severity]) < room:
                shown[finding.severity].append(finding)
    yield from islice(chain.from_iterable(shown.values()), room)


def _advice(rules: Iterable[Rule]) -> Iterator[str]:
    yield ""
    for rule in sorted(rules, key=lambda rule: (-rule.severity, rule.id)):
        yield f"- {code(rule.id)}: {rule.why} **{rule.fix}**"


def _unexamined(report: Report, view: View) -> Iterator[str]:
    counts = report.totals.problems
    if counts:
        yield ""
        yield "Not scanned:"
        yield ""
    shown = _first_problems(report, LISTED if view.verbose else NAMED)
    for kind, count in sorted(counts.items()):
        yield f"- {count} {MEANING[kind].heading}: {MEANING[kind].advice}"
        for problem in shown[kind]:
            yield f"  - {code(str(problem.locator))}: {code(problem.detail)}"
        if count > len(shown[kind]):
            yield f"  - and {count - len(shown[kind])} more, which are in the other reports"


def _attachment(attachment: Attachment) -> str:
    said = f": {code(attachment.text, SUMMARY)}" if attachment.text else ""
    return f"- {code(attachment.path)} ({attachment.tool or attachment.media_type}){said}"


def _first_problems(report: Report, room: int) -> dict[ProblemKind, list[Problem]]:
    """Return the first problems of each kind, in report order."""
    shown: dict[ProblemKind, list[Problem]] = {kind: [] for kind in report.totals.problems}
    for problem in report.each_problem():
        if len(listed := shown[problem.kind]) < room:
            listed.append(problem)
    return shown


def code(text: str, limit: int = CODE) -> str:
    """Return `text` as a code span: no link, mention or markup in it comes to life."""
    return "`" + printable(text, limit).replace("`", "'") + "`"


def _cell(text: str) -> str:
    return code(text).replace("|", r"\|")
