"""One worker without Celery: what it does with chunks that it is granted, refused, loses, or cannot read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from modelsweep.core.finding import ProblemKind
from modelsweep.core.report import UnitResult
from modelsweep.fleet.answers import JobState
from modelsweep.fleet.job import JobSpec, new_id, seal_spec
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.messages import connect, queue_lengths
from modelsweep.fleet.signature import Key
from modelsweep.fleet.store import Absent, Store, open_store
from modelsweep.fleet.stored import fetch_results
from producer.submit import Producer
from worker.node import PAGE_TRIES, JobGone, Node, WorkerSettings

KEY = Key(b"k" * 32)
EVIL = b"cos\nsystem\n(S'echo modelsweep-test'\ntR."


class Scene:
    """A job of two chunks over four small files, listed already, and a worker."""

    def __init__(self, client: redis.Redis, url: str, folder: Path) -> None:
        self.client, self.url, self.folder = client, url, folder
        self.models = folder / "models"
        self.models.mkdir()
        for number in range(4):
            (self.models / f"{number}.pkl").write_bytes(EVIL if number == 2 else b"N.")
        self.store: Store = open_store(str(folder / "store"))
        self.spec = JobSpec(new_id(), (str(self.models),), chunk_files=2)
        self.ledger = Ledger(client, self.spec.id)
        with connect(url) as connection:
            producer = Producer(self.spec, client, connection, self.store, KEY)
            producer.create()
            producer.run()
        self.settings = WorkerSettings(url, str(folder / "store"), (), 1, (str(folder),), lease=30)
        self.node = Node(self.settings, client, self.store, KEY)

    def results(self, chunk: int) -> list[UnitResult]:
        (digest,) = self.ledger.digests(chunk, 1)
        assert digest
        return list(fetch_results(self.store, self.spec.id, chunk, digest))

    def damage(self, data: bytes | None) -> None:
        (extent,) = self.ledger.extents()
        if data is None:
            self.store.delete(extent.page)
        else:
            self.store.put(extent.page, data)


@pytest.fixture
def scene(redis_client: redis.Redis, redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    made = Scene(redis_client, redis_url, tmp_path)
    yield made
    made.node.close()


def test_chunks_are_done_once_and_the_last_one_asks_for_the_report(scene: Scene) -> None:
    job = scene.spec.id
    assert [scene.node.scan(job, chunk, 1) for chunk in (1, 0, 1)] == ["done", "done", "done"]
    progress = scene.ledger.progress()
    assert progress.state is JobState.FINALIZING
    assert (progress.counts["claims"], progress.counts["claims_refused"]) == (2, 1)
    assert (progress.verdicts, progress.findings) == ({"clean": 3, "malicious": 1}, {"critical": 1})
    assert [result.verdict for result in scene.results(1)] == ["malicious", "clean"]
    assert queue_lengths(scene.client)["control"] == 1


def test_a_job_of_another_key_a_newer_version_or_nobody_is_declined(scene: Scene) -> None:
    with pytest.raises(JobGone, match="no job"):
        scene.node.scan(new_id(), 0, 1)
    forged = replace(scene.spec, id=new_id())
    Ledger(scene.client, forged.id).create(seal_spec(forged, Key(b"x" * 32)))
    with pytest.raises(JobGone, match="not signed"):
        scene.node.scan(forged.id, 0, 1)
    newer = replace(scene.spec, id=new_id(), protocol=99)
    Ledger(scene.client, newer.id).create(seal_spec(newer, KEY))
    with pytest.raises(JobGone, match="newer version"):
        scene.node.scan(newer.id, 0, 1)


@pytest.mark.parametrize("data", [b"", b"garbage" * 50, b"\0" * 4000])
def test_a_page_that_is_no_page_any_more_is_said_and_ends_the_job(scene: Scene, data: bytes) -> None:
    scene.damage(data)
    assert [scene.node.scan(scene.spec.id, chunk, 1) for chunk in (0, 1)] == ["done", "done"]
    (result,) = scene.results(0)
    assert result.problems[0].kind is ProblemKind.SOURCE
    assert "which files these were cannot be read any more" in result.problems[0].detail
    assert scene.ledger.progress().state is JobState.FINALIZING


def test_a_page_that_is_missing_is_waited_for_and_then_given_up(scene: Scene) -> None:
    scene.damage(None)
    short = Node(replace(scene.settings, lease=0.001), scene.client, scene.store, KEY)
    tries = 0
    while tries <= PAGE_TRIES:
        try:
            if short.scan(scene.spec.id, 0, 1) == "done":
                break
        except Absent:
            tries += 1
    assert tries == PAGE_TRIES
    short.close()


def test_a_worker_that_is_to_end_gives_back_what_it_has_in_hand(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    before = queue_lengths(scene.client)["scan.cpu"]
    _stop_at_once(scene, monkeypatch, drain=True)
    assert scene.node.scan(scene.spec.id, 0, 1) == "stopped"
    assert queue_lengths(scene.client)["scan.cpu"] == before + 1
    other = Node(scene.settings, scene.client, scene.store, KEY)
    assert other.scan(scene.spec.id, 0, 1) == "done"
    assert "leases_lost" not in scene.ledger.progress().counts
    other.close()


def test_a_lease_that_was_lost_stops_the_examination(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    _stop_at_once(scene, monkeypatch, drain=False)
    assert scene.node.scan(scene.spec.id, 0, 1) == "stopped"
    assert not scene.ledger.progress().done


def _stop_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch, *, drain: bool) -> None:
    """Have the chunk stopped as soon as it is held: by the end of the worker, or by a cancelled job."""
    hold = scene.node.hold

    def stopping(work: object) -> None:
        hold(work)  # type: ignore[arg-type]
        if drain:
            scene.node.stop()
        else:
            scene.ledger.cancel()
            scene.node.renew()

    monkeypatch.setattr(scene.node, "hold", stopping)


def test_two_workers_share_a_job(scene: Scene) -> None:
    other = Node(scene.settings, scene.client, scene.store, KEY)
    outcomes: list[str] = []
    threads = [
        threading.Thread(target=lambda node=node, chunk=chunk: outcomes.append(node.scan(scene.spec.id, chunk, 1)))
        for node in (scene.node, other)
        for chunk in (0, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert sorted(outcomes)[:2] == ["done", "done"]
    assert set(outcomes) <= {"done", "leased"}
    assert scene.ledger.progress().counts["chunks_done"] == 2
