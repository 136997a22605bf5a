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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from redis import Redis

from modelsweep.cache.known import Known
from modelsweep.cache.opening import open_cache
from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options, Reuse
from modelsweep.core.report import Unit, UnitResult
from modelsweep.core.text import printable
from modelsweep.core.units import GIB
from modelsweep.core.values import dataclass, replace
from modelsweep.fleet.answers import LeaseStatus, LedgerFault, UnknownJob
from modelsweep.fleet.job import JobSpec, UnknownProtocol, open_spec, spec_name
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.logs import logger
from modelsweep.fleet.messages import Message, connect, publish, scan_message
from modelsweep.fleet.pages import Chunk, Pages
from modelsweep.fleet.redis_faults import is_refusal
from modelsweep.fleet.running import Sender
from modelsweep.fleet.signature import Damaged, Key
from modelsweep.fleet.signed_results import signing
from modelsweep.fleet.store import Absent, Store, StoreFault
from sources.opening import Opener, opener
from worker.answer import Examined
from worker.backends import NUMPY
from worker.execution import PluginMissing, SandboxFailed
from worker.settling import Settling
from worker.stream import Share, Work, examined
from worker.supervisor import Supervisor

LEASE = 60.0
"""Seconds after which the chunk of a worker that fell silent is given to another."""
PAGE_TRIES = 3
"""Leases that run out over a page that is not in the store before its chunk is given up."""
WORKER = "worker"
NOT_STORED = "the store of this worker knows nothing of it: is it that of whoever submitted it, and mounted here?"
UNABLE = 3
"""Times in a row that a worker cannot examine anything before it ends: another machine, or a restart, may be better."""
UNABLE_FOR = 1.0
"""Seconds that a slot then leaves messages to others."""
_JOBS_KEPT = 32
_log = logger("modelsweep.worker")


class JobGone(Exception):
    """The ledger knows no such job any more; the sentence says so."""


class Declined(JobGone):
    """A job that this worker must not or cannot do, and leaves to others; `is_new` the first time that it says so."""

    def __init__(self, why: str, *, is_new: bool = True) -> None:
        super().__init__(why)
        self.is_new = is_new


class NotStored(Exception):
    """The store of this worker knows nothing of a job: it is another one than that of the others, or not mounted."""


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
    is_private: bool = False
    """Whether it works for one job of one process, so that what is wrong with the store nobody will put right."""


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
    sender: Sender
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
        self.sender.close()
        if self.supervisor:
            self.supervisor.close()
            self.supervisor = None


class Node:
    """Does chunks for any job of a fleet; methods may be called by many threads at once."""

    def __init__(self, settings: WorkerSettings, client: Redis, store: Store, key: Key) -> None:
        self.settings, self.client, self.store, self.key = settings, client, store, key
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._declined: OrderedDict[str, str] = OrderedDict()
        """Why this worker leaves a job to others."""
        self._lacking: set[str] = set()
        """Jobs that it declines for what it lacks itself: they are not looked at again."""
        self._lock = threading.Lock()
        self._held: dict[str, Work] = {}
        self._local = threading.local()
        self._slots: list[Slot] = []
        self._publishing = threading.Lock()
        self._connection = connect(settings.broker)
        self.draining = threading.Event()
        self.faults: list[str] = []
        """Why no process could be had that examines, as often in a row as that was so."""
        self.unable = ""
        """Why this worker should end, since it is of no use; empty where it should not."""
        self._unable_for = UNABLE_FOR

    # -- the chunks of one message

    def scan(self, job: str, chunk: int, generation: int, amount: int = 1) -> str:
        """Examine a chunk, or `amount` from that one on, where the ledger grants it; returns what became of each.

        What goes wrong with one of them is logged, does not keep the others, and has that one `failed`. Raises
        LedgerFault, SandboxFailed: it went wrong with all. Leases then run out, and chunks are published again. Raises
        JobGone where the job is none of this worker's.
        """
        if self.draining.is_set():
            return "draining"  # nobody claimed it: the sweeper publishes it again
        known = self._job(job)
        chunks = range(chunk, chunk + amount)
        claims = known.ledger.claims(chunks, generation, self.name, self.settings.lease)
        outcomes: dict[int, str] = {number: claim.status for number, claim in zip(chunks, claims, strict=True)}
        held = [
            Work(known.ledger, number, claim, threading.Event())
            for number, claim in zip(chunks, claims, strict=True)
            if claim.granted
        ]
        if held:
            with self._holding(held), self._examining(job, held):
                outcomes |= self._done(known, held, generation)
        return " ".join(outcomes.values())

    @contextmanager
    def _examining(self, job: str, held: Sequence[Work]) -> Iterator[None]:
        """Note how often in a row no process could be had that examines; what is left of those is ended.

        What only this job asks for is no fault of the worker's: the job is left to others from now on.
        """
        try:
            yield
        except PluginMissing as fault:
            self._slot().close()
            self._lacking.add(job)
            self._leave(held)
            raise self.decline(job, f"job {job} is left to others: {fault}") from fault
        except NotStored as fault:
            self._leave(held)
            raise self.decline(job, f"job {job} is left to others: {NOT_STORED}") from fault
        except SandboxFailed as fault:
            self.faults.append(str(fault))
            if len(self.faults) >= UNABLE:  # for good: what another slot is stopped in meanwhile proves nothing
                self.unable = f"no file can be examined here: {fault}"
            self._slot().close()
            self.draining.wait(UNABLE_FOR)
            raise
        self.faults.clear()

    def _leave(self, held: Sequence[Work]) -> None:
        """Have others examine chunks: the sweeper publishes them again."""
        for work in held:
            work.ledger.release(work.number, work.claim.token)

    def failed(self) -> None:
        """Leave messages to others for a while, each time in a row for longer: here the store, say, is of no use.

        A worker at which everything fails is always the first to take a message, and would have all of them.
        """
        self.rest(self._unable_for)
        self._unable_for *= 2

    def succeeded(self) -> None:
        """Note that it is of use."""
        self._unable_for = UNABLE_FOR

    def rest(self, seconds: float = UNABLE_FOR) -> None:
        """Have a slot leave messages to others, for half a lease at most."""
        self.draining.wait(min(seconds, self.settings.lease / 2))

    def give_up(self, fault: StoreFault) -> bool:
        """End where the store fails a worker that nobody else waits for; returns whether it does."""
        if self.settings.is_private:
            self.unable = str(fault)
        return self.settings.is_private

    def _done(self, job: Job, held: Sequence[Work], generation: int) -> dict[int, str]:
        """Examine chunks that were granted, store their results, tell the ledger, and return what became of each."""
        slot = self._slot()
        supervisor, begun = slot.supervisor_for(job), time.monotonic()
        settling = Settling(
            signing(self.store, self.key, job.spec),
            self.publish,
            slot.sender,
            job.spec,
            job.pages,
            generation,
            is_private=self.settings.is_private,
        )
        outcomes = settling.outcomes
        shares = [share for work in held if (share := self._opened(job, work, supervisor, settling))]
        with job.opener.another() as open_unit, settling:
            for share in examined(supervisor, shares, open_unit):
                now = time.monotonic()
                settling.settle(share, supervisor.tool(), now - begun)
                self.let_go(share.work)
                begun = now
        stopped = [share for share in shares if share.work.number not in outcomes]
        outcomes |= dict.fromkeys((share.work.number for share in stopped), "stopped")
        self._give_back(job, stopped, generation)
        return outcomes

    def _opened(self, job: Job, work: Work, supervisor: Supervisor, settling: Settling) -> Share | None:
        """Return a chunk whose units can be told; else see to it."""
        claim = work.claim
        with settling.attempting(work):
            try:
                return Share(work, job.pages.chunk(claim.page, claim.first, work.number))
            except (Damaged, Absent) as fault:
                if isinstance(fault, Absent):
                    if not (self.settings.is_private or self.store.exists(spec_name(job.spec.id))):
                        raise NotStored from fault
                    if claim.losses < PAGE_TRIES:
                        raise  # a store of several machines may show it late
                said = _unreadable(claim.page, work.number, fault)
                share = Share(work, Chunk("", (said.unit,)), {said.unit.index: Examined(said)})
                settling.settle(share, supervisor.tool(), 0.0)
        return None

    def _give_back(self, job: Job, stopped: Sequence[Share], generation: int) -> None:
        """Have another worker examine chunks that were stopped because this one is to end."""
        if self.draining.is_set():
            released = [
                share
                for share in stopped
                if share.work.ledger.release(share.work.number, share.work.claim.token) is LeaseStatus.OK
            ]
            self.publish(
                [scan_message(share.chunk.queue, job.spec.id, share.work.number, generation) for share in released]
            )

    # -- jobs and leases

    def _job(self, job: str) -> Job:
        """Return a job as it was signed; raises JobGone."""
        with self._lock:
            why = self._declined.get(job) if job in self._lacking else None
            if found := None if why else self._jobs.get(job):
                self._jobs.move_to_end(job)
                return found
        if why:
            raise self.decline(job, why)
        ledger = Ledger(self.client, job)
        try:
            spec = open_spec(job, ledger.spec(), self.key)
        except UnknownJob as error:
            raise JobGone(str(error)) from error
        except (Damaged, UnknownProtocol) as error:
            raise self.decline(job, str(error)) from error
        memory = min(spec.options.limits.memory, self.settings.memory)
        options = replace(spec.options, limits=replace(spec.options.limits, memory=memory))
        found = Job(spec, options, ledger, Pages(self.store, self.key, job), opener(spec.targets, self.settings.roots))
        with self._lock:
            self._jobs[job] = found
            while len(self._jobs) > _JOBS_KEPT:
                self._jobs.popitem(last=False)
        return found

    def decline(self, job: str, why: str) -> Declined:
        """Return what says that a job is left to others, and whether that was said before."""
        with self._lock:
            is_new = self._declined.get(job) != why
            self._declined[job] = why
            while len(self._declined) > _JOBS_KEPT:
                self._lacking.discard(self._declined.popitem(last=False)[0])
        return Declined(why, is_new=is_new)

    def _holding(self, works: Sequence[Work]) -> _Holding:
        return _Holding(self, works)

    def renew(self) -> None:
        """Renew the leases of all chunks that are held; stop those that were lost or cancelled.

        Raises LedgerFault: of one job, when those of all others were renewed.
        """
        with self._lock:
            held = list(self._held.values())
        by_job: dict[str, list[Work]] = {}
        for work in held:
            by_job.setdefault(work.ledger.job, []).append(work)
        faults: list[LedgerFault] = []
        for works in by_job.values():
            leases = [(work.number, work.claim.token) for work in works]
            try:
                statuses = works[0].ledger.renew_all(leases, self.settings.lease)
            except LedgerFault as fault:
                if not is_refusal(fault):
                    raise
                faults.append(fault)
                continue
            for work, status in zip(works, statuses, strict=True):
                if status is not LeaseStatus.OK:
                    work.stop.set()
        if faults:
            raise faults[0]

    def hold(self, work: Work) -> None:
        """Have the lease of a chunk renewed from now on."""
        with self._lock:
            self._held[work.claim.token] = work

    def let_go(self, work: Work) -> None:
        """Renew it no longer."""
        with self._lock:
            self._held.pop(work.claim.token, None)

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
            slot = self._local.slot = Slot(self.settings.cache, self.key, Sender(self.client), self.settings.backend)
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
    """While the block runs, the leases of some chunks are renewed."""

    def __init__(self, node: Node, works: Sequence[Work]) -> None:
        self._node, self._works = node, works

    def __enter__(self) -> None:
        for work in self._works:
            self._node.hold(work)

    def __exit__(self, *_: object) -> None:
        for work in self._works:
            self._node.let_go(work)


def _unreadable(page: str, number: int, fault: Damaged | Absent) -> UnitResult:
    """Return what stands for the units of a chunk that nobody can name any more."""
    place = Locator(page, (f"chunk {number}",))
    detail = f"which files these were cannot be read any more: {fault.detail}"
    return UnitResult(Unit(0, place, 0), problems=(Problem(ProblemKind.SOURCE, place, WORKER, printable(detail, 300)),))
