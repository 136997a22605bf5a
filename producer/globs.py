"""Which objects `--include` and `--exclude` mean: patterns of the path below the target, or of the last part of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.options import Selection
from modelsweep.core.units import counted
from sources.source import Listed

NAME = "selection"


class LeftOut:
    """What of a listing is not to be examined: how many files, and the address of the first of them.

    Nothing else is kept: a bucket may hold millions that are left out.
    """

    def __init__(self, selection: Selection, count: int = 0, first: str = "") -> None:
        self._selection, self.count, self.first = selection, count, first

    def meant(self, target: str, listing: Iterable[Listed | Problem]) -> Iterator[Listed | Problem]:
        """Yield what of a listing below `target` is to be examined, then a Problem that counts what is not."""
        for item in listing:
            uri = item.locator.uri
            path = uri[len(target) :].lstrip("/") if uri.startswith(target) else ""
            itself = uri == target and isinstance(item, Problem)
            if itself or is_meant(path or item.locator.name, self._selection):
                yield item
            else:
                self.count, self.first = self.count + 1, self.first or uri
        if self.count:
            files = counted(self.count, "file")
            name = self.first.rpartition("/")[2]
            detail = f"{files} left out by --include or --exclude, the first of them {name}"
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
