"""SPDX: what the AI profile demands, one element for each file, and what the reference bindings make of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelsweep.core.finding import Fact
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Report, Unit, UnitResult
from reporting import View
from tests.deploy.tools import wheel
from tests.reporting.sample import clean_report, sample_report
from tests.reporting.test_writers import VIEW, parsed

BINDINGS = "spdx-python-model==0.0.6 --hash=sha256:dd793ce0176e53af05f9c0d8624196f38da45bc263ccee5ee532b1812b3113e2"
CHECK = """
import json, sys
import spdx_python_model
_, elements = spdx_python_model.load_data(json.load(sys.stdin))
print(len(elements.objects), *elements.link())
"""
both = pytest.mark.parametrize("report", [sample_report(), clean_report()], ids=["sample", "clean"])


def graph_of(report: Report, view: View = VIEW) -> list[dict[str, Any]]:
    """Return the elements of the document that `report` becomes."""
    document = parsed("spdx", report, view)
    assert document["@context"] == "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
    graph: Any = document["@graph"]
    return list(graph)


def of_type(graph: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [element for element in graph if element["type"] == kind]


def related(graph: list[dict[str, Any]], how: str) -> dict[str, list[str]]:
    """Return what each element is related to in one way; it is said once of each."""
    pairs = [(item["from"], item["to"]) for item in graph if item.get("relationshipType") == how]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def asking() -> tuple[UnitResult, ...]:
    """Return two lists of packages that share one."""
    results = []
    for index, name in enumerate(("a/requirements.txt", "b/requirements.txt")):
        where = Locator(name)
        facts = tuple(Fact("requirement", line, where) for line in ("torch==2.1.0", f"{name[0]}>=1"))
        results.append(UnitResult(Unit(index, where, 10), (Artifact(where, 10, "0" * 64, ("requirements",)),), facts))
    return tuple(results)


def test_packages_that_lists_ask_for_are_one_element_each() -> None:
    graph = graph_of(replace(clean_report(), results=asking()))
    packages = {item["spdxId"]: item for item in of_type(graph, "software_Package")}
    assert [(item["name"], item.get("software_packageVersion")) for item in packages.values()] == [
        ("torch", "2.1.0"),
        ("a", None),
        ("b", None),
    ]
    needed = [[packages[one]["software_packageUrl"] for one in to] for to in related(graph, "dependsOn").values()]
    assert needed == [["pkg:pypi/torch@2.1.0", "pkg:pypi/a"], ["pkg:pypi/torch@2.1.0", "pkg:pypi/b"]]


def hub_model() -> UnitResult:
    """Return a model of the Hub that says much of itself."""
    where = Locator("hf://acme/net/model.safetensors", version="c" * 40)
    said = {"architecture": "ResNet", "task": "image-classification", "dataset": "imagenet"}
    facts = (
        *(Fact(kind, value, where) for kind, value in said.items()),
        Fact("licence", "MIT", where, detail={"spdx": True}),
        Fact("licence", "Apache-2.0 OR GPL-2.0-only", where, detail={"spdx": True}),
    )
    return UnitResult(Unit(0, where, 9), (Artifact(where, 9, "a" * 64, ("safetensors",)),), facts)


@both
def test_names_are_unique_and_all_that_is_named_exists(report: Report) -> None:
    graph = graph_of(report)
    names = [element["spdxId"] for element in graph if "spdxId" in element]
    assert max(Counter(names).values()) == 1
    known = {*names, "expandedlicensing_NoAssertionLicense", "_:creation"}
    for element in graph:
        for key in ("creationInfo", "from", "subject", "suppliedBy"):
            assert element.get(key, "_:creation") in known
        for key in ("to", "rootElement"):
            assert known.issuperset(element.get(key, ()))
    (bill,) = of_type(graph, "software_Sbom")
    (document,) = of_type(graph, "SpdxDocument")
    assert len(bill["rootElement"]) == len(report.results)
    assert document["rootElement"] == [bill["spdxId"]]


def test_models_have_what_the_ai_profile_demands() -> None:
    graph = graph_of(replace(sample_report(), results=(hub_model(), *sample_report().results)))
    models = of_type(graph, "ai_AIPackage")
    assert len(models) >= 3
    declared, concluded = related(graph, "hasDeclaredLicense"), related(graph, "hasConcludedLicense")
    for model in models:
        assert model["software_primaryPurpose"] == "model"
        for key in ("software_packageVersion", "software_downloadLocation", "releaseTime", "suppliedBy", "name"):
            assert model[key]
        assert len(declared[model["spdxId"]]) == len(concluded[model["spdxId"]]) == 1


def test_a_model_of_the_hub_says_where_it_comes_from() -> None:
    graph = graph_of(replace(clean_report(), results=(hub_model(),)))
    by_name = {element.get("spdxId"): element for element in graph}
    (model,) = of_type(graph, "ai_AIPackage")
    supplier = by_name[model["suppliedBy"]]
    assert (supplier["type"], supplier["name"]) == ("Organization", "acme")
    assert model["software_packageVersion"] == "c" * 40
    assert model["software_packageUrl"] == f"pkg:huggingface/acme/net@{'c' * 40}#model.safetensors"
    assert model["software_downloadLocation"] == "hf://acme/net/model.safetensors"
    assert (model["ai_typeOfModel"], model["ai_informationAboutApplication"]) == (["ResNet"], "image-classification")
    assert model["ai_informationAboutTraining"] == "datasets: imagenet"
    (licence,) = related(graph, "hasDeclaredLicense")[model["spdxId"]]
    assert by_name[licence]["simplelicensing_licenseExpression"] == "MIT AND (Apache-2.0 OR GPL-2.0-only)"


def test_findings_and_what_was_not_scanned_are_annotations() -> None:
    report = sample_report()
    graph = graph_of(report, replace(VIEW, verbose=True))
    said = Counter(element["annotationType"] for element in of_type(graph, "Annotation"))
    assert said == {"review": len(report.findings), "other": len(report.all_problems)}
    assert [len(members) for members in related(graph, "contains").values()] == [2]


@pytest.mark.slow
@both
def test_the_reference_bindings_read_it(report: Report, tmp_path: Path) -> None:
    folder = wheel(BINDINGS, tmp_path)
    document = json.dumps(parsed("spdx", replace(report, results=(hub_model(), *asking(), *report.results))))
    environment = {"PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", CHECK]
    done = subprocess.run(command, input=document, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    count, *missing = done.stdout.split()
    assert missing == []
    assert int(count) > len(report.results)
