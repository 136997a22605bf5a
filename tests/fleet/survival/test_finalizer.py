"""Finalizers are killed while they write, fall asleep, or run twice; results are lost or damaged meanwhile."""

from __future__ import annotations

import signal
import threading

from modelsweep.fleet.messages import finalize_message, publish
from modelsweep.fleet.results import results_name
from modelsweep.jobs import Fleet
from tests.fleet.survival.scene import Scene, until
from tests.worker.processes import state
from worker.finalizer import finalize

DIES = """
import os, signal
from modelsweep.fleet.directory_store import DirectoryStore
def put(self, name, data, put=DirectoryStore.put, **how):
    if name.endswith("summary.json"):
        os.kill(os.getpid(), signal.SIG{how})
    put(self, name, data, **how)
DirectoryStore.put = put
"""
"""Kills or stops a worker when all reports are written, and the summary is about to be."""


def test_a_finalizer_is_killed_while_it_writes(scene: Scene, expected: bytes):
    first = scene.work(before=DIES.format(how="KILL"))
    job = scene.submit()
    assert until(lambda: first.poll() or 0) == -signal.SIGKILL
    assert scene.files(job)
    assert not scene.progress(job).report
    scene.work()
    scene.settled(job, expected)
    until(lambda: len({name.split("/")[2] for name in scene.files(job)}) == 1, "what the dead one wrote is removed")


APART = """
from worker import finalizer, renderers
finalizer.APART, finalizer.SECTION, renderers.SECTION = 0, 2, 2
finalizer.renderers = lambda: 2
end, over = renderers._Joining.end, []
def ending(self, section, said):
    end(self, section, said)
    if self.joined > 3 and not over:
        import os, signal
        over.append(True)
        os.kill(os.getpid(), signal.SIG{how})
renderers._Joining.end = ending
"""
"""Has a worker divide the reports of any job among processes, and kills or stops it in the middle of that."""


def test_a_finalizer_is_killed_while_processes_put_its_reports_together(scene: Scene, expected: bytes):
    first = scene.work(before=APART.format(how="KILL"))
    job = scene.submit()
    assert until(lambda: first.poll() or 0) == -signal.SIGKILL
    assert not scene.progress(job).report
    scene.work(before=APART.format(how="CONT"))
    scene.settled(job, expected)


def test_a_finalizer_sleeps_while_processes_put_its_reports_together(scene: Scene, expected: bytes):
    sleeper = scene.work(before=APART.format(how="STOP"))
    job = scene.submit()
    until(lambda: state(sleeper.pid) == "T")
    scene.work(before=APART.format(how="CONT"))
    scene.settled(job, expected)
    published = scene.progress(job).report
    scene.processes(sleeper)
    sleeper.send_signal(signal.SIGCONT)
    until(lambda: '"published": false' in scene.logs() or "left to be done again" in scene.logs())
    assert scene.progress(job).report == published
    scene.settled(job, expected)


def test_a_finalizer_that_sleeps_too_long_publishes_nothing(scene: Scene, expected: bytes):
    sleeper = scene.work(before=DIES.format(how="STOP"))
    job = scene.submit()
    until(lambda: state(sleeper.pid) == "T")
    scene.work()
    scene.settled(job, expected)
    published = scene.progress(job).report
    scene.processes(sleeper)
    sleeper.send_signal(signal.SIGCONT)
    # It notices in time, or does not find the folder any more in which it was writing
    until(lambda: '"published": false' in scene.logs() or "left to be done again" in scene.logs())
    assert scene.progress(job).report == published
    scene.settled(job, expected)


def test_two_finalizers_and_two_sweepers_at_once(scene: Scene, expected: bytes):
    job = scene.submit()
    scene.work("--queues", "cpu", slots=2)
    over, published = threading.Event(), list[bool]()

    def sweeps() -> None:
        with Fleet.reach(scene.redis.url, str(scene.store), scene.key) as fleet:
            while not over.is_set():
                fleet.sweep(0.05)

    def finalizes() -> None:
        with Fleet.reach(scene.redis.url, str(scene.store), scene.key) as fleet:
            while not over.is_set():
                published.append(finalize(job, fleet.client, fleet.store, fleet.key, "finalizer"))

    threads = [threading.Thread(target=work) for work in (sweeps, sweeps, finalizes, finalizes)]
    for thread in threads:
        thread.start()
    try:
        scene.await_end(job)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert published.count(True) == 1
    scene.settled(job, expected)


def test_results_are_lost_and_damaged(scene: Scene, expected: bytes):
    scene.work("--queues", "cpu", slots=2)
    job = scene.submit()
    until(lambda: scene.progress(job).done == 50)
    digests = scene.fleet.ledger(job).digests(0, 50)
    names = [results_name(job, chunk, digest) for chunk, digest in enumerate(digests) if digest]
    scene.fleet.store.delete(names[3])
    scene.fleet.store.put(names[7], b"damaged")
    scene.fleet.store.put(names[9], scene.fleet.store.get(names[10]))
    scene.work()
    publish(scene.fleet.connection, [finalize_message(job)])
    scene.settled(job, expected)
