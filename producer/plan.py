"""From targets to units: what a job examines, numbered in report order, and what it leaves out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.options import Selection
from modelsweep.core.reader import SourceFault
from modelsweep.core.report import Unit
from modelsweep.core.text import printable
from modelsweep.core.units import format_size
from modelsweep.core.values import dataclass
from producer.globs import LeftOut
from producer.pointers import Pointers
from sources.opening import MissingPackage, above, plain, source_of
from sources.source import Listed

if TYPE_CHECKING:
    from producer.newest import Oldest

PLAN = "plan"
SIZES = 1 << 53
"""Bytes that no object has: sums of sizes are counted in doubles in the ledger of a fleet."""


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a listing came: the place of the target, the last unit's address, the next index, bytes planned.

    Behind it are what else is needed to go on there: lengths of names that begin that address (producer/pointers.py),
    how many files were left out, the first of them; and where the problems are that were met before (`said`).
    """

    target: int = 0
    uri: str = ""
    index: int = 0
    total: int = 0
    before: tuple[int, ...] = ()
    awaited: tuple[int, ...] = ()
    left_out: int = 0
    first_left_out: str = ""
    said: str = ""


BEGINNING = Cursor()


def plan(targets: Sequence[str], selection: Selection = EVERYTHING) -> Iterator[Unit | Problem]:
    """Yield the units of a job in report order (target, then key as UTF-8 bytes), and the problems of its targets.

    One locator is one unit, also where targets overlap (`models models/a.pt`); two spellings of a path are two
    locators. Nothing is kept of what was yielded except where targets overlap.
    """
    planned = (item for item, _ in plan_after(BEGINNING, targets, selection))
    return _newest_first(planned) if selection.newest_first else planned


def _newest_first(planned: Iterator[Unit | Problem]) -> Iterator[Unit | Problem]:
    """Yield the units that were written last first, which keep their numbers, and behind them the problems."""
    from producer.newest import newest_first

    problems: list[Problem] = []

    def units() -> Iterator[Unit]:
        for item in planned:
            if isinstance(item, Problem):
                problems.append(item)
            else:
                yield item

    yield from newest_first(units())
    yield from problems


def plan_after(
    after: Cursor, targets: Sequence[str], selection: Selection = EVERYTHING
) -> Iterator[tuple[Unit | Problem, Cursor]]:
    """Yield what `plan` does behind `after`, each with the cursor behind it.

    A source that can is asked for what comes behind it only; of others all is listed again, and the beginning left out.
    """
    walk = _Walk(after, targets, selection)
    cursor, oldest = after, _oldest(targets, selection)
    for place, item in walk.items():
        if isinstance(item, Problem):
            yield item, cursor
        elif not 0 <= item.size < SIZES:
            detail = f"a listing says that it has {printable(str(item.size), 40)} bytes, which nothing has"
            yield Problem(ProblemKind.SOURCE, item.locator, PLAN, detail), cursor
        elif detail := _refusal(item.size, cursor.total, selection) or _older(item, oldest, selection):
            yield Problem(ProblemKind.SKIPPED, item.locator, PLAN, detail), cursor
        else:
            unit = Unit(cursor.index, item.locator, item.size, item.digest, modified=item.modified)
            total = cursor.total + item.size
            cursor = Cursor(place, item.locator.uri, cursor.index + 1, total, *walk.state, after.said)
            yield unit, cursor


def _oldest(targets: Sequence[str], selection: Selection) -> Oldest | None:
    """Return the last object that is taken where the newest are chosen, for which all is listed; None elsewhere."""
    if not selection.newest_first or selection.max_total_size is None:
        return None
    from producer.newest import oldest_that_fits

    items = (item for _, item in _Walk(BEGINNING, targets, selection).items() if isinstance(item, Listed))
    fitting = (item for item in items if 0 <= item.size < SIZES and not _refusal(item.size, 0, selection))
    return oldest_that_fits(fitting, selection.max_total_size)


def _older(listed: Listed, oldest: Oldest | None, selection: Selection) -> str:
    """Return why an object is left out that is older than those that are taken, or nothing."""
    if oldest is None or not oldest.leaves_out(listed):
        return ""
    most = format_size(selection.max_total_size or 0)
    return f"{format_size(listed.size)}: older than the {most} that are examined in all"


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


class _Walk:
    """The listings of all targets behind a cursor, and what the next cursor has to hold of them."""

    def __init__(self, after: Cursor, targets: Sequence[str], selection: Selection) -> None:
        self._after, self._selection = after, selection
        self._named: dict[str, str] = {}
        for target in targets:
            self._named.setdefault(plain(target), target)
        self._overlap = any(sum(outer in self._named for outer in above(name)) > 1 for name in self._named)
        self._begin(BEGINNING)

    def _begin(self, cursor: Cursor) -> None:
        self._pointers = Pointers(cursor.uri, cursor.before, cursor.awaited)
        self._left_out = LeftOut(self._selection, cursor.left_out, cursor.first_left_out)

    @property
    def state(self) -> tuple[tuple[int, ...], tuple[int, ...], int, str]:
        """Return what a cursor behind the file that was yielded last holds beside its address."""
        return *self._pointers.state, self._left_out.count, self._left_out.first

    def items(self) -> Iterator[tuple[int, Listed | Problem]]:
        """Yield what is below all targets with the place of its target, and what is below two of them once."""
        seen: set[Locator | Problem] = set()
        for place, (name, target) in enumerate(self._named.items()):
            if place < self._after.target and not self._overlap:
                continue
            for item, passed in self._behind(place, name, target):
                uri = item.locator.uri
                if isinstance(item, Problem) and uri in self._named and uri != name:
                    # A link out of one target that is itself a target, say: what that one says of it holds
                    continue
                if self._overlap and sum(outer in self._named for outer in above(uri)) > 1:
                    key = item if isinstance(item, Problem) else item.locator
                    if key in seen:
                        continue
                    seen.add(key)
                if not passed:
                    yield place, item

    def _behind(self, place: int, name: str, target: str) -> Iterator[tuple[Listed | Problem, bool]]:
        """Yield what is below a target, and whether it came before the cursor."""
        after = self._after
        here = bool(after.uri) and place == after.target
        goes_on = here and not self._overlap and _can_go_on(target)
        self._begin(after if goes_on else BEGINNING)
        listing = self._listed(target, after.uri if goes_on else "")
        if self._selection.include or self._selection.exclude:
            listing = self._left_out.meant(name, listing)
        last, passing = os.fsencode(after.uri), bool(after.uri) and place <= after.target and not goes_on
        for item in listing:
            passed = passing
            if passing and here and isinstance(item, Listed):
                # Problems keep no order among files: they came before where the last file still follows
                mark = os.fsencode(item.locator.uri)
                passing, passed = mark < last, mark <= last
            yield item, passed

    def _listed(self, target: str, behind: str) -> Iterator[Listed | Problem]:
        try:
            source = source_of(target)
            if source.name == "dvc":
                yield from source.list(target)  # a pointer that is the target is followed, by its own source
                return
            listing = source.list_after(target, behind) if source.list_after and behind else source.list(target)
            yield from self._pointers.with_absent(listing)
        except SourceFault as error:
            kind = ProblemKind.DEPENDENCY if isinstance(error, MissingPackage) else ProblemKind.SOURCE
            yield Problem(kind, Locator(target), PLAN, printable(str(error).removeprefix(f"{target}: "), 300))


def _can_go_on(target: str) -> bool:
    """Return whether a listing of `target` can begin behind an address."""
    try:
        return source_of(target).list_after is not None
    except SourceFault:
        return False
