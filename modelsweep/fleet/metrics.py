"""Every metric of the fleet in one table: the exporter and docs/metrics.md are both made from it.

Counters live in the Redis hash `ms:metrics`, where the ledger's scripts count each event once, in the same step that
makes it true: a worker that dies takes no count with it, and an exporter that starts again goes on where it was. Names
that begin with `celery_` are those of the usual exporters for Celery, so that their dashboards work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from modelsweep.core.finding import ProblemKind, Severity
from modelsweep.core.report import Verdict
from modelsweep.core.text import printable
from modelsweep.core.version import VERSION
from modelsweep.fleet.answers import ClaimStatus, JobState
from modelsweep.fleet.liveness import LOST_AFTER, Worker
from modelsweep.fleet.messages import SCAN

RUNTIME_BOUNDS = ("0.1", "0.3", "1", "3", "10", "30", "100", "300", "1000", "3000", "+Inf")
"""Upper bounds of the histogram of runtimes, in seconds."""
REFUSALS = tuple(status.value for status in ClaimStatus if status is not ClaimStatus.GRANTED)
STATES = tuple(state.value for state in JobState)
MOST_SERIES = 100
"""Series of one counter beyond those that are known beforehand: a damaged hash must not flood Prometheus."""
LABEL_LENGTH = 100
UNATTENDED_AFTER = 3600
"""Seconds of silence after which a producer counts as dead: listing the beginning of a large bucket takes its time."""

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class JobSample:
    """What the ledger says of one job; times in seconds since the epoch, 0 where there was none."""

    state: str
    chunks: int = 0
    chunks_done: int = 0
    leased: int = 0
    created: float = 0.0
    producer_seen: float = 0.0
    completed: float = 0.0
    ended: float = 0.0
    reported: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One reading of everything that metrics come from; `now` is Redis' own time."""

    now: float = 0.0
    counters: Mapping[str, int] = field(default_factory=dict)
    workers: tuple[Worker, ...] = ()
    queues: Mapping[str, int] = field(default_factory=dict)
    jobs: tuple[JobSample, ...] = ()
    redis: Mapping[str, int] = field(default_factory=dict)
    """Fields of INFO."""
    up: bool = True


class Sample(NamedTuple):
    """One value, and those of the labels in the order in which the metric declares them."""

    labels: tuple[str, ...]
    value: float


@dataclass(frozen=True, slots=True)
class Counted:
    """The sum of fields of the hash of counters."""

    fields: tuple[str, ...]
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "counted by the ledger: " + " + ".join(f"`{name}`" for name in self.fields)

    def samples(self, snapshot: Snapshot) -> Iterator[Sample]:
        """Yield the one value; 0 where nothing was counted yet."""
        yield Sample(self.labels, sum(snapshot.counters.get(name, 0) for name in self.fields))


@dataclass(frozen=True, slots=True)
class CountedBy:
    """A family of fields `PREFIX:VALUE`, one series for each value; those in `known` are there from the start."""

    prefix: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"counted by the ledger: `{self.prefix}:…`"

    def samples(self, snapshot: Snapshot) -> Iterator[Sample]:
        """Yield a value for each known one, then for what else was counted (by a newer worker), in order."""
        start = f"{self.prefix}:"
        found = {name.removeprefix(start) for name in snapshot.counters if name.startswith(start)}
        for value in (*self.known, *sorted(found.difference(self.known))[:MOST_SERIES]):
            yield Sample((printable(value, LABEL_LENGTH),), snapshot.counters.get(start + value, 0))


@dataclass(frozen=True, slots=True)
class Buckets:
    """A histogram over `RUNTIME_BOUNDS`: a field for each bucket, and the sum in milliseconds."""

    prefix: str

    def __str__(self) -> str:
        return f"counted by the ledger: `{self.prefix}:…`, `{self.prefix}_ms`"

    def cumulative(self, snapshot: Snapshot) -> list[tuple[str, float]]:
        """Return how many were at or below each bound."""
        total, buckets = 0, []
        for bound in RUNTIME_BOUNDS:
            total += snapshot.counters.get(f"{self.prefix}:{bound}", 0)
            buckets.append((bound, float(total)))
        return buckets

    def seconds(self, snapshot: Snapshot) -> float:
        """Return the sum of all runtimes in seconds."""
        return snapshot.counters.get(f"{self.prefix}_ms", 0) / 1000


@dataclass(frozen=True, slots=True)
class Measured:
    """What is read at the moment of the scrape; `where` says from what."""

    where: str
    samples: Callable[[Snapshot], Iterable[Sample]]

    def __str__(self) -> str:
        return f"measured: {self.where}"


@dataclass(frozen=True, slots=True)
class Metric:
    """One family of series; a counter's name ends in `_total`."""

    name: str
    kind: Kind
    help: str
    source: Counted | CountedBy | Buckets | Measured
    labels: tuple[str, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """The names by which queries call it: a histogram has three."""
        if self.kind != "histogram":
            return (self.name,)
        return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")


def runtime_counts(seconds: float) -> dict[str, int]:
    """Return what one chunk that took `seconds` adds to the hash of counters."""
    bound = next(bound for bound in RUNTIME_BOUNDS if seconds <= float(bound))
    return {f"runtime:{bound}": 1, "runtime_ms": round(seconds * 1000)}


def _processes(snapshot: Snapshot) -> Iterator[Sample]:
    living = [worker for worker in snapshot.workers if worker.lives]
    names = sorted({*snapshot.queues, *(queue for worker in living for queue in worker.queues)})
    for name in names:
        yield Sample((name,), sum(worker.slots for worker in living if name in worker.queues))


def _versions(snapshot: Snapshot) -> Iterator[Sample]:
    living = [worker.version for worker in snapshot.workers if worker.lives]
    return (Sample((printable(version, LABEL_LENGTH),), living.count(version)) for version in sorted(set(living)))


def _jobs(snapshot: Snapshot) -> Iterator[Sample]:
    states = [job.state for job in snapshot.jobs]
    for state in (*STATES, *sorted(set(states).difference(STATES))):
        yield Sample((state,), states.count(state))


def _running(snapshot: Snapshot) -> list[JobSample]:
    return [job for job in snapshot.jobs if not job.ended]


def _oldest_running(snapshot: Snapshot) -> Iterator[Sample]:
    yield Sample((), max((snapshot.now - job.created for job in _running(snapshot)), default=0.0))


def _unattended(snapshot: Snapshot) -> Iterator[Sample]:
    heard = [max(job.producer_seen, job.created) for job in snapshot.jobs if job.state == JobState.LISTING]
    yield Sample((), sum(1 for when in heard if snapshot.now - when > UNATTENDED_AFTER))


def _oldest_unreported(snapshot: Snapshot) -> Iterator[Sample]:
    over = [
        job.ended if job.state == JobState.CANCELLED else job.completed
        for job in snapshot.jobs
        if job.state == JobState.FINALIZING or (job.state == JobState.CANCELLED and not job.reported)
    ]
    yield Sample((), max((snapshot.now - when for when in over), default=0.0))


def _report_age(snapshot: Snapshot) -> Iterator[Sample]:
    ended = [job.ended for job in snapshot.jobs if job.reported]
    if ended:
        yield Sample((), snapshot.now - max(ended))


def _info(name: str) -> Callable[[Snapshot], Iterator[Sample]]:
    return lambda snapshot: iter([Sample((), snapshot.redis[name])] if name in snapshot.redis else [])


def _task(name: str, help_text: str, *fields: str) -> Metric:
    return Metric(f"celery_task_{name}_total", "counter", help_text, Counted(fields, (SCAN,)), ("name",))


METRICS = (
    Metric(
        "modelsweep_up",
        "gauge",
        "Whether Redis answered this scrape; where it did not, nothing else is exported.",
        Measured("the scrape", lambda snapshot: [Sample((), float(snapshot.up))]),
    ),
    Metric(
        "modelsweep_build_info",
        "gauge",
        "Always 1; the label is the version of the exporter.",
        Measured("the program", lambda _: [Sample((VERSION,), 1)]),
        ("version",),
    ),
    _task(
        "sent",
        "Chunks published, also those published again.",
        "chunks_allocated",
        "chunks_released",
        "published_again",
    ),
    _task("received", "Messages that a worker took up.", "claims", "claims_refused"),
    _task("started", "Chunks that a worker was granted.", "claims"),
    _task("succeeded", "Chunks that are done, whatever was found in them.", "chunks_done"),
    _task(
        "failed",
        "Chunks whose worker died, hung, or lost its network.",
        "leases_lost",
    ),
    _task("retried", "Chunks published again, by the sweeper or by hand.", "published_again"),
    Metric(
        "celery_task_runtime_seconds",
        "histogram",
        "How long a chunk took, from the grant to the result.",
        Buckets("runtime"),
        ("name",),
    ),
    Metric(
        "celery_worker_up",
        "gauge",
        f"1 where the worker was heard of in the last {LOST_AFTER} s, 0 where it fell silent; one that left is gone.",
        Measured(
            "heartbeats", lambda snapshot: (Sample((worker.name,), float(worker.lives)) for worker in snapshot.workers)
        ),
        ("hostname",),
    ),
    Metric(
        "celery_queue_length",
        "gauge",
        "Messages that wait in a queue.",
        Measured("Redis lists", lambda snapshot: (Sample((name,), size) for name, size in snapshot.queues.items())),
        ("queue_name",),
    ),
    Metric(
        "celery_active_process_count",
        "gauge",
        "Chunks that the living workers of a queue can examine at a time.",
        Measured("heartbeats", _processes),
        ("queue_name",),
    ),
    Metric(
        "modelsweep_workers",
        "gauge",
        "Living workers by version.",
        Measured("heartbeats", _versions),
        ("version",),
    ),
    Metric(
        "modelsweep_units_total",
        "counter",
        "Files and archive members examined, by their verdict where nothing stands beside them.",
        CountedBy("verdict", tuple(verdict.value for verdict in Verdict)),
        ("verdict",),
    ),
    Metric(
        "modelsweep_bytes_total",
        "counter",
        "Bytes examined of files and archive members, also where the cache knew them.",
        Counted(("bytes",)),
    ),
    Metric(
        "modelsweep_known_total",
        "counter",
        "Files of which nothing was read, because the cache knew them.",
        Counted(("known",)),
    ),
    Metric(
        "modelsweep_findings_total",
        "counter",
        "Findings by severity; what files only make of each other is counted when the report is published.",
        CountedBy("severity", tuple(severity.name.lower() for severity in reversed(Severity))),
        ("severity",),
    ),
    Metric(
        "modelsweep_problems_total",
        "counter",
        "What could not be examined, by kind; `crash` and `timeout` are deaths of sandboxed children.",
        CountedBy("problem", tuple(kind.value for kind in ProblemKind)),
        ("kind",),
    ),
    Metric(
        "modelsweep_chunks_allocated_total", "counter", "Chunks that the ledger knows.", Counted(("chunks_allocated",))
    ),
    Metric("modelsweep_chunks_done_total", "counter", "Chunks that are done.", Counted(("chunks_done",))),
    Metric(
        "modelsweep_chunks_released_total",
        "counter",
        "Chunks given back by workers that were told to stop.",
        Counted(("chunks_released",)),
    ),
    Metric(
        "modelsweep_claims_refused_total",
        "counter",
        "Messages of chunks that were done, leased, cancelled or gone: harmless duplicates.",
        CountedBy("claims_refused", REFUSALS),
        ("reason",),
    ),
    Metric(
        "modelsweep_results_refused_total",
        "counter",
        "Results of chunks that were done already, or of jobs that are gone: work done twice.",
        Counted(("results_refused",)),
    ),
    Metric(
        "modelsweep_leases_lost_total",
        "counter",
        "Leases that expired: their worker died, hung, or lost its network.",
        Counted(("leases_lost",)),
    ),
    Metric(
        "modelsweep_published_again_total",
        "counter",
        "Messages that the sweeper, or `retry`, published again.",
        Counted(("published_again",)),
    ),
    Metric("modelsweep_jobs_created_total", "counter", "Jobs begun.", Counted(("jobs_created",))),
    Metric("modelsweep_jobs_cancelled_total", "counter", "Jobs cancelled.", Counted(("jobs_cancelled",))),
    Metric("modelsweep_reports_published_total", "counter", "Reports published.", Counted(("reports_published",))),
    Metric("modelsweep_jobs", "gauge", "Jobs by state, until they expire.", Measured("the ledger", _jobs), ("state",)),
    Metric(
        "modelsweep_chunks_open",
        "gauge",
        "Chunks of running jobs that are not done.",
        Measured(
            "the ledger",
            lambda snapshot: [Sample((), sum(job.chunks - job.chunks_done for job in _running(snapshot)))],
        ),
    ),
    Metric(
        "modelsweep_chunks_in_flight",
        "gauge",
        "Chunks of running jobs that a worker holds a lease of.",
        Measured("the ledger", lambda snapshot: [Sample((), sum(job.leased for job in _running(snapshot)))]),
    ),
    Metric(
        "modelsweep_job_oldest_running_seconds",
        "gauge",
        "Seconds since the oldest job that still runs was created; 0 where none runs.",
        Measured("the ledger", _oldest_running),
    ),
    Metric(
        "modelsweep_jobs_unattended",
        "gauge",
        f"Jobs that are still to be listed, of whose producer nothing was heard for {UNATTENDED_AFTER:,} s.",
        Measured("the ledger", _unattended),
    ),
    Metric(
        "modelsweep_job_oldest_unreported_seconds",
        "gauge",
        "Seconds since the oldest job that has no report was complete, or cancelled; 0 where there is none.",
        Measured("the ledger", _oldest_unreported),
    ),
    Metric(
        "modelsweep_report_age_seconds",
        "gauge",
        "Seconds since the latest report was published; missing where there is none.",
        Measured("the ledger", _report_age),
    ),
    Metric("modelsweep_redis_memory_bytes", "gauge", "Memory that Redis uses.", Measured("INFO", _info("used_memory"))),
    Metric(
        "modelsweep_redis_memory_limit_bytes",
        "gauge",
        "`maxmemory` of Redis; 0 where there is no limit.",
        Measured("INFO", _info("maxmemory")),
    ),
    Metric(
        "modelsweep_redis_evicted_keys_total",
        "counter",
        "Keys that Redis threw away for want of memory: anything above 0 means that a job may have lost its ledger.",
        Measured("INFO", _info("evicted_keys")),
    ),
)


def series_labels() -> dict[str, frozenset[str]]:
    """Return the labels of every series that a query may name, without those that Prometheus adds."""
    return {
        name: frozenset((*metric.labels, *(["le"] if name.endswith("_bucket") else [])))
        for metric in METRICS
        for name in metric.series
    }
