"""Which objects `--include` and `--exclude` mean: patterns of the path below the target, or of the last part of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.options import Selection
from sources.source import Listed

NAME = "selection"


def meant(target: str, listing: Iterable[Listed | Problem], selection: Selection) -> Iterator[Listed | Problem]:
    """Yield what of a listing below `target` is to be examined, then a Problem that counts what is not.

    Nothing but the count is kept: a bucket may hold millions that are left out.
    """
    left_out, first = 0, ""
    for item in listing:
        path = item.locator.uri[len(target) :].lstrip("/") if item.locator.uri.startswith(target) else ""
        if (item.locator.uri == target and isinstance(item, Problem)) or is_meant(path or item.locator.name, selection):
            yield item
        else:
            left_out, first = left_out + 1, first or item.locator.uri
    if left_out:
        files = "1 file" if left_out == 1 else f"{left_out:,} files"
        detail = f"{files} left out by --include or --exclude, the first of them {first.rpartition('/')[2]}"
        yield Problem(ProblemKind.DESELECTED, Locator(target), NAME, detail)


def is_meant(path: str, selection: Selection) -> bool:
    """Return whether a path below its target is included, if anything is, and not excluded."""
    return (not selection.include or _matches(path, selection.include)) and not _matches(path, selection.exclude)


def _matches(path: str, patterns: Iterable[str]) -> bool:
    name = path.rpartition("/")[2]
    for pattern in patterns:
        whole = pattern.removeprefix("/") + ("*" if pattern.endswith("/") else "")
        if fnmatchcase(path, whole) or fnmatchcase(name, whole):
            return True
    return False
