"""Files of numbers without structure, and graphs beside them that tell which ranges their tensors use.

Such a file is unknown by itself. It is recognised if a graph uses nearly all of it for tensors, and it ends with the
last of them: then it is like any other file of weights whose raw bytes have been searched.
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
"""Kind of the fact that such a file belongs to a graph."""
MAX_HELD = 50_000
"""Maximum unknown files, and files that graphs name, that are held at once: beyond, the oldest stay unknown."""
_MAX_PADDING = 4 * KIB
"""Maximum bytes of padding after the last tensor, as for memory mapping."""
_MIN_COVERED = 0.9
_REVISION = re.compile(r"(/(?:models|datasets|spaces)--[^/]+/snapshots)/[^/]+/")
"""Folder of a revision in a Hub cache, of which each file is listed once, under one revision."""


_T = TypeVar("_T")


class _Unknown(NamedTuple):
    locator: Locator
    size: int
    result: int


class _Graph(NamedTuple):
    """What a graph uses of a file: the end, the number of bytes, and the maximum size of the file, if known."""

    name: str
    reach: int
    covered: int
    most: int


class _Holder(NamedTuple):
    """A result with unknown files; `unknown` is their number if these are its only problems, otherwise -1."""

    order: int
    locator: Locator
    unknown: int


class Neighbours:
    """The unknown files of a job, and what its graphs use, by path."""

    def __init__(self) -> None:
        self._unknown: dict[str, _Unknown] = {}
        self._graphs: dict[str, _Graph] = {}
        self._holders: dict[int, _Holder] = {}

    def add(self, order: int, result: UnitResult) -> None:
        """Add the result of a unit."""
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
        graph = _Graph(fact.locator.name, reach, covered, max(most, reach + _MAX_PADDING - 1))
        if before:  # another graph that uses other tensors of the same file
            reach, most = max(reach, before.reach), max(graph.most, before.most)
            graph = _Graph(before.name, reach, covered + before.covered, most)
        _keep(self._graphs, path, graph)

    def known(self) -> Iterator[tuple[int, Locator, Fact]]:
        """Yield each unknown file that turned out to be weights, with position and locator of its result.

        The last one of a result tells whether it has no other problems, and is therefore clean.
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
    """Return the path of a file, with archives as folders, and all revisions of a repository as one."""
    names = (
        "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
        for name in locator.members
    )
    return _REVISION.sub(r"\1/", "/".join((locator.uri, *names)))


def _fits(unknown: _Unknown, graph: _Graph) -> bool:
    return graph.reach <= unknown.size <= graph.most and graph.covered >= _MIN_COVERED * graph.reach


def _keep(held: dict[str, _T], path: str, item: _T) -> None:
    if len(held) >= MAX_HELD:
        del held[next(iter(held))]
    held[path] = item


def _number(value: Json) -> int:
    return value if type(value) is int else 0
