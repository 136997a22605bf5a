"""Findings under an identity that is unique in a report, as services that track findings demand."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core.finding import Finding
from modelsweep.core.report import Report
from reporting.address import address
from reporting.writer import View


class Identified(NamedTuple):
    """A finding, the portable path of its file, and 64 hex digits that no other finding of the report has."""

    finding: Finding
    path: str
    identity: str


def identified(report: Report, view: View) -> Iterator[Identified]:
    """Yield the findings to be shown; the identity is made of path, fingerprint and occurrence."""
    seen: Counter[tuple[str, str]] = Counter()
    for result in report.results:
        for finding in view.findings(result):
            path = address(finding.locator, view.root).path
            seen[path, finding.fingerprint] += 1
            parts = (path, finding.fingerprint, str(seen[path, finding.fingerprint]))
            raw = "\0".join(parts).encode("utf-8", "surrogatepass")
            yield Identified(finding, path, hashlib.sha256(raw).hexdigest())
