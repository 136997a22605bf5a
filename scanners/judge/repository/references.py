"""What configurations name: code of the repository itself, or of a package that is installed."""

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
"""Ways of naming that may mean a package that is installed as well."""

QUIET = frozenset({"hint", "lookup", "packaged", "folder", "beside"})
"""Ways of naming that are worth a word only where the code does something of note."""


class Reference(NamedTuple):
    """Code that a configuration names: by whom, under which key, and in which folders it is looked for first.

    `since` is the place of the first file of its folder in the order of results; `is_known` says that the name means a
    harmless or a dangerous one of a package wherever no file of the repository has it.
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
    """Line of the file, where that is known."""

    @property
    def weight(self) -> int:
        """Bytes of memory that it takes, about."""
        return 500 + len(self.folder) + len(self.key) + len(self.name) + sum(map(len, self.roots))

    @property
    def by_loader(self) -> bool:
        """Whether loaders import it, and not any program that is configured so."""
        return self.how not in ("call", "name", "hint", "lookup", "beside")

    @property
    def named(self) -> str:
        """The class that is made, where one is named, or which of them: ANY, SERVED."""
        if self.how == "folder":
            return ANY
        if self.how == "handler":
            return SERVED
        return "" if self.how in _FILES or self.how == "module" else self.name.rpartition(".")[2]

    def stems(self) -> Iterator[str]:
        """Yield the stems that may be meant, below whichever folder it is looked for in."""
        if self.how in _FILES:
            yield stem_of_file(self.name)
        else:
            yield from stems_of_name(self.name.rpartition("--")[2], self.how)

    def folders(self, base: str) -> Iterator[str]:
        """Yield the folders in which it is looked for, of those that belong to `base`."""
        if base == self.folder:
            yield from (joined(base, root) for root in self.roots)
        if not self.is_known:
            yield base


def references_in(
    order: int, locator: Locator, folder: str, since: int, facts: Sequence[Fact], options: Options
) -> Iterator[Reference]:
    """Yield what one configuration names that files of the repository may answer to."""
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
