"""Whole images: vouched for only where they were named by digest, and all of them was scanned and passed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelsweep.core.finding import Json, Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.report import Gate, Report, Unit, UnitResult
from reporting.in_toto import IMAGES
from tests.reporting.sample import CALL, UNKNOWN, artifact, clean_report, malicious_archive
from tests.reporting.test_writers import VIEW, parsed

GOOD, OTHER = "a" * 64, "b" * 64
TARGET = f"oci://ghcr.example/org/model@sha256:{GOOD}"
SECOND = f"oci://ghcr.example/org/second@sha256:{OTHER}"
WHOLE: dict[str, Json] = {"depth": "full", "scanners": None, "allow_imports": ["acme.*"]}


def layer(target: str = TARGET, name: str = "layer", **more: Any) -> UnitResult:
    """Return a file of an image."""
    where = Locator(f"{target}/{name}", version=f"sha256:{'1' * 64}")
    return UnitResult(Unit(0, where, 9), artifacts=(artifact(where, 9, "text"),), **more)


def accused(rule: Any = CALL) -> UnitResult:
    return layer(findings=(replace(malicious_archive().findings[0], rule=rule, locator=layer().unit.locator),))


def report_of(*results: UnitResult, targets: tuple[str, ...] = (TARGET,), **more: Any) -> Report:
    return replace(clean_report(), targets=targets, results=results, **{"options": WHOLE, **more})


def vouched(report: Report, gate: Gate = VIEW.gate) -> set[str]:
    """Return the images that both outputs vouch for, where they say the same."""
    view = replace(VIEW, gate=gate)
    statement: Any = parsed("in-toto", report, view)
    assert IMAGES in statement["predicate"]["properties"]
    found = {subject["digest"]["sha256"] for subject in statement["subject"]}
    approved: Any = parsed("configmap", report, view)
    assert set(approved["data"]) == found
    return found


def test_an_image_passes_as_a_whole() -> None:
    report = report_of(layer(), layer(name="config"), layer(SECOND), targets=(TARGET, SECOND))
    assert vouched(report) == {GOOD, OTHER}
    statement: Any = parsed("in-toto", report)
    assert statement["subject"][0] == {"name": "ghcr.example/org/model", "digest": {"sha256": GOOD}}
    approved: Any = parsed("configmap", report)
    assert approved["data"][GOOD] == statement["predicate"]["timeCreated"] == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize("kind", ProblemKind)
def test_what_was_not_scanned_fails_its_image_alone(kind: ProblemKind) -> None:
    left = Problem(kind, Locator(f"{TARGET}/gone"), "oci", "why")
    rest = {"targets": (TARGET, SECOND)}
    tolerant = Gate(tolerated=9)
    assert vouched(report_of(layer(), layer(SECOND), problems=(left,), **rest), tolerant) == {OTHER}
    assert vouched(report_of(layer(problems=(left,)), layer(), layer(SECOND), **rest), tolerant) == {OTHER}
    whole = replace(left, locator=Locator(TARGET))
    assert vouched(report_of(layer(), layer(SECOND), problems=(whole,), **rest), tolerant) == {OTHER}


def test_a_finding_fails_its_image_unless_it_is_accepted() -> None:
    bad = accused()
    assert vouched(report_of(layer(name="first"), bad)) == set()
    reviewed = frozenset({(bad.findings[0].fingerprint, bad.digest)})
    assert vouched(report_of(bad), Gate(accepted=reviewed)) == {GOOD}
    assert vouched(report_of(accused(UNKNOWN))) == set()
    assert vouched(report_of(accused(UNKNOWN)), Gate(fail_on=CALL.severity)) == {GOOD}


def test_an_image_of_which_nothing_was_seen_is_none() -> None:
    assert vouched(report_of(layer(SECOND))) == set()


@pytest.mark.parametrize("name", ["oci://ghcr.example/org/model:v1", "models/", "hf://org/model", f"{TARGET}/x"])
def test_files_and_images_are_never_vouched_for_together(name: str) -> None:
    report = report_of(layer(), replace(layer(), unit=Unit(1, Locator(f"{name}/f"), 9)), targets=(TARGET, name))
    statement: Any = parsed("in-toto", report)
    assert IMAGES not in statement["predicate"]["properties"], "a file of it may be the manifest of another image"
    assert GOOD not in {subject["digest"]["sha256"] for subject in statement["subject"]}


@pytest.mark.parametrize("limits", [{"depth": "quick"}, {"scanners": ["pickle"]}, {}])
def test_only_a_thorough_scan_approves(limits: dict[str, Json]) -> None:
    report = report_of(layer(), options={**WHOLE, **limits} if limits else {})
    approved: Any = parsed("configmap", report)
    assert approved["data"] == {}
    assert approved["metadata"]["name"] == "modelsweep-approved"
