"""Every command that modelsweep suggests can be typed as it is said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modelsweep.cli.called import VARIABLE, as_called, called_as
from tests.cli.conftest import ROOT, Run

Process = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing wraps the command, unless a test says so."""
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/opt/bin/modelsweep", "modelsweep"), ("/home/me/.venv/bin/modelsweep", "/home/me/.venv/bin/modelsweep")],
)
def test_a_script_off_the_path_is_named_whole(monkeypatch: pytest.MonkeyPatch, path: str, expected: str):
    monkeypatch.setenv("PATH", "/usr/bin:/opt/bin/")
    monkeypatch.setattr(sys, "argv", [path])
    assert called_as() == expected


def test_a_module_is_named_with_its_python(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["/site/modelsweep/__main__.py"])
    assert called_as() == f"{sys.executable} -m modelsweep"


def test_a_wrapper_is_named_fit_for_a_shell(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, "/my work/dev")
    assert as_called("`modelsweep jobs` lists them") == "`'/my work/dev' jobs` lists them"


def test_help_names_the_module_once(monkeypatch: pytest.MonkeyPatch, run: Run):
    monkeypatch.setattr(sys, "argv", ["/site/modelsweep/__main__.py"])
    usage = " ".join(run("scan", "--help").out.split())  # click breaks the line behind a long path
    assert usage.startswith(f"Usage: {sys.executable} -m modelsweep scan [OPTIONS]")


def test_only_commands_are_named_otherwise(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, "./dev")
    text = "modelsweep has no reader; see modelsweep/cli, modelsweep.scan and /srv/modelsweep scan"
    assert as_called(text) == text


def test_reports_mistakes_and_help_speak_of_the_wrapper(models: Path, run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, "./dev")
    assert run("scan", "models").out.endswith("Explain a rule: ./dev rules show pickle/dangerous-call\n")
    assert "see `./dev scan --help`" in run("scan", "--frobnicate").err
    assert "To scan it: ./dev scan models" in run("models").err
    assert "`./dev jobs` lists them" in run("status", "no-job", "--broker", "redis://127.0.0.1:1/0").err
    for arguments in (("--help",), ("scan", "--help"), ("cache", "stats", "--help")):
        shown = run(*arguments).out
        assert "Usage: ./dev" in shown
        assert "modelsweep scan" not in shown


def test_the_checkout_names_itself(models: Path):
    done = subprocess.run(
        [ROOT / "dev", "scan", "models"], capture_output=True, text=True, cwd=models.parent, timeout=60, check=False
    )
    assert done.returncode == 1, done.stderr
    assert f"Explain a rule: {ROOT / 'dev'} rules show pickle/dangerous-call" in done.stdout
