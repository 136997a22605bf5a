"""From targets to units: what a job examines, numbered in report order, and what it leaves out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.options import Selection
from modelsweep.core.reader import SourceFault
from modelsweep.core.report import Unit
from modelsweep.core.text import printable
from modelsweep.core.units import format_size
from modelsweep.core.values import dataclass
from producer.globs import meant
from producer.pointers import with_absent
from sources.opening import MissingPackage, above, plain, source_of
from sources.source import Listed

PLAN = "plan"


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a listing came: the place of the target, the last unit's address, the next index, bytes planned."""

    target: int = 0
    uri: str = ""
    index: int = 0
    total: int = 0


BEGINNING = Cursor()


def plan(targets: Sequence[str], selection: Selection = EVERYTHING) -> Iterator[Unit | Problem]:
    """Yield the units of a job in report order (target, then key as UTF-8 bytes), and the problems of its targets.

    One locator is one unit, also where targets overlap (`models models/a.pt`); two spellings of a path are two
    locators. Nothing is kept of what was yielded except where targets overlap.
    """
    return (item for item, _ in plan_after(BEGINNING, targets, selection))


def plan_after(
    after: Cursor, targets: Sequence[str], selection: Selection = EVERYTHING
) -> Iterator[tuple[Unit | Problem, Cursor]]:
    """Yield what `plan` does, each with the cursor behind it, from `after` on: units up to there are left out.

    Problems are all yielded again, those before `after` too: they stand nowhere else until the listing is complete.
    """
    passed = (after.target, os.fsencode(after.uri)) if after.uri else None
    cursor, total = after, 0
    for target, item in _once(targets, selection):
        if isinstance(item, Problem):
            yield item, cursor
            continue
        known = passed is not None and (target, os.fsencode(item.locator.uri)) <= passed
        passed = passed if known else None
        total = total if known else max(total, cursor.total)
        if detail := _refusal(item.size, total, selection):
            yield Problem(ProblemKind.SKIPPED, item.locator, PLAN, detail), cursor
            continue
        total += item.size
        if not known:
            unit = Unit(cursor.index, item.locator, item.size, item.digest)
            cursor = Cursor(target, item.locator.uri, cursor.index + 1, total)
            yield unit, cursor


def _refusal(size: int, total: int, selection: Selection) -> str:
    """Return why an object of `size` bytes is left out once `total` are planned, or nothing."""
    if selection.max_file_size is not None and size > selection.max_file_size:
        return f"{format_size(size)}: more than the {format_size(selection.max_file_size)} that a file may have"
    if selection.max_total_size is not None and total + size > selection.max_total_size:
        left = selection.max_total_size - total
        return (
            f"{format_size(size)}: only {format_size(left)} are left of {format_size(selection.max_total_size)} in all"
        )
    return ""


def _once(targets: Sequence[str], selection: Selection) -> Iterator[tuple[int, Listed | Problem]]:
    """Yield what is below all targets with the place of its target, and what is below two of them once."""
    named: dict[str, str] = {}
    for target in targets:
        named.setdefault(plain(target), target)
    seen: set[Locator | Problem] = set()
    for place, (name, target) in enumerate(named.items()):
        for item in _meant(name, target, selection):
            uri = item.locator.uri
            if isinstance(item, Problem) and uri in named and uri != name:
                # A link out of one target that is itself a target, say: what that one says of it holds
                continue
            if len(named) > 1 and sum(outer in named for outer in above(uri)) > 1:
                key = item if isinstance(item, Problem) else item.locator
                if key in seen:
                    continue
                seen.add(key)
            yield place, item


def _meant(name: str, target: str, selection: Selection) -> Iterator[Listed | Problem]:
    listing = _listed(target)
    return meant(name, listing, selection) if selection.include or selection.exclude else listing


def _listed(target: str) -> Iterator[Listed | Problem]:
    try:
        source = source_of(target)
        # A pointer that is the target is followed, by its own source
        yield from source.list(target) if source.name == "dvc" else with_absent(source.list(target))
    except SourceFault as error:
        kind = ProblemKind.DEPENDENCY if isinstance(error, MissingPackage) else ProblemKind.SOURCE
        yield Problem(kind, Locator(target), PLAN, printable(str(error).removeprefix(f"{target}: "), 300))
