"""What people see while a scan runs: a bar on standard error, counting files, bytes and findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from modelsweep.core.finding import Severity
from modelsweep.core.report import UnitResult

if TYPE_CHECKING:
    from rich.progress import Progress

UNSEEN = 0.5
"""Seconds that a scan may take before a bar is worth its cost: it draws in a large library."""
REFRESH = 0.1
"""Seconds between two drawings."""

CountTotals = Callable[[], tuple[int, int]]
"""Returns how many files there are to examine, and their bytes together."""


class Tally:
    """What has been examined so far, counted."""

    def __init__(self) -> None:
        self.files = self.bytes = 0
        self.findings: Counter[Severity] = Counter()

    def add(self, result: UnitResult) -> None:
        """Count a file that has been examined."""
        self.files += 1
        self.bytes += result.unit.size
        self.findings.update(finding.severity for finding in result.findings)

    def __str__(self) -> str:
        counts = [
            f"{self.findings[severity]:,} {severity.name.lower()}"
            for severity in (Severity.CRITICAL, Severity.WARNING)
            if self.findings[severity]
        ]
        return ", ".join([f"{self.files:,} file{'' if self.files == 1 else 's'}", *counts])


@contextmanager
def watched(tally: Tally, count_totals: CountTotals | None) -> Iterator[None]:
    """Show `tally` as a bar while the block runs, once that takes a while; `count_totals` is None without a known end.

    The bar lives in a thread of its own: the examining processes are not forked from this one.
    """
    over = Event()
    thread = Thread(target=_watch, args=(tally, count_totals, over), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(tally: Tally, count_totals: CountTotals | None, over: Event) -> None:
    if over.wait(UNSEEN):
        return
    with _bar() as bar:
        task = bar.add_task("", total=None)
        bar.update(task, description=str(tally), completed=tally.bytes)
        bar.refresh()
        files, size = count_totals() if count_totals else (0, None)
        of = f" of {files:,}" if files else ""
        while not over.wait(REFRESH):
            bar.update(task, description=f"{tally}{of}", completed=tally.bytes, total=size)
            bar.refresh()


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TransferSpeedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
