"""A fleet of real processes around a Redis that a test may hurt, and what must be true of a job after all of it."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from redis.exceptions import RedisError

from modelsweep.core.options import Options
from modelsweep.fleet import liveness
from modelsweep.fleet.answers import JobState, LedgerFault, Progress
from modelsweep.fleet.job import JobSpec, new_id
from modelsweep.fleet.messages import QUEUES
from modelsweep.fleet.private_redis import PrivateRedis
from modelsweep.fleet.signature import VARIABLE, Key
from modelsweep.jobs import ENDED, Fleet
from producer.submit import Producer
from tests.cli.conftest import ROOT, START
from tests.worker.processes import below, state

SECRET = "5e" * 32
PLUGINS = ("modelsweep-hostile", "modelsweep-slow")
OPTIONS = Options(plugins=PLUGINS, timeout=60.0)
QUICK = replace(OPTIONS, timeout=8.0)
"""For poison: what hangs is not waited for."""
LONGEST = 60.0
"""Seconds that anything may take before a test gives up on it."""
_Found = TypeVar("_Found")


def until(condition: Callable[[], _Found | None], what: str = "", seconds: float = LONGEST) -> _Found:
    """Return what `condition` returns once that is true; the test fails where it never is."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what or condition} does not come true"
        time.sleep(0.02)
    return found


def same(report: bytes) -> bytes:
    """Return a JSON report without the section that tells of the run."""
    head, _, _ = report.partition(b'\n  "run": {')
    assert len(head) < len(report)
    return head


class Scene:
    """One fleet: `redis` to be hurt, a store in `folder`, workers as processes, and the jobs of this process."""

    def __init__(self, folder: Path, redis: PrivateRedis, site: Path, root: Path) -> None:
        self.folder, self.redis, self.site, self.root = folder, redis, site, root
        self.store = folder / "store"
        self.key = Key(bytes.fromhex(SECRET))
        self.workers: list[subprocess.Popen[bytes]] = []
        self.seen: set[int] = set()
        """Processes that must be gone in the end."""
        (folder / "t").mkdir()
        self.fleet = Fleet.reach(redis.url, str(self.store), self.key)

    @property
    def environment(self) -> dict[str, str]:
        """What commands of this fleet find in their environment."""
        return {
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{self.site}",
            "TMPDIR": str(self.folder / "t"),
            "SOURCE_DATE_EPOCH": "0",
            "MODELSWEEP_BROKER_URL": self.redis.url,
            "MODELSWEEP_STORE": str(self.store),
            VARIABLE: SECRET,
        }

    # -- workers

    def work(self, *options: str, lease: float = 1.0, slots: int = 1, before: str = "") -> subprocess.Popen[bytes]:
        """Start a worker; `before` is Python that runs first, to make it another version, say."""
        command = [sys.executable, "-P", "-c", f"{before}\n{START}", "worker", "--root", str(self.root)]
        command += ["--lease", str(lease), "-c", str(slots), "--grace", "0.5", *options]
        with open(self.folder / f"worker-{len(self.workers)}.log", "wb") as log:
            worker = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.workers.append(worker)
        return worker

    def await_workers(self) -> None:
        """Wait until all workers that were started take messages."""
        until(lambda: len(liveness.workers(self.redis.client())) >= len(self.workers), "workers that take messages")

    def processes(self, worker: subprocess.Popen[bytes]) -> list[int]:
        """Return the worker's process and all below it, itself first; those are looked for at the end."""
        found = [worker.pid, *sorted(below(worker.pid))] if worker.poll() is None else []
        self.seen.update(found)
        return found

    def children(self) -> list[int]:
        """Return all processes below all workers."""
        return [process for worker in self.workers for process in self.processes(worker)[1:]]

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill the process of a worker, as kill -9 does."""
        self.processes(worker)
        worker.kill()
        worker.wait()

    def kill_tree(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker and all below it at once."""
        for process in self.processes(worker):
            hit(process)
        worker.wait()

    def logs(self) -> str:
        """Return what all workers said."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("worker-*.log")))

    def close(self) -> None:
        """End all processes, and fail where one of them stays, or told of a fault of its own."""
        for worker in self.workers:
            self.processes(worker)
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.kill()
            worker.wait()
        self.fleet.close()
        until(lambda: not any(map(lives, self.seen)), "the end of all processes", 20)

    # -- jobs

    def spec(self, *targets: Path | str, options: Options = OPTIONS, **more: Any) -> JobSpec:
        """Return a job of many small chunks."""
        spec = JobSpec(new_id(), tuple(map(str, targets or (self.root,))), options, chunk_files=4, created=time.time())
        return replace(spec, **more)

    def submit(self, *targets: Path | str, **more: Any) -> str:
        """Submit a job, wait until it is listed, and return its id."""
        spec = self.spec(*targets, **more)
        producer = self.fleet.producer(spec)
        producer.create()
        producer.run()
        return spec.id

    def producer(
        self, spec: JobSpec, after_page: Callable[[int], object], stop: threading.Event | None = None
    ) -> Producer:
        """Return a producer that calls `after_page` with the number of each page that it has published, from 1 on."""
        scene, pages = self, itertools.count(1)

        class Stepwise(Producer):
            def _hold_back(self) -> None:
                after_page(next(pages))
                super()._hold_back()

        return Stepwise(spec, scene.fleet.client, scene.fleet.connection, scene.fleet.store, scene.key, stop)

    def progress(self, job: str) -> Progress:
        """Return how a job stands, waiting for its Redis."""

        def asked() -> Progress | None:
            with suppress(LedgerFault):
                return self.fleet.ledger(job).progress()
            return None

        return until(asked, "an answer of the ledger")

    def await_done(self, job: str, chunks: int) -> Progress:
        """Wait until so many chunks are done, or all."""

        def reached() -> Progress | None:
            progress = self.progress(job)
            return progress if progress.done >= chunks or progress.state in ENDED else None

        return until(reached, f"{chunks} chunks done")

    def await_end(self, job: str) -> Progress:
        """Wait until a job has ended."""

        def ended() -> Progress | None:
            progress = self.progress(job)
            return progress if progress.state in ENDED else None

        try:
            return until(ended, "the end of the job")
        except AssertionError as error:
            for worker in self.workers:
                if worker.poll() is None:
                    worker.send_signal(signal.SIGUSR1)
            time.sleep(0.5)  # a failing test may take that long
            client = self.redis.client()
            waiting = {queue: client.llen(queue) for queue in QUEUES}, client.hlen("unacked")
            raise AssertionError(f"{self.progress(job)}\n{waiting}\n{self.logs()[-20000:]}") from error

    def files(self, job: str) -> list[str]:
        """Return the names of all reports in the store, of attempts that were given up too."""
        return list(self.fleet.store.list(f"reports/{job}"))

    def report(self, job: str) -> bytes:
        """Return the JSON report that is published."""
        return self.fleet.store.get(f"{self.progress(job).report}/report.json")

    def settled(self, job: str, expected: bytes | None, *, published: int = 1) -> Progress:
        """Wait for the end of a job, and check all that must be true then; returns how it stands."""
        progress = self.await_end(job)
        assert progress.state is JobState.FINISHED
        report = self.report(job)
        if expected is not None:
            assert_same(same(report), expected)
        verdicts = [entry["path"] for entry in json.loads(report)["verdicts"]]
        assert len(verdicts) == len(set(verdicts)) == progress.units == progress.units_done
        assert sum(progress.verdicts.values()) == progress.units + progress.counts.get("members", 0)
        assert progress.done == progress.allocated == sum(queue.done for queue in progress.queues.values())
        assert progress.leased == 0
        assert progress.counts["reports_published"] == published
        folders = {name.split("/")[2] for name in self.files(job)}
        assert progress.report.rpartition("/")[2] in folders
        assert '"a worker failed"' not in self.logs()
        return progress


def assert_same(found: bytes, expected: bytes) -> None:
    """Fail with the first lines that differ."""
    if found != expected:
        pairs = zip(found.splitlines(), expected.splitlines(), strict=False)
        different = [pair for pair in pairs if pair[0] != pair[1]][:10]
        raise AssertionError(f"{len(found)} and {len(expected)} bytes; first differences: {different}")


def hit(process: int, number: int = signal.SIGKILL) -> bool:
    """Send a signal to a process that may have ended; returns whether it had not."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True


def lives(process: int) -> bool:
    """Return whether a process runs; one whose parent we killed waits for the system to reap it."""
    return state(process) not in "ZX"


def scanned(folder: Path, site: Path, work: Path, options: Options = OPTIONS) -> bytes:
    """Return what plain `scan` says of a folder, as JSON without its run."""
    plugins = [part for name in options.plugins for part in ("--plugin", name)]
    command = [sys.executable, "-P", "-c", START, "scan", str(folder), *plugins, "--timeout", str(options.timeout)]
    out = work / "scan.json"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{site}", "SOURCE_DATE_EPOCH": "0"}
    done = subprocess.run([*command, "-f", f"json={out}", "-j", "2"], env=environment, capture_output=True)
    assert done.returncode in (0, 1, 2), done.stderr
    assert b"modelsweep:" not in done.stderr, done.stderr
    return same(out.read_bytes())


def pop(scene: Scene, queue: str, amount: int) -> list[bytes]:
    """Take messages off a queue, as a worker does that dies before it looks at them."""
    client = scene.redis.client()
    taken = [client.rpop(queue) for _ in range(amount)]
    return [message for message in taken if isinstance(message, bytes)]


def aof_kept(redis: PrivateRedis, where: Path) -> Callable[[], None]:
    """Keep the append-only file as it is now; call what this returns to kill the server and have it start from there.

    What it wrote since is lost then, as it is with `appendfsync everysec` where a machine loses power.
    """
    where.mkdir()
    for name in _files_of(redis):
        _copy(os.path.join(redis.folder, name), where / name)

    def go_back() -> None:
        redis.kill()
        for name in _files_of(redis):
            path = os.path.join(redis.folder, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        for kept in where.iterdir():
            _copy(kept, Path(redis.folder) / kept.name)
        redis.start()

    return go_back


def _files_of(redis: PrivateRedis) -> list[str]:
    return [name for name in os.listdir(redis.folder) if name.startswith("appendonly")]


def _copy(source: str | Path, target: Path) -> None:
    if os.path.isdir(source):
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)


def answers(redis: PrivateRedis) -> bool:
    """Return whether the server is there."""
    try:
        return bool(redis.client().ping())
    except RedisError:
        return False


def paths(folder: Path) -> Sequence[Path]:
    """Return all files below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
