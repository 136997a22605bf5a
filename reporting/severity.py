"""What our severities are called, and weigh, in the scales of others."""

from __future__ import annotations

from collections.abc import Iterable

from modelsweep.core.finding import Finding, Severity

SCORE = {Severity.CRITICAL: 9.5, Severity.WARNING: 5.5, Severity.INFO: 2.0, Severity.DEBUG: 0.1}
"""0 to 10 as in CVSS: code scanning calls above 9.0 critical, 4.0 to 6.9 medium, below that low."""

SARIF_LEVEL = {
    Severity.CRITICAL: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
    Severity.DEBUG: "none",
}
CYCLONEDX_SEVERITY = {
    Severity.CRITICAL: "critical",
    Severity.WARNING: "medium",
    Severity.INFO: "info",
    Severity.DEBUG: "none",
}


def risk_score(findings: Iterable[Finding]) -> float:
    """Return the risk of a file, 0 to 10: that of its worst finding."""
    return max((SCORE[finding.severity] for finding in findings), default=0.0)
