"""Requirement lists that include others, whose packages are installed as if they were in the first list.

pip reads the file that `-r` or `-c` names, relative to the list, whatever its name
(https://pip.pypa.io/en/stable/reference/requirements-file-format/). The requirements scanner yields facts about any
text that may be such a file; here they are matched with the lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from modelsweep.core.finding import Fact, Finding
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.values import replace
from scanners.judge.repository.names import folder_of, joined
from scanners.judge.requirements import findings

MAX_HELD = 20_000
"""Maximum lists and names of lists that are held at once."""
_MAX_DEPTH = 20
"""Maximum nesting of included lists."""


class List(NamedTuple):
    """A file that pip may read: the files that it includes, and the facts to judge if another list includes it.

    `is_named` tells whether it has the usual name of a list, so that it need not be included itself.
    """

    order: int
    locator: Locator
    includes: tuple[str, ...]
    lines: tuple[Fact, ...]
    is_named: bool


class Includes:
    """The lists of a job by their paths."""

    def __init__(self) -> None:
        self._lists: dict[str, List] = {}
        self._held = 0

    def add(self, order: int, locator: Locator, path: str, facts: Sequence[Fact]) -> bool:
        """Add a file; return whether there was room for it."""
        lines = tuple(fact for fact in facts if fact.kind == "requirement-line")
        including = [fact for fact in facts if fact.kind == "requirement-list"]
        included = tuple(fact.value for fact in including)
        if not lines and not included:
            return True
        if self._held > MAX_HELD:
            return False
        self._held += 1 + len(lines) + len(included)
        self._lists[path] = List(
            order, locator, included, lines, is_named=any(fact.detail.get("named") is True for fact in including)
        )
        return True

    def findings(self, options: Options) -> Iterator[tuple[int, Finding]]:
        """Yield findings for included lists, each with the position of its file."""
        told: set[str] = set()
        level = [path for path, item in self._lists.items() if item.is_named]
        for _ in range(_MAX_DEPTH):
            found = [
                target
                for path in level
                for name in self._lists[path].includes
                if (target := _path(folder_of(path), name)) in self._lists
            ]
            level = [path for path in dict.fromkeys(found) if path not in told]
            for path in level:
                told.add(path)
                yield from self._of(path, options)

    def _of(self, path: str, options: Options) -> Iterator[tuple[int, Finding]]:
        item = self._lists[path]
        lines = [replace(line, kind="requirement") for line in item.lines]
        yield from ((item.order, finding) for finding in findings(lines, options))


def _path(folder: str, name: str) -> str:
    """Return the path of a file named relative to a folder."""
    return joined(folder, name.strip("\"'")).removesuffix("/")
