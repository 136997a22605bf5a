"""What the ledger answers."""

from __future__ import annotations

import builtins
import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from modelsweep.core.report import UnitResult, Verdict


class LedgerFault(Exception):
    """Redis cannot be used as the ledger, or holds no such job; the sentence says why."""


class UnknownJob(LedgerFault):
    """The ledger does not know the job: it never was, or has expired."""

    def __init__(self, job: str) -> None:
        super().__init__(
            f"no job {job}: it never was, ended long ago and was forgotten, or was lost (`modelsweep repair {job}`)"
        )


class AllocStatus(enum.StrEnum):
    """What became of an ALLOC."""

    ALLOCATED = "allocated"
    MOVED = "moved"
    """Chunks were allocated meanwhile: the page must be stored anew for its new place, if the cursor is still ours."""
    SEALED = "sealed"
    CANCELLED = "cancelled"
    GONE = "gone"


class ClaimStatus(enum.StrEnum):
    """Whether a chunk is to be examined."""

    GRANTED = "granted"
    DONE = "done"
    LEASED = "leased"
    CANCELLED = "cancelled"
    STALE = "stale"
    """A message from before a retry."""
    NOT_ALLOCATED = "not-allocated"
    GONE = "gone"


class LeaseStatus(enum.StrEnum):
    """Whether a lease still holds."""

    OK = "ok"
    LOST = "lost"
    CANCELLED = "cancelled"
    GONE = "gone"


class DoneStatus(enum.StrEnum):
    """Whether a result counts: only `done` does; after `already` another one does."""

    DONE = "done"
    ALREADY = "already"
    CANCELLED = "cancelled"
    STALE = "stale"
    """The chunk was opened again since, or its number now is that of another chunk."""
    NOT_ALLOCATED = "not-allocated"
    GONE = "gone"


class SealStatus(enum.StrEnum):
    """Whether the listing is over."""

    SEALED = "sealed"
    MOVED = "moved"
    """Another producer has gone on."""
    CANCELLED = "cancelled"


class CancelStatus(enum.StrEnum):
    """What became of a CANCEL."""

    CANCELLED = "cancelled"
    ALREADY = "already"
    FINISHED = "finished"
    """Its report is published: there is nothing to cancel."""


class RetryStatus(enum.StrEnum):
    """What became of a RETRY."""

    AGAIN = "again"
    NOTHING = "nothing"
    """No chunk is worth another try."""
    RUNNING = "running"
    CANCELLED = "cancelled"


class ReopenStatus(enum.StrEnum):
    """Whether a finalizer may have chunks examined again."""

    OK = "ok"
    LOST = "lost"
    """Another finalizer took over."""
    CANCELLED = "cancelled"


class FinalizeStatus(enum.StrEnum):
    """Whether the reports of a job are to be written now, by this worker."""

    GRANTED = "granted"
    LEASED = "leased"
    RUNNING = "running"
    PUBLISHED = "published"
    GONE = "gone"


class JobState(enum.StrEnum):
    """How far a job is."""

    LISTING = "listing"
    RUNNING = "running"
    FINALIZING = "finalizing"
    """Everything is done; the reports are not published."""
    FINISHED = "finished"
    CANCELLED = "cancelled"


class ChunkQueue(NamedTuple):
    """A chunk and the code of the queue that its message goes into."""

    chunk: int
    queue: int


class Extent(NamedTuple):
    """Chunks from `first` on that one page holds; `queues` has a code for each, or one for all."""

    first: int
    page: str
    queues: bytes


@dataclass(frozen=True, slots=True)
class Allotment:
    """Chunks to allocate: the code of the queue of each, their page in the store, and how much is in them."""

    queues: bytes
    page: str
    units: int = 0
    size: int = 0
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Allocated:
    """What became of an ALLOC, the number of the next chunk to be allocated, and how far the listing is."""

    status: AllocStatus
    next: int
    cursor: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a CLAIM; all but `status` only where it is granted.

    `blames` counts, by the position of a unit in the chunk, how often a worker was lost while it examined that unit.
    """

    status: ClaimStatus
    token: str = ""
    page: str = ""
    first: int = 0
    losses: int = 0
    blames: Mapping[int, int] = field(default_factory=dict)

    @property
    def granted(self) -> bool:
        """Whether the chunk is to be examined."""
        return self.status is ClaimStatus.GRANTED


@dataclass(frozen=True, slots=True)
class Done:
    """The answer to a DONE: `complete` once, in the step that completes the job; whoever hears it asks to finalize."""

    status: DoneStatus
    complete: bool = False
    first_child: int | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """The answer to a SEAL; `complete` as in Done."""

    status: SealStatus
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Retried:
    """The chunks to publish again, in messages of `generation`."""

    status: RetryStatus
    generation: int
    again: tuple[ChunkQueue, ...] = ()


@dataclass(frozen=True, slots=True)
class Reopened:
    """The chunks to publish again, in messages of `generation`, and those whose results were lost too often."""

    status: ReopenStatus
    generation: int
    again: tuple[ChunkQueue, ...] = ()
    refused: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Swept:
    """What to publish again, in messages of `generation`, and whether to ask for the reports."""

    generation: int
    again: tuple[ChunkQueue, ...] = ()
    finalize: bool = False


@dataclass(frozen=True, slots=True)
class Finalizing:
    """The answer to a request to finalize; `token` where it is granted."""

    status: FinalizeStatus
    token: str = ""


class QueueProgress(NamedTuple):
    """Chunks of one queue."""

    allocated: int
    done: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is; times in seconds since the epoch by Redis' clock, 0 where there was none yet."""

    state: JobState
    generation: int
    allocated: int
    done: int
    leased: int
    units: int
    units_done: int
    bytes: int
    bytes_done: int
    counts: Mapping[str, int]
    """All that the scripts counted, by name: `severity:critical`, `verdict:clean`, `problem:crash`, `leases_lost`..."""
    queues: Mapping[int, QueueProgress]
    now: float
    created: float
    started: float
    completed: float
    """When the last chunk of this generation was done."""
    ended: float
    report: str
    """Where the latest published report is, which after a retry may be of an earlier generation; else empty."""
    problems: str
    """What `seal` was given."""
    cursor: builtins.bytes
    producer: str
    producer_seen: float
    metas: Mapping[str, builtins.bytes]

    def counted(self, family: str) -> dict[str, int]:
        """Return the counts of a family by the rest of their names: `severity` → {"critical": 2}."""
        start = f"{family}:"
        return {name.removeprefix(start): number for name, number in self.counts.items() if name.startswith(start)}

    @property
    def findings(self) -> dict[str, int]:
        """Findings by severity."""
        return self.counted("severity")

    @property
    def verdicts(self) -> dict[str, int]:
        """Units by verdict."""
        return self.counted("verdict")

    @property
    def problem_kinds(self) -> dict[str, int]:
        """Problems by kind."""
        return self.counted("problem")


def verdict_count(verdict: Verdict) -> str:
    """Return the name that files of a verdict are counted by."""
    return f"verdict:{verdict.value}"


def said_of(result: UnitResult) -> Iterator[str]:
    """Yield the name that it is counted by for each finding and each problem of a result."""
    yield from (f"severity:{finding.severity.name.lower()}" for finding in result.findings)
    yield from (f"problem:{problem.kind.value}" for problem in result.problems)
