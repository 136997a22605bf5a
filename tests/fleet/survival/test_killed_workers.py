"""Workers, their children and whole trees are killed or stopped at random all through a job."""

from __future__ import annotations

import random
import signal

import pytest

from modelsweep.fleet.answers import JobState
from tests.fleet.survival.scene import Scene, hit, until


def test_undisturbed(scene: Scene, expected: bytes):
    scene.work(slots=2)
    progress = scene.settled(scene.submit(), expected)
    assert "leases_lost" not in progress.counts


@pytest.mark.parametrize("seed", [1])
def test_children_are_killed(scene: Scene, expected: bytes, seed: int):
    chance = random.Random(seed)
    scene.work(slots=2)
    job, killed = scene.submit(), 0
    while (progress := scene.progress(job)).state is JobState.RUNNING:
        killed += bool(children := scene.children()) and hit(chance.choice(children))
        scene.await_done(job, progress.done + 5)
    scene.settled(job, expected)
    assert killed >= 3


@pytest.mark.parametrize("whole", [False, True], ids=["process", "tree"])
def test_workers_are_killed(scene: Scene, expected: bytes, whole: bool):
    workers = [scene.work(), scene.work()]
    job = scene.submit()
    for turn, done in enumerate((3, 12, 20, 30)):
        scene.await_done(job, done)
        (scene.kill_tree if whole else scene.kill)(workers[turn])
        workers.append(scene.work())
    scene.settled(job, expected)


def test_all_workers_are_killed_at_once(scene: Scene, expected: bytes):
    workers = [scene.work(), scene.work()]
    job = scene.submit()
    scene.await_done(job, 5)
    for worker in workers:
        scene.kill_tree(worker)
    scene.work(slots=2)
    scene.settled(job, expected)


def test_a_worker_that_is_stopped_beyond_its_lease_goes_on(scene: Scene, expected: bytes):
    stopped = scene.work()
    job = scene.submit()
    scene.await_done(job, 3)
    until(lambda: scene.progress(job).leased)
    tree = scene.processes(stopped)
    for process in tree:
        hit(process, signal.SIGSTOP)
    scene.work()
    until(lambda: scene.progress(job).counts.get("leases_lost"))
    for process in tree:
        hit(process, signal.SIGCONT)
    scene.settled(job, expected)
