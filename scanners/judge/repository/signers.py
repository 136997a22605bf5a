"""Files without a required signature: if a user requires signers, each file must be on one of their lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelsweep.core.finding import Finding, Json, Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.text import printable
from scanners.judge.repository.rules import OTHER_SIGNER, UNSIGNED_MODEL
from scanners.judge.repository.tree import NAME, Addition

MAX_HELD = 200_000
"""Maximum files that wait for signatures of their folders at once."""
_SHOWN = 200
_REQUIRED_SIGNER = ""
"""Represents a required signer, in place of a name."""


class Signers:
    """The files of a job and their signers: `cover` the files of a list, `ask` about each file, `settle` a folder."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, Locator]] = []
        self._by: dict[str, str] = {}
        self._inside: dict[int, str] = {}

    def cover(self, paths: Iterable[str], signer: str, *, may_sign: bool) -> None:
        """Record the paths of files that match a list of `signer`."""
        for path in paths:
            self._by[path] = _REQUIRED_SIGNER if may_sign else self._by.get(path, signer)

    def settle_archive(self, order: int, members: Iterable[str]) -> None:
        """Count the archive at position `order` as covered if all of its `members` are."""
        found = [self._by.get(path) for path in members]
        if found and None not in found and len(self._inside) < MAX_HELD:
            self._inside[order] = next(filter(None, found), _REQUIRED_SIGNER)
        self._by.clear()

    def ask(self, order: int, locator: Locator, *, waits: bool) -> Iterator[Addition]:
        """Yield the finding for a file that must be signed; one that `waits` for its folder is left to `settle`."""
        if not waits:
            yield from self._finding_for(order, locator)
        elif len(self._waiting) < MAX_HELD:
            self._waiting.append((order, locator))
        else:
            detail = f"more than {MAX_HELD:,} files beside it: whether somebody signed it who may was not looked for"
            yield Addition(order, locator, Problem(ProblemKind.LIMIT, locator, NAME, detail))

    def settle(self) -> Iterator[Addition]:
        """Yield the findings for waiting files, once all lists of their folder are known."""
        for order, locator in self._waiting:
            yield from self._finding_for(order, locator)
        self._waiting.clear()
        self._by.clear()

    def _finding_for(self, order: int, locator: Locator) -> Iterator[Addition]:
        signer = self._by.get(locator.uri, self._inside.get(order))
        subject = printable(locator.name, _SHOWN)
        if signer is None:
            yield Addition(order, locator, Finding(UNSIGNED_MODEL, locator, subject))
        elif signer != _REQUIRED_SIGNER:
            evidence: dict[str, Json] = {"signer": signer}
            yield Addition(order, locator, Finding(OTHER_SIGNER, locator, subject, evidence=evidence))
