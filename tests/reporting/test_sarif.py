"""SARIF: the schema, the multitool where npm is there, and what code scanning services demand beyond both."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest

from modelsweep.core.finding import Finding, Json, Span
from modelsweep.core.locator import Locator
from modelsweep.core.report import Gate, Report, Unit, UnitResult
from modelsweep.core.units import GIB
from reporting import View
from reporting.address import FILESYSTEM_BASE, ROOT_BASE, address
from reporting.sarif import RUN_RESULTS, RUNS
from tests.reporting.sample import CALL, HOSTILE, URL, clean_report, malicious_archive, sample_report
from tests.reporting.test_writers import VIEW, parsed, written

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text())
VERBOSE = replace(VIEW, verbose=True)
MULTITOOL = "@microsoft/sarif-multitool@5.7.0"
# Without this, and without ICU on the machine, it finds nothing at all and says that all is well.
ENVIRONMENT = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}


def runs_of(report: Report, view: View = VERBOSE) -> list[dict[str, Any]]:
    """Return the runs of the log of `report`, once it passed the schema."""
    log: dict[str, Any] = parsed("sarif", report, view)
    validator = jsonschema.Draft202012Validator
    jsonschema.validate(log, SCHEMA, cls=validator, format_checker=validator.FORMAT_CHECKER)
    runs: list[dict[str, Any]] = log["runs"]
    return runs


def results_of(report: Report, view: View = VERBOSE) -> list[dict[str, Any]]:
    """Return all results of the log of `report`."""
    return [result for run in runs_of(report, view) for result in run["results"]]


def of_rule(report: Report, slug: str) -> dict[str, Any]:
    return next(result for result in results_of(report) if result["ruleId"] == slug)


def values_of(value: Json) -> Iterator[tuple[str, Json]]:
    """Yield every (key, value) below `value`."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield str(key), item
        yield from values_of(item)


def many_findings(count: int) -> Report:
    """Return a report of one file with `count` findings."""
    locator = Locator("big.pkl")
    findings = tuple(Finding(URL, locator, f"https://example.org/{number}") for number in range(count))
    return replace(clean_report(), results=(UnitResult(Unit(0, locator, 1), findings=findings),))


@pytest.mark.parametrize("report", [sample_report(), clean_report()], ids=["sample", "clean"])
def test_the_log_obeys_the_schema(report: Report) -> None:
    assert len(runs_of(report)) == 1


def test_nothing_is_null() -> None:
    nulls = [key for key, value in values_of(parsed("sarif", sample_report(), VERBOSE)) if value is None]
    assert nulls == []


def test_every_result_has_a_location_with_a_region_in_line_one() -> None:
    for result in results_of(sample_report()):
        (location,) = result["locations"]
        assert location["physicalLocation"]["region"]["startLine"] == 1


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (Finding(URL, Locator("a.py"), "x", evidence={"line": 7}), 7),
        (Finding(URL, Locator("a.env"), "x", span=Span(40, 5), evidence={"line": 3}), 3),
        (Finding(URL, Locator("a.py"), "x", evidence={"line": 0}), 1),
        (Finding(URL, Locator("a.zip").member("a.py"), "x", evidence={"line": 7}), 1),
        (Finding(URL, Locator("a.json"), "x", path="chat_template", evidence={"line": 7}), 1),
        (Finding(URL, Locator("a.ipynb"), "x", evidence={"line": 7}), 1),
    ],
)
def test_a_finding_in_a_text_is_located_in_its_line(finding: Finding, line: int) -> None:
    found = UnitResult(Unit(0, Locator(finding.locator.uri), 100), findings=(finding,))
    report = replace(clean_report(), results=(found,))
    (result,) = results_of(report)
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == line
    (entry,) = json.loads(written("codequality", report, VIEW))
    assert entry["location"]["lines"]["begin"] == line
    (vulnerability,) = json.loads(written("gitlab-sast", report, VIEW))["vulnerabilities"]
    assert (vulnerability["location"]["start_line"], vulnerability["location"]["end_line"]) == (line, line)


def test_addresses_are_relative_portable_and_free_of_positions() -> None:
    uris = [str(value) for key, value in values_of(parsed("sarif", sample_report())) if key == "uri"]
    uris.remove("file:///")
    formats = jsonschema.FormatChecker()
    assert not formats.conforms("a b", "uri-reference"), "the checker of addresses is not installed"
    assert all(formats.conforms(uri, "uri-reference") and not re.match(r"[a-z]+:|/|\.\.", uri) for uri in uris)
    assert not any("pos%20" in uri or "(pos" in uri for uri in uris)
    assert "s3/bucket/weights.safetensors" in uris
    (hostile,) = {uri for uri in uris if "red" in uri and not uri.startswith("results/")}
    assert unquote_to_bytes(hostile) == os.path.normpath(HOSTILE).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/home/me/models/a.pkl", ("models/a.pkl", ROOT_BASE)),
        ("./models//a.pkl", ("models/a.pkl", ROOT_BASE)),
        ("../other/a b.pkl", ("home/other/a%20b.pkl", FILESYSTEM_BASE)),
        ("/data/100%.pkl", ("data/100%25.pkl", FILESYSTEM_BASE)),
        ("a:b.pkl", ("a%3Ab.pkl", ROOT_BASE)),
        ("hf://org/model/x.bin", ("hf/org/model/x.bin", "")),
        ("..hidden/a", ("..hidden/a", ROOT_BASE)),
    ],
)
def test_the_address_of_a_file_does_not_depend_on_the_machine(uri: str, expected: tuple[str, str]) -> None:
    found = address(Locator(uri, ("member",)), "/home/me")
    assert (found.uri, found.base) == expected


def test_a_position_in_a_member_is_not_one_in_the_file() -> None:
    result = of_rule(sample_report(), "pickle/dangerous-call")
    (location,) = result["locations"]
    assert location["physicalLocation"]["region"] == {"startLine": 1}
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "archive/data.pkl"
    assert "at byte 42" in result["message"]["text"]
    (location,) = of_rule(sample_report(), "text/url")["locations"]
    assert location["physicalLocation"]["region"] == {"startLine": 1, "byteOffset": 4_000, "byteLength": 20}


def test_artifacts_carry_hashes_and_nest() -> None:
    (run,) = runs_of(sample_report())
    artifacts = run["artifacts"]
    inner = next(item for item in artifacts if "evil" in item["location"]["uri"])
    middle = artifacts[inner["parentIndex"]]
    outer = artifacts[middle["parentIndex"]]
    assert [middle["location"]["uri"], outer["location"]["uri"]] == ["extra.tar.gz", "models/model.pt"]
    assert re.fullmatch("[0-9a-f]{64}", inner["hashes"]["sha-256"])
    assert outer["length"] == 4_096
    listed = {item["location"]["uri"] for item in artifacts}
    assert {address(result.unit.locator, VIEW.root).uri for result in sample_report().results} <= listed


def test_sizes_that_readers_cannot_hold_are_properties() -> None:
    """The SARIF SDK of Microsoft reads 32-bit integers and refuses the whole log for a larger one."""
    unit = malicious_archive()
    far = Finding(URL, unit.unit.locator, "x", span=Span(5 * GIB, 3))
    (run,) = runs_of(replace(sample_report(), results=(replace(unit, findings=(far,)),)))
    numbers = [value for part in ("artifacts", "results") for key, value in values_of(run[part]) if "byte" in key]
    assert numbers == []
    (clean,) = runs_of(clean_report())
    assert clean["artifacts"][0]["properties"] == {"length": 2 * GIB}


def test_rules_carry_their_own_full_text() -> None:
    (run,) = runs_of(sample_report())
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    rule = rules["pickle/dangerous-call"]
    assert CALL.why in rule["help"]["text"]
    assert CALL.fix in rule["help"]["markdown"]
    assert CALL.references[0] in rule["help"]["markdown"]
    assert rule["shortDescription"]["text"].rstrip(".") == CALL.title
    assert rule["properties"]["tags"] == ["security", "pickle", "external/cwe/cwe-502"]
    for item in rules.values():
        assert 0.1 <= float(item["properties"]["security-severity"]) <= 10.0
        assert item["properties"]["precision"] in {"low", "medium", "high"}
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_severities_become_levels() -> None:
    levels = {result["ruleId"]: result["level"] for result in results_of(sample_report())}
    assert levels == {
        "pickle/dangerous-call": "error",
        "pickle/unknown-import": "warning",
        "text/url": "note",
        "pickle/protocol": "none",
    }


def test_the_category_is_stable() -> None:
    (run,) = runs_of(sample_report())
    assert run["automationDetails"] == {"id": "modelsweep/1/"}


def test_fingerprints_do_not_depend_on_wording_severity_or_position() -> None:
    reworded = replace(CALL, message="other words {subject}", severity=URL.severity)
    unit = malicious_archive()
    moved = tuple(replace(item, rule=reworded, span=Span(9)) for item in unit.findings if item.rule is CALL)
    before = of_rule(sample_report(), CALL.id)["partialFingerprints"]
    after = of_rule(replace(sample_report(), results=(replace(unit, findings=moved),)), CALL.id)["partialFingerprints"]
    assert before == after
    assert before["primaryLocationLineHash"] == f"{before['modelsweep/v1']}:1"


def test_two_findings_with_one_fingerprint_stay_two_alerts() -> None:
    hashes = [result["partialFingerprints"]["primaryLocationLineHash"] for result in results_of(sample_report())]
    assert len(set(hashes)) == len(hashes)


def test_no_message_holds_a_link() -> None:
    for result in results_of(sample_report()):
        assert "](" not in result["message"]["text"]


def test_the_invocation_says_how_it_went() -> None:
    (run,) = runs_of(sample_report())
    (invocation,) = run["invocations"]
    assert invocation["exitCode"] == 1
    assert invocation["executionSuccessful"] is False
    assert invocation["startTimeUtc"] == "2023-11-14T22:13:20Z"
    assert invocation["arguments"] == list(sample_report().run.arguments)
    assert invocation["properties"]["statistics"]["files"] == len(sample_report().results)
    (run,) = runs_of(clean_report())
    assert run["invocations"][0]["executionSuccessful"] is True
    assert "toolExecutionNotifications" not in run["invocations"][0]


def test_problems_are_notifications_with_a_place() -> None:
    report = sample_report()
    (run,) = runs_of(report)
    notifications = run["invocations"][0]["toolExecutionNotifications"]
    assert len(notifications) == len(report.all_problems)
    assert all(item["locations"] for item in notifications)
    levels = {item["descriptor"]["id"]: item["level"] for item in notifications}
    assert levels["unsupported"] == "note"
    assert levels["malformed"] == "error"
    strict = runs_of(report, replace(VIEW, gate=Gate(strict=True)))[0]["invocations"][0]
    levels = {item["descriptor"]["id"]: item["level"] for item in strict["toolExecutionNotifications"]}
    assert levels.pop("deselected") == "note", "what was left out by choice fails nobody"
    assert set(levels.values()) == {"error"}


def test_many_results_go_to_several_categories() -> None:
    runs = runs_of(many_findings(2 * RUN_RESULTS + 1))
    assert [run["automationDetails"]["id"] for run in runs] == ["modelsweep/1/", "modelsweep/2/", "modelsweep/3/"]
    assert [len(run["results"]) for run in runs] == [RUN_RESULTS, RUN_RESULTS, 1]
    assert all(run["artifacts"][0]["location"]["uri"] == "big.pkl" for run in runs)


def test_what_has_no_room_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("RUN_RESULTS", "NOTIFICATIONS", "ARTIFACTS"):
        monkeypatch.setattr(f"reporting.sarif.{limit}", 2)
    report = sample_report()
    results = (*many_findings(2 * RUNS + 7).results, *report.results[2:])
    runs = runs_of(replace(report, results=results))
    assert len(runs) == RUNS
    notifications = runs[0]["invocations"][0]["toolExecutionNotifications"]
    assert [item["descriptor"]["id"] for item in notifications[:2]] != ["limit", "limit"]
    said = [item["message"]["text"].partition(" have")[0] for item in notifications[2:]]
    assert said == [
        f"{len(report.all_problems) - 2} more problems",
        "7 more results",
        f"{len(results) - 2} more files",
    ]


@pytest.fixture(scope="session")
def multitool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the SARIF multitool, installed by npm; `MODELSWEEP_SARIF_MULTITOOL` names one that is there already."""
    known = os.environ.get("MODELSWEEP_SARIF_MULTITOOL")
    if known:
        return Path(known)
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: it brings the SARIF multitool")
    folder = tmp_path_factory.mktemp("multitool")
    options = ["--no-fund", "--no-audit", "--ignore-scripts", "--prefer-offline", "--fetch-retries=0"]
    command = [npm, "install", *options, "--prefix", str(folder), MULTITOOL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    tool = next(folder.glob("node_modules/@microsoft/sarif-multitool-*/Sarif.Multitool"), None)
    if done.returncode or tool is None:
        pytest.skip(f"npm cannot install {MULTITOOL} here: {done.stderr[-200:]}")
    tool.chmod(0o700)
    return tool


def multitool_objects(multitool: Path, log: Path) -> list[str]:
    """Return the rules of the multitool, those of GitHub among them, that `log` breaks by more than a note."""
    found = log.with_suffix(".found.sarif")
    command = [str(multitool), "validate", str(log), "-o", str(found), "--rule-kind", "Sarif;Ghas"]
    subprocess.run(command, capture_output=True, timeout=100, env=ENVIRONMENT)
    if not found.exists():
        pytest.skip("the multitool does not run on this machine")
    (run,) = json.loads(found.read_text(encoding="utf-8-sig"))["runs"]
    return [result["ruleId"] for result in run["results"] if result.get("level", "warning") != "note"]


def test_the_multitool_reads_the_log(multitool: Path, tmp_path: Path) -> None:
    """Its SDK is what most consumers are built on, stricter than the schema about numbers and addresses."""
    log, copy = tmp_path / "sample.sarif", tmp_path / "copy.sarif"
    log.write_text(written("sarif", sample_report(), VERBOSE))
    command = [str(multitool), "rewrite", str(log), "-o", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=ENVIRONMENT)
    assert copy.exists(), done.stdout + done.stderr
    (run,) = json.loads(copy.read_text(encoding="utf-8-sig"))["runs"]
    assert len(run["results"]) == len(results_of(sample_report()))


def test_the_multitool_has_no_objection(multitool: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sarif"
    log: dict[str, Any] = parsed("sarif", sample_report())
    log["runs"][0]["invocations"][0]["account"] = None
    broken.write_text(json.dumps(log))
    if not multitool_objects(multitool, broken):
        pytest.skip("this build of the multitool brings no rules: it accepts a log that breaks the schema")
    for name, report in (("sample", sample_report()), ("clean", clean_report())):
        path = tmp_path / f"{name}.sarif"
        path.write_text(written("sarif", report, VERBOSE))
        # SARIF2005 wants a web page of the tool, which has none yet.
        assert set(multitool_objects(multitool, path)) <= {"SARIF2005"}


def test_times_are_left_out_where_there_are_none() -> None:
    report = sample_report()
    (run,) = runs_of(replace(report, run=replace(report.run, start_time=0.0)))
    assert "startTimeUtc" not in run["invocations"][0]
