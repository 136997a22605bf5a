"""The documentation that comes from the code: a page for every rule, and none of them stale."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from modelsweep.cli.called import COMMANDS
from modelsweep.cli.commands import root
from modelsweep.core.finding import ProblemKind
from scanners import SCANNERS
from scanners.catalogue import declared_rules
from scripts import docs


def test_the_generated_pages_are_fresh() -> None:
    stale = [str(path.relative_to(docs.ROOT)) for path in docs.stale(docs.pages())]
    assert stale == [], "run ./dev docs"


def test_every_rule_has_a_page_of_its_own() -> None:
    declared = declared_rules()
    names = {docs.page_name(item.rule) for item in declared}
    assert len(names) == len(declared)
    pages = docs.pages()
    for item in declared:
        text = pages[docs.RULES / docs.page_name(item.rule)]
        assert all(part in text for part in (item.rule.id, item.rule.title, item.rule.why, item.rule.fix))


def test_every_scanner_and_kind_of_problem_is_listed() -> None:
    pages = docs.pages()
    assert all(f"| `{scanner.name}` |" in pages[docs.DOCS / "scanners.md"] for scanner in SCANNERS)
    assert all(f"\n| {kind.value} |" in pages[docs.DOCS / "exit-codes.md"] for kind in ProblemKind)


def options() -> Iterator[tuple[str, str]]:
    """Yield each long option that is shown, with the command that has it."""
    for name in COMMANDS:
        command = root.get_command(click.Context(root), name)
        assert command
        for each in (command, *getattr(command, "commands", {}).values()):
            shown = (item for item in each.params if isinstance(item, click.Option) and not item.hidden)
            yield from ((name, flag) for item in shown for flag in item.opts if flag.startswith("--"))


def test_every_option_of_every_command_is_written_about() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in docs.DOCS.glob("*.md"))
    written = set(re.findall(r"--[a-z][a-z-]+", pages))
    found = list(options())
    assert len(found) > 100
    assert [f"{command} {flag}" for command, flag in found if flag not in written] == []


def test_tables_survive_bars_in_cells() -> None:
    assert docs.table(("a", "b"), [("x|y", "z")]).splitlines() == ["| a | b |", "| --- | --- |", r"| x\|y | z |"]


def test_changed_missing_and_left_over_pages_are_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs, "RULES", tmp_path)
    for name, text in (("same.md", "same"), ("changed.md", "old"), ("left-over.md", "")):
        (tmp_path / name).write_text(text)
    wanted = {tmp_path / name: text for name, text in (("same.md", "same"), ("changed.md", "new"), ("missing.md", ""))}
    assert [path.name for path in docs.stale(wanted)] == ["changed.md", "left-over.md", "missing.md"]
