"""What CI servers and pull requests take: JUnit XML, GitLab's Code Quality and SAST reports, Markdown."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import jsonschema

from modelsweep.core.finding import ProblemKind, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.report import Gate, Unit, UnitResult
from reporting.kinds import MEANING
from reporting.markdown import NAMED, ROWS, code
from tests.reporting.sample import CALL, clean_report, malicious_archive, sample_report
from tests.reporting.test_writers import VIEW, written

TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"}
WORD = {"type": "string", "minLength": 1}


def demanding(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object that must have `properties`."""
    return {"type": "object", "required": list(properties), "properties": properties}


def listing(item: dict[str, Any], least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": least}


TOOL = demanding(id=WORD, name=WORD, version=WORD, vendor=demanding(name=WORD))
# What GitLab's schema 15.0.4 demands of the keys that we write.
GITLAB_DEMANDS = demanding(
    version={"pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
    scan=demanding(
        analyzer=TOOL,
        scanner=TOOL,
        type={"const": "sast"},
        status={"enum": ["success", "failure"]},
        start_time=TIME,
        end_time=TIME,
        messages=listing(demanding(level={"enum": ["info", "warn", "fatal"]}, value=WORD)),
    ),
    vulnerabilities=listing(
        demanding(
            id=WORD,
            name={"type": "string", "maxLength": 255},
            solution={"type": "string", "maxLength": 7000},
            severity={"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
            identifiers=listing(demanding(type=WORD, name=WORD, value=WORD), 1),
            links=listing(demanding(url={"pattern": "^https?://.+"})),
            location=demanding(file=WORD, start_line={"type": "number"}),
            tracking=demanding(items=listing(demanding(signatures=listing(demanding(algorithm=WORD, value=WORD), 1)))),
        )
    ),
)


def suite_of(gate: Gate) -> ElementTree.Element:
    root = ElementTree.fromstring(written("junit", sample_report(), replace(VIEW, gate=gate)))
    suite = root.find("testsuite")
    assert suite is not None
    return suite


def outcomes(gate: Gate) -> dict[str, list[str]]:
    """Return the outcomes of each file, none for one that passed."""
    cases = suite_of(gate).findall("testcase")
    return {case.get("name", ""): [item.tag for item in case if item.tag != "system-out"] for case in cases}


def test_junit_has_a_case_per_file_with_its_worst_outcome() -> None:
    found = outcomes(Gate())
    assert found["models/model.pt"] == ["failure"]
    assert found["other/malformed.bin"] == ["error"]
    assert found["other/unsupported.bin"] == ["skipped"]
    assert found["s3://bucket/weights.safetensors"] == []
    assert found["gone"] == ["error"]


def test_junit_names_a_clean_file_as_it_is_called() -> None:
    """Those are put together as text."""
    name = 'a<b>&"quoted"\'&amp;].pkl'
    results = (UnitResult(Unit(0, Locator(name), 1)),)
    root = ElementTree.fromstring(written("junit", replace(sample_report(), results=results, problems=())))
    (case,) = root.iter("testcase")
    assert case.attrib == {"name": name, "classname": "modelsweep", "time": "0.000"}


def test_junit_explains_a_rule_once_for_each_file() -> None:
    (failure, *_) = suite_of(Gate()).iter("failure")
    assert (failure.text or "").count("CRITICAL pickle/dangerous-call") == 3
    assert (failure.text or "").count(f"Why: {CALL.why}") == 1


def test_junit_counts_what_it_holds() -> None:
    suite = suite_of(Gate())
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(attribute, "")) == len(list(suite.iter(tag)))
    assert int(suite.get("tests", "")) == len(sample_report().results) + 1


def test_junit_obeys_the_gate() -> None:
    assert outcomes(Gate(strict=True))["other/unsupported.bin"] == ["error"]
    review = next(name for name in outcomes(Gate()) if "red" in name)
    assert outcomes(Gate())[review] == ["failure"]
    assert outcomes(Gate(fail_on=Severity.CRITICAL))[review] == []


def test_code_quality_entries_are_complete_and_unique() -> None:
    entries: list[dict[str, Any]] = json.loads(written("codequality", sample_report()))
    assert len(entries) == 5
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)
    for entry in entries:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert entry["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert not entry["location"]["path"].startswith(("/", "./"))


def test_gitlab_sast_has_what_its_schema_demands() -> None:
    report: dict[str, Any] = json.loads(written("gitlab-sast", sample_report()))
    jsonschema.validate(report, GITLAB_DEMANDS, cls=jsonschema.Draft202012Validator)
    assert report["scan"]["status"] == "failure"
    assert len({item["id"] for item in report["vulnerabilities"]}) == len(report["vulnerabilities"]) == 5
    assert len(report["scan"]["messages"]) == len(sample_report().all_problems)
    clean: dict[str, Any] = json.loads(written("gitlab-sast", clean_report()))
    jsonschema.validate(clean, GITLAB_DEMANDS, cls=jsonschema.Draft202012Validator)
    assert clean["scan"]["status"] == "success"


def test_markdown_cells_hold_nothing_that_comes_to_life() -> None:
    assert code("a`b|c @team [x](y)") == "`a'b|c @team [x](y)`"
    for line in written("markdown", sample_report()).splitlines():
        if line.startswith("| ") and "Severity" not in line and "---" not in line:
            assert len(re.split(r"(?<!\\)\|", line)) == 6
            assert line.count("`") == 6


def test_markdown_stays_short_enough_for_a_comment() -> None:
    unit = malicious_archive()
    report = replace(sample_report(), results=(replace(unit, findings=unit.findings[:1] * 5_000),))
    text = written("markdown", report)
    assert len(text) < 65_536
    assert f"{5_000 - ROWS} more findings" in text


def test_markdown_names_what_was_not_scanned_and_says_how_much_more_there_is() -> None:
    report = sample_report()
    unreadable = [problem for problem in report.problems if problem.kind is ProblemKind.SOURCE]
    many = [replace(unreadable[0], locator=Locator(f"gone/{number}")) for number in range(NAMED + 2)]
    lines = written("markdown", replace(clean_report(), problems=tuple(many))).splitlines()
    begin = lines.index(f"- {NAMED + 2} unreadable: {MEANING[ProblemKind.SOURCE].advice}")
    assert lines[begin + 1] == "  - `gone/0`: `no such file or directory`"
    assert lines[begin + NAMED :] == [
        f"  - `gone/{NAMED - 1}`: `no such file or directory`",
        "  - and 2 more, which are in the other reports",
    ]


def test_markdown_of_a_clean_report_says_so() -> None:
    assert written("markdown", clean_report()).startswith("### modelsweep: clean\n")
