"""What is printed in a log of CI gives its server no commands, whatever files are called and say."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import pytest

from modelsweep.cli.log_lines import without_commands
from reporting import WRITERS
from tests.cli.conftest import MALICIOUS, Run

COMMAND = re.compile(r"^\s*::|##[A-Za-z.]*\[", re.MULTILINE)
NAMES = (
    "::error file=a::b.pkl",
    "::stop-commands::x.pkl",
    "##vso[task.setvariable variable=a]b.pkl",
    "##[add-mask]b.pkl",
    "###[group]c.pkl",
    "##teamcity[buildStop]d.pkl",
    " ::warning::e.pkl",
)


@pytest.fixture
def hostile(folder: Path) -> Path:
    """Files whose names, and what is said of them, are commands."""
    for name in NAMES:
        (folder / name).write_bytes(MALICIOUS)
        (folder / f"un{name}.bin").write_bytes(bytes(range(200, 240)) * 9)
    (folder / "##teamcity[texts]f.pkl").write_bytes(pickle.dumps(list(NAMES)))
    (folder / "target.pkl").write_bytes(MALICIOUS.replace(b"echo", b"echo ##vso[x]"))
    return folder


def commands_in(*texts: str) -> list[str]:
    return [match[0] for text in texts for match in COMMAND.finditer(text)]


@pytest.mark.parametrize("form", [writer.name for writer in WRITERS])
def test_no_format_prints_a_command(hostile: Path, form: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    outcome = run("scan", *sorted(path.name for path in hostile.iterdir()), "missing ##vso[x]", "-f", form)
    assert outcome.code == 1
    assert commands_in(outcome.out, outcome.err) == []
    assert "teamcity" in outcome.out or form == "configmap", "names are there, and this one has none"


@pytest.mark.parametrize("form", ["json", "sarif", "cyclonedx"])
def test_json_means_what_it_meant(hostile: Path, form: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    names = sorted(path.name for path in hostile.iterdir())
    printed = json.loads(run("scan", *names, "-f", form).out)
    run("scan", *names, "-f", f"{form}=out")
    written = json.loads(Path("out").read_bytes())
    assert json.dumps(printed).replace(f"-f {form}", "") == json.dumps(written).replace(f"-f {form}=out", "")


@pytest.mark.parametrize(
    "words", [("scan", "--dry-run"), ("scan", "--dry-run", "-f", "json"), ("metadata",), ("metadata", "-f", "json")]
)
def test_lists_hold_none_either(hostile: Path, words: tuple[str, ...], run: Run) -> None:
    outcome = run(*words, *NAMES)
    assert commands_in(outcome.out, outcome.err) == []
    if "json" in words:
        json.loads(outcome.out)


def test_mistakes_are_said_without_commands(folder: Path, run: Run) -> None:
    outcome = run("scan", "x", "--baseline", "##vso[x]")
    assert (outcome.code, commands_in(outcome.err)) == (2, [])


@pytest.mark.parametrize(
    ("text", "suffix", "expected"),
    [
        ("::error::x\n", ".txt", "\\x3a:error::x\n"),
        ("a\n  ::error::x", ".md", "a\n  \\x3a:error::x"),
        ("see torch::jit, a ::b, ## Title, #1 ##", ".txt", "see torch::jit, a ::b, ## Title, #1 ##"),
        ('"##vso[a]"', ".cdx.json", '"#\\u0023vso[a]"'),
        ("<a>::b", ".xml", "<a>::b"),
        ("::b ##[c]", ".html", "&#58;:b #&#35;[c]"),
    ],
)
def test_only_commands_are_escaped(text: str, suffix: str, expected: str) -> None:
    assert without_commands(text, suffix) == expected
