"""What people see while a scan runs: a bar on standard error, counting files, bytes and findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

from modelsweep.core.finding import Severity
from modelsweep.core.report import UnitResult
from modelsweep.core.units import format_size

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
        self.files = self._bytes = 0
        self._reading: Callable[[], int] | None = None
        self.findings: Counter[Severity] = Counter()

    def add(self, result: UnitResult) -> None:
        """Count a file that has been examined."""
        self.files += 1
        self._bytes += result.unit.size
        self.findings.update(finding.severity for finding in result.findings)

    def watch(self, reading: Callable[[], int]) -> None:
        """Have `reading` asked for the bytes that were read of files that are not done yet."""
        self._reading = reading

    @property
    def bytes(self) -> int:
        """Bytes examined so far."""
        return self._bytes + (self._reading() if self._reading else 0)

    def __str__(self) -> str:
        return self.line()

    def line(self, files: int = 0) -> str:
        """Return what was counted, of how many `files` where that is known."""
        number = f"{self.files:,} of {files:,} files" if files else f"{self.files:,} file{'s' * (self.files != 1)}"
        counts = [
            f"{self.findings[severity]:,} {severity.name.lower()}"
            for severity in (Severity.CRITICAL, Severity.WARNING)
            if self.findings[severity]
        ]
        return ", ".join([number, *counts])


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
    begun = monotonic()
    with line_bar() as bar:
        task = bar.add_task(str(tally), total=None)
        bar.refresh()
        files, size = count_totals() if count_totals else (0, None)
        while not over.wait(REFRESH):
            done = tally.bytes if size is None else min(tally.bytes, size)
            description = f"{tally.line(files)}, {_rate(done, size, monotonic() - begun)}"
            bar.update(task, description=description, completed=done, total=size)
            bar.refresh()


def _rate(done: int, size: int | None, seconds: float) -> str:
    """Return how many bytes are done, of how many, and how many each second, once that says something."""
    of = "" if size is None else f" of {format_size(size)}"
    return f"{format_size(done)}{of}" + (f", {format_size(int(done / seconds))}/s" if seconds >= 1 and done else "")


def line_bar() -> Progress:
    """Return a bar of one line, whatever the width of the terminal, not yet shown."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    line = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=min(20, console.width // 6)),
        TextColumn("{task.description}", markup=False, table_column=line),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, auto_refresh=False, transient=True, expand=True)
