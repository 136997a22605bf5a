"""What goes on beside the slots of a worker, and what one job, or one store, must not keep it from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from modelsweep.core.options import Options
from modelsweep.fleet import liveness
from modelsweep.fleet.answers import LedgerFault
from modelsweep.fleet.job import JobSpec, new_id, seal_spec
from modelsweep.fleet.ledger import Ledger, active_jobs, list_jobs
from modelsweep.fleet.messages import Message
from modelsweep.fleet.signature import Key
from modelsweep.fleet.store import StoreFault
from modelsweep.fleet.stores import open_store
from tests.fleet.survival.scene import until
from worker import fleet
from worker.fleet import Background
from worker.node import Declined, JobGone, Node, WorkerSettings
from worker.stream import Work
from worker.sweeper import forget, sweep

KEY = Key(b"k" * 32)
LONG = 1000.0


@pytest.fixture
def node(redis_client: redis.Redis, redis_url: str, tmp_path: Path) -> Iterator[Node]:
    """A worker with a job in Redis that nobody examines."""
    settings = WorkerSettings(redis_url, str(tmp_path / "store"), (), 1, (str(tmp_path),), lease=30)
    made = Node(settings, redis_client, open_store(settings.store), KEY)
    yield made
    made.close()


def job(client: redis.Redis, name: str = "", **more: Any) -> Ledger:
    """Return a job of one chunk."""
    spec = JobSpec(name or new_id(), ("models",), Options(), **more)
    ledger = Ledger(client, spec.id)
    ledger.create(seal_spec(spec, KEY))
    ledger.alloc(0, b"\1", "pages/0", b"cursor")
    return ledger


@pytest.fixture
def running(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Background]]:
    """Start what goes on beside the slots, in a hurry."""
    started: list[Background] = []

    def start() -> Background:
        background = Background(node)
        started.append(background)
        background.start()
        return background

    monkeypatch.setattr(fleet, "SWEEP_EVERY", 0.01)
    yield start
    for background in started:
        background.stop()


def test_a_job_whose_ledger_is_damaged_keeps_no_other_from_being_swept(redis_client: redis.Redis) -> None:
    first, second = job(redis_client, "aaaa-aaaa-aaaa"), job(redis_client, "bbbb-bbbb-bbbb")
    redis_client.set(f"ms:{{{first.job}}}:extents", "no list of extents")
    redis_client.sadd("ms:active", "no id of a job", b"\xff\xfe")
    redis_client.zadd("ms:jobs", {"ms:{x}:meta": 1})
    redis_client.set("ms:{ms:{x}:meta}:meta", "so that it is not dropped")
    published: list[Message] = []
    with pytest.raises(LedgerFault, match="WRONGTYPE"):
        sweep(redis_client, published.extend, 0)
    assert [message.arguments[0] for message in published] == [second.job]
    assert active_jobs(redis_client) == [first.job, second.job]
    assert [name for name, _ in list_jobs(redis_client)] == [first.job, second.job]


def test_a_job_whose_ledger_is_damaged_keeps_no_other_from_being_renewed(node: Node) -> None:
    works = []
    for name in ("aaaa-aaaa-aaaa", "bbbb-bbbb-bbbb"):
        ledger = job(node.client, name)
        works.append(Work(ledger, 0, ledger.claim(0, 1, "worker", 0.0), threading.Event()))
        node.hold(works[-1])
    node.client.set("ms:{aaaa-aaaa-aaaa}:holders", "no hash")
    with pytest.raises(LedgerFault, match="WRONGTYPE"):
        node.renew()
    assert [work.stop.is_set() for work in works] == [False, False]
    assert works[1].ledger.claim(0, 1, "other", LONG).status == "leased"


def test_jobs_are_forgotten_though_one_of_them_cannot_be(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    ledgers = [job(node.client, kept=0.0) for _ in range(2)]
    for ledger in ledgers:
        node.client.hset(f"ms:{{{ledger.job}}}:meta", mapping={"ended": 1})
        node.store.put(f"jobs/{ledger.job}/results/0", b"")
    node.client.set(f"ms:{{{ledgers[0].job}}}:counts", "no hash")
    with pytest.raises(LedgerFault, match="WRONGTYPE"):
        forget(node.client, node.store, KEY)
    assert list(node.store.list()) == [f"jobs/{ledgers[0].job}/results/0"]


def test_jobs_are_swept_while_a_large_one_is_removed_from_a_slow_store(
    node: Node, running: Callable[[], Background], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket takes its time for each object, and every leader would have begun with them."""
    old, going_on = job(node.client, kept=0.0), threading.Event()
    old.cancel()
    monkeypatch.setattr(node.store, "delete", lambda _prefix: going_on.wait(60))
    monkeypatch.setattr(node, "settings", replace(node.settings, lease=0.002))
    running()
    until(lambda: node.client.exists("ms:tidier"), "somebody who tidies")
    lost = job(node.client)
    until(lambda: lost.progress().counts.get("published_again"), "a message published again")
    going_on.set()


def test_a_fault_that_nobody_thought_of_ends_no_thread(
    node: Node, running: Callable[[], Background], monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed: list[int] = []

    def renew() -> None:
        renewed.append(1)
        raise ValueError("what Redis holds is damaged")

    monkeypatch.setattr(node, "renew", renew)
    monkeypatch.setattr(node, "settings", replace(node.settings, lease=0.01))
    running()
    until(lambda: len(renewed) > 2, "leases that are renewed")


def test_a_worker_lives_though_redis_does_not_answer(
    node: Node, running: Callable[[], Background], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else its container would be killed, and what it has in hand lost."""
    alive = tmp_path / "alive"
    monkeypatch.setenv(liveness.FILE_VARIABLE, str(alive))
    asked = threading.Event()

    def away(*_: object) -> None:
        asked.set()
        raise redis.exceptions.ConnectionError("away")

    monkeypatch.setattr(liveness, "beat", away)
    running()
    until(asked.is_set)
    until(alive.exists, "a touched file")


def test_a_worker_at_which_all_fails_leaves_messages_to_others(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would always be the first to take one."""
    waited: list[float] = []
    monkeypatch.setattr(node.draining, "wait", waited.append)
    outcomes = iter(["failed", "failed done", "failed"] + ["failed"] * 4 + ["leased", "done", "failed"])
    monkeypatch.setattr(node, "scan", lambda *_: next(outcomes))
    for _ in range(10):
        fleet._scan(node, 1, new_id(), 0, 1)
    assert waited == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 1.0]
    waited.clear()
    for fault in (StoreFault("x", "full"), LedgerFault("full"), Declined("another key"), JobGone("expired")):
        monkeypatch.setattr(node, "scan", lambda *_, fault=fault: (_ for _ in ()).throw(fault))
        fleet._scan(node, 1, new_id(), 0, 1)
    assert waited == [2.0, 4.0, 1.0]
