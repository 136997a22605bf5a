"""Lists of targets."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from modelsweep.cli.targets import gather
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"a.pt\nb c.pt\n", ("a.pt", "b c.pt")),
        (b"a.pt\r\nb.pt", ("a.pt", "b.pt")),
        (b"a\nb.pt\0c.pt\0", ("a\nb.pt", "c.pt")),
        (b"a\na\n\n", ("a",)),
        (b"\xff.pt\n", (os.fsdecode(b"\xff.pt"),)),
        (b"", ()),
    ],
)
def test_lists_by_line_and_by_nul(tmp_path: Path, content: bytes, names: tuple[str, ...]):
    listed = tmp_path / "list"
    listed.write_bytes(content)
    assert gather((), str(listed)) == names


def test_arguments_come_first(tmp_path: Path):
    listed = tmp_path / "list"
    listed.write_bytes(b"b\na")
    assert gather(("a",), str(listed)) == ("a", "b")


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (("m/x.pkl", "./m/x.pkl"), ("m/x.pkl",)),
        (("./m", "m/", "m"), ("./m",)),
        (("m", "./m/x.pkl", "{here}/m/y/z.pkl"), ("m", "m/x.pkl", "m/y/z.pkl")),
        (("m/x.pkl", "{here}/m"), ("{here}/m/x.pkl", "{here}/m")),
        ((".", "m"), (".", "./m")),
        (("/", "/tmp"), ("/", "/tmp")),
        (("m/../m/x.pkl", "m/x.pkl"), ("m/../m/x.pkl", "m/x.pkl")),
        (("s3://b/m", "s3://b/./m"), ("s3://b/m", "s3://b/./m")),
        (("mm", "m"), ("mm", "m")),
    ],
)
def test_two_spellings_of_a_path_are_one(
    targets: tuple[str, ...], expected: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    here = str(tmp_path)
    assert gather([target.replace("{here}", here) for target in targets], None) == tuple(
        target.replace("{here}", here) for target in expected
    )


def test_a_file_that_is_named_in_two_ways_is_reported_once(models: Path, run: Run):
    outcome = run("scan", "./models", "models/evil.pkl", "models", str(models.absolute()), "./models/evil.pkl")
    assert outcome.out.count("pickle/dangerous-call") == 2  # and the rule to be explained
    assert ": 4 files" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "listed_in", "reason"),
    [
        ((), None, "nothing to scan"),
        (("-",), "-", "can be read only once"),
        (("",), None, "name is empty"),
        ((), "missing", "cannot read targets from 'missing': No such file"),
    ],
)
def test_mistakes_are_said(arguments: tuple[str, ...], listed_in: str | None, reason: str):
    with pytest.raises(click.UsageError, match=reason):
        gather(arguments, listed_in)
