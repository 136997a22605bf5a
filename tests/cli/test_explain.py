"""`modelsweep rules`, `doctor`, `metadata` and the bare command."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from modelsweep import __version__
from modelsweep.cli.called import COMMANDS
from modelsweep.cli.commands import root
from scanners.catalogue import declared_rules
from tests.cli.conftest import Run

RULES = declared_rules()


def test_all_rules_are_listed(run: Run):
    outcome = run("rules")
    assert outcome.code == 0
    assert all(item.rule.id in outcome.out for item in RULES)
    assert len(json.loads(run("rules", "-f", "json").out)) == len(RULES)


def test_rules_by_severity_and_scanner(run: Run):
    chosen = json.loads(run("rules", "--severity", "critical", "--scanner", "pickle", "-f", "json").out)
    assert "pickle/dangerous-call" in [rule["id"] for rule in chosen]
    assert {rule["severity"] for rule in chosen} == {"critical"}
    assert all(rule["id"].startswith("pickle/") for rule in chosen)


@pytest.mark.parametrize("slug", [item.rule.id for item in RULES])
def test_every_rule_is_explained(run: Run, slug: str):
    outcome = run("rules", "show", slug)
    assert outcome.code == 0
    assert "Why it matters" in outcome.out
    assert "What to do" in outcome.out
    assert json.loads(run("rules", "show", slug, "-f", "json").out)["id"] == slug


def test_an_unknown_rule_gets_close_matches(run: Run):
    outcome = run("rules", "show", "pickle/dangerous-cal")
    assert (outcome.code, outcome.out) == (2, "")
    assert "did you mean pickle/dangerous-call" in outcome.err


def test_the_beginning_of_rules_leads_to_their_list(run: Run):
    outcome = run("rules", "show", "pickle")
    assert (outcome.code, outcome.out) == (2, "")
    assert "no rule 'pickle': `modelsweep rules --scanner pickle` lists those that begin so" in outcome.err


def test_rules_of_a_scanner_by_any_of_its_names(run: Run):
    ours = run("rules", "--scanner", "pickle", "-f", "json")
    assert ours == run("rules", "--scanner", "PickleScanner", "-f", "json")
    assert "pickle/dangerous-call" in ours.out
    assert run("rules", "--scanner", "pickle-calls").code == 0, "a judge's"
    assert run("rules", "--scanner", "media").out == "no such rules\n", "one that only recognises"
    outcome = run("rules", "--scanner", "pickel")
    assert (outcome.code, outcome.out) == (2, "")
    assert "'pickel' is not a scanner: did you mean" in outcome.err


def test_doctor(run: Run):
    outcome = run("doctor")
    assert outcome.code == 0
    assert __version__ in outcome.out
    diagnosis = json.loads(run("doctor", "-f", "json").out)
    assert diagnosis["healthy"] is True
    assert diagnosis["pickle_machine"] in ("compiled", "pure Python")
    assert diagnosis["matcher"] in ("hyperscan", "re")
    assert "pickle" in [scanner["name"] for scanner in diagnosis["scanners"]]
    assert diagnosis["sandbox"].keys() >= {"memory", "network"}
    assert "\\n" not in outcome.out, "a line break within a row is printed as an escape"
    for form in diagnosis["formats"]:
        assert f"  {form['title']}" in outcome.out
        assert " ".join(form["suffixes"]) in outcome.out


def test_doctor_speaks_of_the_broker(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MODELSWEEP_BROKER_URL", "redis://:hidden@127.0.0.1:1/0")
    outcome = run("doctor", "--show-failed")
    assert outcome.code == 2
    assert outcome.out.startswith("broker          Redis cannot be reached")
    assert "hidden" not in outcome.out
    monkeypatch.delenv("MODELSWEEP_BROKER_URL")
    assert run("doctor", "--show-failed", "--broker", "redis://:hidden@127.0.0.1:1/0") == outcome
    assert "\nbroker          none named" in run("doctor").out


def test_doctor_says_what_is_broken(run: Run):
    outcome = run("doctor", "--show-failed", "--plugin", "no-such-package")
    assert outcome.code == 2
    assert "plug-in no-such-package is not installed" in outcome.out


def test_metadata(models: Path, run: Run):
    outcome = run("metadata", "models/clean.pkl")
    assert outcome.code == 0
    assert "format        pickle" in outcome.out
    assert "size          33 B\n" in outcome.out
    (described,) = json.loads(run("metadata", "models/clean.pkl", "-f", "json").out)["files"]
    assert (described["path"], described["size"]) == ("models/clean.pkl", 33)
    assert described["members"][0]["formats"] == ["pickle"]


def test_metadata_of_nothing_is_said(folder: Path, run: Run):
    assert run("metadata", ".").out == "Nothing to show: no file matches the targets.\n"


def test_metadata_of_what_cannot_be_read(run: Run):
    outcome = run("metadata", "missing")
    assert outcome.code == 2
    assert "missing: no such file or directory" in outcome.out


def test_the_bare_command_and_its_version(run: Run):
    assert run("--version").out == f"modelsweep {__version__}\n"
    outcome = run("--help")
    assert all(f"\n  {command} " in outcome.out for command in ("scan", "rules", "metadata", "doctor"))
    assert "..." not in outcome.out.partition("Commands:")[2], "what a command does fits in its line"
    assert run() == outcome


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_every_option(run: Run, name: str):
    said = run(name, "--help").out
    command = root.get_command(click.Context(root), name)
    assert command is not None
    options = [param for param in command.params if isinstance(param, click.Option) and not param.hidden]
    assert [option.opts[0] for option in options if option.opts[0] not in said] == []


def test_a_misspelt_command_gets_the_closest(run: Run):
    assert "'scann' is not a command: did you mean scan?" in run("scann", "models").err
    assert "No such command 'xyzzy'" in run("xyzzy").err


def test_a_file_in_place_of_a_command_is_understood(models: Path, run: Run):
    outcome = run("models")
    assert (outcome.code, outcome.out) == (2, "")
    assert "To scan it: modelsweep scan models" in outcome.err
