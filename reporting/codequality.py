"""GitLab Code Quality: the findings as its merge request widget takes them.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

from typing import TextIO

from modelsweep.core.finding import Json, Severity
from modelsweep.core.report import Report
from modelsweep.core.text import printable
from reporting.address import inside, line_of
from reporting.encode import array
from reporting.identity import Identified, identified
from reporting.writer import View

DESCRIPTION = 1_024
"""Characters."""
GRADES = {
    Severity.CRITICAL: "blocker",
    Severity.WARNING: "major",
    Severity.INFO: "minor",
    Severity.DEBUG: "info",
}


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write the findings of `report` as a list; what was not scanned has no place in this format."""
    stream.writelines(array(_entry(item) for item in identified(report, view)))
    stream.write("\n")


def _entry(item: Identified) -> Json:
    finding = item.finding
    where = inside(finding)  # the location has but a file and a line
    said = f"{finding.rule.title}: {finding.message}{f' ({where})' if where else ''}"
    return {
        "description": printable(said, DESCRIPTION),
        "check_name": finding.rule.id,
        "fingerprint": item.identity,
        "severity": GRADES[finding.severity],
        "location": {"path": item.path, "lines": {"begin": line_of(item.finding)}},
    }
