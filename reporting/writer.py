"""What a writer is: a value with the function that writes a report in one format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from types import ModuleType
from typing import Protocol, TextIO, runtime_checkable

from modelsweep.core.finding import Finding, Json, Rule, Severity
from modelsweep.core.plain import plain_of
from modelsweep.core.report import Gate, Plain, Report, Tally, UnitResult
from modelsweep.core.values import dataclass, field, replace
from reporting.scratch import Part

TOGETHER = 50
"""Plain files that are added to a document at once: it costs each file half as much as when they come one by one."""
LISTED = 10_000
"""Findings, and problems of one kind, in what is made for people: a longer list helps nobody."""


@dataclass(frozen=True, slots=True)
class View:
    """How one reader wants to see a report; the JSON record alone is the same for all.

    `gate` decides exit code and which problems are failures; `root` is the folder that portable addresses are
    relative to. Text only: `colour`; `width` in columns, to which all is wrapped on a `terminal`, else paragraphs only;
    and `program`, what is typed to run modelsweep.
    """

    verbose: bool = False
    colour: bool = False
    width: int = 100
    gate: Gate = field(default_factory=Gate)
    root: str = field(default_factory=os.getcwd)
    terminal: bool = False
    program: str = "modelsweep"

    def findings(self, result: UnitResult) -> tuple[Finding, ...]:
        """Return the findings of a file to be shown: those for developers only where `verbose`."""
        return tuple(item for item in result.findings if self.verbose or item.severity > Severity.DEBUG)

    def rules(self, report: Report) -> tuple[Rule, ...]:
        """Return the rules of the findings to be shown, by id."""
        return tuple(rule for rule in report.rules if self.verbose or rule.severity > Severity.DEBUG)

    def count(self, report: Report) -> int:
        """Return how many findings are to be shown."""
        counts = report.totals.severities
        return sum(counts.values()) - (0 if self.verbose else counts[Severity.DEBUG])


class Draft(Protocol):
    """A document that grows result by result, in memory that does not grow with it."""

    def add(self, result: UnitResult) -> None:
        """Take the next result in report order, which is of no plain file."""

    def add_plain(self, files: Sequence[Plain]) -> None:
        """Take the next results, all of them of plain files."""

    def finish(self, report: Report, stream: TextIO) -> None:
        """Put the whole of the document on a text stream (UTF-8); `report` has the totals of all that was added."""


class Section(Protocol):
    """What consecutive results add to a document, put together in a process of its own."""

    parts: Sequence[Part]

    def add(self, result: UnitResult) -> None:
        """Take the next result, which is of no plain file."""

    def add_plain(self, files: Sequence[Plain]) -> None:
        """Take the next results, all of them of plain files."""

    def said(self) -> Json:
        """Return what `join` takes besides the text of the parts."""


@runtime_checkable
class Divisible(Draft, Protocol):
    """A document that sections can be joined to, and is then as if all results had been added to it.

    For each section in order, the text of its parts is appended to `parts`, and `join` is called.
    """

    parts: Sequence[Part]

    def brief(self) -> Json:
        """Return what the writer of a section is to know of those that were joined before."""

    def join(self, said: Json) -> None:
        """Take what a section said."""


@dataclass(frozen=True, slots=True)
class Later:
    """The draft of a document whose writer goes over the results of a report by itself."""

    write: Callable[[Report, TextIO, View], None]
    view: View

    def add(self, result: UnitResult) -> None:
        """Do nothing."""

    def add_plain(self, files: Sequence[Plain]) -> None:
        """Do nothing."""

    def finish(self, report: Report, stream: TextIO) -> None:
        """Write the document."""
        self.write(report, stream, self.view)


@dataclass(frozen=True, slots=True)
class Writer:
    """An output format; its `module`, imported when used, has `write(report, stream, view)` or a class `Draft`.

    Where that is Divisible, there is `section(report, view, brief)`, too.
    """

    name: str
    title: str
    suffix: str
    module: str

    def load(self) -> ModuleType:
        """Return the module, which is imported now unless it was before."""
        return import_module(self.module)

    def draft(self, report: Report, view: View) -> Draft:
        """Return the document of `report` before any result is added to it."""
        module = self.load()
        if hasattr(module, "Draft"):
            draft: Draft = module.Draft(report, view)
            return draft
        return Later(module.write, view)

    def section(self, report: Report, view: View, brief: Json) -> Section:
        """Return a section of a Divisible document before any result is added; `report` has none, and no problems."""
        made: Section = self.load().section(report, view, brief)
        return made

    def write(self, report: Report, stream: TextIO, view: View) -> None:
        """Put the whole of `report` on a text stream (UTF-8), which the caller opened and closes."""
        draft = self.draft(report, view)
        draft.finish(fill(report, [draft]), stream)


def fill(report: Report, drafts: Iterable[Draft]) -> Report:
    """Add all results to all drafts, going over them once, and return the report with its totals counted."""
    takers: list[Draft | Tally] = [draft for draft in drafts if not isinstance(draft, Later)]
    if not takers:
        return report
    tally = Tally(report.problems)
    if report.counted is None:
        takers.append(tally)
    for added in _gathered(report.results):
        for taker in takers:
            if isinstance(added, UnitResult):
                taker.add(added)
            else:
                taker.add_plain(added)
    return replace(report, counted=report.counted or tally.totals())


def _gathered(results: Iterable[UnitResult]) -> Iterator[UnitResult | Sequence[Plain]]:
    """Yield `results` in order, plain files that follow each other as they are added: together."""
    waiting: list[Plain] = []
    for result in results:
        plain = plain_of(result)
        if plain:
            waiting.append(plain)
        if waiting and (plain is None or len(waiting) == TOGETHER):
            yield waiting
            waiting = []
        if plain is None:
            yield result
    if waiting:
        yield waiting
