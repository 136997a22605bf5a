"""Third-party scanners: packages that offer `Scanner` values under the entry point `modelsweep.scanners`.

Opt-in by the name of the distribution, because a plug-in is code that judges: it runs in the sandbox, and its name,
version and rules are part of the ruleset digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec

from modelsweep.core.scanner import Scanner, is_chosen
from scanners import SCANNERS

GROUP = "modelsweep.scanners"


class PluginError(Exception):
    """A plug-in that was asked for cannot be used; the sentence says which and why."""


def scanners_with(distributions: Sequence[str]) -> tuple[Scanner, ...]:
    """Return our scanners and those of the installed `distributions`, in that order; raises PluginError."""
    if not distributions:
        return SCANNERS
    found = {scanner.name: scanner for scanner in SCANNERS}
    for name in dict.fromkeys(distributions):
        for scanner in _load(name):
            if scanner.name in found:
                raise PluginError(f"plug-in {name}: there is a scanner {scanner.name!r} already")
            found[scanner.name] = scanner
    return tuple(found.values())


def working(scanners: Sequence[Scanner], names: Sequence[str] | None = None) -> tuple[Scanner, ...]:
    """Return `scanners` but for those of weights that lack a package, and those to be asked for that are not in
    `names`: what is not looked at is not in the ruleset."""
    return tuple(
        scanner
        for scanner in scanners
        if (not scanner.opt_in or is_chosen(scanner, names))
        and (not scanner.weigh or all(find_spec(package) for package in scanner.needs))
    )


def versions(distributions: Sequence[str], scanners: Sequence[Scanner] = ()) -> tuple[str, ...]:
    """Return `NAME==VERSION` of installed `distributions`, and of what decides what `scanners` find, where it is there.

    A package that is missing is a problem of each file that would have needed it.
    """
    deciding = [package for scanner in scanners if scanner.opt_in for package in scanner.needs]
    if not (distributions or deciding):
        return ()
    from importlib.metadata import PackageNotFoundError, version  # takes 15 ms to load

    found = [f"{name}=={version(name)}" for name in dict.fromkeys(distributions)]
    for name in deciding:
        with suppress(PackageNotFoundError):
            found.append(f"{name}=={version(name)}")
    return tuple(found)


def _load(name: str) -> Iterator[Scanner]:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        points = [point for point in distribution(name).entry_points if point.group == GROUP]
    except PackageNotFoundError:
        raise PluginError(f"plug-in {name} is not installed") from None
    if not points:
        raise PluginError(f"plug-in {name} offers no entry point {GROUP}")
    for point in sorted(points, key=lambda point: point.name):
        try:
            scanner = point.load()
        except Exception as error:  # foreign code: whatever it raises means that it cannot be used
            raise PluginError(f"plug-in {name}: {point.value}: {type(error).__name__}: {error}") from error
        if not isinstance(scanner, Scanner):
            raise PluginError(f"plug-in {name}: {point.value} is not a Scanner")
        yield scanner
