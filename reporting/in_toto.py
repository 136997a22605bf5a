"""An in-toto statement about the files that passed: a Simple Verification Result, for whoever admits models.

Statement: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md, predicate:
https://github.com/in-toto/attestation/blob/main/spec/predicates/svr.md (version 0.2). It is not signed yet: `modelsweep
sign`, or cosign, does that. Such a statement can only vouch: what it does not name did not pass, or was not scanned.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from modelsweep.core.finding import Json, Severity
from modelsweep.core.report import Report, UnitResult
from modelsweep.core.text import printable
from reporting.address import address
from reporting.encode import array, indented, utc
from reporting.writer import View

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/svr/v0.2"
VERIFIER = "pkg:pypi/modelsweep@{}"
"""A URI for each version, whose logic is its own."""
PASSED = "MODELSWEEP_PASSED"
WHOLE = "MODELSWEEP_FULL_AUDIT"
"""All scanners and detectors looked at every byte, and no class of the user's was trusted."""
FREE = {Severity.CRITICAL: "MODELSWEEP_NO_CRITICAL", Severity.WARNING: "MODELSWEEP_NO_WARNING"}
"""Properties by the severity of which there is no finding."""
MARGIN = "  "


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write the statement: every file with a digest that was scanned whole, and has no finding that fails the job."""
    stream.write(f'{{\n  "_type": "{STATEMENT}",\n  "subject": ')
    stream.writelines(array(_subjects(report, view), MARGIN))
    predicate = indented(_predicate(report, view), MARGIN)
    stream.write(f',\n  "predicateType": "{PREDICATE}",\n  "predicate": {predicate}\n}}\n')


def _subjects(report: Report, view: View) -> Iterator[Json]:
    """Yield what passed; the same bytes under a name by which they did not pass are not vouched for."""
    failed = {result.digest for result in report.results if not has_passed(result, view)}
    for result in report.results:
        if result.digest not in failed and has_passed(result, view):
            where = address(result.unit.locator, view.root)
            yield {"name": printable(where.path), "digest": {"sha256": result.digest}}


def has_passed(result: UnitResult, view: View) -> bool:
    """Return whether nothing in a file fails the job, and all of it was scanned, whatever the job tolerates."""
    if not result.digest or result.problems:
        return False
    gate = view.gate
    return not any(gate.counts(item.rule) and not gate.accepts(item, result.digest) for item in result.findings)


def _predicate(report: Report, view: View) -> Json:
    gate = view.gate
    free = [name for severity, name in FREE.items() if severity >= gate.fail_on and not gate.excuses]
    return {
        "verifier": {
            "id": VERIFIER.format(report.tool.version),
            "policies": [{"name": "modelsweep ruleset", "digest": {"sha256": report.tool.ruleset}}],
        },
        "timeCreated": utc(report.run.start_time + report.run.duration),
        "properties": [PASSED, *([WHOLE] if _is_whole(report) else []), *free],
    }


def _is_whole(report: Report) -> bool:
    options = report.options
    return options.get("depth") == "full" and options.get("scanners") is None and not options.get("allow_imports")
