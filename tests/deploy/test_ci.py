"""The templates for CI: their schemas, that our command line takes what they run, and what a run of them leaves."""

from __future__ import annotations

import json
import os
import pickle
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.deploy import tools
from tests.deploy.tools import ROOT

CI = ROOT / "deploy/ci"
SCHEMAS = {
    "github-changed-files.yml": "github-workflows",
    "github-weekly-audit.yml": "github-workflows",
    "github-strict-gate.yml": "github-workflows",
    "gitlab-ci.yml": "gitlab-ci",
    "circleci.yml": "circle-ci",
    "azure-pipelines.yml": "azure-pipelines",
}
TEMPLATES = (*SCHEMAS, "Jenkinsfile")
TEXTS = {"azure-pipelines"}
"""Whose every value is a text."""
OURS = re.compile(r"\bmodelsweep (scan|audit) [^\n]*")
NAMED = re.compile(r"[\w./-]+\.(?:sarif|html|json|xml|md)\b")

each_template = pytest.mark.parametrize("name", TEMPLATES)


class Harmless:
    """What a victim would unpickle."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("echo modelsweep-test",)


def parsed(name: str) -> Any:
    """Return a template that is YAML; `on` stays a text."""
    return yaml.load((CI / name).read_text(), Loader=yaml.BaseLoader)


def scripts(name: str) -> list[str]:
    """Return what a template has a shell run, in order."""
    if name == "Jenkinsfile":
        text = (CI / name).read_text()
        return [long or short for long, short in re.findall(r"\bsh (?:'''(.*?)'''|'(.*?)')", text, re.DOTALL)]
    return list(_scripts(parsed(name)))


def _scripts(part: Any) -> Iterator[str]:
    entries = part.items() if isinstance(part, dict) else [("", value) for value in part]
    for key, value in entries:
        if key in {"run", "script"} and isinstance(value, str):
            yield value
        elif key == "script":
            yield from value
        elif isinstance(value, dict | list):
            yield from _scripts(value)


def ours(name: str) -> list[list[str]]:
    """Return the command lines of modelsweep in a template, without what the shell does with them."""
    found = []
    for script in scripts(name):
        for match in OURS.finditer(script.replace("\\\n", " ")):
            words = shlex.split(re.split(r" (?:\|\||<) ", match[0])[0])
            found.append([word.replace("$TARGETS", ".") for word in words[1:]])
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "schema"), SCHEMAS.items())
def test_it_is_what_the_schema_allows(name: str, schema: str, tmp_path: Path) -> None:
    folder = tools.wheel(tools.SCHEMAS, tmp_path) / "check_jsonschema/builtin_schemas/vendor"
    validator = jsonschema.validators.validator_for(read := json.loads((folder / f"{schema}.json").read_text()))
    document = parsed(name) if schema in TEXTS else yaml.safe_load((CI / name).read_text())
    if True in document:  # what YAML 1.1 takes `on` for
        document["on"] = document.pop(True)
    assert not [error.message for error in validator(read).iter_errors(document)]


def test_every_template_is_tested_and_told_of() -> None:
    assert {path.name for path in CI.iterdir()} == set(TEMPLATES)
    page = (ROOT / "docs/ci.md").read_text()
    assert all(f"../deploy/ci/{name}" in page for name in TEMPLATES)


@each_template
def test_our_command_line_takes_what_it_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(ours(name)) == 1
    for word, *arguments in ours(name):
        tools.taken(word, arguments, monkeypatch)


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.startswith("github")])
def test_workflows_may_do_little(name: str) -> None:
    workflow = parsed(name)
    assert workflow["permissions"] == {}, "each job says what it needs"
    for job in workflow["jobs"].values():
        assert set(job["permissions"]) <= {"contents", "security-events"}
        assert job["permissions"]["contents"] == "read"
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] == "false"
            assert "${{" not in step.get("run", ""), "what others wrote would become a script"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a model that is harmless, in its first commit."""
    folder = tmp_path / "repository"
    (folder / "models").mkdir(parents=True)
    git(folder, "init", "--quiet")
    (folder / "models/clean.pkl").write_bytes(pickle.dumps([1, 2]))
    commit(folder)
    return folder


def git(folder: Path, *arguments: str) -> str:
    options = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *options, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    """Commit everything, and return the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "change")
    return git(folder, "rev-parse", "HEAD")


def run(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script of a template as the system does: by bash, which ends at the first failure."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, "TARGETS": ".", **variables},
        capture_output=True,
        text=True,
        timeout=100,
    )


@each_template
def test_a_model_that_runs_something_fails_it_and_the_reports_are_there(name: str, repository: Path) -> None:
    (repository / "models/bad.pkl").write_bytes(pickle.dumps(Harmless()))
    commit(repository)
    variables = {"RUNNER_TEMP": str(repository.parent), "GITHUB_STEP_SUMMARY": str(repository.parent / "summary")}
    (repository.parent / "changed").write_bytes(b"models/bad.pkl\0")
    (repository / "results/modelsweep").mkdir(parents=True)
    (repository / "reports").mkdir()
    (script,) = [script for script in scripts(name) if OURS.search(script)]
    done = run(script, repository, **variables)
    assert done.returncode == 1, done.stderr
    written = set(NAMED.findall(script))
    assert written
    assert all((repository / path).stat().st_size for path in written)
    if "GITHUB_STEP_SUMMARY" in script:
        assert "os.system" in (repository.parent / "summary").read_text()
    (repository / "models/bad.pkl").unlink()
    (repository.parent / "changed").write_bytes(b"models/clean.pkl\0")
    assert run(script.replace("mkdir sarif", ""), repository, **variables).returncode == 0


@pytest.mark.parametrize("name", sorted(set(TEMPLATES) - {"github-changed-files.yml"}))
def test_what_is_kept_is_what_is_written(name: str) -> None:
    (script,) = [script for script in scripts(name) if OURS.search(script)]
    kept = (CI / name).read_text().replace(script, "")
    for path in set(NAMED.findall(script)) - {"summary.md"}:
        folder = path.partition("/")[0]
        assert path in kept or f"path: {folder}}}" in kept, f"{path} is written, and lost with the machine"


def test_a_pull_request_is_judged_by_what_it_changes(repository: Path) -> None:
    (repository / "models/old.pkl").write_bytes(pickle.dumps(Harmless()))
    (repository / "models/gone.pkl").write_bytes(pickle.dumps(Harmless()))
    base = commit(repository)
    (repository / "models/gone.pkl").unlink()
    (repository / "models/new\none with spaces.pkl").write_bytes(pickle.dumps([3]))
    commit(repository)
    listing, judging, _ = (step for step in scripts("github-changed-files.yml") if "pip install" not in step)
    variables = {"RUNNER_TEMP": str(repository.parent), "GITHUB_STEP_SUMMARY": str(repository.parent / "summary")}
    assert not run(listing, repository, BASE=base, **variables).returncode
    assert (repository.parent / "changed").read_bytes() == b"models/new\none with spaces.pkl\0"
    done = run(judging, repository, **variables)
    assert done.returncode == 0, "what is older, and what is gone, is no matter of this change"
    (artifact,) = json.loads((repository / "sarif/modelsweep.sarif").read_text())["runs"][0]["artifacts"]
    assert "with%20spaces.pkl" in artifact["location"]["uri"]


def test_a_pull_request_without_files_passes(repository: Path) -> None:
    base = commit(repository)
    variables = {"RUNNER_TEMP": str(repository.parent), "GITHUB_STEP_SUMMARY": str(repository.parent / "summary")}
    for script in scripts("github-changed-files.yml"):
        if "pip install" not in script:
            assert not run(script, repository, BASE=base, **variables).returncode
    assert (repository / "sarif/modelsweep.sarif").exists()
    assert not (repository / "sarif/bandit.sarif").exists(), "no Python was changed: Bandit is not even asked"


def test_the_hook_of_pre_commit(repository: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["language"] == "python"
    assert hook["require_serial"] is True
    (repository / "models/bad.pkl").write_bytes(pickle.dumps(Harmless()))
    clean = run(f"{hook['entry']} models/clean.pkl", repository)
    assert (clean.returncode, clean.stdout) == (0, "")
    bad = run(f"{hook['entry']} models/clean.pkl models/bad.pkl", repository)
    assert bad.returncode == 1
    assert "os.system" in bad.stdout
