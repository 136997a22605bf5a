"""JUnit XML: a test case per file, as CI servers show them.

https://github.com/testmoapp/junitxml describes what they agree on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TextIO
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from modelsweep.core.finding import Finding, Problem
from modelsweep.core.locator import Locator
from modelsweep.core.report import Report
from modelsweep.core.shape import place
from modelsweep.core.text import printable
from reporting.encode import utc
from reporting.scratch import Part, Scratch
from reporting.writer import View

CLASS = "modelsweep"
_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write `report` as one suite: findings that count are failures, what was not examined errors or skipped."""
    cases = Part(Scratch())
    tags: Counter[str] = Counter()
    for case in _cases(report, view):
        tags["testcase"] += 1
        if isinstance(case, Element):
            tags.update(outcome.tag for outcome in case)
            indent(case, level=2)
        text = tostring(case, encoding="unicode") if isinstance(case, Element) else case
        cases.add(f"\n    {text}")
    suite = Element("testsuite", name=CLASS, time=f"{report.run.duration:.3f}")
    if report.run.start_time:
        suite.set("timestamp", utc(report.run.start_time).removesuffix("Z"))
    counts = (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    for attribute, tag in counts:
        suite.set(attribute, str(tags[tag]))
    opening = tostring(suite, encoding="unicode")
    stream.write('<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n  ')
    if cases:
        stream.write(opening.removesuffix(" />") + ">")
        stream.writelines(cases.text())
        opening = "\n  </testsuite>"
    stream.write(f"{opening}\n</testsuites>\n")


def _cases(report: Report, view: View) -> Iterator[Element | str]:
    for result in report.results:
        findings, problems = view.findings(result), result.problems
        if findings or problems:
            accepted = [finding for finding in findings if view.gate.accepts(finding, result.digest)]
            yield _case(result.unit.locator, findings, problems, view, accepted)
        else:  # as `tostring` has it, at a fifth of the time
            name = printable(str(result.unit.locator))
            for character, entity in _ENTITIES:
                name = name.replace(character, entity)
            yield f'<testcase name="{name}" classname="{CLASS}" time="0.000" />'
    for problem in report.problems:
        yield _case(problem.locator, (), (problem,), view)


def _case(
    locator: Locator,
    findings: Sequence[Finding],
    problems: Sequence[Problem],
    view: View,
    accepted: Sequence[Finding] = (),
) -> Element:
    """Return the test case of a file with one outcome, the worst, since servers show one; the rest is its output."""
    case = Element("testcase", name=printable(str(locator)), classname=CLASS, time="0.000")
    counting = [item for item in findings if view.gate.counts(item.rule) and item not in accepted]
    errors = [problem for problem in problems if view.gate.fails(problem)]
    outcome: Element | None = None
    if counting:
        outcome = SubElement(case, "failure", type=counting[0].rule.id, message=printable(counting[0].message))
    elif errors:
        outcome = SubElement(case, "error", type=errors[0].kind.value, message=printable(errors[0].detail))
    elif problems:
        outcome = SubElement(case, "skipped", message=printable(f"not scanned: {problems[0].detail}"))
    explained = {finding.rule: number for number, finding in reversed([*enumerate(findings)])}
    explanations = (_explanation(item, explained[item.rule] == number) for number, item in enumerate(findings))
    said = "\n\n".join((*explanations, *map(_reason, problems)))
    if outcome is not None:
        outcome.text = said
    elif said:
        SubElement(case, "system-out").text = said
    return case


def _explanation(finding: Finding, is_first: bool) -> str:
    """Return what was found, with why that matters where it is the first of its rule."""
    rule = finding.rule
    where = printable(place(finding.locator, finding.span))
    said = f"{rule.severity.name} {rule.id}\n{printable(finding.message)}\nin {where}"
    return f"{said}\nWhy: {rule.why}\nFix: {rule.fix}" if is_first else said


def _reason(problem: Problem) -> str:
    where = printable(place(problem.locator, problem.span))
    return f"NOT SCANNED ({problem.kind.value})\n{printable(problem.detail)}\nin {where}"
