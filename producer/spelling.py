"""One name for each local file of a job, however its targets are spelled."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from sources.opening import above
from sources.source import scheme_of


def named_alike(targets: Sequence[str]) -> tuple[str, ...]:
    """Return targets in the order given, each once, spelled as the first that names it: `m/a` for `./m/a`.

    What lies below another target is named as that one is, so that a file has one name in the report.
    """
    return tuple(dict.fromkeys(_spelled(targets)))


def _spelled(targets: Sequence[str]) -> Iterator[str]:
    """Yield each target spelled as the first that names it, or the outermost folder above it."""
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
