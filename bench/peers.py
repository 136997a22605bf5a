"""The tools that are compared: ours, and others from the package index, each in a virtual environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelsweep import __version__

ROOT = Path(__file__).resolve().parent.parent
OURS, QUICK, START, HASH = "modelsweep", "modelsweep, quick", "modelsweep, tiny file", "SHA-256"
TINY = "tiny.pkl"
"""Beside every workload, so that start-up can be measured with it."""
ANSWERS: Mapping[int | None, str] = {0: "clean", 1: "finding", 2: "failed", 3: "skipped", None: "stopped"}
"""What exit codes mean: the same to all of them, as it happens."""
_HASHING = """
import hashlib, pathlib, sys
target = pathlib.Path(sys.argv[1])
window = memoryview(bytearray(1 << 20))
for path in sorted(target.rglob("*")) if target.is_dir() else [target]:
    if path.is_file():
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as stream:
            while length := stream.readinto(window):
                digest.update(window[:length])
        digest.hexdigest()
"""


@dataclass(frozen=True, slots=True)
class Tool:
    """A command that examines a path; `judges` says that its exit code is a judgement, `folders` that it takes one."""

    name: str
    version: str
    command: Callable[[Path], list[str]]
    environment: Mapping[str, str] = field(default_factory=dict)
    judges: bool = True
    folders: bool = True


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool of others: packages with versions, the first of them the tool's own, and how it is called."""

    name: str
    packages: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folders: bool = True

    @property
    def version(self) -> str:
        """Its pinned version."""
        return self.packages[0].partition("==")[2]

    def installed(self, folder: Path) -> Tool:
        """Return the tool, installed below `folder` unless it is there; raises CalledProcessError where pip fails."""
        home = folder / f"{self.name}-{self.version}"
        program = home / "bin" / self.name
        if not program.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True, capture_output=True)
            pip = [str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
            subprocess.run([*pip, *self.packages], check=True, capture_output=True)

        def command(path: Path) -> list[str]:
            return [str(program), *self.arguments, str(path)]

        return Tool(self.name, self.version, command, self.environment, folders=self.folders)


PEERS = (
    # Telemetry off: without a network it alone takes seconds. The cache is off, because each run is to do the work.
    Peer(
        "modelaudit",
        ("modelaudit==0.2.54",),
        ("scan", "--no-cache", "--quiet", "--timeout", "100000", "--format", "json"),
        {"PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_ANALYTICS": "1"},
    ),
    # These read .npy files with a NumPy that they do not ask for; modelscan's way of it ended with NumPy 2.
    Peer("picklescan", ("picklescan==1.0.5", "numpy==1.26.4"), ("--path",)),
    Peer("modelscan", ("modelscan==0.8.8", "numpy==1.26.4"), ("scan", "--path")),
    # It imports typing_extensions and does not ask for it.
    Peer("fickling", ("fickling==0.1.12", "typing-extensions"), ("--check-safety",), folders=False),
)


def own_tools() -> dict[str, Tool]:
    """Return modelsweep as it stands in this checkout, and SHA-256 of the same bytes."""
    program = str(Path(sys.executable).parent / "modelsweep")
    hashing = [sys.executable, "-I", "-S", "-c", _HASHING]
    tools = (
        Tool(OURS, __version__, lambda path: [program, "scan", str(path)]),
        Tool(QUICK, __version__, lambda path: [program, "scan", "--depth", "quick", str(path)]),
        Tool(START, __version__, lambda path: [program, "scan", str(path.with_name(TINY))]),
        Tool(HASH, sys.version.split()[0], lambda path: [*hashing, str(path)], judges=False),
    )
    return {tool.name: tool for tool in tools}


def installed_peers(names: Iterable[str], folder: Path) -> tuple[list[Tool], list[str]]:
    """Install the peers of these names below `folder`; return them, and a line for each that cannot be installed."""
    tools, missing = [], []
    for peer in (peer for peer in PEERS if peer.name in set(names)):
        try:
            tools.append(peer.installed(folder))
        except (OSError, subprocess.CalledProcessError) as error:
            reason = (getattr(error, "stderr", b"") or str(error).encode()).decode(errors="replace").strip()
            missing.append(f"{peer.name} {peer.version} is left out, it cannot be installed: {reason.splitlines()[-1]}")
    return tools, missing


def environment(home: Path, tool: Tool) -> dict[str, str]:
    """Return what a tool finds in its environment: nothing of the user's, and a home of its own."""
    return {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8", **tool.environment}
