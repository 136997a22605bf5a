"""Which scanners run: their names as people write them.

Ids (`pickle`), class-style names (`PickleScanner`) and those of other tools are accepted in any case.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import click

from modelsweep.cli.profiles import CONTAINERS, NUMBERS, RECOGNISERS, WEIGHED, Profile
from modelsweep.cli.terminal import say
from modelsweep.core import patterns as re

if TYPE_CHECKING:
    from modelsweep.core.scanner import Scanner

# Names that no rule derives: squashed class name -> ids that do its work, of which this version may have none yet.
ALIASES: dict[str, tuple[str, ...]] = {
    "7z": ("sevenzip",),
    "config": ("json", "yaml"),
    "flaxmsgpack": ("flax",),
    "h5": ("keras-h5",),
    "jaxcheckpoint": ("flax",),
    "jinja2": ("jinja",),
    "jinja2template": ("jinja",),
    "joblib": ("pickle",),
    "license": ("licence",),
    "kerash5": ("keras-h5",),
    "keraszip": ("keras", "zip"),
    "llamafile": ("executable",),
    "manifest": ("json", "oci"),
    "metadata": ("json", "yaml"),
    "nemo": ("tar", "yaml"),
    "nestedpickle": ("pickle",),
    "oci": ("oci",),
    "ocilayer": ("oci", "oci-blob", "tar"),
    "onnx": ("onnx",),
    "paddle": ("paddle",),
    "pmml": ("pmml",),
    "pytorchbinary": ("torch-legacy",),
    "pytorchzip": ("torch",),
    "pytorch": ("torch", "torch-distributed", "torch-legacy", "torch-tar"),
    "rar": ("unreadable",),
    "rserialized": ("r",),
    "tensorflowmetagraph": ("tensorflow",),
    "tensorflowsavedmodel": ("tensorflow",),
    "tensorrt": ("tensorrt",),
    "tfsavedmodel": ("tensorflow",),
    "tflite": ("tflite",),
    "torchservemar": ("torchserve",),
    "weightdistribution": ("weights",),
    "xgboost": ("xgboost",),
}
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


def squashed(name: str) -> str:
    """Return a name without case, separators and the ending of class names: `TorchZipScanner`, `torch-zip` are one."""
    return re.sub(r"[\W_]+", "", name).lower().removesuffix("scanner")


def looks_like_scanner(word: str, known: Iterable[str]) -> bool:
    """Return whether `word` can only be meant as a scanner: an id or alias, or written as a class name."""
    wanted = squashed(word)
    plain = re.fullmatch(r"[\w-]+", word) is not None
    return plain and (bool(_CLASS.fullmatch(word)) or wanted in ALIASES or wanted in map(squashed, known))


def resolve(word: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the ids that `word` stands for; raises UsageError with close matches, or saying that it is to come."""
    wanted = squashed(word)
    found = tuple(name for name in known if squashed(name) == wanted)
    found = found or tuple(name for name in ALIASES.get(wanted, ()) if name in known)
    if found:
        return found
    if wanted in ALIASES:
        raise click.UsageError(f"{word}: this version has no scanner for that yet (--list-scanners shows what it has)")
    from difflib import get_close_matches

    close = get_close_matches(wanted, {squashed(name): name for name in known}, 3, 0.6)
    names = [name for name in known if squashed(name) in close]
    hint = f"did you mean {' or '.join(names)}?" if names else "--list-scanners shows them all"
    raise click.UsageError(f"{word!r} is no scanner: {hint}")


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
    """Return the ids of the scanners and detectors that run, None for all; names included replace a profile's choice.

    Scanners that only recognise what is no model stay unless excluded: a README is no file that went unexamined.
    Raises UsageError for unknown names, and where nothing is left.
    """
    if not (included or excluded or profile.scanners or profile.awaits):
        return None
    known = known_names(plugins)
    if missing := [name for name in profile.awaits if name not in known]:
        say(f"profile {profile.name}: this version does not look for {' and '.join(missing)} yet; all the rest runs")
    if not (included or excluded or profile.scanners):
        return None
    named = _ids(included, known)
    if NUMBERS in named:
        named |= {name for name in known if name in (*WEIGHED, *CONTAINERS)}
    wanted = named or {name for name in known if name in profile.scanners} or set(known)
    chosen = wanted - _ids(excluded, known)
    if not chosen:
        raise click.UsageError("no scanner is left: the options exclude them all")
    chosen |= set(RECOGNISERS) - _ids(excluded, known)
    return tuple(name for name in known if name in chosen)


def _ids(values: Sequence[str], known: Sequence[str]) -> set[str]:
    return {name for word in words(values) for name in resolve(word, known)}
