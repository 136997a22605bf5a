"""Many workers at the same chunks at once: each is done once, and one of them hears that the job is complete."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import redis

from modelsweep.fleet.answers import Allotment, DoneStatus, FinalizeStatus, JobState
from modelsweep.fleet.ledger import Ledger, counters

WORKERS = 6
LISTED = 40
PARENTS = 10
"""The first chunks have two children each."""
ALL = LISTED + 2 * PARENTS


def work(ledger: Ledger, seed: int) -> Counter[str]:
    """Claim and settle chunks in an order of one's own until all are done; return what was answered."""
    rng = random.Random(seed)
    answered: Counter[str] = Counter()
    while ledger.progress().done < ALL:
        chunk = rng.randrange(ALL)
        lease = rng.choice((0, 1000))  # many leases are lost at once, and taken over
        claim = ledger.claim(chunk, 1, f"worker-{seed}", lease)
        answered[f"claim {claim.status}"] += 1
        if not claim.granted:
            continue
        is_parent = chunk < PARENTS
        children = Allotment(b"\2\2", f"children-of-{chunk}-by-{seed}", 2, 2) if is_parent else None
        for _ in range(rng.choice((1, 2))):
            done = ledger.done(chunk, claim.token, b"%012d" % seed, {"units": 1}, children=children)
            answered[f"done {done.status}"] += 1
            answered["complete"] += done.complete
    return answered


def test_workers_that_fight_over_chunks_do_each_once(redis_client: redis.Redis):
    ledger = Ledger(redis_client, "job")
    ledger.create(b"spec")
    for first in range(0, LISTED, 8):
        ledger.alloc(first, b"\1" * 8, f"page-{first}", b"%d" % first)
    ledger.seal()
    with ThreadPoolExecutor(WORKERS) as pool:
        answered = sum(pool.map(lambda seed: work(ledger, seed), range(WORKERS)), Counter[str]())
    assert answered[f"done {DoneStatus.DONE}"] == ALL
    assert answered["complete"] == 1
    progress = ledger.progress()
    assert (progress.state, progress.allocated, progress.done) == (JobState.FINALIZING, ALL, ALL)
    assert (progress.units_done, progress.leased) == (ALL, 0)
    assert progress.counts["claims"] == answered["claim granted"]
    assert counters(redis_client)["chunks_done"] == ALL
    assert set(ledger.children()) == set(range(PARENTS))
    assert all(ledger.digests(0, ALL))


def test_producers_that_fight_over_places_get_one_each(redis_client: redis.Redis):
    ledger = Ledger(redis_client, "job")
    ledger.create(b"spec")

    def produce(seed: int) -> list[tuple[int, int]]:
        places, first = [], 0
        for number in range(15):
            size = 1 + (seed + number) % 4
            while (
                answer := ledger.alloc(first, b"\1" * size, f"{seed}-{number}", b"%d %d" % (seed, number))
            ).status != "allocated":
                first = answer.next
            places.append((first, size))
        return places

    with ThreadPoolExecutor(WORKERS) as pool:
        places = sorted(place for found in pool.map(produce, range(WORKERS)) for place in found)
    assert [first for first, _ in places] == [sum(size for _, size in places[:at]) for at in range(len(places))]
    assert ledger.progress().allocated == sum(size for _, size in places)


def test_sweepers_and_finalizers_that_meet_share_the_work(redis_client: redis.Redis):
    ledger = Ledger(redis_client, "job")
    ledger.create(b"spec")
    ledger.alloc(0, b"\1" * 200, "page", b"")
    for chunk in range(200):
        ledger.claim(chunk, 1, "worker", 0)
    with ThreadPoolExecutor(WORKERS) as pool:
        swept = list(pool.map(lambda _: ledger.sweep({}, 1000), range(WORKERS)))
    assert sorted(chunk.chunk for answer in swept for chunk in answer.again) == list(range(200))
    ledger.cancel()
    with ThreadPoolExecutor(WORKERS) as pool:
        asked = list(pool.map(lambda number: ledger.begin_finalize(f"worker-{number}", 1000), range(WORKERS)))
    assert Counter(answer.status for answer in asked) == {FinalizeStatus.GRANTED: 1, FinalizeStatus.LEASED: WORKERS - 1}
