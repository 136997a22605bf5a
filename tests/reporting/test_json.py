"""The JSON report: its published schema, the keys that users rely on, and exact locations."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from modelsweep.core.finding import Fact
from modelsweep.core.report import Report
from modelsweep.core.shape import FACT_VALUES
from tests.reporting.sample import START, clean_report, malicious_archive, sample_report
from tests.reporting.test_writers import parsed

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
MISSION = set(
    "scanner_names start_time bytes_scanned issues has_errors has_warnings files_scanned duration assets".split()
)


@pytest.mark.parametrize("report", [sample_report(), clean_report()], ids=["sample", "clean"])
def test_the_report_obeys_its_schema(report: Report) -> None:
    document = parsed("json", report)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert set(document) >= MISSION


def test_to_dict_is_what_the_writer_writes() -> None:
    report = sample_report()
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == parsed("json", report)


def test_a_location_names_path_members_and_position() -> None:
    document: dict[str, Any] = parsed("json", sample_report())
    issues = document["issues"]
    assert [issue["location"] for issue in issues[:4]] == [
        "models/model.pt!archive/data.pkl (pos 42)",
        "models/model.pt!archive/data.pkl (pos 142)",
        "models/model.pt!extra.tar.gz!deep !/..\\evil\r\n.pkl (pos 7)",
        "models/model.pt (pos 4000)",
    ]
    assert issues[0]["details"] == {"subject": "os.system", "arguments": "'echo modelsweep-test'"}
    assert issues[0]["rule"] in document["rules"]
    assert document["assets"][1] == {
        "path": "models/model.pt!archive/data.pkl", "type": "pickle", "scanners": ["pickle"], "size": 512, "digest": "",
    }  # fmt: skip


def test_what_varies_is_in_one_section_beside_the_two_keys_of_old() -> None:
    one: dict[str, Any] = parsed("json", sample_report())
    report = sample_report()
    two: dict[str, Any] = parsed(
        "json", replace(report, run=replace(report.run, duration=9.0, job="job-2", arguments=()))
    )
    assert {key for key in one if one[key] != two[key]} == {"run", "duration"}
    assert one["start_time"] == one["run"]["start_time"] == START


def test_facts_are_bounded() -> None:
    unit = malicious_archive()
    many = tuple(Fact("import", f"acme.name_{number}", unit.unit.locator) for number in range(FACT_VALUES + 50))
    report = replace(sample_report(), results=(replace(unit, facts=many * 2),))
    document: dict[str, Any] = report.to_dict()
    (group,) = document["facts"]
    assert group["distinct"] == FACT_VALUES + 50
    assert group["values"] == [f"acme.name_{number}" for number in range(FACT_VALUES)]
