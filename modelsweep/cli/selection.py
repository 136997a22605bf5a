"""Which scanners run, by what the options name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import click

from modelsweep import scanner_names
from modelsweep.cli.profiles import CONTAINERS, NUMBERS, RECOGNISERS, WEIGHED, Profile
from modelsweep.cli.terminal import say
from modelsweep.core import patterns as re

if TYPE_CHECKING:
    from modelsweep.core.scanner import Scanner

_CLASS = re.compile(r"[A-Z]\w*Scanner")


def installed_scanners(plugins: tuple[str, ...]) -> tuple[Scanner, ...]:
    """Return our scanners and those of the plug-ins; raises UsageError for one that cannot be used."""
    from worker.plugins import PluginError, scanners_with

    try:
        return scanners_with(plugins)
    except PluginError as error:
        raise click.UsageError(str(error)) from error


def known_names(plugins: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the ids of all scanners and detectors there are; raises UsageError for a plug-in that does not load."""
    from scanners.catalogue import names

    return names(installed_scanners(plugins))


def looks_like_scanner(word: str, known: Iterable[str]) -> bool:
    """Return whether `word` can only be meant as a scanner: an id or alias, or written as a class name."""
    plain = re.fullmatch(r"[\w-]+", word) is not None
    return plain and (bool(_CLASS.fullmatch(word)) or scanner_names.is_known(word, known))


def resolve(word: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the ids that `word` stands for; raises UsageError with close matches, or saying that it is to come."""
    try:
        return scanner_names.resolve(word, known)
    except scanner_names.UnknownScanner as error:
        hint = "" if "?" in str(error) else ": --list-scanners shows them all"
        raise click.UsageError(f"{error}{hint}") from None


def words(values: Sequence[str]) -> list[str]:
    """Return the names in option values, each of which may hold several separated by commas."""
    return [word for value in values for word in value.replace(",", " ").split()]


def spread(arguments: Sequence[str], options: frozenset[str], known: Callable[[], Iterable[str]]) -> list[str]:
    """Return `arguments` with the option repeated before every scanner name: `--include-scanner A B` takes both.

    Only names of scanners are taken; raises UsageError for one that is a file here, too, since it could mean either.
    """
    result: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        result.append(word)
        if word == "--":
            return result + rest
        if word not in options or not rest:
            continue
        result.append(rest.pop(0))
        while rest and looks_like_scanner(rest[0], known()):
            if os.path.lexists(rest[0]):
                name = rest[0]
                raise click.UsageError(
                    f"{name!r} is a scanner and a file here: write ./{name}, or repeat {word} {name}"
                )
            result += [word, rest.pop(0)]
    return result


def choose(
    profile: Profile, included: Sequence[str], excluded: Sequence[str], plugins: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Return the ids of the scanners and detectors that run, None for all that nobody has to ask for.

    Names included replace a profile's choice, but for those that have to be asked for (`opt_in`): they are added to it.
    Scanners that only recognise what is no model stay unless excluded: a README is no file that went unexamined.
    Raises UsageError for unknown names, and where nothing is left.
    """
    if not (included or excluded or profile.scanners or profile.awaits):
        return None
    from scanners.catalogue import names as names_of

    installed = installed_scanners(plugins)
    known = names_of(installed)
    asked_for = {scanner.name for scanner in installed if scanner.opt_in}
    if missing := [name for name in profile.awaits if name not in known]:
        say(f"profile {profile.name}: this version does not look for {' and '.join(missing)} yet; all the rest runs")
    if not (included or excluded or profile.scanners):
        return None
    included_ids = _ids(included, known)
    named = included_ids - asked_for
    if NUMBERS in named:
        named |= {name for name in known if name in (*WEIGHED, *CONTAINERS)}
    wanted = named or {name for name in known if name in profile.scanners} or set(known) - asked_for
    chosen = (wanted | included_ids) - _ids(excluded, known)
    if not chosen:
        raise click.UsageError("no scanner is left: the options exclude them all")
    chosen |= set(RECOGNISERS) - _ids(excluded, known)
    return tuple(name for name in known if name in chosen)


def _ids(values: Sequence[str], known: Sequence[str]) -> set[str]:
    return {name for word in words(values) for name in resolve(word, known)}
