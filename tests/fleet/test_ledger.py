"""Each script of the ledger alone: what it does, what it refuses, and what happens when it is asked twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from modelsweep.fleet.answers import (
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
    JobState,
    LeaseStatus,
    LedgerFault,
    QueueProgress,
    RetryStatus,
    Sealed,
    SealStatus,
    UnknownJob,
)
from modelsweep.fleet.ledger import Ledger, active_jobs, counters, list_jobs
from modelsweep.fleet.metrics import METRICS, Counted
from modelsweep.fleet.scripts import load, names

JOB = "abcd-efgh-jkmn"
LONG = 1000.0
"""Seconds that no test takes."""


@pytest.fixture
def ledger(redis_client: redis.Redis) -> Ledger:
    """A job without chunks."""
    ledger = Ledger(redis_client, JOB)
    assert ledger.create(b"spec", {"protocol": 1})
    return ledger


def allocate(ledger: Ledger, queues: bytes, page: str = "") -> int:
    """Allocate chunks behind those that there are, and return the first one."""
    first = ledger.progress().allocated
    page = page or f"pages/{first:010d}"
    answer = ledger.alloc(first, queues, page, b"cursor %d" % first, units=2 * len(queues), size=10 * len(queues))
    assert answer.status is AllocStatus.ALLOCATED
    return first


def claim(ledger: Ledger, chunk: int, lease_s: float = LONG, generation: int = 1) -> Claim:
    """Claim a chunk, which must be granted."""
    answer = ledger.claim(chunk, generation, "worker", lease_s)
    assert answer.granted
    return answer


def finish(ledger: Ledger, chunk: int, token: str = "", **more: Any) -> Done:
    """Settle a chunk, claiming it first where no token is given."""
    token = token or claim(ledger, chunk, generation=ledger.progress().generation).token
    return ledger.done(chunk, token, b"%012d" % chunk, {"units": 2, "size": 10, "verdict:clean": 2}, **more)


def tick() -> None:
    """Let Redis' clock go on by a few of the milliseconds that it counts."""
    time.sleep(0.003)


def keys(ledger: Ledger) -> list[str]:
    """Return all keys of the job."""
    return sorted(key.decode() for key in ledger.client.scan_iter(f"ms:{{{ledger.job}}}:*"))


# CREATE


def test_a_job_is_created_once(ledger: Ledger):
    assert ledger.create(b"spec", {"protocol": 1}), "the same again, since the answer was lost"
    assert not ledger.create(b"other")
    assert ledger.spec() == b"spec"
    progress = ledger.progress()
    assert (progress.state, progress.generation, progress.allocated) == (JobState.LISTING, 1, 0)
    assert progress.metas == {"protocol": b"1"}
    assert progress.now - 60 < progress.created <= progress.now
    assert counters(ledger.client) == {"jobs_created": 1}
    assert active_jobs(ledger.client) == [JOB]
    assert list_jobs(ledger.client) == [(JOB, progress.created)]


def test_a_job_that_is_not_there_leaves_no_keys(redis_client: redis.Redis):
    ledger = Ledger(redis_client, "nope")
    token = "1 1 x@y"
    assert ledger.alloc(0, b"\0", "page", b"").status is AllocStatus.GONE
    assert ledger.claim(0, 1, "worker", 1).status is ClaimStatus.GONE
    assert ledger.enter(0, token, 0) is LeaseStatus.GONE
    assert ledger.renew(0, token, 1) is LeaseStatus.GONE
    assert ledger.release(0, token) is LeaseStatus.GONE
    assert ledger.done(0, token, bytes(12), {"units": 1}).status is DoneStatus.GONE
    assert ledger.begin_finalize("worker", 1).status is FinalizeStatus.GONE
    assert not ledger.renew_finalize("token", 1)
    assert not ledger.publish("token", "pointer")
    asked: list[Callable[[], object]] = [
        ledger.spec, ledger.seal, ledger.cancel, ledger.retry, ledger.progress,
        lambda: ledger.sweep({}, 1), lambda: ledger.expire(1), lambda: ledger.heartbeat("producer"),
    ]  # fmt: skip
    for ask in asked:
        with pytest.raises(UnknownJob, match="no job nope: it never was, ended long ago"):
            ask()
    assert keys(ledger) == []
    assert ledger.extents() == []
    assert ledger.digests(0, 3) == [None] * 3


# ALLOC


def test_chunks_are_numbered_in_order_of_allocation(ledger: Ledger):
    assert allocate(ledger, b"\1\1\1") == 0
    assert allocate(ledger, b"\1\2") == 3
    progress = ledger.progress()
    assert (progress.allocated, progress.units, progress.bytes, progress.cursor) == (5, 10, 50, b"cursor 3")
    assert progress.queues == {1: QueueProgress(4, 0), 2: QueueProgress(1, 0)}
    assert ledger.extents() == [Extent(0, "pages/0000000000", b"\1"), Extent(3, "pages/0000000003", b"\1\2")]


def test_pages_are_named_as_they_were(ledger: Ledger):
    pages = [f"jobs/{JOB}/pages/0000000000-{'ab' * 12}", "jobs/other/pages/0", "elsewhere"]
    for page in pages:
        allocate(ledger, b"\1", page)
    assert [extent.page for extent in ledger.extents()] == pages
    assert [claim(ledger, chunk).page for chunk in range(3)] == pages
    assert max(len(member) for member in ledger.client.zrange(f"ms:{{{JOB}}}:extents", 0, 0)) <= 64, "kept compactly"


def test_a_page_for_another_place_is_refused(ledger: Ledger):
    allocate(ledger, b"\1\1\1")
    for first in (0, 2, 4):
        answer = ledger.alloc(first, b"\1", "pages/x", b"new")
        assert (answer.status, answer.next, answer.cursor) == (AllocStatus.MOVED, 3, b"cursor 0")
    assert ledger.progress().allocated == 3


@pytest.mark.parametrize("left", ["taken", "extents", "done", "leases"])
def test_a_job_made_anew_has_nothing_of_what_was_left_of_it(ledger: Ledger, left: str):
    """A Redis that throws keys away may throw away the first one: nothing is complete by what stood in others."""
    allocate(ledger, b"\1\1")
    finish(ledger, 0)
    claim(ledger, 1)
    ledger.client.delete(*(name for name in keys(ledger) if not name.endswith(left)))
    assert len(keys(ledger)) == 1
    assert ledger.create(b"spec")
    assert ledger.extents() == []
    assert allocate(ledger, b"\1\1") == 0
    tick()
    assert ledger.sweep({1: 0}, 0).again == (ChunkQueue(0, 1), ChunkQueue(1, 1))
    assert [finish(ledger, chunk).status for chunk in (0, 1)] == [DoneStatus.DONE] * 2
    assert ledger.seal().complete


def test_an_alloc_whose_answer_was_lost_may_be_repeated(ledger: Ledger):
    first = ledger.alloc(0, b"\1\1", "page", b"a")
    assert ledger.alloc(0, b"\1\1", "page", b"a") == first
    finish(ledger, 0, children=Allotment(b"\1", "children"))
    again = ledger.alloc(0, b"\1\1", "page", b"a")
    assert (again.status, again.next) == (AllocStatus.ALLOCATED, 3)
    assert ledger.progress().allocated == 3


def test_another_producers_page_of_the_same_name_is_not_taken_for_ones_own(ledger: Ledger):
    ledger.alloc(0, b"\1\1", "page", b"a")
    assert ledger.alloc(0, b"\1\1", "page", b"b").status is AllocStatus.MOVED


def test_nothing_is_allocated_after_seal_or_cancel(ledger: Ledger):
    allocate(ledger, b"\1")
    ledger.seal()
    assert ledger.alloc(1, b"\1", "page", b"").status is AllocStatus.SEALED
    ledger.cancel()
    assert ledger.alloc(1, b"\1", "page", b"").status is AllocStatus.CANCELLED
    assert ledger.progress().allocated == 1


# CLAIM, ENTER, RENEW, RELEASE


def test_a_chunk_is_granted_to_one_worker(ledger: Ledger):
    allocate(ledger, b"\1\1")
    granted = claim(ledger, 1)
    assert (granted.page, granted.first, granted.losses, granted.blames) == ("pages/0000000000", 0, 0, {})
    assert ledger.claim(1, 1, "other", LONG) == Claim(ClaimStatus.LEASED)
    assert ledger.progress().leased == 1
    assert ledger.progress().started > 0


def test_claims_that_are_refused_say_why(ledger: Ledger):
    allocate(ledger, b"\1")
    assert ledger.claim(1, 1, "worker", LONG).status is ClaimStatus.NOT_ALLOCATED
    assert ledger.claim(0, 0, "worker", LONG).status is ClaimStatus.STALE
    finish(ledger, 0)
    assert ledger.claim(0, 0, "worker", LONG).status is ClaimStatus.DONE
    ledger.cancel()
    assert ledger.claim(0, 1, "worker", LONG).status is ClaimStatus.CANCELLED
    counts = ledger.progress().counts
    assert (counts["claims"], counts["claims_refused"]) == (1, 4)
    assert ledger.progress().counted("claims_refused") == {"not-allocated": 1, "stale": 1, "done": 1, "cancelled": 1}


def test_several_chunks_are_claimed_at_once_each_with_its_own_answer(ledger: Ledger, redis_client: redis.Redis):
    allocate(ledger, b"\1\1\1\1")
    finish(ledger, 0)
    claim(ledger, 2)
    redis_client.script_flush()  # as after a Redis that was started anew
    answers = ledger.claims(range(5), 1, "worker", LONG)
    assert [answer.status.value for answer in answers] == ["done", "granted", "leased", "granted", "not-allocated"]
    assert answers[1].token != answers[3].token
    for chunk in (1, 3):
        assert ledger.enter(chunk, answers[chunk].token, 0) is LeaseStatus.OK
        assert ledger.enter(4 - chunk, answers[chunk].token, 0) is LeaseStatus.LOST
    assert ledger.progress().leased == 3
    held = [(1, answers[1].token), (3, answers[1].token), (3, answers[3].token)]
    assert ledger.renew_all(held, LONG) == [LeaseStatus.OK, LeaseStatus.LOST, LeaseStatus.OK]
    assert ledger.renew_all([], LONG) == []
    ledger.client.set("ms:{abcd-efgh-jkmn}:leases", b"of another kind")
    with pytest.raises(LedgerFault):
        ledger.claims([1, 3], 1, "worker", LONG)


def test_a_claim_whose_answer_was_lost_may_be_repeated(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    allocate(ledger, b"\1")
    monkeypatch.setattr("secrets.token_hex", lambda size: "ab" * size)  # as redis-py sends it again
    assert claim(ledger, 0) == claim(ledger, 0)
    assert ledger.progress().counts["claims"] == 1
    assert "leases_lost" not in ledger.progress().counts


def test_an_expired_lease_is_taken_over_and_the_unit_it_examined_is_blamed(ledger: Ledger):
    allocate(ledger, b"\1")
    for times in (1, 2):
        token = claim(ledger, 0, lease_s=0).token
        assert ledger.enter(0, token, 17) is LeaseStatus.OK
        assert ledger.progress().counts.get("leases_lost", 0) == times - 1
    token = claim(ledger, 0, lease_s=0).token
    ledger.enter(0, token, 3)
    ledger.enter(0, token, None)
    last = claim(ledger, 0)
    assert (last.losses, last.blames) == (3, {17: 2})
    assert ledger.enter(0, token, 5) is LeaseStatus.LOST


def test_a_lease_lives_as_long_as_it_is_renewed(ledger: Ledger):
    allocate(ledger, b"\1")
    token = claim(ledger, 0, lease_s=0).token
    assert ledger.renew(0, token, LONG) is LeaseStatus.OK, "late, but nobody took it over"
    assert ledger.claim(0, 1, "other", LONG).status is ClaimStatus.LEASED
    ledger.renew(0, token, 0)
    other = claim(ledger, 0)
    assert ledger.renew(0, token, LONG) is LeaseStatus.LOST
    assert ledger.renew(0, other.token, LONG) is LeaseStatus.OK
    ledger.cancel()
    assert ledger.renew(0, other.token, LONG) is LeaseStatus.CANCELLED


def test_a_chunk_given_back_is_no_loss(ledger: Ledger):
    allocate(ledger, b"\1")
    token = claim(ledger, 0).token
    ledger.enter(0, token, 0)
    assert ledger.release(0, token) is LeaseStatus.OK
    assert ledger.release(0, token) is LeaseStatus.LOST
    assert ledger.progress().leased == 0
    again = claim(ledger, 0)
    assert (again.losses, again.blames) == (0, {})


# DONE


def test_a_chunk_is_done_once(ledger: Ledger):
    allocate(ledger, b"\1\2")
    token = claim(ledger, 1).token
    assert finish(ledger, 1, token) == Done(DoneStatus.DONE)
    assert ledger.done(1, token, b"x" * 12, {"units": 99}) == Done(DoneStatus.ALREADY)
    progress = ledger.progress()
    assert (progress.done, progress.leased, progress.units_done, progress.bytes_done) == (1, 0, 2, 10)
    assert progress.verdicts == {"clean": 2}
    assert progress.queues[2] == QueueProgress(1, 1)
    assert ledger.digests(0, 3) == [None, b"000000000001", None]
    assert counters(ledger.client)["units"] == 2


def test_work_counts_also_when_the_lease_was_lost(ledger: Ledger):
    allocate(ledger, b"\1\1")
    late = [claim(ledger, chunk, lease_s=0).token for chunk in (0, 1)]
    other = claim(ledger, 0).token
    assert len(ledger.sweep({}, LONG).again) == 1
    assert finish(ledger, 0, late[0]).status is DoneStatus.DONE
    assert ledger.renew(0, other, LONG) is LeaseStatus.LOST
    assert finish(ledger, 0, other).status is DoneStatus.ALREADY
    assert finish(ledger, 1, late[1]).status is DoneStatus.DONE
    assert ledger.progress().done == 2


def test_results_that_are_refused_say_why(ledger: Ledger):
    allocate(ledger, b"\1\1")
    token = claim(ledger, 0).token
    assert finish(ledger, 2, token).status is DoneStatus.NOT_ALLOCATED
    ledger.cancel()
    assert finish(ledger, 0, token).status is DoneStatus.CANCELLED
    assert ledger.progress().done == 0


def test_a_result_of_a_number_that_redis_forgot_and_gave_anew_does_not_count(ledger: Ledger):
    allocate(ledger, b"\1", page="lost")
    token = claim(ledger, 0).token
    ledger.client.flushdb()  # a Redis that was restored from before the ALLOC
    tick()
    ledger.create(b"spec")
    allocate(ledger, b"\1", page="anew")
    assert finish(ledger, 0, token).status is DoneStatus.STALE
    assert finish(ledger, 0).status is DoneStatus.DONE


def test_children_are_allocated_in_the_step_that_settles_their_parent(ledger: Ledger):
    allocate(ledger, b"\1")
    assert ledger.seal() == Sealed(SealStatus.SEALED)
    token = claim(ledger, 0).token
    children = Allotment(b"\2\1", "children", 7, 70)
    assert finish(ledger, 0, token, children=children) == Done(DoneStatus.DONE, complete=False, first_child=1)
    assert finish(ledger, 0, token, children=children) == Done(DoneStatus.ALREADY, complete=False, first_child=1)
    progress = ledger.progress()
    assert (progress.allocated, progress.units, progress.bytes) == (3, 9, 80)
    assert ledger.extents()[1] == Extent(1, "children", b"\2\1")
    assert ledger.children() == {0: 1}
    last = claim(ledger, 2)
    assert (last.page, last.first) == ("children", 1)
    assert finish(ledger, 1) == Done(DoneStatus.DONE)
    assert finish(ledger, 2, last.token) == Done(DoneStatus.DONE, complete=True)


def test_digests_stand_where_they_belong_over_many_keys(ledger: Ledger):
    chunks = 2500
    for _ in range(0, chunks, 250):
        allocate(ledger, b"\1" * 250)
    for chunk in (0, 1023, 1024, 2047, 2048, 2499):
        finish(ledger, chunk)
    found = ledger.digests(0, chunks)
    assert {chunk: digest for chunk, digest in enumerate(found) if digest} == {
        chunk: b"%012d" % chunk for chunk in (0, 1023, 1024, 2047, 2048, 2499)
    }
    assert ledger.digests(1020, 10) == found[1020:1030]
    assert ledger.digests(2499, 10) == [found[2499], *[None] * 9]


# SEAL, CANCEL


def test_a_job_is_complete_when_it_is_sealed_and_all_is_done(ledger: Ledger):
    allocate(ledger, b"\1")
    assert not finish(ledger, 0).complete
    assert ledger.progress().state is JobState.LISTING
    assert ledger.seal("problems", b"cursor 0") == Sealed(SealStatus.SEALED, complete=True)
    assert ledger.seal("problems", b"cursor 0") == Sealed(SealStatus.SEALED, complete=False)
    assert ledger.progress().state is JobState.FINALIZING
    assert ledger.progress().problems == "problems"


def test_a_job_without_chunks_is_complete_when_it_is_sealed(ledger: Ledger):
    assert ledger.seal() == Sealed(SealStatus.SEALED, complete=True)


def test_a_producer_that_was_left_behind_does_not_seal(ledger: Ledger):
    allocate(ledger, b"\1")
    allocate(ledger, b"\1")
    assert ledger.seal(b"", b"cursor 0") == Sealed(SealStatus.MOVED)
    assert ledger.heartbeat("producer") is JobState.LISTING
    assert ledger.seal(b"", b"cursor 1") == Sealed(SealStatus.SEALED)
    assert ledger.heartbeat("producer") is JobState.RUNNING


def test_a_cancelled_job_stays_as_it_is(ledger: Ledger):
    allocate(ledger, b"\1\1")
    claim(ledger, 0)
    finish(ledger, 1)
    assert ledger.cancel() is CancelStatus.CANCELLED
    assert ledger.cancel() is CancelStatus.ALREADY
    assert ledger.seal() == Sealed(SealStatus.CANCELLED)
    assert ledger.retry().status is RetryStatus.CANCELLED
    assert ledger.heartbeat("producer") is JobState.CANCELLED
    tick()
    assert ledger.sweep({1: 0}, 0).again == ()
    progress = ledger.progress()
    assert (progress.state, progress.done, progress.leased) == (JobState.CANCELLED, 1, 0)
    assert progress.ended >= progress.created
    token = ledger.begin_finalize("worker", LONG).token
    assert ledger.publish(token, "report-of-what-is-done")
    assert ledger.progress().state is JobState.CANCELLED
    assert active_jobs(ledger.client) == []


def test_a_cancelled_job_is_swept_until_what_is_done_is_reported(ledger: Ledger):
    """Whoever cancels may die before it asks for a finalizer, and so may that."""
    allocate(ledger, b"\1\1")
    finish(ledger, 1)
    ledger.cancel()
    tick()
    assert active_jobs(ledger.client) == [JOB]
    assert not ledger.sweep({1: 0}, LONG).finalize, "somebody was asked just now"
    assert ledger.sweep({1: 0}, 0).finalize
    token = ledger.begin_finalize("worker", LONG).token
    tick()
    assert not ledger.sweep({1: 0}, 0).finalize, "it is being written"
    assert ledger.begin_finalize("worker", 0).status is FinalizeStatus.LEASED
    assert ledger.renew_finalize(token, 0)
    tick()
    assert ledger.sweep({1: 0}, 0).finalize, "its finalizer died"
    assert ledger.publish(ledger.begin_finalize("other", LONG).token, "report-of-what-is-done")
    assert not ledger.sweep({1: 0}, 0).finalize
    assert active_jobs(ledger.client) == []


def test_a_finished_job_is_not_cancelled(ledger: Ledger):
    ledger.seal()
    ledger.publish(ledger.begin_finalize("worker", LONG).token, "report")
    assert ledger.cancel() is CancelStatus.FINISHED
    assert ledger.progress().state is JobState.FINISHED


# SWEEP


def test_the_sweeper_publishes_expired_leases_again(ledger: Ledger):
    allocate(ledger, b"\1\2\1")
    for chunk, lease in enumerate((LONG, 0, 0)):
        ledger.enter(chunk, claim(ledger, chunk, lease).token, chunk)
    swept = ledger.sweep({}, LONG)
    assert set(swept.again) == {ChunkQueue(1, 2), ChunkQueue(2, 1)}
    assert swept.generation == 1
    assert ledger.sweep({}, LONG).again == (), "two sweepers at once"
    assert ledger.progress().counts["leases_lost"] == 2
    assert claim(ledger, 1).blames == {1: 1}
    tick()
    assert ledger.sweep({1: 0, 2: 0}, 0).again == (ChunkQueue(2, 1),), "the second message was lost, too"


def test_messages_that_others_overtook_are_published_again(ledger: Ledger):
    allocate(ledger, b"\1\2")
    tick()
    allocate(ledger, b"\1\2")
    tick()
    assert ledger.sweep({1: 5, 2: 5}, 0).again == (), "nothing came after them"
    claim(ledger, 2)
    assert ledger.sweep({1: 5, 2: 5}, LONG).again == (), "in time"
    assert ledger.sweep({1: 5, 2: 5}, 0).again == (ChunkQueue(0, 1),)
    tick()
    assert ledger.sweep({1: 5, 2: 5}, 0).again == (), "it is at the end of its queue now"
    claim(ledger, 0)
    assert ledger.progress().counts["published_again"] == 1


def test_a_message_is_overtaken_by_those_of_other_jobs(ledger: Ledger):
    """A queue that another job keeps full for days is never empty, and what is lost last nothing of its job follows."""
    allocate(ledger, b"\1")
    tick()
    other = Ledger(ledger.client, "other")
    other.create(b"spec")
    allocate(other, b"\2\1")
    tick()
    claim(other, 0)
    assert ledger.sweep({1: 5, 2: 5}, 0).again == (), "another queue"
    claim(other, 1)
    assert ledger.sweep({1: 5, 2: 5}, LONG).again == ()
    assert ledger.sweep({1: 5, 2: 5}, 0).again == (ChunkQueue(0, 1),)
    tick()
    assert ledger.sweep({1: 5, 2: 5}, 0).again == ()


def test_a_clock_that_was_set_back_lets_nothing_be_published_for_ever(ledger: Ledger):
    allocate(ledger, b"\1\1")
    claim(ledger, 1)
    ledger.client.hset("ms:marks", "1", int((time.time() + 3600) * 1000))
    tick()
    assert ledger.sweep({1: 5}, 0).again == (), "it waits in its queue"
    assert ledger.sweep({1: 0}, 0).again == (ChunkQueue(0, 1),)


def test_messages_of_an_empty_queue_are_published_again_once_per_grace(ledger: Ledger):
    allocate(ledger, b"\1\2\1")
    tick()
    assert ledger.sweep({1: 0, 2: 7}, LONG).again == ()
    assert ledger.sweep({1: 0, 2: 7}, 0).again == (ChunkQueue(0, 1), ChunkQueue(2, 1))
    assert ledger.sweep({1: 0, 2: 7}, LONG).again == ()
    tick()
    assert len(ledger.sweep({1: 0, 2: 0}, 0).again) == 3


def test_a_chunk_given_back_whose_message_is_lost_is_published_again(ledger: Ledger):
    allocate(ledger, b"\1")
    ledger.release(0, claim(ledger, 0).token)
    tick()
    assert ledger.sweep({1: 0}, LONG).again == ()
    assert ledger.sweep({1: 0}, 0).again == (ChunkQueue(0, 1),)


def test_a_large_job_is_swept_in_parts(ledger: Ledger):
    for _ in range(150):
        allocate(ledger, b"\1\1\1")
    lost = {100, 203, 449}
    for chunk in set(range(450)) - lost:
        finish(ledger, chunk)
    tick()
    found: list[int] = []
    for _ in range(3):
        found.extend(chunk.chunk for chunk in ledger.sweep({1: 0}, 0.001).again)
    assert set(found) == lost


def test_a_sweep_publishes_a_bounded_number(ledger: Ledger):
    for _ in range(4):
        allocate(ledger, b"\1" * 250)
    tick()
    found: set[int] = set()
    for _ in range(5):
        again = ledger.sweep({1: 0}, 0.002).again
        assert len(again) <= 2 * 256
        found |= {chunk.chunk for chunk in again}
        tick()
    assert found == set(range(1000))


def test_a_sweep_without_grace_publishes_what_was_published_just_now(ledger: Ledger):
    """Whoever makes a ledger anew sweeps at once, most often within a millisecond."""
    for first in range(0, 60, 2):
        allocate(ledger, b"\1\1")
        assert ledger.sweep({1: 0}, 0).again == tuple(ChunkQueue(chunk, 1) for chunk in range(first, first + 2))
        finish(ledger, first)
        finish(ledger, first + 1)
    ledger.seal()
    assert ledger.sweep({1: 0}, 0).finalize


def test_the_sweeper_asks_for_a_report_that_nobody_writes(ledger: Ledger):
    ledger.seal()
    assert not ledger.sweep({}, LONG).finalize, "whoever completed it has asked"
    tick()
    assert ledger.sweep({}, 0).finalize
    assert not ledger.sweep({}, LONG).finalize
    token = ledger.begin_finalize("worker", LONG).token
    tick()
    assert not ledger.sweep({}, 0).finalize, "it is being written"
    assert ledger.renew_finalize(token, 0)
    assert ledger.sweep({}, 0).finalize, "its writer died"
    assert ledger.publish(token, "report")
    tick()
    assert not ledger.sweep({}, 0).finalize


# RETRY


def test_chunks_worth_another_try_are_opened_again(ledger: Ledger):
    allocate(ledger, b"\1\2\1")
    late = claim(ledger, 2, lease_s=0).token
    for chunk in range(3):
        finish(ledger, chunk, retryable=chunk > 0)
    assert ledger.retry().status is RetryStatus.RUNNING
    ledger.seal()
    stale = ledger.begin_finalize("worker", LONG).token
    before = counters(ledger.client)
    retried = ledger.retry()
    assert (retried.status, retried.generation) == (RetryStatus.AGAIN, 2)
    assert retried.again == (ChunkQueue(1, 2), ChunkQueue(2, 1))
    progress = ledger.progress()
    assert (progress.state, progress.generation) == (JobState.RUNNING, 2)
    assert (progress.done, progress.units_done, progress.verdicts) == (1, 2, {"clean": 2})
    assert progress.queues == {1: QueueProgress(2, 1), 2: QueueProgress(1, 0)}
    assert counters(ledger.client)["units"] == before["units"], "metrics never fall"
    assert ledger.digests(0, 3)[1:] == [None, None]
    assert not ledger.publish(stale, "report-of-before")
    assert ledger.retry().status is RetryStatus.RUNNING
    assert ledger.claim(2, 1, "worker", LONG).status is ClaimStatus.STALE
    assert finish(ledger, 2, late).status is DoneStatus.STALE
    assert not finish(ledger, 1).complete
    assert finish(ledger, 2).complete
    assert ledger.progress().units_done == 6
    assert ledger.retry().status is RetryStatus.NOTHING


def test_a_parent_that_is_tried_again_has_its_children_already(ledger: Ledger):
    allocate(ledger, b"\1")
    ledger.seal()
    assert finish(ledger, 0, children=Allotment(b"\1", "children"), retryable=True).first_child == 1
    assert finish(ledger, 1).complete
    ledger.retry()
    again = finish(ledger, 0, children=Allotment(b"\1\1", "other-children"))
    assert again == Done(DoneStatus.DONE, complete=True, first_child=1)
    assert ledger.progress().allocated == 2


def test_messages_of_a_retry_that_are_lost_are_published_again(ledger: Ledger):
    allocate(ledger, b"\1")
    ledger.client.delete(f"ms:{{{JOB}}}:extents")
    ledger.client.zadd(f"ms:{{{JOB}}}:extents", {"1\npage\n\1": 0})
    ledger.seal()
    finish(ledger, 0, retryable=True)
    ledger.retry()
    assert ledger.sweep({1: 0}, LONG).again == (), "in time, though it was allocated long ago"
    tick()
    swept = ledger.sweep({1: 0}, 0)
    assert (swept.again, swept.generation) == ((ChunkQueue(0, 1),), 2)


# FINALIZE, PUBLISH, EXPIRE


def test_one_worker_writes_the_reports(ledger: Ledger):
    assert ledger.begin_finalize("worker", LONG).status is FinalizeStatus.RUNNING
    ledger.seal()
    first = ledger.begin_finalize("worker", LONG)
    assert first.status is FinalizeStatus.GRANTED
    assert ledger.begin_finalize("other", LONG).status is FinalizeStatus.LEASED
    assert ledger.renew_finalize(first.token, 0)
    second = ledger.begin_finalize("other", LONG)
    assert second.status is FinalizeStatus.GRANTED
    assert not ledger.renew_finalize(first.token, LONG)
    assert not ledger.publish(first.token, "reports/first")
    assert ledger.publish(second.token, "reports/second")
    assert ledger.publish(second.token, "reports/second"), "the answer was lost"
    assert not ledger.publish(second.token, "reports/third")
    assert ledger.begin_finalize("other", LONG).status is FinalizeStatus.PUBLISHED
    progress = ledger.progress()
    assert (progress.state, progress.report) == (JobState.FINISHED, "reports/second")
    assert progress.ended > 0
    assert counters(ledger.client)["reports_published"] == 1


def test_a_report_changes_what_its_job_counts_once_and_a_retry_takes_it_back(ledger: Ledger):
    """What files make of each other is known when all of them are."""
    allocate(ledger, bytes([1, 1]))
    ledger.seal()
    finish(ledger, 0)
    finish(ledger, 1, retryable=True)
    found = {"severity:critical": 1, "verdict:clean": -1, "verdict:malicious": 1, "problem:limit": 0}
    for generation, more in ((1, {}), (2, {"severity:info": 2})):
        token = ledger.begin_finalize("worker", LONG).token
        assert ledger.publish(token, f"reports/{generation}", found | more)
        assert ledger.publish(token, f"reports/{generation}", found | more), "the answer was lost"
        progress = ledger.progress()
        assert progress.verdicts == {"clean": 3, "malicious": 1}
        assert progress.findings == {"critical": 1, **({"info": 2} if more else {})}
        if generation == 1:
            ledger.retry()
            assert ledger.progress().verdicts == {"clean": 2, "malicious": 0}
            assert ledger.progress().findings == {"critical": 0}
            finish(ledger, 1)
    metrics = counters(ledger.client)
    assert metrics["severity:critical"] == 1, "of one job, whose report was published twice"
    assert (metrics["verdict:clean"], "verdict:malicious" in metrics) == (6, False), "as they are alone"


def test_a_job_that_ended_is_forgotten_as_a_whole(ledger: Ledger):
    for _ in range(5):
        allocate(ledger, b"\1" * 250)
    finish(ledger, 0, retryable=True, children=Allotment(b"\1", "children"))
    finish(ledger, 1100)
    ledger.release(2, claim(ledger, 2).token)
    ledger.enter(3, claim(ledger, 3, lease_s=0).token, 0)
    ledger.sweep({}, LONG)
    ledger.enter(4, claim(ledger, 4).token, 0)
    assert not ledger.expire(LONG), "it runs"
    assert len(keys(ledger)) == 17, "all that prelude.lua lists, and a second key of digests"
    ledger.cancel()
    assert ledger.expire(LONG)
    assert len({ledger.client.pexpiretime(key) if _has_pexpiretime(ledger) else 0 for key in keys(ledger)}) == 1
    assert all(ledger.client.pttl(key) > 0 for key in keys(ledger))
    assert ledger.expire(0)
    tick()
    assert keys(ledger) == []
    assert list_jobs(ledger.client) == []
    assert not ledger.client.exists("ms:jobs")


def _has_pexpiretime(ledger: Ledger) -> bool:
    return int(str(ledger.client.info("server")["redis_version"]).partition(".")[0]) >= 7


def test_a_job_that_is_tried_again_does_not_expire(ledger: Ledger):
    allocate(ledger, b"\1")
    ledger.seal()
    finish(ledger, 0, retryable=True)
    ledger.publish(ledger.begin_finalize("worker", LONG).token, "report")
    ledger.expire(LONG)
    ledger.retry()
    assert {ledger.client.pttl(key) for key in keys(ledger)} == {-1}
    assert active_jobs(ledger.client) == [JOB]
    assert ledger.progress().report == "report", "the last one stays until there is another"


# What holds for all


def test_every_metric_is_counted_by_some_script(ledger: Ledger):
    allocate(ledger, b"\1\1")
    ledger.release(0, claim(ledger, 0).token)
    claim(ledger, 0, lease_s=0)
    ledger.sweep({}, LONG)
    ledger.claim(9, 1, "worker", LONG)
    token = claim(ledger, 0).token
    for _ in range(2):
        ledger.done(0, token, bytes(12), {"bytes": 5, "known": 1})
    ledger.cancel()
    ledger.publish(ledger.begin_finalize("worker", LONG).token, "report")
    fields = {name for metric in METRICS if isinstance(metric.source, Counted) for name in metric.source.fields}
    assert fields <= set(counters(ledger.client))


def test_scripts_work_on_a_redis_that_has_never_seen_them(ledger: Ledger):
    ledger.client.script_flush()
    allocate(ledger, b"\1")
    assert finish(ledger, 0).status is DoneStatus.DONE


@pytest.mark.parametrize("name", names())
def test_scripts_are_known_by_their_digest(redis_client: redis.Redis, name: str):
    assert redis_client.script_load(load(name).source) == load(name).sha


BAD: dict[str, Callable[[Ledger], object]] = {
    "job": lambda ledger: Ledger(ledger.client, "a{b}"),
    "spec": lambda ledger: ledger.create(bytes((4 << 20) + 1)),
    "no chunks": lambda ledger: ledger.alloc(0, b"", "page", b""),
    "many chunks": lambda ledger: ledger.alloc(0, bytes(257), "page", b""),
    "first": lambda ledger: ledger.alloc(-1, b"\1", "page", b""),
    "page": lambda ledger: ledger.alloc(0, b"\1", "pa\nge", b""),
    "units": lambda ledger: ledger.alloc(0, b"\1", "page", b"", units=-1),
    "cursor": lambda ledger: ledger.alloc(0, b"\1", "page", bytes((4 << 20) + 1)),
    "chunk": lambda ledger: ledger.claim(1 << 31, 1, "worker", 1),
    "worker": lambda ledger: ledger.claim(0, 1, "a b", 1),
    "lease": lambda ledger: ledger.claim(0, 1, "worker", -1),
    "endless": lambda ledger: ledger.claim(0, 1, "worker", float("nan")),
    "token": lambda ledger: ledger.renew(0, "x", 1),
    "digest": lambda ledger: ledger.done(0, "1 1 x", b"", {}),
    "count": lambda ledger: ledger.done(0, "1 1 x", bytes(12), {"A": 1}),
    "number": lambda ledger: ledger.done(0, "1 1 x", bytes(12), {"units": 1 << 53}),
    "counts": lambda ledger: ledger.done(0, "1 1 x", bytes(12), {f"a:{n}": 1 for n in range(129)}),
    "pointer": lambda ledger: ledger.publish("x", ""),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_argument_never_reaches_redis(ledger: Ledger, what: str):
    before = keys(ledger), counters(ledger.client)
    with pytest.raises(ValueError, match=r"is not a |at most|1 to 256|has 12 bytes|more than|not a token"):
        BAD[what](ledger)
    assert (keys(ledger), counters(ledger.client)) == before
