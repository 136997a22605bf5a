"""GitLab Code Quality: the findings as its merge request widget takes them.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TextIO

from modelsweep.core.finding import Finding, Json, Severity
from modelsweep.core.report import Report
from modelsweep.core.text import printable
from reporting.address import address
from reporting.encode import write_json
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
    seen: Counter[tuple[str, str]] = Counter()
    entries: list[Json] = []
    for finding in (finding for result in report.results for finding in view.findings(result)):
        path = address(finding.locator, view.root).path
        seen[path, finding.fingerprint] += 1
        entries.append(_entry(finding, path, seen[path, finding.fingerprint]))
    write_json(entries, stream)


def _entry(finding: Finding, path: str, occurrence: int) -> Json:
    """Return one entry; its fingerprint is unique in the report, as the widget demands."""
    identity = "\0".join((path, finding.fingerprint, str(occurrence))).encode("utf-8", "surrogatepass")
    return {
        "description": printable(f"{finding.rule.title}: {finding.message}", DESCRIPTION),
        "check_name": finding.rule.id,
        "fingerprint": hashlib.sha256(identity).hexdigest(),
        "severity": GRADES[finding.severity],
        "location": {"path": path, "lines": {"begin": 1}},
    }
