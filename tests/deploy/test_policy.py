"""The example for OPA and Conftest: a report that is not clean, not whole or no report at all is never let through."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import modelsweep
from tests.cli.conftest import CLEAN, MALICIOUS, UNKNOWN_CLASS
from tests.deploy.tools import ROOT, wheel

POLICY = ROOT / "deploy" / "policy" / "modelsweep.rego"
REGO = (
    "regopy==1.5.2"
    " --hash=sha256:c1a92eab90592d7926d72d082a4b5fb9c968cbf6332406d28c3e96079ae97a26"
    " --hash=sha256:42d557ea696bc113566b75e474134a314e609bbb602a1974783701326dbcea5e"
    " --hash=sha256:213075bee128a6dfc142fe70b2ec76457fb31bc89e6ee6e02ac50ef28b2c6b6e"
)
ASK = """
import json, sys
from regopy import Interpreter
policy, report, accepted = json.load(sys.stdin)
rego = Interpreter()
rego.add_module("modelsweep", policy)
rego.add_data({"modelsweep_accepted": accepted})
rego.set_input(report)
print(rego.query("data.modelsweep"))
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rego(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of Rego, where pip can fetch it."""
    return wheel(REGO, tmp_path_factory.mktemp("rego"))


def decided(rego: Path, report: Any, accepted: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Return what the policy says of a report."""
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        input=json.dumps([POLICY.read_text(), report, accepted or []]),
        env={**os.environ, "PYTHONPATH": str(rego)},
        capture_output=True,
        text=True,
        check=True,
    )
    (decision,) = json.loads(done.stdout)["expressions"]
    assert isinstance(decision, dict)
    assert decision["allow"] is (decision["deny"] == [])
    return decision


def report_of(folder: Path, **files: bytes) -> Any:
    """Return the report of a folder with these pickles."""
    for name, data in files.items():
        (folder / f"{name}.pkl").write_bytes(data)
    return json.loads(json.dumps(modelsweep.scan(folder).to_dict()))


def test_what_is_clean_passes(rego: Path, tmp_path: Path) -> None:
    assert decided(rego, report_of(tmp_path, clean=CLEAN))["deny"] == []


def test_findings_and_what_was_not_scanned_are_denied(rego: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{")
    report = report_of(tmp_path, clean=CLEAN, evil=MALICIOUS, own=UNKNOWN_CLASS)
    cut, evil, own = decided(rego, report)["deny"]
    assert cut.startswith(f"{tmp_path}/cut.safetensors (pos 8) was not scanned: cut short")
    assert evil.startswith(f"{tmp_path}/evil.pkl (pos ")
    assert evil.endswith(" (pickle/dangerous-call)")
    assert own.endswith(" (pickle/unknown-callable)")


def test_what_was_reviewed_passes_until_its_day_and_as_these_very_bytes(rego: Path, tmp_path: Path) -> None:
    report = report_of(tmp_path, own=UNKNOWN_CLASS)
    entry = {"fingerprint": report["issues"][0]["fingerprint"], "digest": report["verdicts"][0]["digest"]}
    accepted = {**entry, "until": "2999-12-31"}
    for entries in ([accepted], [entry]):
        decision = decided(rego, report, entries)
        assert (decision["deny"], decision["stale"]) == ([], [])
    for other in ({"until": "2020-01-01"}, {"digest": "0" * 64}, {"fingerprint": "0" * 32}):
        decision = decided(rego, report, [{**accepted, **other}])
        assert len(decision["deny"]) == 1
        assert decision["stale"] == [{**accepted, **other}]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start_time": 1.0}, "the report is too old: scan again"),
        ({"verdicts": []}, "nothing was scanned"),
        ({"verdicts": None}, "nothing was scanned"),
        ({"issues": None}, "the input is no report of modelsweep"),
        ({"problems": None}, "the input is no report of modelsweep"),
        ({"schema_version": "2.0"}, "the input is no report of modelsweep"),
        ({"tool": {"name": "other"}}, "the input is no report of modelsweep"),
        ({"options": {"depth": "quick", "scanners": None}}, "only a part was looked at"),
        ({"options": {"depth": "full", "scanners": ["pickle"]}}, "only a part was looked at"),
        ({"options": {}}, "only a part was looked at"),
    ],
)
def test_what_says_too_little_is_denied(rego: Path, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    report = {**report_of(tmp_path, clean=CLEAN), **changes}
    (reason,) = decided(rego, report)["deny"]
    assert reason.startswith(said)


@pytest.mark.parametrize("report", [{}, [], "clean", None, {"deny": [], "allow": True}])
def test_what_is_no_report_is_denied(rego: Path, report: Any) -> None:
    assert "the input is no report of modelsweep" in decided(rego, report)["deny"]


def test_a_report_of_now_is_fresh(rego: Path, tmp_path: Path) -> None:
    report = report_of(tmp_path, clean=CLEAN)
    assert decided(rego, {**report, "start_time": time.time() - 6 * 86_400})["deny"] == []
    assert len(decided(rego, {**report, "start_time": time.time() - 8 * 86_400})["deny"]) == 1
