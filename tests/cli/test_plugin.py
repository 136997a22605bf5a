"""A third-party package of scanners: installed by pip, and used only where it is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ROOT

Process = Callable[..., subprocess.CompletedProcess[bytes]]
EXAMPLE = ROOT / "tests" / "data" / "example_plugin"
OLD = b"ACME\x00net\x00" + b"\x01\x02" * 50
GOOD = b"ACME\x01net\x00" + b"\x01\x02" * 50


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Install the example package into a folder of its own; return what the module path has to be."""
    source = tmp_path_factory.mktemp("source") / "plugin"
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet")
    command = (sys.executable, "-m", "pip", "install", *offline, "--target", str(site), str(source))
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return os.pathsep.join((str(ROOT), str(site)))


@pytest.fixture
def weights(folder: Path) -> Path:
    """ACME weights, old and new."""
    (folder / "old.acme").write_bytes(OLD)
    (folder / "good.acme").write_bytes(GOOD)
    (folder / "cut.acme").write_bytes(b"ACME\x01ne")
    return folder


def report(process: Process, path: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = process("scan", ".", "-f", "json", *arguments, PYTHONPATH=path)
    assert done.stderr == b""
    return done.returncode, json.loads(done.stdout)


def test_a_plugin_judges_where_it_is_named(weights: Path, process: Process, installed: str):
    code, found = report(process, installed, "--plugin", "modelsweep-example")
    assert code == 1
    assert [(issue["rule"], issue["location"]) for issue in found["issues"]] == [
        ("acme/old-version", "./old.acme (pos 4)")
    ]
    assert [(problem["kind"], problem["location"]) for problem in found["problems"]] == [
        ("malformed", "./cut.acme (pos 5)")
    ]
    assert [verdict["verdict"] for verdict in found["verdicts"]] == ["not scanned", "clean", "review"]


def test_an_installed_plugin_is_not_used_unasked(weights: Path, process: Process, installed: str):
    code, found = report(process, installed)
    assert code == 0
    assert {verdict["verdict"] for verdict in found["verdicts"]} == {"not scanned"}


def test_a_plugin_is_part_of_the_ruleset(weights: Path, process: Process, installed: str):
    _, without = report(process, installed)
    _, with_plugin = report(process, installed, "--plugin", "modelsweep-example")
    assert without["tool"]["ruleset"] != with_plugin["tool"]["ruleset"]


def test_another_version_of_a_plugin_is_another_ruleset(
    weights: Path, process: Process, installed: str, tmp_path: Path
):
    site = tmp_path / "site"
    shutil.copytree(installed.split(os.pathsep)[1], site)
    (metadata,) = site.glob("*.dist-info/METADATA")
    metadata.write_text(metadata.read_text().replace("Version: 1.2.3", "Version: 1.2.4"))
    _, old = report(process, installed, "--plugin", "modelsweep-example")
    _, new = report(process, os.pathsep.join((str(ROOT), str(site))), "--plugin", "modelsweep-example")
    assert old["tool"]["ruleset"] != new["tool"]["ruleset"]


def test_a_plugin_cannot_take_the_name_of_a_scanner(weights: Path, process: Process, installed: str, tmp_path: Path):
    site = tmp_path / "site"
    shutil.copytree(installed.split(os.pathsep)[1], site)
    module = site / "modelsweep_example" / "__init__.py"
    module.write_text(module.read_text().replace('name="acme"', 'name="pickle"'))
    path = os.pathsep.join((str(ROOT), str(site)))
    done = process("scan", ".", "--plugin", "modelsweep-example", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"there is a scanner 'pickle' already" in done.stderr


def test_scanners_of_a_plugin_are_listed_and_chosen(weights: Path, process: Process, installed: str):
    listed = process("scan", "--list-scanners", "--plugin", "modelsweep-example", PYTHONPATH=installed)
    assert b"ACME weights" in listed.stdout
    code, found = report(process, installed, "--plugin", "modelsweep-example", "--include-scanner", "acme")
    assert code == 1
    assert "acme" in found["options"]["scanners"]
    code, _ = report(process, installed, "--plugin", "modelsweep-example", "--exclude-scanner", "AcmeScanner")
    assert code == 0


def test_doctor_speaks_of_a_plugin(folder: Path, process: Process, installed: str):
    done = process("doctor", "--plugin", "modelsweep-example", PYTHONPATH=installed)
    assert done.returncode == 0
    assert b"acme" in done.stdout
