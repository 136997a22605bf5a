"""Members of archives that are tasks of their own: found, lost, killed and made anew, and one result in the report."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from modelsweep.fleet.answers import JobState
from modelsweep.fleet.messages import CPU
from tests.fleet.survival.collection import archives, clean
from tests.fleet.survival.scene import Scene, hit, pop, scanned, until

MEMBERS = 12
DIES = """
import os, signal
from worker import settling
def dies(self, chunks, first):
    os.kill(os.getpid(), signal.SIGKILL)
settling.Settling._publish_children = dies
"""
"""Kills a worker when the members of an archive are allocated, and their messages are about to be published."""


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four archives with three heavy members each, and a few files; no test changes it."""
    folder = archives(tmp_path_factory.mktemp("packed") / "models")
    for number in range(6):
        (folder / f"{number}.pkl").write_bytes(clean(number))
    return folder


@pytest.fixture(scope="session")
def told(packed: Path, site: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What plain `scan` says of it."""
    return scanned(packed, site, tmp_path_factory.mktemp("told"))


@pytest.fixture
def fleet(scene: Scene, packed: Path) -> Scene:
    """A fleet without workers that may read that folder."""
    scene.root = packed
    return scene


def test_undisturbed(fleet: Scene, told: bytes):
    fleet.work(slots=2)
    progress = fleet.settled(fleet.submit(), told)
    assert progress.counts["members"] == MEMBERS
    assert progress.units == 10
    assert progress.bytes_done == progress.bytes
    assert "leases_lost" not in progress.counts


def test_workers_are_killed_all_the_time(fleet: Scene, told: bytes):
    chance, killed = random.Random(5), 0
    fleet.work()
    job = fleet.submit()
    while fleet.progress(job).state is JobState.RUNNING and killed < 3:
        done = fleet.progress(job).done
        fleet.await_done(job, done + 1)
        worker = fleet.work()
        fleet.kill_tree(chance.choice([each for each in fleet.workers if each is not worker and each.poll() is None]))
        killed += 1
    progress = fleet.settled(job, told)
    assert killed
    assert progress.counts["members"] == MEMBERS


def test_children_are_killed(fleet: Scene, told: bytes):
    """A sandboxed process that is killed once costs nothing, whether it examines an archive or a member."""
    fleet.work()
    job = fleet.submit()
    for done in (1, 3):
        fleet.await_done(job, done)
        if children := fleet.children():
            hit(children[-1])
    fleet.settled(job, told)


def test_a_worker_dies_between_allocating_members_and_telling_of_them(fleet: Scene, told: bytes):
    worker = fleet.work(before=DIES)
    job = fleet.submit()
    worker.wait(60)
    progress = fleet.progress(job)
    assert progress.allocated > progress.done + fleet.redis.client().llen(CPU), "members that no message asks for"
    fleet.work()
    assert fleet.settled(job, told).counts["published_again"] > 0


def test_messages_of_members_are_lost_and_doubled(fleet: Scene, told: bytes):
    job = fleet.submit()
    listed = fleet.progress(job).allocated
    worker = fleet.work()
    until(lambda: fleet.progress(job).allocated > listed)
    pop(fleet, CPU, 3)
    client = fleet.redis.client()
    if waiting := client.lrange(CPU, 0, -1):
        client.lpush(CPU, *waiting)
    fleet.work()
    fleet.settled(job, told)
    assert worker.poll() is None


@pytest.mark.parametrize("done", [2, None], ids=["in-the-middle", "at-the-end"])
def test_repair_after_redis_lost_everything(fleet: Scene, told: bytes, done: int | None):
    fleet.work()
    job = fleet.submit()
    if done is None:
        fleet.await_end(job)
    else:
        fleet.await_done(job, done)
    fleet.redis.client().flushall()
    repaired = fleet.fleet.repair(job)
    assert repaired.sealed
    progress = fleet.settled(job, told)
    assert progress.counts["members"] == MEMBERS
    if done is None:
        assert repaired.complete, "every result is found again, whatever number its task has"
