"""The file that `learn` writes and `--allow-from` reads: JSON, for people to review and keep beside their code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from modelsweep.cli.json_file import Form
from modelsweep.core.units import MIB
from modelsweep.learning.learn import Learned
from scanners.judge.allowed import MADE, REACTS

_FORM = Form("allow-list", "modelsweep-allow", 1, "learn", 16 * MIB)


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
    return _FORM.written(packages=packages)


def patterns_of(file: str) -> tuple[str, ...]:
    """Return what a file lets through, as `Options.allow_imports` has it; raises UsageError where it is none."""
    packages = _FORM.read(file).get("packages")
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
            raise click.UsageError(f"{file}: {name!r} is not a name in package {owner}")
    return names
