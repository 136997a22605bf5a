"""Runs the command line in this process and in real ones, over small files of every verdict."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelsweep.cli.commands import run as run_command

ROOT = Path(__file__).resolve().parents[2]
START = "import sys; from modelsweep.cli import main; sys.exit(main())"
MALICIOUS = b"cos\nsystem\n(S'echo modelsweep-test'\ntR."
UNKNOWN_CLASS = b"cacme.models\nNet\n)R."
CLEAN = b"(dp0\nS'weights'\np1\n(lp2\nF0.25\nas."
UNKNOWN_FORMAT = bytes(range(200, 240)) * 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, with a neutral environment."""
    for name in ("NO_COLOR", "FORCE_COLOR", "CI", "SOURCE_DATE_EPOCH", "MODELSWEEP_SHARE_DIR", "MODELSWEEP_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def models(folder: Path) -> Path:
    """The folder with one file of each verdict in `models`."""
    (folder / "models").mkdir()
    files = {"clean.pkl": CLEAN, "evil.pkl": MALICIOUS, "own.pkl": UNKNOWN_CLASS, "unknown.bin": UNKNOWN_FORMAT}
    for name, data in files.items():
        (folder / "models" / name).write_bytes(data)
    return folder / "models"


@pytest.fixture
def many(folder: Path) -> int:
    """Fill the folder with so many names of one file that scanning takes seconds; return how many."""
    (folder / "0.bin").write_bytes(UNKNOWN_FORMAT * 500)
    for number in range(1, 4000):
        (folder / f"{number}.bin").hardlink_to(folder / "0.bin")
    return 4000


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in this process, in the folder."""

    def run_here(*arguments: str) -> Outcome:
        code = run_command(arguments)
        return Outcome(code, *capsys.readouterr())

    return run_here


@pytest.fixture
def process(folder: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run a command line in a process of its own, in the folder, with `stdin` and more environment."""

    def run_process(*arguments: str | bytes, stdin: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
        command = (sys.executable, "-P", "-c", START, *arguments)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
        return subprocess.run(command, input=stdin, capture_output=True, env=environment, timeout=60)

    return run_process
