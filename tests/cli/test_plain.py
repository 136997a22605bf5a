"""Command lines that need no parser mean what click says they mean, and all others are left to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modelsweep.cli.plain import plain_arguments
from modelsweep.cli.plain_options import FLAGS, VALUES
from modelsweep.cli.scan import command
from tests.cli.conftest import ROOT, Run

LINES = [
    ("a.pkl",),
    ("a", "b/c", ""),
    ("--depth", "quick", "a"),
    ("a", "--depth=full"),
    ("-f", "json", "a", "-f", "sarif=x.sarif", "-v"),
    ("--format=json", "a", "--exclude", "*.md", "--exclude=", "--strict"),
    ("--profile", "quick-scan", "a", "--profile", "full-audit"),
    ("--progress", "a", "--no-progress", "--share", "--no-share"),
    *((flag, "a") for flag in FLAGS),
    *((option, (choices or ("word",))[-1], "a") for option, (_, choices, _) in VALUES.items()),
]
OTHERS = [
    ("-",),
    ("--", "a"),
    ("--help",),
    ("a", "--dry-run"),
    ("a", "--list-scanners"),
    ("--depth",),
    ("--depth", "deep", "a"),
    ("--depth", "-v", "a"),
    ("-fjson", "a"),
    ("-vq", "a"),
    ("--verbose=1", "a"),
    ("-f=json", "a"),
    ("--timeout", "5", "a"),
    ("--fail-on", "critical", "a"),
    ("--include-scanner", "pickle", "a"),
    ("--targets-from", "-"),
    ("--nonsense", "a"),
]


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_plain_lines_mean_what_click_says(line: tuple[str, ...]) -> None:
    with command.make_context("scan", list(line)) as context:
        assert plain_arguments(line) == context.params


@pytest.mark.parametrize("line", OTHERS, ids=" ".join)
def test_other_lines_are_left_to_click(line: tuple[str, ...]) -> None:
    assert plain_arguments(line) is None


_MAIN = """
import sys
from modelsweep.cli import main
code = main()
print(code, "click" in sys.modules, file=sys.stderr)
"""


def main(folder: Path, *line: str) -> tuple[str, str]:
    """Return the last line of what the program says, and what it said before it, on standard error."""
    path = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    done = subprocess.run([sys.executable, "-c", path + _MAIN, *line], cwd=folder, capture_output=True, text=True)
    *said, last = done.stderr.splitlines()
    return last, "\n".join(said)


def test_a_plain_scan_loads_no_parser(models: Path) -> None:
    assert main(models, "scan", "clean.pkl") == ("0 False", "")
    assert main(models, "scan", "--depth", "quick", "evil.pkl") == ("1 False", "")
    assert main(models, "scan", "--timeout", "9", "clean.pkl") == ("0 True", "")


@pytest.mark.parametrize("line", [(), ("-f", "nonsense", "a"), ("-v", "-q", "a"), ("a", "")], ids=" ".join)
def test_mistakes_in_plain_lines_are_said_by_click(models: Path, run: Run, line: tuple[str, ...]) -> None:
    last, said = main(models, "scan", *line)
    assert last == "2 True"
    assert said.splitlines() == run("scan", *line).err.splitlines()[:1] + said.splitlines()[1:]
    assert "--help" in said.splitlines()[1]
