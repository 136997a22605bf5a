"""All of it at once for a while, by chance: MODELSWEEP_SOAK_SEED and MODELSWEEP_SOAK_SECONDS repeat it by hand."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from modelsweep.fleet.answers import LedgerFault
from modelsweep.fleet.messages import CONTROL, CPU, BrokerFault, finalize_message, publish
from modelsweep.jobs import ENDED
from tests.fleet.survival.collection import archives, collection, poisoned
from tests.fleet.survival.scene import QUICK, Scene, aof_kept, hit, scanned, until
from tests.worker.processes import below
from worker.stream import TRIES

SEED = int(os.environ.get("MODELSWEEP_SOAK_SEED", "20260000"))
SECONDS = float(os.environ.get("MODELSWEEP_SOAK_SECONDS", "25"))
WORKERS = 2


class Chaos:
    """Hurts a scene by chance, so often as it is asked to, and heals what would not heal by itself."""

    def __init__(self, scene: Scene, chance: random.Random, folder: Path) -> None:
        self.scene, self.chance, self.folder = scene, chance, folder
        self.done: dict[str, int] = {}
        self._kept: list[Callable[[], None]] = []
        self._full = False
        self._stopped: list[int] = []
        self._children_left = 0
        self._actions: tuple[tuple[int, Callable[[], object]], ...] = (
            (3, self.kill_child),
            (4, self.kill_zygote),
            (4, self.kill_worker),
            (2, self.kill_tree),
            (3, self.stop_worker),
            (3, self.lose_messages),
            (3, self.double_messages),
            (2, self.garbage),
            (2, self.restart_redis),
            (2, self.fill_redis),
            (1, self.keep_aof),
            (2, self.lose_last_second),
            (2, self.sweep),
            (2, self.finalize),
        )

    def act(self) -> None:
        """Do one thing, and see to it that there are workers again."""
        weights = [weight for weight, _ in self._actions]
        ((_, action),) = self.chance.choices(self._actions, weights)
        with suppress(LedgerFault, BrokerFault, RedisError):
            action()
            self.done[action.__name__] = self.done.get(action.__name__, 0) + 1
        self.replace_workers()

    def submit(self) -> str:
        """Submit a job, and return its id; a Redis that goes back from now on would not know it."""
        self.heal()
        job = self.scene.submit(options=QUICK)
        self._kept.clear()
        self._children_left = TRIES - 1
        self.keep_aof()
        return job

    def rest(self) -> None:
        """Leave the fleet alone for a moment, and heal it now and then."""
        end = time.monotonic() + self.chance.uniform(0.1, 1.0)
        until(lambda: time.monotonic() > end)
        if self.chance.random() < 0.5:
            self.heal()

    def replace_workers(self) -> None:
        """Start workers for those that were killed."""
        while len(self._running()) < WORKERS:
            self.scene.work()

    def heal(self) -> None:
        """Take back what lasts: stopped processes, and a Redis without room."""
        for process in self._stopped:
            hit(process, signal.SIGCONT)
        self._stopped.clear()
        if self._full:
            self.scene.redis.client().config_set("maxmemory", 0)
            self._full = False

    def kill_child(self) -> None:
        """Kill a sandboxed process; the third that dies over a file makes a problem of it, so no more than two."""
        found = [process for zygote in self._zygotes() for process in below(zygote)]
        if found and self._children_left:
            self._children_left -= hit(self.chance.choice(found))

    def kill_zygote(self) -> None:
        """Kill a parent of sandboxed processes, and them with it."""
        if found := self._zygotes():
            hit(self.chance.choice(found))

    def kill_worker(self) -> None:
        """Kill a worker, which may be stopped just then."""
        self.scene.kill(self.chance.choice(self._running()))

    def kill_tree(self) -> None:
        """Kill a worker and all below it."""
        self.scene.kill_tree(self.chance.choice(self._running()))

    def stop_worker(self) -> None:
        """Stop a worker and all below it, until `heal`."""
        tree = self.scene.processes(self.chance.choice(self._running()))
        self._stopped += [process for process in tree if hit(process, signal.SIGSTOP)]

    def lose_messages(self) -> None:
        """Take some messages off the queue."""
        client = self.scene.redis.client()
        for _ in range(self.chance.randint(1, 10)):
            client.rpop(CPU)

    def double_messages(self) -> None:
        """Put copies of some messages into the queue."""
        if found := self.scene.redis.client().lrange(CPU, 0, self.chance.randint(1, 10)):
            self.scene.redis.client().lpush(CPU, *found)

    def garbage(self) -> None:
        """Put something into a queue that is no message."""
        data = self.chance.choice([b"\xff", b"{}", b"[]", b"null", self.chance.randbytes(100)])
        self.scene.redis.client().lpush(self.chance.choice([CPU, CONTROL]), data)

    def restart_redis(self) -> None:
        """Kill Redis, and start it again."""
        self.heal()
        self.scene.redis.kill()
        self.scene.redis.start()

    def fill_redis(self) -> None:
        """Leave Redis no room, until `heal`."""
        self.scene.redis.client().config_set("maxmemory", 1)
        self._full = True

    def keep_aof(self) -> None:
        """Keep the append-only file as it is now."""
        self._kept = [aof_kept(self.scene.redis, self.folder / f"{self.chance.getrandbits(64):x}")]

    def lose_last_second(self) -> None:
        """Have Redis go back to the file that was kept last."""
        if self._kept:
            self.heal()
            self._kept.pop()()

    def sweep(self) -> None:
        """Sweep without waiting, beside the workers."""
        self.scene.fleet.sweep(0.0)

    def finalize(self) -> None:
        """Ask for reports of all jobs, whether they are complete or not."""
        publish(self.scene.fleet.connection, [finalize_message(job) for job, _ in self.scene.fleet.jobs()])

    def _zygotes(self) -> list[int]:
        found = [below(worker.pid) for worker in self._running()]
        return [process for tree in found for process in tree if not tree.isdisjoint(below(process))]

    def _running(self) -> list[subprocess.Popen[bytes]]:
        return [worker for worker in self.scene.workers if worker.poll() is None]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_soak(scene: Scene, site: Path, tmp_path: Path):
    scene.root = archives(poisoned(collection(tmp_path / "own", 240, 0.1)))
    expected = scanned(scene.root, site, tmp_path, QUICK)
    chaos = Chaos(scene, random.Random(SEED), tmp_path)
    chaos.replace_workers()
    jobs, deadline = [chaos.submit()], time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        chaos.act()
        chaos.rest()
        if scene.progress(jobs[-1]).state in ENDED:
            jobs.append(chaos.submit())
    chaos.heal()
    ended = [scene.settled(job, expected) for job in jobs]
    counts = sum((Counter(progress.counts) for progress in ended), Counter[str]())
    told = ", ".join(
        f"{name} {counts[name]}" for name in ("units", "leases_lost", "published_again", "reports_published")
    )
    sys.stdout.write(
        f"\nseed {SEED}: {sum(chaos.done.values())} troubles {chaos.done}, {len(scene.workers)} workers, "
        f"{len(jobs)} jobs, {told}\n"
    )
