"""The report as text that people like to read: what is wrong, what was not scanned, then one line that sums up."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from modelsweep.core.finding import Finding, Problem, ProblemKind, Severity
from modelsweep.core.report import Attachment, Report, UnitResult, Verdict
from modelsweep.core.text import printable
from modelsweep.core.units import format_size
from reporting.address import inside
from reporting.kinds import MEANING
from reporting.writer import LISTED, View

Segment = tuple[str, str]
"""Text and its style; an empty style is plain."""
Line = Sequence[Segment]

STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFO: "cyan",
    Severity.DEBUG: "dim",
}
VERDICT_STYLES = {
    Verdict.MALICIOUS: "bold red",
    Verdict.REVIEW: "yellow",
    Verdict.NOT_SCANNED: "magenta",
    Verdict.CLEAN: "green",
}
VERDICT_WORDS = {
    Verdict.MALICIOUS: "malicious",
    Verdict.REVIEW: "to review",
    Verdict.NOT_SCANNED: "not scanned",
    Verdict.CLEAN: "clean",
}
LABEL = 10
"""Columns of the severity before a finding's rule."""
INDENT = " " * (LABEL + 2)
NARROWEST = 40
"""Columns below which nothing is wrapped any more."""
PARAGRAPH = 110
"""Columns that a paragraph takes at most: longer lines tire the eye."""
MESSAGE = 400
"""Characters of a message, and of a place inside a file."""
SAME_RULE = 5
"""Findings of one rule that are shown per file; `--verbose` shows all."""
SAME_KIND = 5
"""Files that are listed per kind of problem; `--verbose` lists all."""


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write `report` for people; colours only where the view has them."""
    lines = _report(report, view)
    if view.colour:
        _write_coloured(lines, stream)
    else:
        stream.writelines("".join(text for text, _ in line).rstrip() + "\n" for line in lines)


def _write_coloured(lines: Iterable[Line], stream: TextIO) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, force_terminal=True, highlight=False, markup=False, emoji=False)
    for line in lines:
        console.print(Text.assemble(*line), soft_wrap=True)


def _report(report: Report, view: View) -> Iterator[Line]:
    explained: dict[str, Severity] = {}
    room, files = LISTED, 0
    for result in report.results if view.count(report) else ():
        findings = view.findings(result)
        if findings and room > 0:
            yield from _file(result, findings[:room], explained, view)
            yield ()
        elif findings:
            files += 1
        room -= len(findings)
    if room < 0:
        yield [
            (f"{-room:,} more findings, and with them {_files(files)}, are left out here: -f json has them all", "bold")
        ]
        yield ()
    yield from _unexamined(report, view)
    if report.attachments:
        yield [("Attached, no part of the verdict", "bold")]
        for attachment in report.attachments:
            yield from _attachment(attachment, view)
        yield ()
    yield _total(report, view)
    if report.run.known:
        yield [(f"{report.run.known:,} of {_files(report.totals.files)} known from before: not read again", "dim")]
    if explained:
        yield [(f"Explain a rule: {view.program} rules show {max(explained, key=explained.__getitem__)}", "dim")]


def _file(
    result: UnitResult, findings: Sequence[Finding], explained: dict[str, Severity], view: View
) -> Iterator[Line]:
    verdict = result.verdict
    failing = verdict is Verdict.CLEAN and any(
        view.gate.counts(finding.rule) and not view.gate.accepts(finding, result.digest) for finding in findings
    )
    yield [
        (printable(str(result.unit.locator)), "bold"),
        (f"  {verdict.value}", VERDICT_STYLES[verdict]),
        (", but fails the scan" if failing else "", VERDICT_STYLES[Verdict.REVIEW]),
        (f"  {format_size(result.unit.size)}", "dim"),
    ]
    shown: Counter[str] = Counter()
    for finding in findings:
        shown[finding.rule.id] += 1
        if view.verbose or shown[finding.rule.id] <= SAME_RULE:
            excuse = view.gate.excuse(finding, result.digest)
            yield from _finding(finding, view, explain=finding.rule.id not in explained, excuse=excuse)
            explained[finding.rule.id] = finding.severity
    for slug, count in shown.items():
        if count > SAME_RULE and not view.verbose:
            yield [(f"{INDENT}and {count - SAME_RULE} more of {slug}: --verbose shows all", "dim")]


def _finding(finding: Finding, view: View, *, explain: bool, excuse: str) -> Iterator[Line]:
    label = (f"  {finding.severity.name:<{LABEL}}", STYLES[finding.severity])
    message, rule = printable(finding.message, MESSAGE), finding.rule.id
    if view.terminal and len(f"{INDENT}{message}  {rule}") > view.width:
        first, *rest = _wrapped(message, view)
        yield [label, (first, "")]
        for line in rest:
            yield [(f"{INDENT}{line}", "")]
        yield [(f"{INDENT}{rule}", "dim")]
    else:
        yield [label, (message, ""), (f"  {rule}", "dim")]
    for line in _wrapped(printable(inside(finding), MESSAGE), view):
        yield [(f"{INDENT}{line}", "dim")]
    if excuse:
        yield [(f"{INDENT}{excuse}", "dim")]
    if explain:
        yield from _paragraph("Why: ", finding.rule.why, view.width)
        yield from _paragraph("Fix: ", finding.rule.fix, view.width)


def _wrapped(text: str, view: View) -> list[str]:
    """Return what stands right of the severities: one line for programs, several for a narrow terminal."""
    if not view.terminal:
        return [text] if text else []
    return textwrap.wrap(
        text, max(view.width, NARROWEST) - len(INDENT), break_long_words=False, break_on_hyphens=False
    ) or [""]


def _paragraph(label: str, text: str, width: int) -> Iterator[Line]:
    below = INDENT + " " * len(label)
    wrapped = textwrap.wrap(
        printable(text), min(max(width, NARROWEST), PARAGRAPH), initial_indent=below, subsequent_indent=below
    )
    for number, line in enumerate(wrapped):
        yield [(INDENT + label, "bold"), (line.removeprefix(below), "")] if number == 0 else [(line, "")]


def _unexamined(report: Report, view: View) -> Iterator[Line]:
    counts = report.totals.problems
    if not counts:
        return
    room = LISTED if view.verbose else SAME_KIND
    kinds: dict[ProblemKind, list[Problem]] = {kind: [] for kind in counts}
    for problem in report.each_problem():
        if len(kinds[problem.kind]) < room:
            kinds[problem.kind].append(problem)
    yield [("Not scanned", "bold")]
    for kind in sorted(kinds, key=lambda kind: (not view.gate.fails(kinds[kind][0]), kind.value)):
        yield from _kind(kind, counts[kind], kinds[kind], view)
    yield ()


def _kind(kind: ProblemKind, count: int, listed: Sequence[Problem], view: View) -> Iterator[Line]:
    meaning = MEANING[kind]
    failing = view.gate.fails(listed[0])
    style = "magenta" if failing else "dim"
    advice = meaning.advice.replace("`modelsweep ", f"`{view.program} ")
    yield [(f"  {count} {meaning.heading}", style), (f"  {advice}" if failing else "", "dim")]
    for problem in listed:
        yield [(f"    {printable(str(problem.locator), MESSAGE)}: {printable(problem.detail, MESSAGE)}", "")]
    if len(listed) < count:
        where = "-f json has them all" if view.verbose else "--verbose lists all"
        yield [(f"    and {count - len(listed)} more: {where}", "dim")]


def _attachment(attachment: Attachment, view: View) -> Iterator[Line]:
    kind = f"{attachment.tool or attachment.media_type}  {format_size(attachment.size)}"
    yield [(f"  {printable(attachment.path, MESSAGE)}", ""), (f"  {kind}", "dim")]
    for line in _wrapped(printable(attachment.text), view) if attachment.text else ():
        yield [(f"{INDENT}{line}", "dim")]
    if view.verbose:
        yield [(f"{INDENT}SHA-256 {attachment.digest}", "dim")]


def _total(report: Report, view: View) -> Line:
    failed = view.gate.exit_code(report)
    code = (f" (exit {failed}{_unobvious(report, view)})" if failed else "", "dim")
    totals = report.totals
    if not totals.files:
        nothing = "Nothing was scanned." if report.problems else "Nothing to scan: no file matches the targets."
        return [(nothing, "yellow"), code]
    time = f" in {report.run.duration:.1f} s" if report.run.duration else ""
    size = f"{_files(totals.files)}, {format_size(totals.bytes_read)} read{time}"
    if totals.verdicts[Verdict.CLEAN] == totals.files and not report.problems and not failed:
        return [("Clean", "bold green"), (f": {size}", "")]
    line: list[Segment] = []
    for verdict, count in totals.verdicts.items():
        if count:
            line += [(", " if line else "", ""), (f"{count} {VERDICT_WORDS[verdict]}", VERDICT_STYLES[verdict])]
    return [*line, (f": {size}", ""), code]


def _unobvious(report: Report, view: View) -> str:
    """Return why the job fails where its verdicts do not tell."""
    verdicts, gate = report.totals.verdicts, view.gate
    if verdicts[Verdict.MALICIOUS] or verdicts[Verdict.REVIEW] or not any(map(gate.counts, report.totals.rules)):
        return ""
    if any(map(gate.forbids, report.totals.rules)):
        return ": --strict forbids what these licences oblige to"
    return f": --fail-on {gate.fail_on.name.lower()}"


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"
