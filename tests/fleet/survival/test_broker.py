"""Redis is killed and restarted, loses its last second, or is full."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelsweep.fleet import patience
from modelsweep.fleet.answers import JobState, LedgerFault
from producer import submit
from tests.fleet.survival.scene import Scene, aof_kept, until


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[threading.Thread]:
    """Do `work` in a thread, and wait for its end; what it raises is raised here."""
    faults: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised below
            faults.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        until(lambda: not thread.is_alive(), "the end of the thread")
    if faults:
        raise faults[0]


def test_redis_is_killed_and_restarted(scene: Scene, expected: bytes):
    scene.work(slots=2)
    job = scene.submit()
    for done in (3, 20, 35):
        scene.await_done(job, done)
        scene.redis.kill()
        scene.redis.start()
    scene.settled(job, expected)


@pytest.mark.parametrize("chunks", [15, 50], ids=["in-the-middle", "at-the-end"])
def test_redis_loses_its_last_second(scene: Scene, expected: bytes, tmp_path: Path, chunks: int):
    scene.work(slots=2)
    job = scene.submit()
    scene.await_done(job, 5)
    go_back = aof_kept(scene.redis, tmp_path / "kept")
    before = scene.await_end(job) if chunks == 50 else scene.await_done(job, chunks)
    go_back()
    if chunks == 50:
        assert scene.progress(job).state is not JobState.FINISHED
    assert before.done >= chunks
    scene.settled(job, expected)


def test_redis_forgets_what_was_allocated(
    scene: Scene, expected: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The producer goes on from where the ledger is, though it was further, and messages of what is forgotten wait."""
    monkeypatch.setattr(submit, "PAGE_CHUNKS", 5)
    scene.work(slots=2)
    going_back: list[Callable[[], None]] = []

    def after_page(page: int) -> None:
        if page == 3:
            going_back.append(aof_kept(scene.redis, tmp_path / "kept"))
        if page == 6:
            going_back[0]()

    spec = scene.spec()
    producer = scene.producer(spec, after_page)
    producer.create()
    producer.run()
    scene.settled(spec.id, expected)


def test_redis_is_full_for_a_while(scene: Scene, expected: bytes):
    client = scene.redis.client()
    scene.work(slots=2)
    job = scene.submit()
    scene.await_done(job, 3)
    client.config_set("maxmemory", 1)
    until(lambda: "Redis is full" in scene.logs() or scene.progress(job).state is not JobState.RUNNING)
    client.config_set("maxmemory", 0)
    scene.settled(job, expected)


@pytest.mark.parametrize("trouble", ["full", "away"])
def test_redis_is_of_no_use_while_a_job_is_listed(
    scene: Scene, expected: bytes, monkeypatch: pytest.MonkeyPatch, trouble: str
):
    monkeypatch.setattr(submit, "PAGE_CHUNKS", 5)
    scene.work(slots=2)
    scene.await_workers()
    hurt = threading.Event()

    def after_page(page: int) -> None:
        if page == 3:
            if trouble == "full":
                scene.redis.client().config_set("maxmemory", 1)
            else:
                scene.redis.kill()
            hurt.set()

    spec = scene.spec()
    producer = scene.producer(spec, after_page)
    producer.create()
    with meanwhile(producer.run):
        until(hurt.is_set)
        until(lambda: "Redis is full" in scene.logs() or "Redis cannot be reached" in scene.logs(), "a complaint")
        if trouble == "full":
            scene.redis.client().config_set("maxmemory", 0)
        else:
            scene.redis.start()
    scene.settled(spec.id, expected)


def test_a_producer_attends_to_a_job_whose_end_of_listing_was_forgotten(
    scene: Scene, expected: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(submit, "PAGE_CHUNKS", 5)
    monkeypatch.setattr(submit, "ATTEND_EVERY", 0.1)
    kept: list[Callable[[], None]] = []
    spec, stop = scene.spec(), threading.Event()
    producer = scene.producer(
        spec, lambda page: kept.append(aof_kept(scene.redis, tmp_path / "kept")) if page == 6 else None, stop
    )
    producer.create()
    producer.run()
    kept[0]()
    assert scene.progress(spec.id).state is JobState.LISTING
    with meanwhile(producer.attend):
        until(lambda: scene.progress(spec.id).state is JobState.RUNNING)
        stop.set()
    scene.work(slots=2)
    scene.settled(spec.id, expected)


@pytest.mark.parametrize("trouble", ["full", "away"])
def test_redis_that_stays_of_no_use_is_said(scene: Scene, monkeypatch: pytest.MonkeyPatch, trouble: str):
    monkeypatch.setattr(patience, "PATIENCE", 0.3)
    spec = scene.spec()
    producer = scene.fleet.producer(spec)
    producer.create()
    if trouble == "full":
        scene.redis.client().config_set("maxmemory", 1)
    else:
        scene.redis.kill()
    with pytest.raises(LedgerFault, match="Redis is full" if trouble == "full" else "Redis cannot be reached"):
        producer.run()


def test_a_worker_that_finds_redis_full_after_it_was_away_waits(scene: Scene, expected: bytes):
    worker = scene.work(slots=2)
    job = scene.submit()
    scene.await_done(job, 3)
    scene.redis.kill()
    until(lambda: "Connection to broker lost" in scene.logs())
    scene.redis.start()
    client = scene.redis.client()
    client.config_set("maxmemory", 1)
    until(lambda: "OutOfMemoryError" in scene.logs())
    assert worker.poll() is None
    client.config_set("maxmemory", 0)
    scene.settled(job, expected)
    assert worker.poll() is None
