"""The ledger: what of a job is allocated, claimed and done, decided in Redis by scripts that nothing comes between.

Celery carries messages; they may be lost, doubled or late, and workers may die. The ledger decides what is true: a
chunk is leased to one worker at a time, its bit goes from 0 to 1 once, and the job is complete when the listing is over
and every allocated chunk is done. `scripts/prelude.lua` lists the keys. Every method raises LedgerFault where Redis
cannot be used. Methods may be called again where the answer was lost: what the first call did is not done twice.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import redis

from modelsweep.core.units import MIB
from modelsweep.fleet.answers import (
    Allocated,
    AllocStatus,
    Allotment,
    CancelStatus,
    ChunkQueue,
    Claim,
    ClaimStatus,
    Done,
    DoneStatus,
    Extent,
    FinalizeStatus,
    Finalizing,
    JobState,
    LeaseStatus,
    Progress,
    QueueProgress,
    Reopened,
    ReopenStatus,
    Retried,
    RetryStatus,
    Sealed,
    SealStatus,
    Swept,
    UnknownJob,
)
from modelsweep.fleet.redis_faults import explain
from modelsweep.fleet.running import Sender, run_script, run_scripts

JOBS, ACTIVE, METRICS = "ms:jobs", "ms:active", "ms:metrics"
PAGE_CHUNKS = 256
DIGEST_BYTES = 12
LARGEST_SPEC = 4 * MIB
LARGEST_CURSOR = 4 * MIB
"""A path may be as long as all folders on it together, and JSON takes six characters for one that is no text."""
MOST_COUNTS = 128
_BLOCK = 1024
"""Digests in one key; scripts/prelude.lua says the same."""
_SWEPT = 256
"""Chunks published again by one sweep at most."""
_HERE = "*"
"""Stands for the folder of the job's pages; no name in a store begins with it."""
_MOST_CHUNKS = 1 << 31
_LARGEST_COUNT = 1 << 53
"""Lua's numbers are exact so far."""
_LONGEST_TIME = 366 * 24 * 3600.0
_JOB = re.compile(r"[A-Za-z0-9._-]{1,64}")
_WORKER = re.compile(r"[!-~]{1,200}")
_NAME = re.compile(r"[A-Za-z0-9._/-]{1,1000}")
_COUNT = re.compile(r"[a-z][a-z_]{0,40}(:[ -~]{1,60})?")


class Settled(NamedTuple):
    """A chunk whose result is in the store, as `Ledger.done` takes it."""

    chunk: int
    token: str
    digest: bytes
    counts: Mapping[str, int]
    retryable: bool = False
    children: Allotment | None = None


class Ledger:
    """One job in the ledger; a value without state of its own, so threads may share it."""

    def __init__(self, client: redis.Redis, job: str) -> None:
        """Speak of `job` through `client`; raises ValueError for what is no job id."""
        self.client, self.job = client, _matching(_JOB, job, "job id")
        self._prefix = f"ms:{{{job}}}:"
        self._meta = self._prefix + "meta"
        self._pages = f"jobs/{job}/pages/"

    # Producers

    def create(self, spec: bytes, metas: Mapping[str, str | bytes | int] | None = None) -> bool:
        """Make the job known with its sealed specification; False where the id is taken by another one."""
        if len(spec) > LARGEST_SPEC:
            raise ValueError(f"a specification has at most {LARGEST_SPEC:,} bytes")
        pairs = [part for pair in (metas or {}).items() for part in pair]
        return cast(bytes, self._run("create", self.job, spec, *pairs)) in (b"created", b"exists")

    def spec(self) -> bytes:
        """Return the sealed specification; raises UnknownJob."""
        found = _answered(lambda: self.client.get(self._prefix + "spec"))
        if found is None:
            raise UnknownJob(self.job)
        return cast(bytes, found)

    def alloc(self, first: int, queues: bytes, page: str, cursor: bytes, *, units: int = 0, size: int = 0) -> Allocated:
        """Allocate the chunks of a stored page, whose first one must get the number `first`.

        `queues` has the code of a queue for each chunk; `cursor` is kept for whoever goes on listing, and has to be
        another one for each page; `units` and `size` (bytes) are what the page holds, for progress.
        """
        if len(cursor) > LARGEST_CURSOR:
            raise ValueError(f"a cursor has at most {LARGEST_CURSOR:,} bytes")
        amount, *rest = self._allotment(Allotment(queues, page, units, size))
        status, following, found = self._run("alloc", _chunk(first), amount, cursor, *rest)
        return Allocated(AllocStatus(status.decode()), following, found)

    def seal(self, problems: bytes | str = b"", cursor: bytes | None = None) -> Sealed:
        """Say that the listing is over; `problems` names those of targets in the store.

        With `cursor` only where that is still the latest: another producer may have gone on. Raises UnknownJob.
        """
        status, complete = self._known(self._run("seal", problems, int(cursor is not None), cursor or b""))
        return Sealed(SealStatus(status.decode()), bool(complete))

    def heartbeat(self, producer: str) -> JobState:
        """Say that `producer` lives, and return whether the job is still listed, sealed (running) or cancelled."""
        status = self._known(self._run("heartbeat", _matching(_WORKER, producer, "producer")))
        return {b"listing": JobState.LISTING, b"sealed": JobState.RUNNING, b"cancelled": JobState.CANCELLED}[status]

    # Workers

    def claim(self, chunk: int, generation: int, worker: str, lease_s: float) -> Claim:
        """Ask for the lease of a chunk, for a message of `generation`; a lease that expired is taken over."""
        return self.claims([chunk], generation, worker, lease_s)[0]

    def claims(self, chunks: Sequence[int], generation: int, worker: str, lease_s: float) -> list[Claim]:
        """Ask for the leases of several chunks at once, and return the answers in their order."""
        worker, lease = _matching(_WORKER, worker, "worker"), _milliseconds(lease_s)
        # The worker's own random tokens, so that a call that is repeated for a lost answer is granted again
        holders = [f"{secrets.token_hex(8)}@{worker}" for _ in chunks]
        asked = [(_chunk(chunk), generation, holder, lease) for chunk, holder in zip(chunks, holders, strict=True)]
        answers = run_scripts(self.client, "claim", self._meta, asked)
        return [self._claim(answer, holder) for answer, holder in zip(answers, holders, strict=True)]

    def _claim(self, answer: Any, holder: str) -> Claim:
        status = ClaimStatus(answer[0].decode())
        if status is not ClaimStatus.GRANTED:
            return Claim(status)
        current, page, first, allocation, losses, blames = answer[1:]
        blamed = {int(position): times for position, times in json.loads(blames).items()}
        return Claim(status, f"{current} {allocation} {holder}", self._page(page), first, losses, blamed)

    def enter(self, chunk: int, token: str, position: int | None) -> LeaseStatus:
        """Say which unit of the chunk is examined now, None for none: it is blamed if the worker is lost."""
        found = -1 if position is None else position
        return LeaseStatus(self._run("enter", _chunk(chunk), _holder(token), found).decode())

    def renew(self, chunk: int, token: str, lease_s: float) -> LeaseStatus:
        """Hold a lease for another `lease_s` seconds from now; where it is not ok, work on the chunk is to stop."""
        return self.renew_all([(chunk, token)], lease_s)[0]

    def renew_all(self, held: Sequence[tuple[int, str]], lease_s: float) -> list[LeaseStatus]:
        """Hold several leases, of chunks by their tokens, in one exchange, and return how each stands."""
        lease = _milliseconds(lease_s)
        asked = [(_chunk(chunk), _holder(token), lease) for chunk, token in held]
        return [LeaseStatus(answer.decode()) for answer in run_scripts(self.client, "renew", self._meta, asked)]

    def release(self, chunk: int, token: str) -> LeaseStatus:
        """Give a chunk back unfinished, without a loss; where that is ok the caller publishes it again."""
        return LeaseStatus(self._run("release", _chunk(chunk), _holder(token)).decode())

    def done(
        self,
        chunk: int,
        token: str,
        digest: bytes,
        counts: Mapping[str, int],
        *,
        retryable: bool = False,
        children: Allotment | None = None,
    ) -> Done:
        """Settle a chunk whose result is in the store; it counts also where the lease was lost meanwhile.

        `counts` is what the result adds to progress and metrics, by name: `units` and `size` (bytes as listed), and
        any others, such as `severity:critical`. `retryable` chunks are those that `retry` opens again. `children` are
        further chunks that were found in this one, whose page is in the store.
        """
        settled = Settled(chunk, token, digest, counts, retryable, children)
        return _done(self._run("done", *self._settling(settled)))

    def send_done(self, sender: Sender, settled: Settled) -> Callable[[], Done]:
        """Do the same, and return what waits for the answer: the caller may do something else before it asks."""
        answer = sender.send("done", self._meta, *self._settling(settled))
        return lambda: _done(answer())

    def _settling(self, settled: Settled) -> list[str | bytes | int]:
        """Return the arguments of a DONE."""
        chunk, token, digest, counts, retryable, children = settled
        if len(digest) != DIGEST_BYTES:
            raise ValueError(f"a digest has {DIGEST_BYTES} bytes")
        generation, allocation, _ = _token(token)
        pairs = _counts(counts)
        family = self._allotment(children) if children else [0]
        return [_chunk(chunk), generation, allocation, digest, int(retryable), len(pairs) // 2, *pairs, *family]

    # People and sweepers

    def cancel(self) -> CancelStatus:
        """Stop the job where it is; raises UnknownJob."""
        return CancelStatus(self._known(self._run("cancel", self.job)).decode())

    def retry(self) -> Retried:
        """Open the chunks of a complete job that are worth another try; they are to be published. Raises UnknownJob."""
        status, generation, bitmap = self._known(self._run("retry", self.job))
        chunks = [8 * at + bit for at, byte in enumerate(bitmap) for bit in range(8) if byte & 128 >> bit]
        return Retried(RetryStatus(status.decode()), generation, tuple(_with_queues(chunks, self.extents())))

    def sweep(self, queue_lengths: Mapping[int, int], grace_s: float) -> Swept:
        """Find chunks whose worker or message was lost, and return them once for each `grace_s` seconds.

        `queue_lengths` are the messages that wait, by code of the queue: where there are none, what is not claimed is
        lost. At most 256 chunks, and a part of a large job, are seen to by one call. Raises UnknownJob.
        """
        empty = (code for code, length in queue_lengths.items() if not length)
        _, generation, finalize, *pairs = self._known(self._run("sweep", _milliseconds(grace_s), _SWEPT, *empty))
        again = tuple(ChunkQueue(chunk, queue) for chunk, queue in zip(pairs[::2], pairs[1::2], strict=True))
        return Swept(generation, again, bool(finalize))

    def expire(self, after_s: float) -> bool:
        """Have an ended job forgotten `after_s` seconds from now; False where it still runs. Raises UnknownJob."""
        return bool(self._known(self._run("expire", _milliseconds(after_s))) == b"ok")

    # Finalizers

    def begin_finalize(self, worker: str, lease_s: float) -> Finalizing:
        """Ask for the lease of writing the reports of a complete, or of a cancelled, job."""
        token = f"{secrets.token_hex(8)}@{_matching(_WORKER, worker, 'worker')}"
        status = FinalizeStatus(self._run("begin_finalize", token, _milliseconds(lease_s)).decode())
        return Finalizing(status, token if status is FinalizeStatus.GRANTED else "")

    def renew_finalize(self, token: str, lease_s: float) -> bool:
        """Hold that lease for another `lease_s` seconds; False where another one took over."""
        return bool(self._run("renew_finalize", token, _milliseconds(lease_s)) == b"ok")

    def publish(self, token: str, pointer: str, changes: Mapping[str, int] | None = None) -> bool:
        """Make `pointer` the job's report; False where another finalizer took over, or the job was opened again.

        `changes` are made to the counts of the job: what its files make of each other was found for the report only.
        """
        changed = sorted((_matching(_COUNT, name, "count"), number) for name, number in (changes or {}).items())
        pairs = [part for pair in changed if pair[1] for part in pair]
        return bool(self._run("publish", self.job, token, _matching(_NAME, pointer, "pointer"), *pairs))

    def reopen(self, token: str, chunks: Iterable[int], most: int) -> Reopened:
        """Have done chunks examined again whose results are lost or damaged, each at most `most` times.

        Where there are any the job is not complete any more, and `token` ends. The caller publishes them; what does
        not get there the sweeper finds. Raises UnknownJob.
        """
        answer = self._known(self._run("reopen", token, most, *map(_chunk, chunks)))
        status, generation, opened, *rest = answer
        pairs, refused = rest[: 2 * opened], rest[2 * opened :]
        again = tuple(ChunkQueue(chunk, queue) for chunk, queue in zip(pairs[::2], pairs[1::2], strict=True))
        return Reopened(ReopenStatus(status.decode()), generation, again, tuple(refused))

    # What it holds

    def progress(self) -> Progress:
        """Return how far the job is; raises UnknownJob."""
        with self.client.pipeline(transaction=False) as pipeline:  # a full Redis refuses transactions that only read
            pipeline.hgetall(self._meta)
            pipeline.hgetall(self._prefix + "counts")
            pipeline.zcard(self._prefix + "leases")
            pipeline.time()
            meta, counts, leased, (seconds, microseconds) = _answered(pipeline.execute)
        if b"generation" not in meta:
            raise UnknownJob(self.job)
        # Never below 0: of a chunk whose result was lost the ledger cannot say what it added
        named = {name.decode(): max(0, int(number)) for name, number in counts.items()}
        return _progress(meta, named, leased, seconds + microseconds / 1e6)

    def digests(self, first: int, amount: int) -> list[bytes | None]:
        """Return the digests of `amount` chunks from `first` on, None for one that is not done."""
        start, stop = _chunk(first), _chunk(first + amount)
        with self.client.pipeline(transaction=False) as pipeline:  # what is done has a digest, and keeps one
            pipeline.getrange(self._prefix + "done", start // 8, stop // 8)
            for block in range(start // _BLOCK, stop // _BLOCK + 1):
                pipeline.getrange(f"{self._prefix}digests:{block}", 0, -1)
            bits, *blocks = _answered(pipeline.execute)
        base, bits = start - start % 8, bits.ljust((stop - start) // 8 + 2, b"\0")
        found: list[bytes | None] = []
        for chunk in range(start, stop):
            block, place = chunk // _BLOCK - start // _BLOCK, chunk % _BLOCK * DIGEST_BYTES
            is_done = bits[(chunk - base) // 8] & 128 >> chunk % 8
            found.append(blocks[block][place : place + DIGEST_BYTES] if is_done else None)
        return found

    def extents(self) -> list[Extent]:
        """Return which page holds the chunks from which number on, in order."""
        found = _answered(lambda: self.client.zrange(self._prefix + "extents", 0, -1, withscores=True))
        extents = []
        for member, first in cast("Iterable[tuple[bytes, float]]", found):
            _, page, queues = member.split(b"\n", 2)
            extents.append(Extent(int(first), self._page(page), queues))
        return extents

    def children(self) -> dict[int, int]:
        """Return the first child of each chunk that has some; they stand on one page."""
        found = _answered(lambda: self.client.hgetall(self._prefix + "children"))
        return {int(chunk): int(first) for chunk, first in cast("dict[bytes, bytes]", found).items()}

    def _allotment(self, allotment: Allotment) -> list[str | bytes | int]:
        """Return the arguments that prelude.lua's `allocate` takes, and how many chunks first."""
        queues = allotment.queues
        if not 0 < len(queues) <= PAGE_CHUNKS:
            raise ValueError(f"a page has 1 to {PAGE_CHUNKS} chunks")
        page = _matching(_NAME, allotment.page, "page")
        if page.startswith(self._pages):  # what all pages of a job have in common is not kept for each
            page = _HERE + page.removeprefix(self._pages)
        amounts = Counter(queues)
        codes = queues[:1] if len(amounts) == 1 else queues
        pairs = [number for pair in sorted(amounts.items()) for number in pair]
        return [len(queues), page, codes, _count(allotment.units), _count(allotment.size), *pairs]

    def _page(self, stored: bytes) -> str:
        page = stored.decode()
        return self._pages + page.removeprefix(_HERE) if page.startswith(_HERE) else page

    def _run(self, name: str, *arguments: str | bytes | int) -> Any:
        return run_script(self.client, name, self._meta, *arguments)

    def _known(self, answer: Any) -> Any:
        """Return an answer that is not that the job is gone."""
        if (answer[0] if isinstance(answer, list) else answer) == b"gone":
            raise UnknownJob(self.job)
        return answer


def list_jobs(client: redis.Redis) -> list[tuple[str, float]]:
    """Return all jobs and when they were created (seconds since the epoch), oldest first."""
    pairs = run_script(client, "jobs", JOBS)
    found = [(job.decode(errors="replace"), float(at) / 1000) for job, at in zip(pairs[::2], pairs[1::2], strict=True)]
    return [(job, at) for job, at in found if _JOB.fullmatch(job)]


def active_jobs(client: redis.Redis) -> list[str]:
    """Return the jobs without a report: those to sweep."""
    found = cast("set[bytes]", _answered(lambda: client.smembers(ACTIVE)))
    # Anybody who reaches Redis may have written there what is no job
    return sorted(filter(_JOB.fullmatch, (job.decode(errors="replace") for job in found)))


def counters(client: redis.Redis) -> dict[str, int]:
    """Return how often each event was counted, over all jobs that ever were."""
    found = cast("dict[bytes, bytes]", _answered(lambda: client.hgetall(METRICS)))
    return {name.decode(): int(number) for name, number in found.items()}


def _done(answer: Any) -> Done:
    status, complete, child = answer
    return Done(DoneStatus(status.decode()), bool(complete), child if child >= 0 else None)


def _answered(ask: Any) -> Any:
    try:
        return ask()
    except redis.RedisError as error:
        raise explain(error) from error


def _progress(meta: Mapping[bytes, bytes], counts: dict[str, int], leased: int, now: float) -> Progress:
    def number(name: str) -> int:
        return int(meta.get(name.encode(), 0))

    def text(name: str) -> str:
        return meta.get(name.encode(), b"").decode("utf-8", "backslashreplace")

    def by_queue(kind: str) -> dict[int, int]:
        return {int(name[len(kind) :]): counts.pop(name) for name in sorted(counts) if name.startswith(kind)}

    allocated, done = by_queue("allocated:"), by_queue("done:")
    return Progress(
        state=_state(meta),
        generation=number("generation"),
        allocated=number("next"),
        done=number("done"),
        leased=leased,
        units=number("units"),
        units_done=counts.get("units", 0),
        bytes=number("bytes"),
        bytes_done=counts.get("size", 0),
        counts=counts,
        queues={code: QueueProgress(amount, done.get(code, 0)) for code, amount in allocated.items()},
        now=now,
        created=number("created") / 1000,
        started=number("started") / 1000,
        completed=number("completed") / 1000,
        ended=number("ended") / 1000,
        report=text("report"),
        problems=text("problems"),
        cursor=meta.get(b"cursor", b""),
        producer=text("producer"),
        producer_seen=number("producer_at") / 1000,
        metas={name[2:].decode(): value for name, value in meta.items() if name.startswith(b"x:")},
    )


def _state(meta: Mapping[bytes, bytes]) -> JobState:
    if b"cancelled" in meta:
        return JobState.CANCELLED
    if meta.get(b"reported") == meta[b"generation"]:
        return JobState.FINISHED
    if b"completed" in meta:
        return JobState.FINALIZING
    return JobState.RUNNING if b"sealed" in meta else JobState.LISTING


def _with_queues(chunks: Sequence[int], extents: Sequence[Extent]) -> Iterable[ChunkQueue]:
    """Yield chunks in ascending order with the code of their queue."""
    following = iter(extents)
    extent, after = next(following, None), next(following, None)
    for chunk in chunks:
        while after and after.first <= chunk:
            extent, after = after, next(following, None)
        assert extent is not None
        queues = extent.queues
        yield ChunkQueue(chunk, queues[0 if len(queues) == 1 else chunk - extent.first])


def _counts(counts: Mapping[str, int]) -> list[str | int]:
    if len(counts) > MOST_COUNTS:
        raise ValueError(f"more than {MOST_COUNTS} counts")
    return [
        part for name, number in counts.items() if number for part in (_matching(_COUNT, name, "count"), _count(number))
    ]


def _token(token: str) -> tuple[int, int, str]:
    """Return the generation and the allocation of the chunk that a claim was granted for, and who holds it."""
    found = re.fullmatch(r"(\d{1,15}) (\d{1,15}) ([!-~]{1,300})", token)
    if not found:
        raise ValueError("not a token that a claim gave")
    return int(found[1]), int(found[2]), found[3]


def _holder(token: str) -> str:
    return _token(token)[2]


def _matching(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"{text[:100]!r} is not a {what}")
    return text


def _chunk(number: int) -> int:
    if not 0 <= number < _MOST_CHUNKS:
        raise ValueError(f"{number} is not a chunk")
    return number


def _count(number: int) -> int:
    if not 0 <= number < _LARGEST_COUNT:
        raise ValueError(f"{number} is not a count")
    return number


def _milliseconds(seconds: float) -> int:
    if not 0 <= seconds <= _LONGEST_TIME:
        raise ValueError(f"{seconds} s is not a time")
    return round(seconds * 1000)
