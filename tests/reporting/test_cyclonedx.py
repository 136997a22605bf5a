"""CycloneDX: strict validation by the reference library, and references that hold on any machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from modelsweep.core.finding import Fact
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Gate, Ignored, Report, Unit, UnitResult
from reporting import View
from reporting.components import DATA, FILES
from scanners import SCANNERS
from tests.reporting.sample import CALL, clean_report, malicious_archive, sample_report
from tests.reporting.test_writers import VIEW, parsed, written


def bom_of(report: Report, view: View = VIEW) -> dict[str, Any]:
    """Return the bill of materials of `report`, once it passed strict validation."""
    text = written("cyclonedx", report, view)
    for version in (SchemaVersion.V1_6, SchemaVersion.V1_7):
        assert JsonStrictValidator(version).validate_str(text) is None
    return parsed("cyclonedx", report, view)


def components_of(bom: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all components of `bom`, nested ones after those that hold them."""
    return [item for outer in bom["components"] for item in (outer, *outer.get("components", ()))]


def properties_of(component: dict[str, Any]) -> dict[str, str]:
    return {item["name"].removeprefix("modelsweep:"): item["value"] for item in component.get("properties", ())}


@pytest.mark.parametrize("report", [sample_report(), clean_report()], ids=["sample", "clean"])
@pytest.mark.parametrize("verbose", [False, True])
def test_the_bill_is_valid(report: Report, verbose: bool) -> None:
    assert len(bom_of(report, replace(VIEW, verbose=verbose))["components"]) == len(report.results)


@pytest.mark.parametrize(
    ("targets", "name"),
    [
        (("models/",), "models"),
        (("/srv/models",), "models"),
        ((".",), "work"),
        (("a", "b"), "2 targets"),
        (("hf://org/name",), "name"),
        (("https://u:p@host.io/m.pt?token=abc",), "m.pt"),
    ],
)
def test_the_bill_says_what_it_is_of(targets: tuple[str, ...], name: str) -> None:
    report = replace(sample_report(), targets=targets, attachments=())
    subject = bom_of(report, View(root="/work"))["metadata"]["component"]
    assert subject == {"type": "file", "bom-ref": "targets", "name": name}


def test_references_are_unique_and_no_paths() -> None:
    bom = bom_of(sample_report())
    references = [item["bom-ref"] for item in (*components_of(bom), *bom["vulnerabilities"])]
    assert len(set(references)) == len(references)
    assert not any("/" in reference or "\\" in reference for reference in references)
    assert {item["affects"][0]["ref"] for item in bom["vulnerabilities"]} <= set(references)
    assert set(bom["compositions"][0]["assemblies"]) <= set(references)


def test_models_data_and_files_are_told_apart() -> None:
    types = {item["name"]: item["type"] for item in bom_of(sample_report())["components"]}
    assert types["model.pt"] == "machine-learning-model"
    assert types["array.npy"] == "data"
    assert types["skipped.bin"] == "file"


def test_licences_copyright_and_model_card_come_from_facts() -> None:
    model, _, remote = bom_of(sample_report())["components"][:3]
    assert model["licenses"] == [{"expression": "AGPL-3.0-only", "acknowledgement": "declared"}]
    assert model["copyright"] == "Copyright 2024 Example Authors"
    assert model["modelCard"]["modelParameters"] == {"modelArchitecture": "ResNet"}
    assert remote["licenses"][0]["license"]["name"] == "A licence of our own"


def test_a_file_that_calls_a_command_has_a_high_risk_score() -> None:
    scores = {item["name"]: properties_of(item)["risk_score"] for item in bom_of(sample_report())["components"]}
    assert scores["model.pt"] == "9.5"
    assert scores["weights.safetensors"] == "0.0"


def test_a_finding_is_a_vulnerability_of_the_member_it_is_in() -> None:
    bom = bom_of(sample_report())
    names = {item["bom-ref"]: item["name"] for item in components_of(bom)}
    first = bom["vulnerabilities"][0]
    assert first["id"] == CALL.id
    assert first["cwes"] == [502]
    assert first["ratings"][0]["severity"] == "critical"
    assert names[first["affects"][0]["ref"]] == "data.pkl"


def test_what_is_accepted_or_ignored_will_not_be_fixed() -> None:
    report = sample_report()
    accused = next(item for item in report.results if item.findings and item.digest)
    reviewed = frozenset({(accused.findings[0].fingerprint, accused.digest)})
    gate = Gate(accepted=reviewed, ignored=(Ignored("text/*", "*"),))
    analyses = {
        (item["id"], item["analysis"]["detail"]): item["analysis"]["response"]
        for item in bom_of(report, replace(VIEW, gate=gate))["vulnerabilities"]
        if "analysis" in item
    }
    assert analyses == {
        (accused.findings[0].rule.id, "accepted: in the baseline"): ["will_not_fix"],
        ("text/url", "ignored by the policy"): ["will_not_fix"],
    }
    assert not any("analysis" in item for item in bom_of(report)["vulnerabilities"])


def test_where_the_scan_starts_from_changes_no_reference() -> None:
    report = sample_report()
    moved = replace(
        report,
        targets=tuple(f"/elsewhere/{target}" for target in report.targets),
        results=tuple(
            replace(
                result,
                unit=replace(
                    result.unit, locator=replace(result.unit.locator, uri=f"/elsewhere/{result.unit.locator.uri}")
                ),
                artifacts=tuple(
                    replace(item, locator=replace(item.locator, uri=f"/elsewhere/{item.locator.uri}"))
                    for item in result.artifacts
                ),
                findings=(),
                facts=(),
            )
            for result in report.results
        ),
    )
    before = [item["bom-ref"] for item in bom_of(report)["components"]]
    assert [item["bom-ref"] for item in bom_of(moved)["components"]] == before


def test_what_is_written_to_a_file_changes_no_reference_to_it() -> None:
    report = sample_report()
    written = tuple(
        replace(item, artifacts=tuple(replace(blob, digest="1" * 64) for blob in item.artifacts))
        for item in report.results
    )
    before, after = bom_of(report), bom_of(replace(report, results=written))
    assert [item["bom-ref"] for item in after["components"]] == [item["bom-ref"] for item in before["components"]]
    assert after["serialNumber"] != before["serialNumber"]


def test_files_of_one_name_in_several_targets_stay_apart() -> None:
    """Also where one target is inside another, or is spelled in two ways, and of two versions of one object."""
    targets = ("a", "a/b", "./a", "s3://a/", "a/b/1.pkl")
    names = ["a/b/1.pkl", "a/b/2.pkl", "a/2.pkl", "./a/b/2.pkl", "./a/2.pkl", "s3://a/b/2.pkl", "b/2.pkl", "2.pkl"]
    locators = [Locator(name) for name in names] + [Locator("s3://a/b/2.pkl", (), version) for version in "12"]
    results = tuple(UnitResult(Unit(number, where, 1)) for number, where in enumerate(locators))
    references = [
        item["bom-ref"] for item in bom_of(replace(sample_report(), targets=targets, results=results))["components"]
    ]
    assert len(set(references)) == len(locators)


def test_the_order_of_results_changes_no_serial_number() -> None:
    """It is a sum, which processes may share; each result counts all the same."""
    report = sample_report()
    numbers = {
        bom_of(replace(report, results=results))["serialNumber"]
        for results in (report.results, report.results[::-1], report.results[1:], report.results[:-1])
    }
    assert len(numbers) == 3


def test_the_serial_number_is_a_function_of_the_content() -> None:
    report = sample_report()
    later = replace(report, run=replace(report.run, start_time=report.run.start_time + 9, job="other"))
    assert bom_of(report)["serialNumber"] == bom_of(later)["serialNumber"]
    assert bom_of(report)["serialNumber"] != bom_of(clean_report())["serialNumber"]


def test_the_time_is_left_out_where_there_is_none() -> None:
    report = sample_report()
    assert "timestamp" in bom_of(report)["metadata"]
    assert "timestamp" not in bom_of(replace(report, run=replace(report.run, start_time=0.0)))["metadata"]


def test_members_of_one_name_stay_apart() -> None:
    """A zip archive may hold two members of one name: loaders differ in which they take."""
    unit = malicious_archive()
    twice = replace(unit, artifacts=(*unit.artifacts, replace(unit.artifacts[-1], digest="0" * 64)))
    bom = bom_of(replace(sample_report(), results=(twice,)))
    assert [item["name"] for item in components_of(bom)].count(r"evil\r\n.pkl") == 2


def test_packages_that_lists_ask_for_are_libraries_with_package_urls() -> None:
    where = Locator("models/requirements.txt")
    lines = ("torch==2.1.0", "NumPy_X>=1.2", "torch==2.1.0", "acme @ https://x.example/acme.whl")
    facts = tuple(Fact("requirement", line, where, detail={"from": "package"}) for line in lines)
    unit = Unit(0, where, 10)
    asking = UnitResult(unit, (Artifact(where, 10, "0" * 64, ("requirements", "text")),), facts)
    bom = bom_of(replace(clean_report(), results=(asking,)))
    file, *packages = bom["components"]
    assert (file["type"], file["name"]) == ("file", "requirements.txt")
    assert [(item["type"], item["name"], item.get("version"), item["purl"]) for item in packages] == [
        ("library", "torch", "2.1.0", "pkg:pypi/torch@2.1.0"),
        ("library", "numpy-x", None, "pkg:pypi/numpy-x"),
    ]
    assert properties_of(packages[1]) == {"requirement": "NumPy_X>=1.2"}
    assert packages[0]["evidence"] == file["evidence"]
    assert all(PackageURL.from_string(item["purl"]).to_string() == item["purl"] for item in packages)


def test_the_kinds_of_component_name_real_scanners() -> None:
    assert {scanner.name for scanner in SCANNERS} > FILES | DATA


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (
            Locator("hf://org/na me/sub/model.bin", version="0" * 40),
            f"pkg:huggingface/org/na%20me@{'0' * 40}#sub/model.bin",
        ),
        (Locator("hf://org/name@v1/model.bin"), "pkg:huggingface/org/name@v1#model.bin"),
        (Locator("models:/Fraud/3/model.pkl", version="3:etag"), "pkg:mlflow/Fraud@3#model.pkl"),
        (Locator("models:/Fraud@champion/model.pkl", version="7:etag"), "pkg:mlflow/Fraud@7#model.pkl"),
        (Locator("models/model.pkl"), None),
        (Locator("s3://bucket/hf/model.pkl", version="etag"), None),
    ],
)
def test_files_of_registries_have_package_urls(where: Locator, expected: str | None) -> None:
    clean = UnitResult(Unit(0, where, 9), (Artifact(where, 9, "a" * 64, ("pickle",)),))
    (component,) = bom_of(replace(clean_report(), results=(clean,)))["components"]
    assert component.get("purl") == expected
    if expected:
        assert PackageURL.from_string(expected).to_string() == expected
