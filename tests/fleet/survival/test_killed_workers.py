"""Workers, their children and whole trees are killed or stopped at random all through a job."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from modelsweep.fleet.answers import JobState
from tests.fleet.survival.collection import slow_file
from tests.fleet.survival.scene import LONGEST, OPTIONS, Scene, hit, scanned, until
from tests.worker.processes import state


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


def test_files_do_not_time_out_while_their_worker_is_stopped(scene: Scene, tmp_path: Path, site: Path):
    scene.root = tmp_path / "own"
    scene.root.mkdir()
    for number in range(8):
        (scene.root / f"{number}.slow").write_bytes(slow_file(0.3, number))
    options = replace(OPTIONS, timeout=1.5)
    expected = scanned(scene.root, site, tmp_path, options)
    worker = scene.work(lease=20)
    job = scene.submit(options=options)
    scene.await_done(job, 1)
    tree = until(lambda: stopped_while_it_holds(scene, job, worker))
    stopped = scene.progress(job).now
    until(lambda: scene.progress(job).now - stopped > 4)
    for process in tree:
        hit(process, signal.SIGCONT)
    scene.settled(job, expected)


def stopped_while_it_holds(scene: Scene, job: str, worker: subprocess.Popen[bytes]) -> list[int]:
    """Stop a worker and all below it, and return those processes; nothing where it holds no chunk just then."""
    tree = scene.processes(worker)
    for process in tree:
        hit(process, signal.SIGSTOP)
    until(lambda: all(state(process) in "TZX" for process in tree), "processes that are stopped")
    scene.progress(job)  # what they had sent by then is heard by the time that this one is answered
    if scene.progress(job).leased:
        return tree
    for process in tree:
        hit(process, signal.SIGCONT)
    return []


def test_a_worker_that_is_stopped_beyond_its_lease_goes_on(scene: Scene, expected: bytes):
    stopped = scene.work()
    job = scene.submit()
    scene.await_done(job, 3)
    tree = until(lambda: stopped_while_it_holds(scene, job, stopped))
    scene.work()
    until(lambda: scene.progress(job).counts.get("leases_lost"))
    for process in tree:
        hit(process, signal.SIGCONT)
    scene.settled(job, expected)


def test_a_worker_that_can_examine_nothing_ends_with_a_word_and_loses_nothing(
    scene: Scene, expected: bytes, site: Path, tmp_path: Path
):
    """A plug-in ends whatever would start an examining process, each time."""
    broken = tmp_path / "broken"
    shutil.copytree(site, broken)
    with (broken / "modelsweep_hostile.py").open("a") as file:
        file.write("\nimport os\nos.register_at_fork(before=lambda: os._exit(9))\n")
    before = f"import sys; sys.path.insert(0, {str(broken)!r}); import worker.supervisor as s; s.RELAUNCHED = 1"
    unable = scene.work(before=before)
    job = scene.submit()
    assert unable.wait(LONGEST) == 2, scene.logs()
    assert "\nmodelsweep: no file can be examined here: the process that starts examining" in scene.logs()
    scene.work(slots=2)
    scene.settled(job, expected)
