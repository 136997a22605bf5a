"""The statement of what passed: as in-toto's own library takes it, and for no more than was scanned and found good."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

from modelsweep.core.finding import Json, Problem, ProblemKind, Severity
from modelsweep.core.report import Gate, Ignored, Report, Verdict
from reporting.in_toto import FREE, PASSED, WHOLE
from tests.reporting.sample import clean_report, sample_report
from tests.reporting.test_writers import VIEW, parsed


def stated(report: Report, gate: Gate = VIEW.gate) -> dict[str, Any]:
    """Return the statement about a report."""
    return parsed("in-toto", report, replace(VIEW, gate=gate))


def subjects(report: Report, gate: Gate = VIEW.gate) -> set[str]:
    """Return the digests that a statement vouches for."""
    return {subject["digest"]["sha256"] for subject in stated(report, gate)["subject"]}


def properties(report: Report, gate: Gate = VIEW.gate) -> list[str]:
    """Return what a statement says of its subjects."""
    found = stated(report, gate)["predicate"]["properties"]
    assert isinstance(found, list)
    return found


def test_the_library_of_in_toto_takes_it() -> None:
    written = stated(sample_report())
    given = [ResourceDescriptor(name=one["name"], digest=one["digest"]).pb for one in written["subject"]]
    assert given
    Statement(given, written["predicateType"], written["predicate"]).validate()
    assert written["_type"] == "https://in-toto.io/Statement/v1"


def test_nothing_is_vouched_for_that_failed_or_was_not_scanned() -> None:
    report = sample_report()
    passed = {item.digest for item in report.results if item.verdict is Verdict.CLEAN and item.digest}
    assert subjects(report) == passed
    assert len(passed) < len(report.results)
    for severity in Severity:
        vouched = subjects(report, Gate(fail_on=severity))
        for result in (result for result in report.results if result.digest in vouched):
            assert not result.problems
            assert all(finding.severity < severity for finding in result.findings)


@pytest.mark.parametrize("kind", ProblemKind)
def test_a_file_with_any_problem_is_no_subject(kind: ProblemKind) -> None:
    report = clean_report()
    assert subjects(report)
    damaged = replace(report.results[0], problems=(Problem(kind, report.results[0].unit.locator, "zip", "why"),))
    assert subjects(replace(report, results=(damaged,)), Gate(tolerated=9)) == set()


def test_files_without_a_digest_are_no_subjects() -> None:
    report = clean_report()
    unread = [replace(item, artifacts=(replace(item.artifacts[0], digest=""),)) for item in report.results]
    assert subjects(replace(report, results=tuple(unread))) == set()


def test_bytes_that_failed_under_one_name_are_no_subject_under_another() -> None:
    report = clean_report()
    passed = report.results[0]
    where = replace(passed.unit.locator, uri=f"{passed.unit.locator.uri}.copy")
    late = Problem(ProblemKind.TIMEOUT, where, "zip", "why")
    failed = replace(passed, unit=replace(passed.unit, locator=where), problems=(late,))
    assert passed.digest in subjects(report)
    for results in ((passed, failed), (failed, passed)):
        assert subjects(replace(report, results=results)) == set()


def test_properties_say_no_more_than_is_so() -> None:
    options: dict[str, Json] = {"depth": "full", "scanners": None, "allow_imports": []}
    report = replace(clean_report(), options=options)
    critical, warning = FREE[Severity.CRITICAL], FREE[Severity.WARNING]
    assert properties(report) == [PASSED, WHOLE, critical, warning]
    assert properties(report, Gate(fail_on=Severity.CRITICAL)) == [PASSED, WHOLE, critical]
    assert properties(report, Gate(ignored=(Ignored("a/b", "c"),))) == [PASSED, WHOLE], "something may be ignored"
    limits: dict[str, Json] = {"depth": "quick", "scanners": ["pickle"], "allow_imports": ["acme.*"]}
    for name, value in limits.items():
        assert WHOLE not in properties(replace(report, options={**options, name: value}))


def test_what_is_accepted_passes() -> None:
    report = sample_report()
    accused = next(item for item in report.results if item.findings and item.digest and not item.problems)
    reviewed = frozenset((finding.fingerprint, accused.digest) for finding in accused.findings)
    assert accused.digest not in subjects(report, Gate(fail_on=Severity.DEBUG))
    assert accused.digest in subjects(report, Gate(fail_on=Severity.DEBUG, accepted=reviewed))


def test_the_policy_is_the_ruleset() -> None:
    report = replace(clean_report(), tool=replace(clean_report().tool, ruleset=hashlib.sha256(b"rules").hexdigest()))
    verifier = stated(report)["predicate"]["verifier"]
    assert verifier["id"] == f"pkg:pypi/modelsweep@{report.tool.version}"
    assert verifier["policies"][0]["digest"] == {"sha256": report.tool.ruleset}
