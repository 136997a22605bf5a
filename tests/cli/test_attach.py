"""`--attach`: results of other tools in the reports of a scan, which change nothing of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from modelsweep import scan
from modelsweep.cli.options import ATTACHED
from tests.cli.conftest import Run

HITS = json.dumps({"entry_type": "eval", "probe": "dan.Dan_11_0", "detector": "d", "passed": 1, "total": 9})


@pytest.fixture
def report(models: Path) -> Path:
    """A report of garak beside the models."""
    path = models.parent / "garak.report.jsonl"
    path.write_text(f"{HITS}\n")
    return path


@pytest.mark.parametrize("target", ["clean.pkl", "own.pkl", "missing.pkl"])
def test_what_is_attached_changes_no_verdict_and_no_exit_code(report: Path, run: Run, target: str) -> None:
    bare = run("scan", f"models/{target}", "--strict", "-f", "json")
    full = run("scan", f"models/{target}", "--strict", "-f", "json", "--attach", "garak.report.jsonl")
    assert (full.code, full.err) == (bare.code, bare.err)
    one, two = json.loads(bare.out), json.loads(full.out)
    (attachment,) = two["attachments"]
    assert attachment["path"] == "garak.report.jsonl"
    assert attachment["tool"] == "garak"
    assert attachment["summary"]["hits"] == 8
    varying = ("attachments", "run", "start_time", "duration", "issues")
    assert {key: one[key] for key in one if key not in varying} == {key: two[key] for key in two if key not in varying}
    assert [issue["fingerprint"] for issue in one["issues"]] == [issue["fingerprint"] for issue in two["issues"]]


def test_several_files_are_listed_once_each(report: Path, run: Run) -> None:
    Path("pentest.txt").write_text("all is well")
    outcome = run("scan", "models/clean.pkl", "--attach", "garak.report.jsonl", "--attach", "pentest.txt",
                  "--attach", "garak.report.jsonl")  # fmt: skip
    assert outcome.code == 0
    assert "Attached, no part of the verdict\n  garak.report.jsonl  garak  90 B\n" in outcome.out
    assert "hits of dan.Dan_11_0: 8, the run has not ended\n  pentest.txt  text/plain  11 B\n\nClean" in outcome.out
    assert run("scan", "-q", "models/clean.pkl", "--attach", "garak.report.jsonl").out == ""


def test_a_file_that_cannot_be_attached_is_said_before_anything_is_scanned(models: Path, run: Run) -> None:
    os.mkfifo("pipe")
    for name, why in (("pipe", "not a regular file"), ("models", "it is a folder"), ("gone", "No such file")):
        outcome = run("scan", "models", "--attach", name)
        assert (outcome.code, outcome.out) == (2, "")
        assert f"cannot attach '{name}': {why}" in outcome.err
        assert outcome.err.startswith("modelsweep: cannot attach")


def test_so_many_files_that_a_job_could_not_name_them_are_refused(report: Path, run: Run) -> None:
    files = ["--attach", "garak.report.jsonl"] * (ATTACHED + 1)
    assert "--attach: 101 files are too many" in run("scan", "models/clean.pkl", *files).err
    assert run("scan", "models/clean.pkl", *files[2:]).code == 0


def test_a_report_never_replaces_what_is_attached(report: Path, run: Run) -> None:
    Path("link").symlink_to("garak.report.jsonl")
    for command in (("scan", "models"), ("report", "abcd-efgh-jkmn")):
        outcome = run(*command, "--attach", "link", "-f", "json=garak.report.jsonl")
        assert outcome.code == 2
        assert "'garak.report.jsonl' is attached: a report would replace it" in outcome.err
    assert report.read_text() == f"{HITS}\n"


def test_the_library_attaches_files_too(report: Path) -> None:
    (attachment,) = scan("models/clean.pkl", attachments=str(report)).attachments
    assert (attachment.tool, dict(attachment.summary)["hits"]) == ("garak", 8)
    with pytest.raises(ValueError, match="cannot attach 'gone': No such file"):
        scan("models/clean.pkl", attachments=["gone"])
