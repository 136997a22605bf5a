"""The environments of frameworks.txt: two that run, and wheels that are only unpacked."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import venv
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PLATFORMS = ("manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64", "any")


def read_frameworks(file: Path) -> dict[str, list[str]]:
    """Sections of frameworks.txt by name, each a list of its lines."""
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            sections[line.strip("[]")] = current = []
        elif line and not line.startswith("#"):
            current.append(line)
    return sections


def prepare_environment(folder: Path, requirements: list[str]) -> Path:
    """Make a virtual environment with `requirements` unless it is there; return its interpreter."""
    python = folder / "bin" / "python"
    done = folder / "requirements.done"
    wanted = "\n".join(requirements)
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return python
    venv.create(folder, with_pip=True, clear=True)
    alone = [line.removesuffix(" --no-deps") for line in requirements if line.endswith(" --no-deps")]
    together = [line for line in requirements if not line.endswith(" --no-deps")]
    for options, names in (([], together), (["--no-deps"], alone)):
        if names:
            _run([str(python), "-m", "pip", "install", "-q", *options, *names])
    done.write_text(wanted, encoding="utf-8")
    return python


def site_packages(folder: Path) -> Path:
    """The folder where the environment in `folder` keeps its packages."""
    return next((folder / "lib").glob("python3*")) / "site-packages"


def unpack_wheel(line: str, folder: Path) -> Path:
    """Download the wheel of one [sources] line (`name==version python=X platform=Y`) and unpack its Python files.

    Of a package that publishes no wheel (`platform=source`), the source distribution.
    """
    requirement, *options = line.split()
    wanted = dict(one.split("=", 1) for one in options)
    target = folder / requirement.replace("==", "-")
    if target.exists():
        return target
    if wanted["platform"] == "source":
        return _unpack_source(requirement, folder / "wheels", target)
    platforms = [part for one in dict.fromkeys((wanted["platform"], *PLATFORMS)) for part in ("--platform", one)]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--only-binary=:all:",
        "-d",
        str(folder / "wheels"),
    ]
    before = set((folder / "wheels").glob("*.whl"))
    _run([*command, "--python-version", wanted["python"], *platforms, requirement])
    stem = requirement.replace("-", "_").replace("==", "-")
    wheel = next(iter(set((folder / "wheels").glob("*.whl")) - before), None) or next(
        (folder / "wheels").glob(f"{stem}-*.whl")
    )
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target, [name for name in archive.namelist() if name.endswith(".py")])
    return target


def _unpack_source(requirement: str, downloads: Path, target: Path) -> Path:
    """Download a source distribution, and unpack its Python files without the folder that they all stand in."""
    before = set(downloads.glob("*.tar.gz"))
    options = ["-q", "--no-deps", "--no-binary=:all:", "-d", str(downloads)]
    _run([sys.executable, "-m", "pip", "download", *options, requirement])
    name = requirement.replace("==", "-")
    found = next(iter(set(downloads.glob("*.tar.gz")) - before), downloads / f"{name}.tar.gz")
    with tarfile.open(found) as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member) if member.isfile() and member.name.endswith(".py") else None
            file = target.joinpath(*member.name.split("/")[1:])
            if content is not None and file.resolve().is_relative_to(target.resolve()):
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content.read())
    return target


def run_saves(python: Path) -> str:
    """Run the saves of :mod:`scripts.inert.saves` in an environment and return the JSON that they print."""
    done = subprocess.run([str(python), "-m", "scripts.inert.saves"], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)
