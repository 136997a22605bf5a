"""REOPEN: chunks whose results were lost are examined again, and the job is complete again, a few times at most."""

from __future__ import annotations

import pytest
import redis

from modelsweep.fleet.answers import ChunkQueue, FinalizeStatus, JobState, ReopenStatus, UnknownJob
from modelsweep.fleet.ledger import Ledger
from tests.fleet.test_ledger import JOB, LONG, allocate, claim, finish, keys


@pytest.fixture
def ledger(redis_client: redis.Redis) -> Ledger:
    """A complete job of five chunks in two queues."""
    ledger = Ledger(redis_client, JOB)
    assert ledger.create(b"spec")
    allocate(ledger, b"\1\1\2")
    allocate(ledger, b"\2\2")
    ledger.seal()
    assert [finish(ledger, chunk).complete for chunk in range(5)] == [False] * 4 + [True]
    return ledger


def begin(ledger: Ledger) -> str:
    """Return the token of a finalizer."""
    granted = ledger.begin_finalize("worker", LONG)
    assert granted.status is FinalizeStatus.GRANTED
    return granted.token


def test_chunks_are_open_again_until_they_are_done(ledger: Ledger) -> None:
    before = ledger.progress()
    token = begin(ledger)
    reopened = ledger.reopen(token, [1, 4], most=3)
    assert reopened.again == (ChunkQueue(1, 1), ChunkQueue(4, 2))
    assert (reopened.status, reopened.generation, reopened.refused) == (ReopenStatus.OK, 1, ())
    progress = ledger.progress()
    assert (progress.state, progress.done) == (JobState.RUNNING, 3)
    assert {code: queue.done for code, queue in progress.queues.items()} == {1: 1, 2: 2}
    assert [digest is None for digest in ledger.digests(0, 5)] == [False, True, False, False, True]
    assert not ledger.renew_finalize(token, LONG)
    assert not ledger.publish(token, "reports/x")
    assert ledger.begin_finalize("worker", LONG).status is FinalizeStatus.RUNNING
    assert not finish(ledger, 4).complete
    assert finish(ledger, 1).complete
    after = ledger.progress()
    assert (after.state, after.units_done, after.verdicts) == (JobState.FINALIZING, before.units_done, before.verdicts)
    assert after.queues == before.queues
    assert ledger.publish(begin(ledger), "reports/x")


def test_a_chunk_is_opened_a_few_times_only(ledger: Ledger) -> None:
    for _ in range(3):
        assert ledger.reopen(begin(ledger), [2], most=3).again == (ChunkQueue(2, 2),)
        assert finish(ledger, 2).complete
    token = begin(ledger)
    refused = ledger.reopen(token, [2], most=3)
    assert (refused.again, refused.refused) == ((), (2,))
    assert ledger.renew_finalize(token, LONG), "nothing is open: the finalizer may go on without it"
    both = ledger.reopen(token, [2, 3], most=3)
    assert (both.again, both.refused) == ((ChunkQueue(3, 2),), (2,))


def test_the_sweeper_finds_what_was_not_published(ledger: Ledger) -> None:
    ledger.reopen(begin(ledger), [0], most=3)
    assert ledger.sweep({1: 0, 2: 0}, LONG).again == ()
    found = ledger.sweep({1: 0, 2: 0}, 0.0)
    while not found.again:  # until a millisecond went by
        found = ledger.sweep({1: 0, 2: 0}, 0.0)
    assert found.again == (ChunkQueue(0, 1),)
    assert claim(ledger, 0).granted


def test_only_the_current_finalizer_opens_anything(ledger: Ledger) -> None:
    before = ledger.progress().done
    assert ledger.reopen("nobody", [0], most=3).status is ReopenStatus.LOST
    token = begin(ledger)
    ledger.reopen(token, [0], most=3)
    assert ledger.reopen(token, [1], most=3).status is ReopenStatus.LOST
    assert ledger.progress().done == before - 1
    ledger.cancel()
    assert ledger.reopen(begin(ledger), [1], most=3).status is ReopenStatus.CANCELLED


def test_chunks_that_are_not_done_stay_as_they_are(ledger: Ledger) -> None:
    token = begin(ledger)
    ledger.reopen(token, [0], most=3)
    assert ledger.reopen(token, [0], most=3).again == ()
    with pytest.raises(UnknownJob):
        Ledger(ledger.client, "none").reopen("token", [0], most=3)


def test_a_retry_begins_to_count_anew_and_nothing_outlives_the_job(ledger: Ledger) -> None:
    ledger.reopen(begin(ledger), [0], most=3)
    assert finish(ledger, 0, retryable=True).complete
    assert ledger.publish(begin(ledger), "reports/x")
    assert any(key.endswith("reopened") for key in keys(ledger))
    assert ledger.retry().again == (ChunkQueue(0, 1),)
    assert not any(key.endswith("reopened") for key in keys(ledger))
    assert finish(ledger, 0).complete
    ledger.reopen(begin(ledger), [0], most=3)
    assert finish(ledger, 0).complete
    assert ledger.publish(begin(ledger), "reports/y")
    assert ledger.expire(0)
    assert keys(ledger) == []
