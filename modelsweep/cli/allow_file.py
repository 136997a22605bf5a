"""The file that `learn` writes and `--allow-from` reads: JSON, for people to review and keep beside their code."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from modelsweep.core.units import MIB
from modelsweep.learning.learn import Learned
from scanners.judge.allowed import MADE, REACTS

VERSION = 1
LARGEST = 16 * MIB


def written(learned: Iterable[Learned], versions: dict[str, str]) -> str:
    """Return the file of several packages as text."""
    packages = [
        {
            "package": item.package,
            "version": versions.get(item.package) or None,
            "instances": item.made,
            "calls": item.called,
            "reacting": sorted(item.reacting),
            "sources": item.digests,
        }
        for item in learned
    ]
    return json.dumps({"modelsweep-allow": VERSION, "packages": packages}, indent=1) + "\n"


def patterns_of(file: str) -> tuple[str, ...]:
    """Return what a file lets through, as `Options.allow_imports` has it; raises UsageError where it is none."""
    try:
        path = Path(file)
        if path.stat().st_size > LARGEST:
            raise click.UsageError(f"{file}: more than {LARGEST:,} bytes")
        value = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"{file}: no JSON, learn writes it") from error
    if not isinstance(value, dict) or value.get("modelsweep-allow") != VERSION:
        raise click.UsageError(f"{file}: no allow-list of version {VERSION}, learn writes it")
    packages = value.get("packages")
    found: dict[str, None] = {}
    for package in packages if isinstance(packages, list) else [None]:
        found.update(dict.fromkeys(f"{MADE}{name}" for name in _names(file, package, "instances")))
        found.update(dict.fromkeys(_names(file, package, "calls")))
        if isinstance(package, dict) and "reacting" in package:  # files of before have none
            found.update(dict.fromkeys(f"{REACTS}{name}" for name in _names(file, package, "reacting")))
    return tuple(found)


def _names(file: str, package: Any, key: str) -> list[str]:
    """Return dotted names below the package that they are said to be of: no pattern gets in by a file."""
    owner = package.get("package") if isinstance(package, dict) else None
    names = package.get(key) if isinstance(package, dict) else None
    if not isinstance(owner, str) or not isinstance(names, list):
        raise click.UsageError(f"{file}: a package without its name or {key}")
    for name in names:
        if not isinstance(name, str) or not name.startswith(f"{owner}.") or not name.replace(".", "").isidentifier():
            raise click.UsageError(f"{file}: {name!r} is no name of package {owner}")
    return names
