"""The ledger beside a simple model, while messages are lost, doubled and late, and workers die: complete exactly once.

Leases last for ever or are over at once, so that nothing waits: a worker dies by renewing its lease for no time.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
import pytest
import redis
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from modelsweep.fleet.answers import (
    AllocStatus,
    Allotment,
    CancelStatus,
    ClaimStatus,
    Done,
    DoneStatus,
    FinalizeStatus,
    JobState,
    LeaseStatus,
    ReopenStatus,
    RetryStatus,
    SealStatus,
)
from modelsweep.fleet.ledger import Ledger

LONG = 1000.0
SEEDS, STEPS = 25, 120
QUEUES = st.lists(st.sampled_from([1, 2]), min_size=1, max_size=5).map(bytes)


@dataclass
class Chunk:
    """What the model knows of one chunk."""

    queue: int
    page: str
    first: int
    digest: bytes | None = None
    retryable: bool = False
    children: int | None = None
    reopened: int = 0
    holder: str = ""
    expired: bool = False
    losses: int = 0
    entered: int | None = None
    blames: Counter[int] = field(default_factory=Counter)

    @property
    def open(self) -> bool:
        """Whether it is neither done nor leased."""
        return self.digest is None and not self.holder

    def lose(self) -> None:
        """Forget who held it, and blame the unit."""
        self.holder, self.losses = "", self.losses + 1
        if self.entered is not None:
            self.blames[self.entered] += 1
            self.entered = None


@dataclass(frozen=True)
class Message:
    """A message on its way."""

    chunk: int
    generation: int


@dataclass(frozen=True)
class Worker:
    """A worker that was granted a chunk; it may be slow, dead, or back from the dead."""

    chunk: int
    generation: int
    token: str


class LedgerMachine(RuleBasedStateMachine):
    """Rules are events of a fleet; each compares the answer with the model's."""

    client: redis.Redis
    jobs = 0
    messages = Bundle("messages")
    workers = Bundle("workers")

    def __init__(self) -> None:
        super().__init__()
        LedgerMachine.jobs += 1
        self.ledger = Ledger(self.client, f"job-{LedgerMachine.jobs}")
        self.chunks: list[Chunk] = []
        self.generation, self.pages, self.digests = 1, 0, 0
        self.sealed = self.cancelled = self.published = self.reopened = False
        self.completions: Counter[int] = Counter()
        self.finalizers: list[str] = []

    @initialize()
    def create(self) -> None:
        assert self.ledger.create(b"spec")

    @property
    def complete(self) -> bool:
        return self.sealed and all(chunk.digest for chunk in self.chunks)

    def heard(self, complete: bool) -> None:
        """Note that somebody heard that the job is complete: at the right moment?"""
        self.completions[self.generation] += complete
        assert self.completions[self.generation] == (self.complete and not self.cancelled)

    def add(self, queues: bytes, page: str) -> list[Message]:
        first = len(self.chunks)
        self.chunks.extend(Chunk(queue, page, first) for queue in queues)
        return [Message(chunk, self.generation) for chunk in range(first, len(self.chunks))]

    # The producer

    @precondition(lambda self: len(self.chunks) < 6 or not self.sealed)
    @rule(target=messages, queues=QUEUES, behind=st.sampled_from([0, 0, 0, 1, -1]), asks=st.sampled_from([1, 1, 2]))
    def alloc(self, queues: bytes, behind: int, asks: int) -> Any:
        self.pages += 1
        page, cursor, first = f"page-{self.pages}", b"%d" % self.pages, len(self.chunks) + behind
        if first < 0:
            return multiple()
        answers = {self.ledger.alloc(first, queues, page, cursor, units=len(queues)).status for _ in range(asks)}
        if self.cancelled or self.sealed or behind:
            expected = AllocStatus.CANCELLED if self.cancelled else AllocStatus.SEALED
            assert answers == {expected if self.cancelled or self.sealed else AllocStatus.MOVED}
            return multiple()
        assert answers == {AllocStatus.ALLOCATED}
        return multiple(*self.add(queues, page))

    @precondition(lambda self: len(self.chunks) > 2 and not self.sealed)
    @rule(asks=st.sampled_from([1, 1, 2]))
    def seal(self, asks: int = 1) -> None:
        answers = [self.ledger.seal() for _ in range(asks)]
        assert {answer.status for answer in answers} == {SealStatus.CANCELLED if self.cancelled else SealStatus.SEALED}
        if self.cancelled:
            assert not answers[0].complete
        else:
            self.sealed = True
            self.heard(answers[0].complete)
        assert not any(answer.complete for answer in answers[1:])

    # Messages and workers

    @rule(message=consumes(messages))
    def lose_message(self, message: Message) -> None:
        pass

    @rule(target=messages, message=messages)
    def double_message(self, message: Message) -> Message:
        return message

    @rule(target=workers, message=consumes(messages))
    def deliver(self, message: Message) -> Any:
        chunk = self.chunks[message.chunk]
        claim = self.ledger.claim(message.chunk, message.generation, "worker", LONG)
        assert claim.status is self.expected_claim(message)
        if not claim.granted:
            return multiple()
        if chunk.holder:
            chunk.lose()
        chunk.holder, chunk.expired, chunk.entered = claim.token, False, None
        assert (claim.page, claim.first, claim.losses) == (chunk.page, chunk.first, chunk.losses)
        assert claim.blames == chunk.blames
        return multiple(Worker(message.chunk, self.generation, claim.token))

    def expected_claim(self, message: Message) -> ClaimStatus:
        chunk = self.chunks[message.chunk]
        if self.cancelled:
            return ClaimStatus.CANCELLED
        if chunk.digest:
            return ClaimStatus.DONE
        if message.generation < self.generation:
            return ClaimStatus.STALE
        return ClaimStatus.LEASED if chunk.holder and not chunk.expired else ClaimStatus.GRANTED

    def expected_lease(self, worker: Worker) -> LeaseStatus:
        if self.cancelled:
            return LeaseStatus.CANCELLED
        return LeaseStatus.OK if self.chunks[worker.chunk].holder == worker.token else LeaseStatus.LOST

    @rule(worker=workers, lease=st.sampled_from([0, LONG]))
    def renew_or_die(self, worker: Worker, lease: float) -> None:
        expected = self.expected_lease(worker)
        assert self.ledger.renew(worker.chunk, worker.token, lease) is expected
        if expected is LeaseStatus.OK:
            self.chunks[worker.chunk].expired = not lease

    @rule(worker=workers, position=st.sampled_from([None, 0, 3]))
    def enter(self, worker: Worker, position: int | None) -> None:
        expected = LeaseStatus.LOST if self.cancelled else self.expected_lease(worker)
        assert self.ledger.enter(worker.chunk, worker.token, position) is expected
        if expected is LeaseStatus.OK:
            self.chunks[worker.chunk].entered = position

    @rule(target=messages, worker=consumes(workers))
    def release(self, worker: Worker) -> Any:
        expected = self.expected_lease(worker)
        assert self.ledger.release(worker.chunk, worker.token) is expected
        if expected is not LeaseStatus.OK:
            return multiple()
        chunk = self.chunks[worker.chunk]
        chunk.holder, chunk.entered = "", None
        return multiple(Message(worker.chunk, self.generation))

    @rule(
        target=messages,
        worker=workers,  # who has settled its chunk may do so again
        retryable=st.sampled_from([False, False, True]),
        children=st.one_of(st.none(), st.none(), QUEUES),
    )
    def finish(self, worker: Worker, retryable: bool, children: bytes | None) -> Any:
        if children and len(self.chunks) > 40:
            children = None
        return multiple(*self.settle(worker, retryable, children))

    def settle(self, worker: Worker, retryable: bool = False, children: bytes | None = None) -> list[Message]:
        chunk = self.chunks[worker.chunk]
        self.digests += 1
        self.pages += 1
        page, digest = f"page-{self.pages}", b"%012d" % self.digests
        family = Allotment(children, page, len(children)) if children else None
        counts = {"units": 1, "severity:critical": int(retryable)}
        answer = self.ledger.done(worker.chunk, worker.token, digest, counts, retryable=retryable, children=family)
        expected = self.expected_done(worker)
        if expected is not DoneStatus.DONE:
            assert answer == Done(expected, complete=False, first_child=chunk.children)
            return []
        chunk.digest, chunk.retryable = digest, retryable or (chunk.retryable and bool(chunk.reopened))
        chunk.holder, chunk.entered, chunk.losses = "", None, 0
        chunk.blames.clear()
        published: list[Message] = []
        if children and chunk.children is None:
            chunk.children = len(self.chunks)
            published = self.add(children, page)
        assert (answer.status, answer.first_child) == (expected, chunk.children)
        self.heard(answer.complete)
        return published

    def expected_done(self, worker: Worker) -> DoneStatus:
        if self.cancelled:
            return DoneStatus.CANCELLED
        if self.chunks[worker.chunk].digest:
            return DoneStatus.ALREADY
        return DoneStatus.STALE if worker.generation < self.generation else DoneStatus.DONE

    # The sweeper, and people

    @precondition(lambda self: any(chunk.digest is None for chunk in self.chunks))
    @rule(target=messages, patient=st.booleans(), empty=st.sampled_from([(), (1,), (1, 2)]))
    def sweep(self, patient: bool, empty: tuple[int, ...]) -> Any:
        return multiple(*self.swept(patient, dict.fromkeys((1, 2), 7) | dict.fromkeys(empty, 0)))

    def swept(self, patient: bool, lengths: dict[int, int]) -> list[Message]:
        expired = {at for at, chunk in enumerate(self.chunks) if chunk.holder and chunk.expired}
        swept = self.ledger.sweep(lengths, LONG if patient else 0)
        if self.cancelled:
            assert swept.again == ()
            assert not (patient and swept.finalize)
            return []
        for at in expired:
            self.chunks[at].lose()
        found = [chunk.chunk for chunk in swept.again]
        assert len(found) == len(set(found))
        assert expired <= set(found)
        assert all(
            self.chunks[again.chunk].open and self.chunks[again.chunk].queue == again.queue for again in swept.again
        )
        if patient:
            assert expired == set(found)
            assert not swept.finalize
        elif not any(lengths.values()):
            assert set(found) >= {at for at, chunk in enumerate(self.chunks) if chunk.open} - expired
        assert not swept.finalize or self.complete
        assert swept.generation == self.generation
        return [Message(chunk, self.generation) for chunk in found]

    @precondition(lambda self: any(chunk.digest is None for chunk in self.chunks))
    @rule(
        target=messages,
        leave=st.sampled_from([0, 0, 1, 3]),
        retryable=st.booleans(),
        children=st.one_of(st.none(), QUEUES),
    )
    def work_off(self, leave: int, retryable: bool, children: bytes | None) -> Any:
        """Let other workers die, and one do all but a few chunks; the last of those may have children."""
        messages = self.sweep_all()
        for message in messages[leave:]:
            self.work(message, retryable, children if message is messages[-1] and len(self.chunks) < 40 else None)
        return multiple(*messages[:leave])

    def sweep_all(self) -> list[Message]:
        """Let all workers die and all messages be lost; return what the sweeper publishes: all that is not done."""
        for at, chunk in enumerate(self.chunks):
            if chunk.holder:
                assert self.ledger.renew(at, chunk.holder, 0) is LeaseStatus.OK
                chunk.expired = True
        published = self.swept(False, {1: 0, 2: 0})
        assert self.cancelled or {message.chunk for message in published} == {
            at for at, chunk in enumerate(self.chunks) if not chunk.digest
        }
        return published

    def work(self, message: Message, retryable: bool = False, children: bytes | None = None) -> list[Message]:
        """Do a chunk as a good worker does."""
        claim = self.ledger.claim(message.chunk, message.generation, "worker", LONG)
        assert claim.granted
        self.chunks[message.chunk].holder = claim.token
        return self.settle(Worker(message.chunk, self.generation, claim.token), retryable, children)

    @precondition(lambda self: len(self.chunks) > 20)
    @rule(really=st.sampled_from([False] * 9 + [True]))
    def cancel(self, really: bool) -> None:
        if not really:
            return
        expected = CancelStatus.FINISHED if self.published else CancelStatus.CANCELLED
        assert self.ledger.cancel() is (CancelStatus.ALREADY if self.cancelled else expected)
        if not self.published and not self.cancelled:
            self.cancelled, self.finalizers = True, []
            for chunk in self.chunks:
                chunk.holder = ""

    @precondition(lambda self: self.complete or self.cancelled or len(self.chunks) % 8 == 7)
    @rule(target=messages)
    def retry(self) -> Any:
        expected = RetryStatus.AGAIN
        chosen = [at for at, chunk in enumerate(self.chunks) if chunk.retryable and chunk.digest]
        if self.cancelled:
            expected = RetryStatus.CANCELLED
        elif not self.complete:
            expected = RetryStatus.RUNNING
        elif not chosen:
            expected = RetryStatus.NOTHING
        answer = self.ledger.retry()
        assert answer.status is expected
        if expected is not RetryStatus.AGAIN:
            assert answer.again == ()
            return multiple()
        assert answer.again == tuple((at, self.chunks[at].queue) for at in chosen)
        for chunk in self.chunks:
            chunk.reopened = 0
        for at in chosen:
            self.chunks[at].digest, self.chunks[at].retryable = None, False
        self.generation, self.published, self.finalizers = self.generation + 1, False, []
        return multiple(*[Message(at, self.generation) for at in chosen])

    # Finalizers

    @precondition(lambda self: self.complete or self.cancelled or len(self.chunks) % 8 == 7)
    @rule(lease=st.sampled_from([0, LONG]))
    def begin_finalize(self, lease: float) -> None:
        answer = self.ledger.begin_finalize("worker", lease)
        if not (self.complete or self.cancelled):
            assert answer.status is FinalizeStatus.RUNNING
        elif self.published:
            assert answer.status is FinalizeStatus.PUBLISHED
        else:
            assert answer.status in (FinalizeStatus.GRANTED, FinalizeStatus.LEASED)
        if answer.token:
            self.finalizers.append(answer.token)

    @precondition(lambda self: self.finalizers and not self.published)
    @rule(target=messages, lost=st.sets(st.integers(0, 40), max_size=3), most=st.sampled_from([0, 9]))
    def reopen(self, lost: set[int], most: int) -> Any:
        chosen = sorted(at for at in lost if at < len(self.chunks))
        answer = self.ledger.reopen(self.finalizers[-1], chosen, most)
        assert answer.status is (ReopenStatus.CANCELLED if self.cancelled else ReopenStatus.OK)
        if self.cancelled:
            return multiple()
        too_often = {at for at in chosen if self.chunks[at].reopened >= most}
        assert set(answer.refused) == too_often
        assert [chunk for chunk, _ in answer.again] == [at for at in chosen if at not in too_often]
        for at, _ in answer.again:
            self.chunks[at].digest, self.chunks[at].reopened = None, self.chunks[at].reopened + 1
        if answer.again:
            self.finalizers, self.reopened = [], True
            self.completions[self.generation] -= 1  # it is to be complete once more
        return multiple(*(Message(at, self.generation) for at, _ in answer.again))

    @precondition(lambda self: self.finalizers)
    @rule(latest=st.booleans())
    def publish(self, latest: bool) -> None:
        token = self.finalizers[-1 if latest else 0]
        is_latest = token == self.finalizers[-1]
        repeated = self.published and self.ledger.progress().report == f"report-{token[:8]}"
        answer = self.ledger.publish(token, f"report-{token[:8]}", {"severity:warning": 3, "verdict:clean": -1})
        assert answer is (repeated or (is_latest and not self.published))
        self.published |= answer

    # What always holds

    @invariant()
    def model_and_ledger_agree(self) -> None:
        if not self.chunks and not self.sealed and not self.cancelled:
            return
        progress = self.ledger.progress()
        done = [chunk for chunk in self.chunks if chunk.digest]
        assert (progress.allocated, progress.units) == (len(self.chunks), len(self.chunks))
        assert progress.done == len(done)
        if not self.reopened:  # of lost results the ledger cannot say what they added
            assert progress.units_done == len(done)
            assert progress.findings.get("critical", 0) == sum(chunk.retryable for chunk in done)
        assert progress.findings.get("warning", 0) == 3 * self.published
        assert progress.leased == sum(bool(chunk.holder) for chunk in self.chunks)
        assert self.ledger.digests(0, len(self.chunks)) == [chunk.digest for chunk in self.chunks]
        assert {queue: (found.allocated, found.done) for queue, found in progress.queues.items()} == {
            queue: (sum(chunk.queue == queue for chunk in self.chunks), sum(chunk.queue == queue for chunk in done))
            for queue in {chunk.queue for chunk in self.chunks}
        }
        assert progress.state is self.expected_state()

    def expected_state(self) -> JobState:
        if self.cancelled:
            return JobState.CANCELLED
        if self.published:
            return JobState.FINISHED
        if self.complete:
            return JobState.FINALIZING
        return JobState.RUNNING if self.sealed else JobState.LISTING

    def teardown(self) -> None:
        """All messages are lost and all workers die: sweepers alone bring the job to its end."""
        if not self.ledger.client.exists(f"ms:{{{self.ledger.job}}}:meta"):
            return
        if not self.sealed:
            self.seal()
        for message in self.sweep_all():
            self.work(message)
        assert self.complete or self.cancelled
        if not self.cancelled:
            assert self.ledger.progress().units_done == len(self.chunks)
        assert self.cancelled or set(self.completions.values()) == {1}
        assert self.cancelled or len(self.completions) == self.generation
        self.model_and_ledger_agree()
        while self.ledger.renew_finalize(self.finalizers[-1] if self.finalizers else "", 0):
            self.finalizers.pop()
        if not self.published:
            token = self.ledger.begin_finalize("worker", LONG).token
            assert self.ledger.publish(token, "report-at-last")
        assert self.ledger.progress().report


def test_the_ledger_does_what_its_model_does(redis_client: redis.Redis):
    LedgerMachine.client = redis_client
    run_state_machine_as_test(LedgerMachine, settings=settings(max_examples=60, stateful_step_count=40))


class Chance:
    """Follows the same rules by chance, more of them and evenly: few of hypothesis' runs get as far as a retry."""

    def __init__(self, seed: int) -> None:
        self.rng, self.machine = random.Random(seed), LedgerMachine()
        self.messages: list[Message] = []
        self.workers: list[Worker] = []

    def queues(self) -> bytes:
        return bytes(self.rng.choice((1, 2)) for _ in range(self.rng.randint(1, 5)))

    def one_of(self, bundle: list[Any], consumed: float) -> Any:
        at = self.rng.randrange(len(bundle))
        return bundle.pop(at) if self.rng.random() < consumed else bundle[at]

    def events(self) -> dict[str, tuple[int, Any, Callable[[], Any]]]:
        """Return for each rule its weight, whether it can be followed now, and what follows it."""
        machine, rng = self.machine, self.rng
        is_open = any(chunk.digest is None for chunk in machine.chunks)
        reopens = machine.finalizers and not machine.published
        some = (None, self.queues())
        return {
            "alloc": (
                2,
                not machine.sealed,
                lambda: machine.alloc(some[1], rng.choice((0, 0, 1, -1)), rng.choice((1, 2))),
            ),
            "seal": (1, len(machine.chunks) > 2 and not machine.sealed, lambda: machine.seal(rng.choice((1, 2)))),
            "deliver": (6, self.messages, lambda: machine.deliver(self.one_of(self.messages, 0.7))),
            "finish": (
                6,
                self.workers,
                lambda: machine.finish(self.one_of(self.workers, 0.6), rng.random() < 0.3, rng.choice((None, *some))),
            ),
            "renew": (
                2,
                self.workers,
                lambda: machine.renew_or_die(self.one_of(self.workers, 0), rng.choice((0, LONG))),
            ),
            "enter": (2, self.workers, lambda: machine.enter(self.one_of(self.workers, 0), rng.choice((None, 0, 3)))),
            "release": (2, self.workers, lambda: machine.release(self.one_of(self.workers, 1))),
            "sweep": (2, is_open, lambda: machine.sweep(rng.random() < 0.5, rng.choice(((), (1,), (1, 2))))),
            "work off": (
                1,
                is_open,
                lambda: machine.work_off(rng.choice((0, 1, 3)), rng.random() < 0.3, rng.choice(some)),
            ),
            "cancel": (1, len(machine.chunks) > 20, lambda: machine.cancel(rng.random() < 0.1)),
            "retry": (2, True, machine.retry),
            "begin": (2, True, lambda: machine.begin_finalize(rng.choice((0, LONG)))),
            "reopen": (
                2,
                reopens,
                lambda: machine.reopen({rng.randrange(40) for _ in range(3)}, rng.choice((0, 1, 9))),
            ),
            "publish": (1, machine.finalizers, lambda: machine.publish(rng.random() < 0.5)),
        }

    def step(self) -> None:
        """Follow one rule."""
        events = [(weight, follow) for weight, possible, follow in self.events().values() if possible]
        (chosen,) = self.rng.choices([follow for _, follow in events], [weight for weight, _ in events])
        found = chosen()
        for value in found.values if isinstance(found, MultipleResults) else ():
            (self.messages if isinstance(value, Message) else self.workers).append(value)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_long_lives_of_a_job(redis_client: redis.Redis, seed: int):
    LedgerMachine.client = redis_client
    chance = Chance(seed)
    chance.machine.create()
    for _ in range(STEPS):
        chance.step()
        chance.machine.model_and_ledger_agree()
    chance.machine.teardown()
