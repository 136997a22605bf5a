"""The targets of a scan: as arguments, and as a list in a file or on standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

import click

from sources.opening import above
from sources.source import scheme_of

STDIN = "-"


def gather(arguments: Sequence[str], listed_in: str | None) -> tuple[str, ...]:
    """Return the targets in the order given, each once; `-` among them stands for the list on standard input.

    What lies below another target is named as that one is, so that a file has one name in the report. Raises
    UsageError where no target was meant at all; a list may be empty.
    """
    if not arguments and listed_in is None:
        raise click.UsageError(
            "nothing to scan: name files or directories, or `-` to read their names from standard input"
        )
    if listed_in == STDIN and STDIN in arguments:
        raise click.UsageError("standard input can be read once: `-` or --targets-from -")
    targets: list[str] = []
    for argument in arguments:
        targets += _read_list(STDIN) if argument == STDIN else [argument]
    if listed_in is not None:
        targets += _read_list(listed_in)
    if not all(targets):
        raise click.UsageError("a target is an empty name")
    return tuple(dict.fromkeys(_named_alike(targets)))


def _named_alike(targets: Sequence[str]) -> Iterator[str]:
    """Yield each target spelled as the first that names it, or the outermost folder above it: `m/a` for `./m/a`."""
    places = [None if scheme_of(target) else _place(target) for target in targets]
    spelled: dict[str, str] = {}
    for target, place in zip(targets, places, strict=True):
        if place:
            spelled.setdefault(place, target)
    for target, place in zip(targets, places, strict=True):
        outer = next((outer for outer in reversed([*above(place)]) if outer in spelled), "") if place else ""
        if place and outer and spelled[outer] != target:
            yield os.path.join(spelled[outer], place[len(outer) :].lstrip("/")) if place != outer else spelled[outer]
        else:
            yield target


def _place(target: str) -> str | None:
    """Return where a target is, None where `..` may lead elsewhere than it seems, behind a link."""
    return None if ".." in target.split("/") else os.path.abspath(target)


def _read_list(path: str) -> list[str]:
    """Return the names in a list: NUL-separated where it holds a NUL (find -print0), else one a line."""
    try:
        if path == STDIN:
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as stream:
                data = stream.read()
    except OSError as error:
        raise click.UsageError(f"cannot read targets from {path!r}: {error.strerror}") from error
    names = data.split(b"\0") if b"\0" in data else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return [os.fsdecode(name) for name in names if name]
