"""`modelsweep scan` as people call it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from modelsweep.api import SandboxFailed
from modelsweep.cli.called import COMMANDS
from modelsweep.cli.options import SECTIONS
from modelsweep.cli.profiles import PROFILES, RECOGNISERS
from modelsweep.cli.scan import PARAMETERS
from modelsweep.cli.selection import known_names
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("clean.pkl",), 0),
        (("evil.pkl",), 1),
        (("own.pkl",), 1),
        (("own.pkl", "--allow-import", "acme.*"), 0),
        (("own.pkl", "--fail-on", "critical"), 0),
        (("evil.pkl", "--fail-on", "CRITICAL"), 1),
        (("own.pkl", "--fail-on", "critical", "--strict"), 1),
        (("unknown.bin",), 0),
        (("unknown.bin", "--strict"), 2),
        (("unknown.bin", "--strict", "--tolerate-problems", "1"), 0),
        ((".", "--strict", "--include", "clean.pkl"), 0),
        (("evil.pkl", "--strict", "--exclude-scanner", "pickle", "pickles"), 0),
        (("missing.pkl",), 2),
        (("missing.pkl", "--tolerate-problems", "1"), 0),
        (("missing.pkl", "clean.pkl", "--tolerate-problems", "50%"), 2),
        (("missing.pkl", "evil.pkl"), 1),
        (("clean.pkl", "--max-size", "3"), 2),
        (("clean.pkl", "--no-cache", "--no-share", "--no-progress", "-j", "1", "--depth", "quick"), 0),
    ],
)
def test_exit_codes(models: Path, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int):
    monkeypatch.chdir(models)
    assert run("scan", *arguments).code == code


def test_a_folder_without_files_is_no_failure_and_is_said(folder: Path, run: Run):
    outcome = run("scan", ".")
    assert (outcome.code, "Nothing to scan" in outcome.out) == (0, True)
    outcome = run("scan", ".", "-f", "json")
    assert (outcome.code, outcome.err) == (0, "modelsweep: nothing to scan: no file matches the targets\n")
    assert json.loads(outcome.out)["files_scanned"] == 0


def test_several_reports_at_once(models: Path, run: Run):
    outcome = run("scan", "models", "-f", "sarif=out.sarif", "-f", "json=out.json", "--sbom", "bom.json")
    assert outcome.code == 1
    assert "os.system('echo modelsweep-test')" in outcome.out
    assert json.loads(Path("out.sarif").read_bytes())["version"] == "2.1.0"
    assert json.loads(Path("out.json").read_bytes())["files_scanned"] == 4
    assert json.loads(Path("bom.json").read_bytes())["bomFormat"] == "CycloneDX"


def test_the_json_report_names_arguments_without_credentials(models: Path, run: Run):
    outcome = run("scan", "models", "--blacklist", "https://me:secret@host/x", "-f", "json")
    assert json.loads(outcome.out)["run"]["arguments"] == [
        *("scan", "models", "--blacklist", "https://***@host/x", "-f", "json")
    ]


def test_quiet_speaks_only_of_what_matters(models: Path, run: Run):
    assert run("scan", "-q", "models/clean.pkl").out == ""
    assert "os.system" in run("scan", "-q", "models/evil.pkl").out


@pytest.mark.parametrize("option", ["--blacklist", "--include", "--exclude", "--allow-import"])
def test_an_empty_pattern_is_refused(models: Path, run: Run, option: str):
    outcome = run("scan", "models", option, "")
    assert (outcome.code, outcome.out) == (2, "")
    assert f"'{option}': the pattern is empty" in outcome.err


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("acme", "'acme' does not name a callable: write 'acme.*' for all of a package"),
        ("acme.*,other.*", "'acme.*,other.*' is more than one pattern: repeat the option for each"),
    ],
)
def test_a_pattern_that_trusts_nothing_is_refused(models: Path, run: Run, pattern: str, said: str):
    outcome = run("scan", "models", "--allow-import", pattern)
    assert (outcome.code, outcome.out, said in outcome.err) == (2, "", True)


@pytest.mark.parametrize("command", ["scan", "audit"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-v", "-q"), "--verbose and --quiet contradict each other"),
        (("--alias", "scanned"), "--alias is set by --write-back: give both"),
        (("--dry-run", "-f", "sarif"), "--dry-run writes no report"),
        (("--dry-run", "-f", "json=list.json"), "--dry-run writes no report"),
        (("--write-back",), "--write-back tags MLflow model versions, but no target is one"),
        (("--sbom", ""), "an output needs a file name"),
        (("--dry-run", "-o", "list.txt"), "--dry-run writes no report"),
        (("--dry-run", "--sbom", "bom.json"), "--dry-run writes no report"),
    ],
)
def test_options_that_make_another_mean_nothing_are_refused(
    models: Path, run: Run, command: str, arguments: tuple[str, ...], said: str
):
    outcome = run(command, "models", *arguments)
    assert (outcome.code, outcome.out, said in outcome.err) == (2, "", True)


def test_a_report_replaces_no_model_below_a_target_but_an_earlier_report(folder: Path, run: Run):
    Path("model.pkl").write_bytes(b"\x80\x04}\x94.\0")
    outcome = run("scan", ".", "-f", "json=model.pkl")
    assert (outcome.code, outcome.out) == (2, "")
    assert "'model.pkl' is to be scanned: a report would replace it" in outcome.err
    assert Path("model.pkl").read_bytes() == b"\x80\x04}\x94.\0"
    assert [run("scan", ".", "-f", "json=report", "--exclude", "model.pkl").code for _ in range(2)] == [0, 0]


def test_a_report_never_replaces_what_is_scanned(models: Path, run: Run):
    outcome = run("scan", "models/clean.pkl", "-f", "json=models/clean.pkl")
    assert (outcome.code, outcome.out) == (2, "")
    assert "a report would replace it" in outcome.err


def test_a_report_that_cannot_be_written_fails(models: Path, run: Run):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    outcome = run("scan", "models/clean.pkl", "-f", "json=/dev/full")
    assert outcome.code == 2
    assert outcome.err == "modelsweep: cannot write /dev/full: No space left on device\n"


def test_dry_run_lists_sizes_and_reads_nothing(models: Path, run: Run):
    outcome = run("scan", "--dry-run", "models", "missing", "--max-size", "100")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "      33 B  models/clean.pkl",
        "      39 B  models/evil.pkl",
        "      20 B  models/own.pkl",
        "   skipped  models/unknown.bin: 800 B: more than the 100 B that a file may have",
        "    source  missing: no such file or directory",
        "would read 3 files, 92 B; 2 left out",
    ]
    plan = json.loads(run("scan", "--dry-run", "models", "-f", "json").out)
    assert (plan["file_count"], plan["bytes"], plan["left_out"]) == (4, 892, [])


def test_scanners_are_chosen_by_id_and_class_name(models: Path, run: Run):
    chosen = run("scan", "models", "-f", "json", "--include-scanner", "PickleScanner", "zip")
    assert set(json.loads(chosen.out)["options"]["scanners"]) == {"pickle", "zip", *RECOGNISERS}
    outcome = run("scan", "--exclude-scanner", "pickle", "models/evil.pkl")
    assert outcome.code == 0
    assert "pickle was not chosen" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "nothing to scan: name files"),
        (("x", "--include-scanner", "PikleScanner"), "'PikleScanner' is not a scanner: did you mean pickle"),
        (("x", "--include-scanner", "pickle", "--exclude-scanner", "pickle"), "no scanner is left"),
        (("x", "--profile", "fast"), "'fast' is not one of 'quick-scan'"),
        (("x", "--plugin", "no-such-package"), "plug-in no-such-package is not installed"),
        (("x", "-v", "-q"), "contradict each other"),
        (("x", "--timeout", "soon"), "'soon' is not a positive number of seconds"),
        (("x", "--max-size", "big"), "'big' is not a size"),
        (("x", "--fail-on", "severe"), "'severe' is not one of"),
        (("x", "--share"), "set MODELSWEEP_SHARE_DIR"),
        (("x", "--verbos"), "--verbose"),
    ],
)
def test_mistakes_are_said_in_a_line_before_anything_is_scanned(run: Run, arguments: tuple[str, ...], reason: str):
    outcome = run("scan", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert reason in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("flag", "variable"),
    [
        ("--jfrog-api-token", "JFROG_API_TOKEN"),
        ("--jfrog-access-token", "JFROG_ACCESS_TOKEN"),
        ("--registry-uri", "MLFLOW_TRACKING_URI"),
    ],
)
def test_removed_flags_name_the_environment_variable_and_not_the_value(run: Run, flag: str, variable: str):
    value = "very" + "secret"
    for arguments in ((flag, value, "x"), (f"{flag}={value}",), (flag,)):
        outcome = run("scan", *arguments)
        assert outcome.code == 2
        assert f"there is no {flag}: set the environment variable {variable} instead" in outcome.err
        assert value not in outcome.err


@pytest.mark.parametrize("profile", [profile.name for profile in PROFILES])
def test_every_profile_runs(models: Path, run: Run, profile: str):
    outcome = run("scan", "--profile", profile, "models/clean.pkl", "-f", "json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["options"]["depth"] in ("quick", "full")


def test_profiles_find_what_they_are_for(models: Path, run: Run):
    assert run("scan", "--profile", "serialization-attacks", "models/evil.pkl").code == 1
    assert run("scan", "--profile", "quick-scan", "models/evil.pkl").code == 1


def test_a_profile_says_what_it_cannot_answer_yet(models: Path, run: Run):
    awaited = [profile for profile in PROFILES if set(profile.awaits) - set(known_names())]
    for profile in awaited:
        assert (
            f"profile {profile.name}: this version does not look for" in run("scan", "--profile", profile.name, ".").err
        )


def test_profiles_name_scanners_that_there_are():
    assert {name for profile in PROFILES for name in profile.scanners} <= set(known_names())


def test_sharing_leaves_the_report_in_the_configured_place_and_nowhere_else(
    models: Path, run: Run, monkeypatch: pytest.MonkeyPatch
):
    place = models.parent / "reports"
    place.mkdir()
    monkeypatch.setenv("MODELSWEEP_SHARE_DIR", str(place))
    run("scan", "models/clean.pkl")
    assert list(place.iterdir()) == []
    run("scan", "--share", "models/clean.pkl")
    (shared,) = place.iterdir()
    assert json.loads(shared.read_bytes())["files_scanned"] == 1
    monkeypatch.setenv("MODELSWEEP_DISABLE_SHARING", "1")
    outcome = run("scan", "--share", "models/clean.pkl")
    assert (outcome.code, list(place.iterdir())) == (0, [shared])
    assert outcome.err == "modelsweep: --share does nothing: MODELSWEEP_DISABLE_SHARING is set\n"


def test_the_scanners_are_listed(run: Run):
    outcome = run("scan", "--list-scanners")
    assert outcome.code == 0
    assert any(line.startswith("pickle ") for line in outcome.out.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("columns", ["40", "80"])
def test_no_line_of_help_ends_within_a_name(run: Run, monkeypatch: pytest.MonkeyPatch, command: str, columns: str):
    monkeypatch.setenv("COLUMNS", columns)
    lines = run(command, "--help").out.splitlines()
    assert [line for line in lines if line.endswith("-") and not line.endswith(" -")] == []
    assert "\N{NON-BREAKING HYPHEN}" not in "".join(lines)


def test_help_has_every_option_under_a_heading(run: Run):
    outcome = run("scan", "--help")
    visible = {param.name for param in PARAMETERS if not getattr(param, "hidden", False)}
    assert visible == {"targets", *(option.name for options in SECTIONS.values() for option in options)}
    for title, options in SECTIONS.items():
        assert f"\n{title}:\n" in outcome.out
        assert all(option.opts[0] in outcome.out for option in options)
    assert "jfrog" not in outcome.out


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("a\x1bb"), "modelsweep: internal error: RuntimeError: a\\x1bb (MODELSWEEP_DEBUG=1 shows where"),
        (SandboxFailed("no process can be started"), "modelsweep: no process can be started\n"),
        (KeyboardInterrupt(), "modelsweep: interrupted after 0 files: no report was written\n"),
    ],
)
def test_what_goes_wrong_inside_is_one_line(
    models: Path, run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, said: str
):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("modelsweep.cli.scanning.scan_job", fail)
    outcome = run("scan", "models")
    assert outcome.code == (130 if isinstance(error, KeyboardInterrupt) else 2)
    assert outcome.out == ""
    assert outcome.err.startswith(said)
    assert outcome.err.count("\n") == 1
