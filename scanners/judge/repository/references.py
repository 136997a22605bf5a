"""References from configurations to code of the repository itself, or of an installed package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from modelsweep.core.finding import FILE_LINE, Fact, Span
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from scanners.judge.code_references import is_known, is_own
from scanners.judge.repository.names import ANY, SERVED, joined, stem_of_file, stems_of_name

_FILES = frozenset({"file", "handler", "packaged"})
_FOLLOWED = (
    frozenset({"local", "remote", "class", "component", "call", "name", "module", "hint", "lookup", "folder", "beside"})
    | _FILES
)
PACKAGES = frozenset({"class", "call", "name", "module", "hint", "lookup"})
"""Kinds of references that may also mean an installed package."""

QUIET = frozenset({"hint", "lookup", "packaged", "folder", "beside"})
"""Kinds of references that are reported only if the code does something notable."""


class Reference(NamedTuple):
    """Code that a configuration names: the configuration, the key, and the folders that are searched first.

    `since` is the position of its folder's first file in the order of results; `is_known` tells that the name, if no
    file of the repository has it, means a known harmless or dangerous one of a package.
    """

    order: int
    locator: Locator
    folder: str
    since: int
    key: str
    name: str
    how: str
    roots: tuple[str, ...]
    is_known: bool
    span: Span | None
    line: int = 0
    """Line in the file, if known."""

    @property
    def weight(self) -> int:
        """Approximate bytes of memory."""
        return 500 + len(self.folder) + len(self.key) + len(self.name) + sum(map(len, self.roots))

    @property
    def by_loader(self) -> bool:
        """Whether model loaders import it, rather than any program with such a configuration."""
        return self.how not in ("call", "name", "hint", "lookup", "beside")

    @property
    def named(self) -> str:
        """The class that is instantiated, if one is named, or ANY or SERVED."""
        if self.how == "folder":
            return ANY
        if self.how == "handler":
            return SERVED
        return "" if self.how in _FILES or self.how == "module" else self.name.rpartition(".")[2]

    def stems(self) -> Iterator[str]:
        """Yield the possible stems, relative to the searched folder."""
        if self.how in _FILES:
            yield stem_of_file(self.name)
        else:
            yield from stems_of_name(self.name.rpartition("--")[2], self.how)

    def folders(self, base: str) -> Iterator[str]:
        """Yield the folders to search that belong to `base`."""
        if base == self.folder:
            yield from (joined(base, root) for root in self.roots)
        if not self.is_known:
            yield base


def references_in(
    order: int, locator: Locator, folder: str, since: int, facts: Sequence[Fact], options: Options
) -> Iterator[Reference]:
    """Yield the references in one configuration that may be files of the repository."""
    for fact in facts:
        how = str(fact.detail.get("how"))
        if fact.kind != "code-reference" or how not in _FOLLOWED or (how == "remote" and not is_own(fact)):
            continue
        listed = tuple(fact.texts("roots")[:_ROOTS])
        known = how == "component" or (how in PACKAGES and is_known(fact.value, options))
        if listed or not known:
            key = str(fact.detail.get("path"))
            line = fact.detail.get(FILE_LINE)
            place = fact.span, line if isinstance(line, int) else 0
            yield Reference(order, locator, folder, since, key, fact.value, how, listed, known, *place)


_ROOTS = 5
