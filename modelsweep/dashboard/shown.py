"""What pages show of a fleet, read from the ledger and the store."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from modelsweep.core.finding import Finding, Problem, Severity
from modelsweep.core.report import UnitResult, Verdict
from modelsweep.core.units import MIB
from modelsweep.fleet.answers import JobState, LedgerFault, Progress, UnknownJob
from modelsweep.fleet.job import JobSpec, UnknownProtocol
from modelsweep.fleet.liveness import workers
from modelsweep.fleet.messages import queue_lengths
from modelsweep.fleet.signature import Damaged
from reporting.kinds import Meaning
from reporting.worst import problems_by_kind, worst_files
from reporting.writer import View

if TYPE_CHECKING:
    from modelsweep.jobs import Fleet

PAGE = 50
"""Jobs on one page."""
FEW = 100_000
"""Files of a job up to which a page goes over its results: some seconds."""
FINDINGS = 200
"""Findings, and problems of one kind, on the page of a job; its report has the others."""
LARGEST = 64 * MIB
"""Of a shared report that is shown; a larger one can be fetched."""
SHARED = re.compile(r"[\w][\w.@+-]{0,200}\.json", re.ASCII)
"""Names of shared reports: nothing that leads out of their folder, or is hidden in it."""
SILENT = 60.0
"""Seconds without a word from the producer of a job that is still listed."""
GOING = frozenset({JobState.LISTING, JobState.RUNNING, JobState.FINALIZING})


class Fleetwide(NamedTuple):
    """What there is besides jobs."""

    workers: int
    slots: int
    silent: int
    """Workers that were not heard of lately."""
    waiting: Mapping[str, int]
    """Messages by queue, for those that hold any."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is shown; `spec` is None where it cannot be read, and then `fault` says why."""

    id: str
    created: float
    progress: Progress
    spec: JobSpec | None
    fault: str = ""

    @property
    def is_going(self) -> bool:
        """Whether anything of it may still change by itself."""
        return self.progress.state in GOING

    @property
    def share(self) -> float | None:
        """How much of it is done, 0 to 1; None as long as nobody knows how much there is."""
        progress = self.progress
        if progress.state is JobState.LISTING:
            return None
        done, whole = (progress.bytes_done, progress.bytes) if progress.bytes else (progress.units_done, progress.units)
        return done / whole if whole else 1.0

    @property
    def verdicts(self) -> list[tuple[str, int]]:
        """Files by verdict, the worst first."""
        counts = self.progress.verdicts
        return [(verdict.value, counts[verdict.value]) for verdict in Verdict if counts.get(verdict.value)]

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        progress = self.progress
        return (progress.ended or progress.now) - progress.started if progress.started else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that the rest takes at the rate so far, once that says something."""
        progress = self.progress
        if progress.state is not JobState.RUNNING or self.seconds < 2 or not progress.bytes_done:
            return None
        return self.seconds * (progress.bytes - progress.bytes_done) / progress.bytes_done

    @property
    def silence(self) -> float:
        """Seconds for which its producer said nothing, where that is long."""
        silent = self.progress.now - self.progress.producer_seen
        return silent if self.progress.state is JobState.LISTING and silent > SILENT else 0.0


def fleetwide(fleet: Fleet) -> Fleetwide:
    """Return what there is besides jobs; raises RedisError."""
    found = workers(fleet.client)
    living = [worker for worker in found if worker.lives]
    waiting = {name: count for name, count in queue_lengths(fleet.client).items() if count}
    return Fleetwide(len(living), sum(worker.slots for worker in living), len(found) - len(living), waiting)


def jobs_on(fleet: Fleet, page: int) -> tuple[list[Job], bool]:
    """Return the jobs of page 0, 1, ..., newest first, and whether there are older ones; raises RedisError."""
    known = fleet.jobs()[::-1]
    first = page * PAGE
    return [*_found(fleet, known[first : first + PAGE])], len(known) > first + PAGE


def _found(fleet: Fleet, known: Sequence[tuple[str, float]]) -> Iterator[Job]:
    for job, created in known:
        try:
            yield job_of(fleet, job, created)
        except UnknownJob:  # it expired meanwhile
            continue


def job_of(fleet: Fleet, job: str, created: float = 0.0) -> Job:
    """Return a job; raises UnknownJob, LedgerFault, RedisError."""
    progress = fleet.ledger(job).progress()
    try:
        return Job(job, created or progress.created, progress, fleet.spec(job))
    except (Damaged, UnknownProtocol) as fault:
        return Job(job, created or progress.created, progress, None, str(fault))
    except UnknownJob:
        raise
    except LedgerFault as fault:
        return Job(job, created or progress.created, progress, None, str(fault))


class Found(NamedTuple):
    """What the published report of a job says; `results` are files with findings, the worst first."""

    files: int
    findings: int
    results: Sequence[tuple[UnitResult, tuple[Finding, ...]]]
    problems: Sequence[tuple[Meaning, int, Sequence[Problem]]] = ()
    """What was not scanned, and why."""
    is_whole: bool = True
    """Whether a page may go over all results."""


def found_in(fleet: Fleet, job: Job) -> Found:
    """Return what was found; raises NoReport, StoreFault, Damaged."""
    if job.progress.units > FEW:
        return Found(job.progress.units, sum(job.progress.findings.values()), (), is_whole=False)
    report, view = fleet.report(job.id), View()
    accusations = [*worst_files(report, view, FINDINGS)]
    return Found(report.totals.files, view.count(report), accusations, problems_by_kind(report, FINDINGS))


class Shared(NamedTuple):
    """A report that somebody left where the team keeps its reports."""

    name: str
    when: float
    size: int


def shared_in(folder: str) -> list[Shared]:
    """Return the reports in a folder, newest first; raises OSError."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if SHARED.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                about = entry.stat(follow_symlinks=False)
                found.append(Shared(entry.name, about.st_mtime, about.st_size))
    return sorted(found, key=lambda shared: (-shared.when, shared.name))


class NotShown(ValueError):
    """A shared report cannot be shown; the sentence says why."""


def shared_file(folder: str, name: str) -> Path:
    """Return the path of a shared report; raises NotShown where there is none of that name."""
    path = Path(folder, name)
    if not SHARED.fullmatch(name) or path.is_symlink() or not path.is_file():
        raise NotShown(f"There is no shared report named {name!r}.")
    return path


def shared_report(path: Path) -> dict[str, Any]:
    """Return a shared report as it was written, in JSON, its worst issues first; raises NotShown, OSError."""
    if path.stat().st_size > LARGEST:
        raise NotShown(f"{path.name} is larger than {LARGEST // MIB} MiB: download it instead.")
    try:
        report = json.loads(path.read_bytes())
        issues = report["issues"]
        if not (isinstance(issues, list) and all(isinstance(issue, dict) for issue in issues)):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotShown(f"{path.name} is not a JSON report of modelsweep.") from None
    return {**report, "issues": sorted(issues, key=_rank, reverse=True)}


def _rank(issue: Mapping[str, object]) -> int:
    """Return how severe an issue of a shared report is, below all where it says nothing known."""
    return Severity.__members__.get(str(issue.get("severity")).upper(), -1)
