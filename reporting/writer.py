"""What a writer is: a value with the function that writes a report in one format."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib import import_module
from typing import TextIO

from modelsweep.core.finding import Finding, Severity
from modelsweep.core.report import Gate, Report, UnitResult


@dataclass(frozen=True, slots=True)
class View:
    """How one reader wants to see a report; the JSON record alone is the same for all.

    `gate` decides exit code and which problems are failures; `root` is the folder that portable addresses are
    relative to; `width` is in columns and, like `colour`, concerns text only.
    """

    verbose: bool = False
    colour: bool = False
    width: int = 100
    gate: Gate = field(default_factory=Gate)
    root: str = field(default_factory=os.getcwd)

    def findings(self, result: UnitResult) -> tuple[Finding, ...]:
        """Return the findings of a file to be shown: those for developers only where `verbose`."""
        return tuple(item for item in result.findings if self.verbose or item.severity > Severity.DEBUG)


@dataclass(frozen=True, slots=True)
class Writer:
    """An output format; its `module` has the function that writes it, and is imported when that is called."""

    name: str
    title: str
    suffix: str
    module: str

    def write(self, report: Report, stream: TextIO, view: View) -> None:
        """Put the whole of `report` on a text stream (UTF-8), which the caller opened and closes."""
        import_module(self.module).write(report, stream, view)
