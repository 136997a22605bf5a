"""What people see while a fleet works on a job: files, bytes, findings, queues, workers, and the time that is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from modelsweep.cli.progress import line_bar
from modelsweep.core.text import printable
from modelsweep.core.units import format_duration, format_size

if TYPE_CHECKING:
    from modelsweep.fleet.answers import Progress
    from modelsweep.jobs import Fleet, Watch

UNSEEN = 0.5
"""Seconds that a job may take before a bar is worth its cost."""
ASK_EVERY = 1.0
"""Seconds between two questions for queues and workers."""
_SHOWN = ("critical", "warning")


@contextmanager
def watched(fleet: Fleet, job: str, has_bar: bool) -> Iterator[Watch]:
    """Yield what is to be called with each progress of a job; with a bar it is drawn on standard error."""
    if not has_bar:
        yield lambda _: None
        return
    bar = _Bar(_Around(fleet, job))
    try:
        yield bar.show
    finally:
        bar.close()


def line_of(progress: Progress, around: str = "") -> str:
    """Return how far a job is, in one line."""
    found = progress.findings
    parts = [
        f"{progress.units_done:,} of {progress.units:,}{'+' if progress.state == 'listing' else ''} files",
        *(f"{found[name]:,} {name}" for name in _SHOWN if found.get(name)),
        _bytes(progress),
        f"{sum(progress.problem_kinds.values()):,} not scanned" if progress.problem_kinds else "",
        around,
        _left(progress),
    ]
    return printable(", ".join(part for part in parts if part))


def _bytes(progress: Progress) -> str:
    """Return how many bytes are done, and how many a second once that says something."""
    of = f" of {format_size(progress.bytes)}" if progress.bytes_done < progress.bytes else ""
    elapsed = progress.now - progress.started
    if not progress.started or elapsed < 1 or progress.ended:
        return format_size(progress.bytes_done) + of
    return f"{format_size(progress.bytes_done)}{of}, {format_size(int(progress.bytes_done / elapsed))}/s"


def _left(progress: Progress) -> str:
    """Return how long the rest will take at the rate so far, once that says something."""
    if progress.state == "finalizing":
        return "writing reports"
    elapsed = progress.now - progress.started
    if progress.state != "running" or not progress.started or elapsed < 2 or not progress.bytes_done:
        return ""
    seconds = elapsed * (progress.bytes - progress.bytes_done) / progress.bytes_done
    return f"about {format_duration(seconds)} left"


def numbers_of(progress: Progress) -> dict[str, object]:
    """Return how far a job is for programs: times in seconds, sizes in bytes, what there is none of left out."""
    return {
        "state": progress.state,
        "files": progress.units,
        "files_done": progress.units_done,
        "bytes": progress.bytes,
        "bytes_done": progress.bytes_done,
        "tasks": progress.allocated,
        "tasks_done": progress.done,
        "tasks_in_hand": progress.leased,
        "verdicts": _present(progress.verdicts),
        "findings": _present(progress.findings),
        "not_scanned": _present(progress.problem_kinds),
        "workers_lost": progress.counts.get("leases_lost", 0),
        "published_again": progress.counts.get("published_again", 0),
        "started": progress.started,
        "ended": progress.ended,
        "has_report": bool(progress.report),
        "producer_silent": progress.now - progress.producer_seen if progress.state == "listing" else 0,
    }


def details_of(progress: Progress) -> Iterator[tuple[str, str]]:
    """Yield what is to be said of a job, by name."""
    yield "state", progress.state
    yield "files", f"{progress.units_done:,} of {progress.units:,}"
    yield "bytes", f"{format_size(progress.bytes_done)} of {format_size(progress.bytes)}"
    yield "tasks", f"{progress.done:,} of {progress.allocated:,} done, {progress.leased:,} in hand"
    yield "verdicts", _counts(progress.verdicts)
    yield "findings", _counts(progress.findings)
    yield "not scanned", _counts(progress.problem_kinds)
    if lost := progress.counts.get("leases_lost", 0):
        yield "workers lost", f"{lost:,}"
    if again := progress.counts.get("published_again", 0):
        yield "published again", f"{again:,}"
    if progress.started:
        yield "running for", format_duration((progress.ended or progress.now) - progress.started)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in _present(counts).items()) or "none"


def _present(counts: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in sorted(counts.items()) if number}


class _Around:
    """What is beside a job, asked for once a second."""

    def __init__(self, fleet: Fleet, job: str) -> None:
        self._fleet, self._job, self._asked = fleet, job, 0.0
        self.text = ""
        """How many messages wait, and how many workers live."""
        self.reading = 0
        """Bytes that workers have read of large files of the job, which are not done yet."""

    def ask(self) -> None:
        """Ask where that was long enough ago."""
        from modelsweep.fleet.liveness import workers
        from modelsweep.fleet.messages import queue_lengths

        if time.monotonic() - self._asked > ASK_EVERY:
            self._asked = time.monotonic()
            waiting = sum(queue_lengths(self._fleet.client).values())
            living = [worker for worker in workers(self._fleet.client) if worker.lives]
            self.text = f"{waiting:,} queued, {len(living)} worker{'' if len(living) == 1 else 's'}"
            self.reading = sum(worker.reading.get(self._job, 0) for worker in living)


class _Bar:
    """A line on the terminal, drawn once the job takes a while."""

    def __init__(self, around: _Around) -> None:
        self._around = around
        self._begun = time.monotonic()
        self._bar = line_bar()
        self._task = self._bar.add_task("", total=None)
        self._started = False

    def show(self, progress: Progress) -> None:
        """Draw how far the job is."""
        if time.monotonic() - self._begun < UNSEEN:
            return
        if not self._started:
            self._bar.start()
            self._started = True
        self._around.ask()
        total = progress.bytes if progress.state != "listing" else None
        # Of a file that was just done both may still be counted
        done = min(progress.bytes_done + self._around.reading, progress.bytes)
        line = line_of(replace(progress, bytes_done=done), self._around.text)
        self._bar.update(self._task, description=line, completed=done, total=total)
        self._bar.refresh()

    def close(self) -> None:
        """Get out of the way."""
        if self._started:
            self._bar.stop()
            sys.stderr.flush()
