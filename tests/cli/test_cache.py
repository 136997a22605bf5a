"""What is known from earlier scans, as users meet it: the same reports sooner, and commands to see and forget it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modelsweep.cache import identity, known
from tests.cli.conftest import ROOT, START, Run

PACKAGES = ("modelsweep", "producer", "reporting", "scanners", "sources", "worker")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, in which files of any size and age are kept."""
    monkeypatch.setattr(known, "SMALLEST_FILE", 0)
    monkeypatch.setattr(identity, "SETTLED", -60.0)
    monkeypatch.setenv("MODELSWEEP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_report_is_the_same_whether_files_were_read_or_known(
    models: Path, run: Run, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000")
    ways = (("--trust-file-times",), ("--trust-file-times",), ("--no-cache", "--trust-file-times"))
    told = [[run("scan", "models", *way, "-f", name).out for name in ("json", "cyclonedx")] for way in ways]
    assert told[1:] == told[:1] * 2


def test_how_many_were_known_is_said(models: Path, run: Run, cache: Path) -> None:
    def scanned(*options: str) -> tuple[int, bool]:
        report = json.loads(run("scan", "models", "-f", "json", *options).out)
        text = run("scan", "models", *options).out
        return report["run"]["known"], "4 of 4 files known from before: not read again" in text

    assert scanned("--trust-file-times") == (0, True)
    assert scanned("--trust-file-times") == (4, True)
    for options in (("--trust-file-times", "--no-cache"), ("--trust-file-times", "--strict")):
        assert scanned(*options) == (0, False)


def test_options_that_judge_are_obeyed(models: Path, run: Run, cache: Path) -> None:
    before = run("scan", "models/own.pkl", "--trust-file-times")
    assert before.code == 1
    after = run("scan", "models/own.pkl", "--trust-file-times", "--allow-import", "acme.*")
    assert after.code == 0
    assert "1 of 1 file known from before" in after.out


def test_a_file_that_was_written_since_is_read(models: Path, run: Run, cache: Path) -> None:
    """Also where whoever wrote it set the time of modification, and kept the size."""
    changing = models / "evil.pkl"
    evil = changing.read_bytes()
    changing.write_bytes(b"S'%b'\n." % (b"x" * (len(evil) - 5)))
    assert run("scan", str(changing), "--trust-file-times").code == 0
    found = changing.stat()
    changing.write_bytes(evil)
    os.utime(changing, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert changing.stat().st_size == found.st_size
    assert run("scan", str(changing), "--trust-file-times").code == 1


def test_the_commands_show_and_forget(models: Path, run: Run, cache: Path) -> None:
    run("scan", "models", "--trust-file-times")
    shown = run("cache", "stats")
    assert shown.code == 0
    assert shown.out.startswith(f"{cache}: 4 files are known\n")
    assert json.loads(run("cache", "stats", "--json").out)["entries"] == 4
    assert run("cache", "cleanup").out == f"{cache}: 0 files are forgotten, 4 are known\n"
    assert run("cache", "cleanup", "--keep", "1B").out == f"{cache}: 4 files are forgotten, 0 are known\n"
    run("scan", "models", "--trust-file-times")
    assert run("cache", "clear").out == f"{cache}: everything is forgotten\n"
    assert json.loads(run("cache", "stats", "--json").out)["entries"] == 0


def test_no_cache_is_said_and_no_reason_to_fail_a_scan(
    models: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "SMALLEST_FILE", 0)
    monkeypatch.setattr(identity, "SETTLED", -60.0)
    monkeypatch.setenv("MODELSWEEP_CACHE", "off")
    stats = run("cache", "stats")
    assert (stats.code, "there is no cache" in stats.err) == (2, True)
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("MODELSWEEP_CACHE", str(tmp_path / "file"))
    stats = run("cache", "stats")
    assert (stats.code, "not a folder" in stats.err) == (2, True)
    scan = run("scan", "models/clean.pkl", "--trust-file-times")
    assert scan.code == 0
    assert scan.err.count("the cache is not used") == 1


def test_a_scan_of_local_files_touches_no_cache_unasked(models: Path, run: Run, cache: Path) -> None:
    run("scan", "models")
    assert not cache.exists()


def installed(folder: Path) -> Path:
    """Copy the program, as one that keeps files of any size and age."""
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    change(folder / "modelsweep" / "cache" / "known.py", "SMALLEST_FILE = 4 * MIB", "SMALLEST_FILE = 0")
    change(folder / "modelsweep" / "cache" / "identity.py", "SETTLED = 60.0", "SETTLED = -60.0")
    return folder


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_a_new_judge_is_heard_without_reading_and_a_new_scanner_reads_anew(models: Path, tmp_path: Path) -> None:
    home = installed(tmp_path / "home")

    def scanned() -> tuple[int, list[str]]:
        done = subprocess.run(
            [sys.executable, "-P", "-c", START, "scan", str(models / "evil.pkl"), "--trust-file-times", "-f", "json"],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(home), "MODELSWEEP_CACHE": str(tmp_path / "cache")},
        )
        assert done.returncode == 1, done.stderr
        report = json.loads(done.stdout)
        return report["run"]["known"], [issue["message"] for issue in report["issues"]]

    message = "loading would run os.system('echo modelsweep-test') (command execution)"
    assert scanned() == (0, [message])
    judge = home / "scanners" / "judge" / "pickle_rules.py"
    change(judge, 'message="loading would run ', 'message="today it is known that loading would run ')
    assert scanned() == (1, [f"today it is known that {message}"])
    change(home / "scanners" / "pickle.py", "version=", "version=1000 + ")
    assert scanned() == (0, [f"today it is known that {message}"])
    assert scanned()[0] == 1


def test_without_a_command_the_help_is_shown_as_it_is(run: Run) -> None:
    told = run("cache")
    assert told.code == 2
    assert told.err.startswith("Usage: ")
    assert "\n  stats " in told.err


def test_clear_forgets_what_searches_raw_bytes_too(run: Run, cache: Path) -> None:
    cache.mkdir(mode=0o700)
    kept = cache / "patterns-0123456789abcdef"
    kept.write_bytes(b"a database")
    assert run("cache", "clear").code == 0
    assert not kept.exists()
