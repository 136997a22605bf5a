"""The producer: lists what a job examines, and puts it into pages, the ledger and the queues, in this order.

A page stands in the store before the ledger allocates it, and the ledger has it before a message goes out. Killed at
any step the producer loses nothing: what was allocated is published by the sweeper, what was not is listed again behind
the ledger's cursor.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar, cast

from kombu import Connection
from redis import Redis

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.report import Unit
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from modelsweep.core.values import asdict, replace
from modelsweep.fleet.answers import AllocStatus, JobState, LedgerFault, SealStatus
from modelsweep.fleet.chunks import Packer, runs
from modelsweep.fleet.job import JobSpec, cursor_name, cursor_purpose, seal_spec, spec_name
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.messages import (
    SCANS,
    BrokerFault,
    Message,
    finalize_message,
    publish,
    queue_lengths,
    scan_message,
)
from modelsweep.fleet.pages import PAGE_CHUNKS, Chunk, Page, Pages
from modelsweep.fleet.patience import patiently
from modelsweep.fleet.problems import parts, problems_name, put_part, seal_problems
from modelsweep.fleet.signature import Damaged, Key
from modelsweep.fleet.store import Absent, Store
from producer.plan import BEGINNING, PLAN, Cursor, plan_after

PAGE_SECONDS = 1.0
"""After which a page is closed though not full, so that workers begin."""
ORDERED_SECONDS = 20.0
"""The same where the newest of a page come first; less than the sweeper lets allocated chunks lie."""
WAITING = 4_000
"""Messages in a queue at which the producer waits."""
FULL = 0.8
"""Part of Redis' memory at which it waits, too."""
NO_ROOM = 600.0
"""Seconds that it waits for memory though nothing is examined: reports and results may lie in the same Redis."""
LOOK = 0.25
"""Seconds between two looks at a queue that is too long."""
ATTEND_EVERY = 2.0
"""Seconds between two looks at a job whose listing is over."""
PAGE_BYTES = 64 * MIB
"""Bytes of addresses after which a page is closed: addresses may be long."""
_Answer = TypeVar("_Answer")


class Superseded(Exception):
    """The job was cancelled, is gone, or another producer goes on with it; the sentence says which."""


class _WentBack(Exception):
    """The ledger has forgotten what it had allocated."""


class Producer:
    """Submits one job; `stop` may be set by another thread, and then it ends at the next page without sealing."""

    def __init__(
        self,
        spec: JobSpec,
        client: Redis,
        connection: Connection,
        store: Store,
        key: Key,
        stop: threading.Event | None = None,
    ) -> None:
        self._spec, self._client, self._connection, self._store, self._key = spec, client, connection, store, key
        self._name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._ledger = Ledger(client, spec.id)
        self._pages = Pages(store, key, spec.id)
        self._stop = stop or threading.Event()
        self._queues: set[str] = set()
        """Those that the last page went into: another one may be long since nobody serves it."""

    def create(self) -> None:
        """Enter the job into the store and the ledger; raises StoreFault, LedgerFault."""
        sealed = seal_spec(self._spec, self._key)
        self._store.put(spec_name(self._spec.id), sealed)
        self._ledger.create(sealed)

    def run(self) -> None:
        """List, allocate and publish until the listing is over, from where an earlier producer of the job came to.

        Redis may be away or full for a while meanwhile.
        Raises LedgerFault, StoreFault, and Superseded.
        """
        while True:
            try:
                self._list()
                return
            except _WentBack:
                continue  # Redis was restored without its last second: on from where its ledger stands now

    def attend(self) -> None:
        """Until `stop` is set, go on with the listing wherever Redis came back without knowing that it was over.

        Raises as `run` does.
        """
        while not self._stop.wait(ATTEND_EVERY):
            if self._patiently(self._ledger.progress).state is JobState.LISTING:
                self.run()

    def _patiently(self, ask: Callable[[], _Answer]) -> _Answer:
        return patiently(ask, self._stop.wait)

    def _list(self) -> None:
        progress = self._patiently(self._ledger.progress)
        next_chunk, stored, generation = progress.allocated, progress.cursor, progress.generation
        problems: list[Problem] = []
        begin = self._opened(stored)
        said = begin.said
        for chunks, behind, met in self._filled(begin, problems):
            said = put_part(met, said, self._store, self._key, self._spec.id) if met else said
            cursor = replace(behind, said=said)
            sealed = self._key.seal(cursor_purpose(self._spec.id), json.dumps(asdict(cursor)).encode())
            first, next_chunk = self._allocate(chunks, next_chunk, stored, sealed)
            stored = sealed
            numbered = [(first + at, chunk) for at, chunk in self._urgent(chunks)]
            self._publish(
                [scan_message(run.queue, self._spec.id, run.first, generation, run.amount) for run in runs(numbered)]
            )
            self._queues = {chunk.queue for chunk in chunks}
            self._hold_back()
        if not self._stop.is_set():
            self._seal([*self._said(said), *problems], next_chunk, stored)

    def _urgent(self, chunks: Sequence[Chunk]) -> list[tuple[int, Chunk]]:
        """Return the chunks of a page with their places, in the order in which they are to be examined."""
        placed = list(enumerate(chunks))
        if self._spec.selection.newest_first:
            placed.sort(key=lambda item: max(unit.modified for unit in item[1].units), reverse=True)
        return placed

    def _said(self, part: str) -> list[Problem]:
        """Return the problems that were met before a cursor, by this producer or one before it."""
        try:
            return parts(part, self._store, self._key, self._spec.id)
        except (Absent, Damaged) as fault:
            detail = f"what was said of files listed before a producer died cannot be read any more: {fault.detail}"
            return [Problem(ProblemKind.SOURCE, Locator(part), PLAN, printable(detail, 300))]

    def _seal(self, problems: list[Problem], next_chunk: int, stored: bytes) -> None:
        name = problems_name(self._spec.id)
        self._store.put(name, seal_problems(problems, self._key, self._spec.id))
        sealed = self._patiently(lambda: self._ledger.seal(name, stored))
        if sealed.status is SealStatus.MOVED and self._patiently(self._ledger.progress).allocated < next_chunk:
            raise _WentBack
        if sealed.status is not SealStatus.SEALED:
            raise Superseded(f"job {self._spec.id}: {_WHY[sealed.status]}")
        if sealed.complete:
            self._publish([finalize_message(self._spec.id)])

    def _filled(
        self, cursor: Cursor, problems: list[Problem]
    ) -> Iterator[tuple[list[Chunk], Cursor, Sequence[Problem]]]:
        """Yield pages full of chunks, each with the cursor behind it and the problems met before that.

        Those that were met behind the last cursor are left in `problems`.
        """
        packer, chunks, begun, size = Packer(self._spec), list[Chunk](), time.monotonic(), 0
        met, patience = 0, ORDERED_SECONDS if self._spec.selection.newest_first else PAGE_SECONDS
        for item, behind in plan_after(cursor, self._spec.targets, self._spec.selection):
            if isinstance(item, Problem):
                problems.append(item)
                continue
            late = time.monotonic() - begun > patience
            if len(chunks) >= PAGE_CHUNKS - 1 or size > PAGE_BYTES or late:
                # The chunk that is not full goes along: the cursor stands behind whole chunks only
                # Nothing yet where the first answer of a listing was slow
                if page := [*chunks, *packer.flush()]:
                    yield page, cursor, problems[:met]
                    del problems[:met]
                    met = 0
                chunks, begun, size = [], time.monotonic(), 0
                if self._stop.is_set():
                    return
            chunks += packer.add(item)
            size += _taken(item)
            cursor, met = behind, len(problems)
        chunks += packer.flush()
        if chunks:
            yield chunks, cursor, problems[:met]
            del problems[:met]

    def _opened(self, stored: bytes) -> Cursor:
        """Return how far an earlier producer of this job came."""
        if not stored:
            return BEGINNING
        said = json.loads(self._key.open(cursor_purpose(self._spec.id), stored))
        try:
            return Cursor(**said)
        except TypeError:
            raise Superseded(
                f"job {self._spec.id}: a newer version has listed it so far: go on with that one"
            ) from None

    def _allocate(self, chunks: list[Chunk], first: int, before: bytes, cursor: bytes) -> tuple[int, int]:
        """Store and allocate one page; return the numbers of its first chunk, and of the next one to be allocated.

        `before` is the cursor that the ledger should have. Raises Superseded, _WentBack.
        """
        units = [unit for chunk in chunks for unit in chunk.units]
        queues = bytes(SCANS.index(chunk.queue) for chunk in chunks)
        while True:
            name = self._pages.put(Page(first, tuple(chunks)))
            self._store.put(cursor_name(name), cursor)
            size = sum(unit.size for unit in units)
            answer = self._patiently(
                partial(self._ledger.alloc, first, queues, name, cursor, units=len(units), size=size)
            )
            if answer.status is AllocStatus.ALLOCATED:
                return first, answer.next
            if answer.status is AllocStatus.MOVED and answer.next < first:
                raise _WentBack
            if answer.status is not AllocStatus.MOVED or answer.cursor != before:
                raise Superseded(f"job {self._spec.id}: {_WHY[answer.status]}")
            first = answer.next  # children were allocated in between

    def _publish(self, messages: list[Message]) -> None:
        """Publish what is allocated; what does not get through the sweeper publishes again."""
        try:
            publish(self._connection, messages)
        except BrokerFault:
            self._connection.close()

    def _hold_back(self) -> None:
        """Wait while the queues are long or Redis is nearly full: listing is quicker than examining.

        Raises LedgerFault where no work is left that would make room.
        """
        deadline = time.monotonic() + NO_ROOM
        while self._patiently(self._is_to_wait):
            if self._stop.wait(LOOK):
                return
            if self._patiently(self._is_work_left):
                deadline = time.monotonic() + NO_ROOM
            elif time.monotonic() > deadline:
                raise LedgerFault(
                    f"Redis is full but for {1 - FULL:.0%}, and no work is left that would make room: raise its"
                    f" maxmemory, or let jobs expire; `modelsweep submit --resume {self._spec.id}` goes on then"
                )

    def _is_work_left(self) -> bool:
        progress = self._ledger.progress()
        return progress.done < progress.allocated or any(queue_lengths(self._client).values())

    def _is_to_wait(self) -> bool:
        return self._ledger.heartbeat(self._name) is JobState.LISTING and self._is_full()

    def _is_full(self) -> bool:
        lengths = queue_lengths(self._client)
        if max(lengths[queue] for queue in self._queues) > WAITING:
            return True
        memory = cast("dict[str, int]", self._client.info("memory"))
        return bool(memory["maxmemory"]) and memory["used_memory"] > FULL * memory["maxmemory"]


_WHY = {
    AllocStatus.MOVED: "another producer goes on with it",
    AllocStatus.SEALED: "its listing is over already",
    AllocStatus.CANCELLED: "it was cancelled",
    AllocStatus.GONE: "it is not in the ledger any more",
    SealStatus.MOVED: "another producer goes on with it",
    SealStatus.CANCELLED: "it was cancelled",
}


def _taken(unit: Unit) -> int:
    """Return about how many bytes of a page a unit takes."""
    return len(unit.locator.uri) * 4 + 64
