"""JUnit XML: a test case per file, as CI servers show them.

https://github.com/testmoapp/junitxml describes what they agree on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from modelsweep.core.finding import Finding, Problem
from modelsweep.core.locator import Locator
from modelsweep.core.report import Report
from modelsweep.core.shape import place
from modelsweep.core.text import printable
from reporting.encode import utc
from reporting.writer import View

CLASS = "modelsweep"


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write `report` as one suite: findings that count are failures, what was not examined errors or skipped."""
    suite = Element("testsuite", name=CLASS, time=f"{report.run.duration:.3f}")
    if report.run.start_time:
        suite.set("timestamp", utc(report.run.start_time).removesuffix("Z"))
    for result in report.results:
        _case(suite, result.unit.locator, view.findings(result), result.problems, view)
    for problem in report.problems:
        _case(suite, problem.locator, (), (problem,), view)
    suite.set("tests", str(len(suite)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
    root = Element("testsuites")
    root.append(suite)
    indent(root)
    stream.write('<?xml version="1.0" encoding="utf-8"?>\n')
    ElementTree(root).write(stream, encoding="unicode")
    stream.write("\n")


def _case(
    suite: Element, locator: Locator, findings: Sequence[Finding], problems: Sequence[Problem], view: View
) -> None:
    """Add the test case of a file with one outcome, the worst, since servers show one; the rest is its output."""
    case = SubElement(suite, "testcase", name=printable(str(locator)), classname=CLASS, time="0.000")
    counting = [finding for finding in findings if finding.severity >= view.gate.fail_on]
    errors = [problem for problem in problems if view.gate.fails(problem)]
    outcome: Element | None = None
    if counting:
        outcome = SubElement(case, "failure", type=counting[0].rule.id, message=printable(counting[0].message))
    elif errors:
        outcome = SubElement(case, "error", type=errors[0].kind.value, message=printable(errors[0].detail))
    elif problems:
        outcome = SubElement(case, "skipped", message=printable(f"not scanned: {problems[0].detail}"))
    said = "\n\n".join((*map(_explanation, findings), *map(_reason, problems)))
    if outcome is not None:
        outcome.text = said
    elif said:
        SubElement(case, "system-out").text = said


def _explanation(finding: Finding) -> str:
    rule = finding.rule
    where = printable(place(finding.locator, finding.span))
    return f"{rule.severity.name} {rule.id}\n{printable(finding.message)}\nin {where}\nWhy: {rule.why}\nFix: {rule.fix}"


def _reason(problem: Problem) -> str:
    where = printable(place(problem.locator, problem.span))
    return f"NOT SCANNED ({problem.kind.value})\n{printable(problem.detail)}\nin {where}"
