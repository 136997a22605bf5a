"""`modelsweep baseline`, and what `--baseline` makes of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import MALICIOUS, UNKNOWN_CLASS, Run


@pytest.fixture
def baseline(models: Path, run: Run) -> dict[str, Any]:
    """The baseline of the folder, in baseline.json."""
    outcome = run("baseline", "models", "-o", "baseline.json", "--reason", "of old", "--owner", "platform")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == "modelsweep: baseline.json: 2 findings of 4 files\n"
    value: dict[str, Any] = json.loads(Path("baseline.json").read_bytes())
    return value


def write(value: Any) -> None:
    Path("baseline.json").write_text(json.dumps(value))


def test_it_holds_what_fails_a_scan_and_nothing_else(baseline: dict[str, Any]):
    assert baseline["modelsweep-baseline"] == 1
    evil, own = baseline["modelsweep_accepted"]
    assert {**evil, "fingerprint": "", "digest": ""} == {
        "fingerprint": "",
        "digest": "",
        "rule": "pickle/dangerous-call",
        "location": "models/evil.pkl",
        "message": "loading would run os.system('echo modelsweep-test') (command execution)",
        "reason": "of old",
        "owner": "platform",
    }
    assert own["rule"] == "pickle/unknown-callable"
    assert [len(entry["digest"]) for entry in (evil, own)] == [64, 64]


@pytest.mark.parametrize("command", ["scan", "audit"])
def test_what_it_holds_is_shown_and_fails_nothing(baseline: dict[str, Any], run: Run, command: str):
    outcome = run(command, "models", "--baseline", "baseline.json", "-f", "json=out.json")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.count("accepted: in the baseline") == 2
    assert "1 malicious, 1 to review, 1 not scanned, 1 clean: 4 files" in outcome.out
    assert len(json.loads(Path("out.json").read_bytes())["issues"]) == 2


def test_documents_agree_with_the_exit_code(baseline: dict[str, Any], run: Run):
    outcome = run("scan", "models", "--baseline", "baseline.json", "-f", "junit=out.xml", "-f", "sarif=out.sarif")
    assert outcome.code == 0
    assert 'failures="0"' in Path("out.xml").read_text()
    (log,) = json.loads(Path("out.sarif").read_bytes())["runs"]
    assert log["invocations"][0]["exitCode"] == 0
    assert [result["suppressions"] for result in log["results"]] == [[{"kind": "external", "status": "accepted"}]] * 2


@pytest.mark.parametrize("command", ["scan", "audit"])
def test_code_scanning_is_told_what_is_accepted_and_what_is_not(baseline: dict[str, Any], run: Run, command: str):
    write({**baseline, "modelsweep_accepted": baseline["modelsweep_accepted"][1:]})
    assert run(command, "models", "--baseline", "baseline.json", "-f", "sarif=out.sarif").code == 1
    (log,) = json.loads(Path("out.sarif").read_bytes())["runs"]
    told = {result["ruleId"]: [one["status"] for one in result["suppressions"]] for result in log["results"]}
    assert told == {"pickle/dangerous-call": [], "pickle/unknown-callable": ["accepted"]}
    run(command, "models", "-f", "sarif=out.sarif")
    (log,) = json.loads(Path("out.sarif").read_bytes())["runs"]
    assert not any("suppressions" in result for result in log["results"])


def test_another_file_place_or_finding_is_what_counts(baseline: dict[str, Any], models: Path, run: Run):
    known = ("--baseline", "baseline.json")
    (models / "moved.pkl").write_bytes(MALICIOUS)
    assert run("scan", "models", *known).code == 0, "the same bytes elsewhere"
    (models / "moved.pkl").write_bytes(MALICIOUS + b"\0")
    assert run("scan", "models", *known).code == 1, "other bytes"
    (models / "moved.pkl").write_bytes(UNKNOWN_CLASS.replace(b"acme", b"emca"))
    outcome = run("scan", "models", *known)
    assert (outcome.code, outcome.out.count("accepted: in the baseline")) == (1, 2)


@pytest.mark.parametrize(("day", "code"), [("2999-12-31", 0), ("2020-01-02", 0), ("2020-01-01", 1), ("", 0)])
def test_an_entry_ends_with_its_day_which_is_said(
    baseline: dict[str, Any], run: Run, monkeypatch: pytest.MonkeyPatch, day: str, code: int
):
    for entry in baseline["modelsweep_accepted"] if day else ():
        entry["until"] = day
    write(baseline)
    monkeypatch.setattr("modelsweep.cli.baseline_file.time.gmtime", lambda: time.struct_time((2020, 1, 2, *[0] * 6)))
    outcome = run("scan", "models/evil.pkl", "models/own.pkl", "--baseline", "baseline.json")
    said = "modelsweep: baseline.json: 2 findings accepted until a day that is past: they count again\n"
    assert (outcome.code, outcome.err) == (code, said if code else "")


def test_what_is_needed_no_more_is_said(baseline: dict[str, Any], models: Path, run: Run):
    (models / "evil.pkl").unlink()
    outcome = run("scan", "models", "--baseline", "baseline.json")
    assert (outcome.code, outcome.err) == (
        0,
        "modelsweep: 1 of 2 findings in the baseline are not among these files any more\n",
    )


def test_what_people_added_is_kept_when_it_is_written_again(baseline: dict[str, Any], models: Path, run: Run):
    baseline["modelsweep_accepted"][0] |= {"until": "2999-12-31", "reason": "a test"}
    write(baseline)
    (models / "new.pkl").write_bytes(MALICIOUS + b"\0")
    assert run("baseline", "models", "-o", "baseline.json", "--until", "2998-01-01").code == 0
    said = {
        entry["location"]: (entry.get("until"), entry.get("reason"), entry.get("owner"))
        for entry in json.loads(Path("baseline.json").read_bytes())["modelsweep_accepted"]
    }
    assert said == {
        "models/evil.pkl": ("2999-12-31", "a test", "platform"),
        "models/new.pkl": ("2998-01-01", None, None),
        "models/own.pkl": (None, "of old", "platform"),
    }


def test_what_could_not_be_examined_is_in_no_baseline(models: Path, run: Run):
    (models / "cut.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{")
    outcome = run("baseline", "models", "-o", "-")
    assert outcome.code == 2
    assert len(json.loads(outcome.out)["modelsweep_accepted"]) == 2
    assert "not everything could be examined" in outcome.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "baseline.json: No such file or directory"),
        ("no JSON", "baseline.json: not JSON, as `modelsweep baseline` writes it"),
        ("[]", "baseline.json: not a baseline of version 1"),
        ('{"modelsweep-baseline": 2}', "baseline.json: not a baseline of version 1"),
        ('{"modelsweep-baseline": 1}', "baseline.json: an entry lacks a fingerprint or a digest"),
        (
            '{"modelsweep-baseline": 1, "modelsweep_accepted": [{"fingerprint": "a", "digest": ""}]}',
            "an entry lacks a fingerprint or a digest",
        ),
        (
            '{"modelsweep-baseline": 1, "modelsweep_accepted": [{"fingerprint": "a", "digest": "b", "until": "soon"}]}',
            "until 'soon' is not a date such as 2027-06-30",
        ),
        (
            '{"modelsweep-baseline": 1, "modelsweep_accepted": [{"fingerprint": "a", "digest": "b", "reason": 1}]}',
            "until, reason, owner are texts",
        ),
    ],
)
def test_a_file_that_is_none_is_refused_before_anything_is_read(models: Path, run: Run, text: str | None, said: str):
    if text is not None:
        Path("baseline.json").write_text(text)
    outcome = run("scan", "models", "--baseline", "baseline.json")
    assert (outcome.code, outcome.out, said in outcome.err) == (2, "", True)


def test_a_day_is_checked(models: Path, run: Run):
    outcome = run("baseline", "models", "-o", "baseline.json", "--until", "30.6.2027")
    assert (outcome.code, "'30.6.2027' is not a date such as 2027-06-30" in outcome.err) == (2, True)
