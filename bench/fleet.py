"""Benchmarks of the fleet: what a job takes beside plain `scan`, message by message, and how soon it recovers."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from bench.finalizing import Finalizing, LedgerCost, measure_finalizing, measure_ledger
from bench.local_fleet import Cpu, LocalFleet, scan, until
from bench.measure import Cost, run
from modelsweep.core.units import GIB, KIB, MIB
from modelsweep.fleet.ledger import Ledger, counters
from modelsweep.fleet.messages import CPU as QUEUE
from modelsweep.fleet.messages import publish, scan_message
from modelsweep.jobs import ENDED

FILES = 8192
"""Tiny files of the jobs whose cost for each file is measured."""
MESSAGES = 4000
CHUNK_FILES = (1, 8, 64)
LEASE = 2.0
"""Seconds; a worker's own is 60. The sweeps become more frequent by the same relation."""
COLLECTION = 100_000
"""Small files of the job that is measured from end to end."""
COLLECTION_BYTES = 2 * KIB
_ADOPTING = (sys.executable, "-I", "-S", str(Path(__file__).with_name("adopting.py")))
_PROGRAM = (sys.executable, "-P", "-m", "modelsweep")
_BUSY = GIB - 1
"""Bytes of a file that keeps a worker busy for a second: the largest that is not of the queue for large ones."""
_LEAST_BUSY = 256 * MIB


@dataclass(frozen=True, slots=True)
class JobCost:
    """CPU seconds of jobs over `files` files, by files of a chunk; `scan` is that of plain `scan` without its start."""

    files: int
    scan: Cpu
    jobs: dict[int, Cpu]

    def overhead(self, size: int) -> float:
        """Return the microseconds for each file of a job beyond plain `scan`, outside of examining processes.

        Those do the same in both, and take so much that their noise would hide the rest.
        """
        beyond = self.jobs[size] - self.scan
        return (beyond.total - beyond.examiners) * 1e6 / self.files


@dataclass(frozen=True, slots=True)
class MessageCost:
    """CPU seconds of messages about chunks that are done already: of the producer, the worker and Redis."""

    messages: int
    cpu: Cpu


@dataclass(frozen=True, slots=True)
class FleetFigures:
    """All that is measured; `recoveries` are seconds until the chunk of a killed worker was claimed again."""

    messages: MessageCost
    jobs: Sequence[JobCost]
    ledger: LedgerCost
    finalizing: Sequence[Finalizing]
    recoveries: Sequence[float]
    files: int
    collection: dict[str, Cost]


def measure_fleet(folder: Path, rounds: int, scale: float, timeout: float) -> FleetFigures:
    """Measure everything, with files made below `folder`, which is removed again."""
    folder.mkdir(parents=True)
    try:
        messages, jobs = _jobs(folder, rounds, scale)
        return FleetFigures(
            messages=messages,
            jobs=jobs,
            ledger=measure_ledger(scale),
            finalizing=list(measure_finalizing(rounds, scale)),
            recoveries=list(_recoveries(folder, rounds, scale)),
            files=_scaled(COLLECTION, scale),
            collection=_collection(folder, scale, timeout),
        )
    finally:
        shutil.rmtree(folder)


def _jobs(folder: Path, rounds: int, scale: float) -> tuple[MessageCost, list[JobCost]]:
    """Measure jobs over tiny files, all chunk sizes in each round, beside `scan`; and messages without work."""
    files = _scaled(FILES, scale)
    many, one = _tiny_files(folder / "many", files), _tiny_files(folder / "one", 1)
    with LocalFleet(folder) as fleet:
        fleet.start_worker()
        fleet.run(one, 1)  # the worker starts its examining process, and reads its modules
        messages = _messages(fleet, one, _scaled(MESSAGES, scale))
        costs = []
        for _ in range(rounds):
            jobs = {size: fleet.run(many, size) for size in CHUNK_FILES}
            costs.append(JobCost(files, scan(many) - scan(one), jobs))
    return messages, costs


def _messages(fleet: LocalFleet, target: Path, amount: int) -> MessageCost:
    """Have a worker take messages about a chunk that is done."""
    job, _ = fleet.submit(target)
    fleet.ended(job)
    client = fleet.fleet.client
    refused = "claims_refused:done"
    known, before = counters(client).get(refused, 0), fleet.cpu()
    begun = time.process_time()
    publish(fleet.fleet.connection, [scan_message(QUEUE, job, 0, 1)] * amount)
    producing = time.process_time() - begun
    until(lambda: counters(client).get(refused, 0) >= known + amount)
    taken = fleet.cpu() - before
    return MessageCost(amount, Cpu(producing, taken.worker, taken.examiners, taken.redis))


def _recoveries(folder: Path, rounds: int, scale: float) -> Iterator[float]:
    """Yield how long it took each time until the chunk of a killed worker was claimed by another."""
    target = folder / "busy"
    target.mkdir()
    for name in ("a.bin", "b.bin"):
        with (target / name).open("wb") as file:
            file.truncate(min(_BUSY, max(_LEAST_BUSY, int(_BUSY * scale))))
    for _ in range(rounds):
        with LocalFleet(folder, LEASE) as fleet:
            yield _recovery(fleet, target)


def _recovery(fleet: LocalFleet, target: Path) -> float:
    first, _ = fleet.start_worker(), fleet.start_worker()
    client = fleet.fleet.client
    while True:
        before = counters(client).get("claims", 0)
        job, _ = fleet.submit(target, 1)
        ledger = fleet.fleet.ledger(job)
        if until(partial(_busy, ledger)) == 2:
            break
        fleet.ended(job)  # one worker had both, the other was still starting
    fleet.kill(first)
    killed = time.monotonic()
    until(lambda: counters(client)["claims"] > before + 2)
    taken = time.monotonic() - killed
    fleet.ended(job)
    return taken


def _busy(ledger: Ledger) -> int:
    """Return how many chunks are in hand, once both are or the job has ended; else nothing."""
    progress = ledger.progress()
    return 2 if progress.leased == 2 else -1 if progress.state in ENDED else 0


def _collection(folder: Path, scale: float, timeout: float) -> dict[str, Cost]:
    """Return what `audit` and plain `scan` take for the same small files, two at a time, JSON report included."""
    target, home = folder / "collection", folder / "home"
    home.mkdir()
    # In a process of its own, whose memory the kernel does not count into the peaks of what is started here
    making = multiprocessing.get_context("fork").Process(target=_small_files, args=(target, _scaled(COLLECTION, scale)))
    making.start()
    making.join()
    surroundings = {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8"}
    costs = {}
    for name in ("scan", "audit"):
        report = ("-f", f"json={home / name}.json")
        command = [*_ADOPTING, *_PROGRAM, name, str(target), "-j", "2", *report]
        costs[name] = run(command, surroundings, home, timeout)
    return costs


def _small_files(target: Path, amount: int) -> None:
    from bench.small_files import write_small_files

    write_small_files(target, amount, COLLECTION_BYTES, Random("collection"))


def _tiny_files(target: Path, amount: int) -> Path:
    for number in range(amount):
        path = target / f"{number // 1000}" / f"{number:06}.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps({"weights": [0.25, 0.5], "epoch": number}, 4))
    return target


def _scaled(amount: int, scale: float) -> int:
    return max(64, int(amount * scale))
