"""What people see while a scan runs: a bar on standard error, counting files, bytes and findings."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING

from modelsweep.core.finding import Severity
from modelsweep.core.report import UnitResult

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

QUIET_TIME = 0.5
"""Seconds that a scan may take before the bar is worth its cost: drawing it draws in a large library."""
REFRESH = 0.1
"""Seconds between two drawings."""


class Tally:
    """What is done so far, counted; drawn as a bar where `visible`.

    The bar is drawn by whoever calls, without a thread: the examining processes are forked while it is up.
    """

    def __init__(self, *, visible: bool) -> None:
        self.files = self.bytes = 0
        self.findings: Counter[Severity] = Counter()
        self._visible = visible
        self._started = self._drawn = time.monotonic()
        self._total_files = self._total_bytes = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Tally:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def plan(self, files: int, size: int) -> None:
        """Note that there are `files` to examine, of `size` bytes in all."""
        self._total_files, self._total_bytes = files, size

    def done(self, result: UnitResult) -> None:
        """Count a file that has been examined."""
        self.files += 1
        self.bytes += result.unit.size
        self.findings.update(finding.severity for finding in result.findings)
        self.draw()

    def draw(self) -> None:
        """Draw the bar anew, where there is one and its last drawing is old enough."""
        now = time.monotonic()
        if not self._visible or now - self._started < QUIET_TIME or now - self._drawn < REFRESH:
            return
        self._drawn = now
        bar, task = self._progress()
        total = self._total_bytes or None
        bar.update(task, total=total, completed=self.bytes, description=self.summary())
        bar.refresh()

    def summary(self) -> str:
        """Return the files and the findings that count, in a few words."""
        files = f"{self.files:,} of {self._total_files:,} files" if self._total_files else f"{self.files:,} files"
        counts = [
            f"{self.findings[severity]} {severity.name.lower()}" for severity in _SHOWN if self.findings[severity]
        ]
        return ", ".join([files, *counts])

    def _progress(self) -> tuple[Progress, TaskID]:
        if self._bar is None or self._task is None:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                DownloadColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
                TransferSpeedColumn,
            )

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(binary_units=True),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
            self._task = self._bar.add_task("", total=None)
            self._bar.start()
        return self._bar, self._task


_SHOWN = (Severity.CRITICAL, Severity.WARNING)
