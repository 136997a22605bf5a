"""Files of numbers without a structure, and the graphs beside them that say where in such a file their tensors stand.

By itself such a file is unknown, and stays so, unless a graph takes nearly all of it for its tensors and it ends where
the last of them does: then it holds no more than any file of weights does, whose raw bytes were looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.locator import Locator
from modelsweep.core.related import WEIGHTS, is_unknown
from modelsweep.core.report import UnitResult, Verdict
from modelsweep.core.text import printable
from modelsweep.core.units import KIB
from scanners.judge.repository.names import folder_of, joined

KNOWN = "known-weights"
"""The kind of fact that is said of such a file: which graph it belongs to."""
HELD = 50_000
"""Unknown files, and files that graphs name, that are held at once: of more, the first stay unknown."""
_PADDED = 4 * KIB
"""Bytes that may stand behind the last tensor, as files are padded for memory maps."""
_COVERED = 0.9
_REVISION = re.compile(r"(/(?:models|datasets|spaces)--[^/]+/snapshots)/[^/]+/")
"""Of one revision in a cache of the Hub: each file of it is listed once, under one of them."""


_Kept = TypeVar("_Kept")


class _Unknown(NamedTuple):
    locator: Locator
    size: int
    result: int


class _Graph(NamedTuple):
    """What a graph takes of a file: up to where, how much, and where the file ends at most, as far as it says that."""

    name: str
    reach: int
    covered: int
    most: int


class _Holder(NamedTuple):
    """A result that holds unknown files; `unknown` of them are all that is the matter with it, else it is -1."""

    order: int
    locator: Locator
    unknown: int


class Neighbours:
    """The unknown files of a job, and what its graphs say of files, by their paths."""

    def __init__(self) -> None:
        self._unknown: dict[str, _Unknown] = {}
        self._graphs: dict[str, _Graph] = {}
        self._holders: dict[int, _Holder] = {}

    def add(self, order: int, result: UnitResult) -> None:
        """Take in the result of a unit."""
        sizes: dict[Locator, int] = {}
        for problem in filter(is_unknown, result.problems):
            sizes = sizes or {artifact.locator: artifact.size for artifact in result.artifacts}
            unknown = _Unknown(problem.locator, sizes.get(problem.locator, -1), order)
            _keep(self._unknown, path_of(problem.locator), unknown)
        if sizes:
            alone = result.verdict is Verdict.NOT_SCANNED and all(map(is_unknown, result.problems))
            self._holders[order] = _Holder(order, result.unit.locator, len(result.problems) if alone else -1)
        for fact in result.facts:
            if fact.kind == WEIGHTS:
                self._graph(fact)

    def _graph(self, fact: Fact) -> None:
        path = joined(folder_of(path_of(fact.locator)), fact.value).removesuffix("/")
        reach, covered, most = (_number(fact.detail.get(key)) for key in ("reach", "covered", "most"))
        before = self._graphs.pop(path, None)
        graph = _Graph(fact.locator.name, reach, covered, max(most, reach + _PADDED - 1))
        if before:  # which takes other tensors from the same file
            reach, most = max(reach, before.reach), max(graph.most, before.most)
            graph = _Graph(before.name, reach, covered + before.covered, most)
        _keep(self._graphs, path, graph)

    def known(self) -> Iterator[tuple[int, Locator, Fact]]:
        """Yield each unknown file that is weights, with the place and the locator of its result.

        The last one of a result says whether nothing else is the matter with it: then it is clean.
        """
        found: dict[int, list[Fact]] = {}
        for path, unknown in self._unknown.items():
            graph = self._graphs.get(path)
            if graph and _fits(unknown, graph):
                fact = Fact(KNOWN, printable(graph.name), unknown.locator, detail={"clears": False})
                found.setdefault(unknown.result, []).append(fact)
        for order, facts in found.items():
            holder = self._holders[order]
            detail: dict[str, Json] = {"clears": len(facts) == holder.unknown}
            facts[-1] = Fact(KNOWN, facts[-1].value, facts[-1].locator, detail=detail)
            yield from ((order, holder.locator, fact) for fact in facts)


def path_of(locator: Locator) -> str:
    """Return where a file is as if archives were folders, and as if there was one revision of each repository."""
    names = (
        "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
        for name in locator.members
    )
    return _REVISION.sub(r"\1/", "/".join((locator.uri, *names)))


def _fits(unknown: _Unknown, graph: _Graph) -> bool:
    return graph.reach <= unknown.size <= graph.most and graph.covered >= _COVERED * graph.reach


def _keep(held: dict[str, _Kept], path: str, item: _Kept) -> None:
    if len(held) >= HELD:
        del held[next(iter(held))]
    held[path] = item


def _number(value: Json) -> int:
    return value if type(value) is int else 0
