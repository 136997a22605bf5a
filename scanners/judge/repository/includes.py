"""Lists of packages that include others: what those take from elsewhere is installed as if it stood in the first.

pip reads the file that `-r` or `-c` names, whatever it is called, beside the list that names it
(https://pip.pypa.io/en/stable/reference/requirements-file-format/). Text of any name that may be such a file says what
it would take from elsewhere; here lists meet it.
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

HELD = 20_000
"""Lists, and names of lists, that are held at once."""
_DEPTH = 20
"""Lists that include each other."""


class List(NamedTuple):
    """A file that pip may be given: which others it includes, and what of it is judged where another includes it.

    `is_named` says that it is called as installers call one, so that it need not be included itself.
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
        """Take a file in; return whether there was room for it."""
        lines = tuple(fact for fact in facts if fact.kind == "requirement-line")
        including = [fact for fact in facts if fact.kind == "requirement-list"]
        included = tuple(fact.value for fact in including)
        if not lines and not included:
            return True
        if self._held > HELD:
            return False
        self._held += 1 + len(lines) + len(included)
        self._lists[path] = List(
            order, locator, included, lines, is_named=any(fact.detail.get("named") is True for fact in including)
        )
        return True

    def findings(self, options: Options) -> Iterator[tuple[int, Finding]]:
        """Yield what lists take from elsewhere that others include, each with the place of its file."""
        told: set[str] = set()
        level = [path for path, item in self._lists.items() if item.is_named]
        for _ in range(_DEPTH):
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
    """Return the path of a file that is named from a folder."""
    return joined(folder, name.strip("\"'")).removesuffix("/")
