"""One worker process of the fleet: it claims chunks, has their units examined in sandboxed children, and settles them.

Celery only says which chunk to look at. Each thread of its pool is a slot with a supervisor of its own; one thread
beside them renews the leases of all chunks that are held, and stops an examination whose lease is lost.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from redis import Redis

from modelsweep.cache.known import Known
from modelsweep.cache.opening import open_cache
from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options, Reuse
from modelsweep.core.report import Tool, Unit, UnitResult, Verdict
from modelsweep.core.text import printable
from modelsweep.core.units import GIB
from modelsweep.core.values import dataclass, replace
from modelsweep.fleet.answers import Claim, DoneStatus, LeaseStatus, UnknownJob
from modelsweep.fleet.chunks import put_children
from modelsweep.fleet.job import JobSpec, UnknownProtocol, open_spec
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.logs import logger
from modelsweep.fleet.messages import Message, connect, finalize_message, publish, scan_message
from modelsweep.fleet.metrics import runtime_counts
from modelsweep.fleet.pages import Chunk, Pages
from modelsweep.fleet.results import digest_of, encode_chunk, results_name
from modelsweep.fleet.signature import Damaged, Key
from modelsweep.fleet.store import Absent, Store
from sources.opening import Opener, opener
from worker.backends import NUMPY
from worker.supervisor import SUPERVISOR, OpenUnit, Supervisor

LEASE = 60.0
"""Seconds after which the chunk of a worker that fell silent is given to another."""
BLAMED = 10
"""Times that a worker was lost while it examined a unit alone, after which the unit is not tried again.

Many, since units seldom do that: hostile bytes are in children, and whoever kills workers knows nothing of units.
"""
PAGE_TRIES = 3
"""Leases that run out over a page that is not in the store before its chunk is given up."""
WORKER = "worker"
TRIES = 3
"""Times that a unit is examined whose child dies."""
TRANSIENT = frozenset(
    {ProblemKind.SOURCE, ProblemKind.CHANGED, ProblemKind.TIMEOUT, ProblemKind.CRASH, ProblemKind.DEPENDENCY}
)
"""Kinds of problems that another try may not have."""
DEADLY = frozenset({ProblemKind.CRASH, ProblemKind.LIMIT})
_JOBS_KEPT = 32
_CLEAN = f"verdict:{Verdict.CLEAN.value}"
_log = logger("modelsweep.worker")


class JobGone(Exception):
    """The ledger knows no such job, or one that this worker must not do; the sentence says why."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker works: where its fleet is, and what it may read.

    `roots` are the folders and addresses below which it may read; `lease` is in seconds, `memory` in bytes for each
    sandboxed child at most; `cache` is a Redis or a folder, empty for none.
    """

    broker: str
    store: str
    queues: tuple[str, ...]
    slots: int
    roots: tuple[str, ...]
    lease: float = LEASE
    memory: int = 2 * GIB
    cache: str = ""
    backend: str = NUMPY
    """What the numbers of weights are computed with, tried already."""


class Examined(NamedTuple):
    """The results of a chunk in its order, None where it was stopped; and how many of them were known."""

    results: list[UnitResult] | None
    tool: Tool
    known: int = 0


class Work(NamedTuple):
    """A chunk that this worker holds."""

    ledger: Ledger
    chunk: int
    token: str
    stop: threading.Event


@dataclass(frozen=True, slots=True)
class Job:
    """A job as this worker does it."""

    spec: JobSpec
    options: Options
    ledger: Ledger
    pages: Pages
    opener: Opener


@dataclass(slots=True)
class Slot:
    """What one thread keeps between chunks: a supervisor, as long as jobs want the same options."""

    cache: str
    key: Key
    backend: str = NUMPY
    supervisor: Supervisor | None = None
    reuse: Reuse = "nothing"
    job: str = ""
    """Whose units it examined last."""

    def supervisor_for(self, job: Job) -> Supervisor:
        """Return a supervisor of one child with the options of a job; raises SandboxFailed."""
        self.job = job.spec.id
        wanted = job.options, job.spec.reuse
        if self.supervisor is None or (self.supervisor.options, self.reuse) != wanted:
            self.close()
            self.reuse = job.spec.reuse
            self.supervisor = Supervisor(job.options, 1, self._known(job), self.backend)
        return self.supervisor

    def _known(self, job: Job) -> Known | None:
        if not self.cache or job.spec.reuse == "nothing":
            return None
        return Known(lambda: open_cache(self.cache, _log.warning, self.key), job.options, job.spec.reuse, _log.warning)

    def close(self) -> None:
        """End its processes."""
        if self.supervisor:
            self.supervisor.close()
            self.supervisor = None


class Node:
    """Does chunks for any job of a fleet; methods may be called by many threads at once."""

    def __init__(self, settings: WorkerSettings, client: Redis, store: Store, key: Key) -> None:
        self.settings, self.client, self.store, self.key = settings, client, store, key
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._held: dict[str, Work] = {}
        self._local = threading.local()
        self._slots: list[Slot] = []
        self._publishing = threading.Lock()
        self._connection = connect(settings.broker)
        self.draining = threading.Event()

    # -- one chunk

    def scan(self, job: str, chunk: int, generation: int) -> str:
        """Examine a chunk where the ledger grants it; returns what became of it, in a word.

        Raises LedgerFault, StoreFault, SandboxFailed: the lease then runs out, and the chunk is published again.
        """
        if self.draining.is_set():
            return "draining"  # nobody claimed it: the sweeper publishes it again
        known = self._job(job)
        claim = known.ledger.claim(chunk, generation, self.name, self.settings.lease)
        if not claim.granted:
            return claim.status
        work = Work(known.ledger, chunk, claim.token, threading.Event())
        with self._holding(work):
            return self._settle(known, claim, work, generation)

    def _settle(self, job: Job, claim: Claim, work: Work, generation: int) -> str:
        """Examine the units of a chunk that was granted, store their results, and tell the ledger."""
        begun = time.monotonic()
        examined = self._results(job, claim, work)
        results = examined.results
        if results is None:
            self._give_back(job, claim, work, generation)
            return "stopped"
        blob = encode_chunk(examined.tool, results)
        digest = digest_of(blob)
        self.store.put(results_name(job.spec.id, work.chunk, digest), blob)
        children = put_children(results, work.chunk, job.spec, job.pages)
        counts = {**counted(results), **runtime_counts(time.monotonic() - begun)}
        if examined.known:
            counts["known"] = examined.known
        done = work.ledger.done(
            work.chunk,
            work.token,
            digest,
            counts,
            retryable=is_retryable(results),
            children=children.allotment,
        )
        if done.complete:
            self.publish([finalize_message(job.spec.id)])
        elif done.first_child is not None and done.status is DoneStatus.DONE:
            self._publish_children(job, children.chunks, done.first_child, generation)
        return done.status

    def _publish_children(self, job: Job, chunks: Sequence[Chunk], first: int, generation: int) -> None:
        """Have the members examined that were found; those of a chunk that is done again may be done already."""
        self.publish(
            [scan_message(chunk.queue, job.spec.id, number, generation) for number, chunk in enumerate(chunks, first)]
        )

    def _give_back(self, job: Job, claim: Claim, work: Work, generation: int) -> None:
        """Have another worker examine a chunk that was stopped because this one is to end."""
        if self.draining.is_set() and work.ledger.release(work.chunk, work.token) is LeaseStatus.OK:
            queue = job.pages.chunk(claim.page, claim.first, work.chunk).queue
            self.publish([scan_message(queue, job.spec.id, work.chunk, generation)])

    def _results(self, job: Job, claim: Claim, work: Work) -> Examined:
        """Return as `_examine` does, and what is to be said where nobody can tell any more which units there were."""
        try:
            chunk = job.pages.chunk(claim.page, claim.first, work.chunk)
        except (Damaged, Absent) as fault:
            if isinstance(fault, Absent) and claim.losses < PAGE_TRIES:
                raise  # a store of several machines may show it late
            tool = self._slot().supervisor_for(job).tool()
            return Examined([_unreadable(claim.page, work.chunk, fault)], tool)
        return self._examine(job, chunk, claim, work)

    def _examine(self, job: Job, chunk: Chunk, claim: Claim, work: Work) -> Examined:
        """Return the results of a chunk."""
        supervisor = self._slot().supervisor_for(job)
        before = supervisor.answered
        with job.opener.another() as open_unit:
            results = self._each(supervisor, chunk, claim, work, open_unit)
            results |= self._again(supervisor, results, open_unit, work.stop)
        if work.stop.is_set() or len(results) < len(chunk.units):
            return Examined(None, supervisor.tool())
        ordered = [results[unit.index] for unit in chunk.units]
        return Examined(ordered, supervisor.tool(), supervisor.answered - before)

    def _each(
        self, supervisor: Supervisor, chunk: Chunk, claim: Claim, work: Work, open_unit: OpenUnit
    ) -> dict[int, UnitResult]:
        """Return the results of the units of a chunk, by index: of all of them, unless it is stopped."""
        if not claim.losses:
            return _examined(supervisor, chunk.units, open_unit, work.stop)
        # A worker was lost over it: one unit at a time, and the ledger knows which
        results: dict[int, UnitResult] = {}
        for place, unit in enumerate(chunk.units):
            if claim.blames.get(place, 0) >= BLAMED:
                results[unit.index] = _poison(unit, claim.blames[place])
                continue
            work.ledger.enter(work.chunk, work.token, place)
            results |= _examined(supervisor, [unit], open_unit, work.stop)
        return results

    def _again(
        self, supervisor: Supervisor, results: Mapping[int, UnitResult], open_unit: OpenUnit, stop: threading.Event
    ) -> dict[int, UnitResult]:
        """Examine again, each alone, units whose child died: that may have been somebody else's doing."""
        found: dict[int, UnitResult] = {}
        for result in results.values():
            tries = 1
            while _child_died(found.get(result.unit.index, result)) and tries < TRIES and not stop.is_set():
                found |= _examined(supervisor, [result.unit], open_unit, stop)
                tries += 1
        return found

    # -- jobs and leases

    def _job(self, job: str) -> Job:
        """Return a job as it was signed; raises JobGone."""
        with self._lock:
            if found := self._jobs.get(job):
                self._jobs.move_to_end(job)
                return found
        ledger = Ledger(self.client, job)
        try:
            spec = open_spec(job, ledger.spec(), self.key)
        except (UnknownJob, Damaged, UnknownProtocol) as error:
            raise JobGone(str(error)) from error
        memory = min(spec.options.limits.memory, self.settings.memory)
        options = replace(spec.options, limits=replace(spec.options.limits, memory=memory))
        found = Job(spec, options, ledger, Pages(self.store, self.key, job), opener(spec.targets, self.settings.roots))
        with self._lock:
            self._jobs[job] = found
            while len(self._jobs) > _JOBS_KEPT:
                self._jobs.popitem(last=False)
        return found

    def _holding(self, work: Work) -> _Holding:
        return _Holding(self, work)

    def renew(self) -> None:
        """Renew the leases of all chunks that are held; stop those that were lost or cancelled. Raises LedgerFault."""
        with self._lock:
            held = list(self._held.values())
        for work in held:
            if work.ledger.renew(work.chunk, work.token, self.settings.lease) is not LeaseStatus.OK:
                work.stop.set()

    def hold(self, work: Work) -> None:
        """Have the lease of a chunk renewed from now on."""
        with self._lock:
            self._held[work.token] = work

    def let_go(self, work: Work) -> None:
        """Renew it no longer."""
        with self._lock:
            self._held.pop(work.token, None)

    def stop(self) -> None:
        """Give back all chunks that are held, soon."""
        self.draining.set()
        with self._lock:
            for work in self._held.values():
                work.stop.set()

    @property
    def busy(self) -> int:
        """How many chunks are held."""
        return len(self._held)

    def reading(self) -> dict[str, int]:
        """Return how many bytes of large files in hand were read so far, by job; any thread may ask."""
        found: Counter[str] = Counter()
        with self._lock:
            slots = list(self._slots)
        for slot in slots:
            if slot.supervisor and (read := slot.supervisor.reading()):
                found[slot.job] += read
        return dict(found)

    def _slot(self) -> Slot:
        slot: Slot | None = getattr(self._local, "slot", None)
        if slot is None:
            slot = self._local.slot = Slot(self.settings.cache, self.key, self.settings.backend)
            with self._lock:
                self._slots.append(slot)
        return slot

    def publish(self, messages: Sequence[Message]) -> None:
        """Put messages into their queues; raises BrokerFault. What does not get there the sweeper finds."""
        with self._publishing:
            publish(self._connection, messages)

    def close(self) -> None:
        """End all processes of all slots; no thread may be examining any more."""
        for slot in self._slots:
            slot.close()
        with suppress(OSError):
            self._connection.release()


class _Holding:
    """While the block runs, the lease of a chunk is renewed."""

    def __init__(self, node: Node, work: Work) -> None:
        self._node, self._work = node, work

    def __enter__(self) -> None:
        self._node.hold(self._work)

    def __exit__(self, *_: object) -> None:
        self._node.let_go(self._work)


def _examined(
    supervisor: Supervisor, units: Sequence[Unit], open_unit: OpenUnit, stop: threading.Event
) -> dict[int, UnitResult]:
    results = supervisor.examine(units, open_unit, stop, whole=False)
    return {result.unit.index: result for result in results}


def _child_died(result: UnitResult) -> bool:
    """Return whether the supervisor saw the examining process die; a timeout is not tried again."""
    return any(problem.scanner == SUPERVISOR and problem.kind in DEADLY for problem in result.problems)


def is_retryable(results: Sequence[UnitResult]) -> bool:
    """Return whether another try may have results where these have problems."""
    return any(
        _child_died(result) or any(problem.kind in TRANSIENT for problem in result.problems)
        for result in results
        if result.problems
    )


def _unreadable(page: str, number: int, fault: Damaged | Absent) -> UnitResult:
    """Return what stands for the units of a chunk that nobody can name any more."""
    place = Locator(page, (f"chunk {number}",))
    detail = f"which files these were cannot be read any more: {fault.detail}"
    return UnitResult(Unit(0, place, 0), problems=(Problem(ProblemKind.SOURCE, place, WORKER, printable(detail, 300)),))


def _poison(unit: Unit, times: int) -> UnitResult:
    detail = f"{times} workers were lost while they examined it"
    return UnitResult(unit, problems=(Problem(ProblemKind.CRASH, unit.locator, SUPERVISOR, detail),))


def counted(results: Sequence[UnitResult]) -> dict[str, int]:
    """Return what a chunk adds to the counters of its job: units, bytes, verdicts, findings and problems.

    Units are files, as users know them: members of archives are counted apart from them.
    """
    counts: Counter[str] = Counter()
    for result in results:
        counts["members" if result.unit.locator.members else "units"] += 1
        counts["bytes"] += result.bytes_read
        counts["size"] += result.unit.extent
        if result.findings or result.problems:
            counts[f"verdict:{result.verdict.value}"] += 1
            counts.update(f"severity:{finding.severity.name.lower()}" for finding in result.findings)
            counts.update(f"problem:{problem.kind.value}" for problem in result.problems)
        else:
            counts[_CLEAN] += 1
    return dict(counts)
