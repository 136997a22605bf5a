"""What harmless files must come out as: nothing to review, nothing left unexamined."""

from __future__ import annotations

from modelsweep.core.finding import Severity
from tests.scanners.case import examine_bytes


def assert_benign(data: bytes, name: str) -> None:
    """Assert that a file yields neither a Problem nor a finding that anybody has to look at."""
    result = examine_bytes(data, name)
    alarms = [f"{item.locator} {item.message}" for item in result.findings if item.severity >= Severity.WARNING]
    assert alarms == [], "a false alarm"
    assert [f"{problem.locator} {problem.detail}" for problem in result.problems] == []
