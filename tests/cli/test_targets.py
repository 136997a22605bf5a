"""Lists of targets."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from modelsweep.cli.targets import gather


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
    ("arguments", "listed_in", "reason"),
    [
        ((), None, "nothing to scan"),
        (("-",), "-", "can be read once"),
        (("",), None, "empty name"),
        ((), "missing", "cannot read targets from 'missing': No such file"),
    ],
)
def test_mistakes_are_said(arguments: tuple[str, ...], listed_in: str | None, reason: str):
    with pytest.raises(click.UsageError, match=reason):
        gather(arguments, listed_in)
