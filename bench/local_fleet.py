"""A fleet on this machine whose processes are told apart, so that it can be said where its CPU time goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from bench.measure import tree
from modelsweep.fleet.answers import Progress
from modelsweep.fleet.job import JobSpec, new_id
from modelsweep.fleet.liveness import workers
from modelsweep.fleet.private_redis import PrivateRedis
from modelsweep.fleet.signature import VARIABLE, Key
from modelsweep.jobs import ENDED, Fleet

LOOK = 0.1
"""Seconds between two looks at what is waited for."""
_LONGEST = 900.0
"""Seconds that anything may take."""
_TICK = os.sysconf("SC_CLK_TCK")
_Found = TypeVar("_Found")
_PROGRAM = (sys.executable, "-P", "-m", "modelsweep")


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds by part: who lists, who distributes and collects, the sandboxed children, and Redis."""

    producer: float = 0.0
    worker: float = 0.0
    examiners: float = 0.0
    redis: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.producer + self.worker + self.examiners + self.redis

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(
            self.producer - other.producer,
            self.worker - other.worker,
            self.examiners - other.examiners,
            self.redis - other.redis,
        )

    def over(self, amount: int) -> Cpu:
        """Return microseconds for each of so many files."""
        each = 1e6 / amount
        return Cpu(self.producer * each, self.worker * each, self.examiners * each, self.redis * each)


class LocalFleet:
    """A private Redis, a store in `folder`, and workers that this process starts; all gone when the block ends."""

    def __init__(self, folder: Path, lease: float = 60.0) -> None:
        self._secret = Key.new_secret()
        self._lease, self._store = lease, str(folder / "store")
        self._workers: list[subprocess.Popen[bytes]] = []
        self.redis = PrivateRedis()
        self.fleet = Fleet.reach(self.redis.url, self._store, Key(bytes.fromhex(self._secret)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for worker in self._workers:
            assert worker.stdin is not None
            worker.stdin.close()
            worker.wait()
        self.fleet.close()
        self.redis.close()

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker of one slot, and wait until it says that it lives."""
        before = len(workers(self.fleet.client))
        options = {
            "broker": self.redis.url,
            "store": self._store,
            "concurrency": "1",
            "root": "/",
            "lease": str(self._lease),
        }
        worker = subprocess.Popen(
            [
                *_PROGRAM,
                "worker",
                "--with-parent",
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            env={**os.environ, VARIABLE: self._secret, "MODELSWEEP_LOG_LEVEL": "error"},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._workers.append(worker)
        until(lambda: len(workers(self.fleet.client)) > before or worker.poll() is not None)
        if worker.poll() is not None:
            raise ChildProcessError(f"the worker ended with status {worker.returncode}")
        return worker

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker with all its children, as if its machine had died."""
        for process in tree(worker.pid):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        worker.wait()

    def submit(self, target: Path, chunk_files: int = 64) -> tuple[str, float]:
        """List, store and enqueue a job that writes a JSON report; return it and the CPU seconds that this took."""
        spec = JobSpec(
            new_id(), (str(target),), reports=("json",), created=time.time(), chunk_files=chunk_files, root=str(target)
        )
        begun = time.process_time()
        producer = self.fleet.producer(spec)
        producer.create()
        producer.run()
        return spec.id, time.process_time() - begun

    def ended(self, job: str) -> Progress:
        """Wait until a job has its report."""
        ledger = self.fleet.ledger(job)
        return until(lambda: found if (found := ledger.progress()).state in ENDED else None)

    def cpu(self) -> Cpu:
        """Return what workers and Redis took until now."""
        main = sum(_taken(worker.pid, with_ended=False) for worker in self._workers)
        below = (process for worker in self._workers for process in tree(worker.pid)[1:])
        return Cpu(0.0, main, sum(map(_taken, below)), _taken(self.redis.pid))

    def run(self, target: Path, chunk_files: int) -> Cpu:
        """Return what one job takes from listing to its report."""
        before = self.cpu()
        job, producing = self.submit(target, chunk_files)
        self.ended(job)
        taken = self.cpu() - before
        return Cpu(producing, taken.worker, taken.examiners, taken.redis)


def scan(target: Path) -> Cpu:
    """Return what plain `scan` takes, with one examining process and a JSON report."""
    command = [*_PROGRAM, "scan", str(target), "-j", "1", "-f", f"json={os.devnull}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        alone = _taken(process.pid, with_ended=False)
        return Cpu(0.0, alone, _taken(process.pid) - alone, 0.0)


def until(condition: Callable[[], _Found | None]) -> _Found:
    """Return what `condition` returns once that is true; raises TimeoutError where it never is."""
    deadline = time.monotonic() + _LONGEST
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError("the fleet does not get on")
        time.sleep(LOOK)
    return found


def _taken(process: int, *, with_ended: bool = True) -> float:
    """Return CPU seconds of a process, and of the children that it waited for."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it ended meanwhile
        return 0.0
    return sum(map(int, fields[11 : 15 if with_ended else 13])) / _TICK
