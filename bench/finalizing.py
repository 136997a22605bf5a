"""Micro-benchmark: units per second of finalizing simulated results out of a store, and the memory that takes.

`python -m bench.finalizing BROKER STORE KEY JOB` does that once, and prints CPU and wall seconds, and the peaks in
bytes of its largest process and of all its processes together.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.measure import SAMPLING, tree, tree_memory
from modelsweep.core.collector import collect_rarely
from modelsweep.fleet.directory_store import DirectoryStore
from modelsweep.fleet.job import REPORTS, JobSpec, new_id, seal_spec
from modelsweep.fleet.ledger import DIGEST_BYTES, PAGE_CHUNKS, Ledger
from modelsweep.fleet.messages import client_of
from modelsweep.fleet.private_redis import PrivateRedis
from modelsweep.fleet.problems import problems_name, seal_problems
from modelsweep.fleet.signature import Key
from worker.finalizer import finalize

if TYPE_CHECKING:
    from redis import Redis

UNITS = 1_000_000
CHUNK = 64
CASES = ((), REPORTS)
"""Formats of the reports: without any, all results are read and counted all the same."""
RATE_GOAL = 100_000
"""Units per second."""
MEMORY_GOAL = 100
"""MB."""
_CPU_CODE = 1


@dataclass(frozen=True, slots=True)
class Finalizing:
    """One job finalized: units per CPU second and per second (medians), peak memory in bytes (largest).

    `peak` is the resident set of the largest process; `tree` that of all, sampled: what they share counts in each.
    """

    formats: tuple[str, ...]
    units: int
    rate: float
    wall_rate: float
    peak: int
    tree: int


@dataclass(frozen=True, slots=True)
class LedgerCost:
    """What the ledger took of a job, all of whose chunks were allocated, claimed and done: bytes and microseconds."""

    units: int
    memory: int
    """Of Redis, all keys of the job."""
    microseconds: int
    """Of Redis' own clock, in our scripts."""


def measure_ledger(scale: float) -> LedgerCost:
    """Return what the ledger takes of a job, done chunk by chunk."""
    units = _units(scale)
    with PrivateRedis() as redis:
        client = redis.client()
        client.config_resetstat()
        job = new_id()
        _record(Ledger(client, job), b"", [os.urandom(DIGEST_BYTES)] * _chunks(units), units)
        microseconds = _scripts(client)
        memory = sum(client.memory_usage(name, samples=0) or 0 for name in client.scan_iter(f"ms:{{{job}}}:*"))
        return LedgerCost(units, memory, microseconds)


def measure_finalizing(rounds: int, scale: float) -> Iterator[Finalizing]:
    """Yield what finalizing a tenth of the units takes, and all of them, each as a process of its own does it."""
    for units in (_units(scale) // 10, _units(scale)):
        with PrivateRedis() as redis, tempfile.TemporaryDirectory(prefix="modelsweep-bench-") as folder:
            secret = Key.new_secret()
            key, spec = Key(bytes.fromhex(secret)), JobSpec(new_id(), ("s3://models",), created=time.time())
            client = redis.client()
            _simulate(spec, client, Path(folder), secret, units)
            kept = [(name, client.dump(name) or b"") for name in client.scan_iter()]
            for formats in CASES:
                taken = []
                for _ in range(rounds):
                    client.flushdb()
                    for name, value in kept:
                        client.restore(name, 0, value)
                    client.set(f"ms:{{{spec.id}}}:spec", seal_spec(replace(spec, reports=formats), key))
                    taken.append(_finalized((redis.url, folder, secret, spec.id)))
                cpu, wall, peak, tree = zip(*taken, strict=True)
                rates = units / median(cpu), units / median(wall)
                yield Finalizing(formats, units, *rates, int(max(peak)), int(max(tree)))


def _finalized(arguments: Sequence[str]) -> tuple[float, float, float, float]:
    command = [sys.executable, "-m", "bench.finalizing", *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    cpu, wall, peak, tree = map(float, answer)
    return cpu, wall, peak, tree


def _simulate(spec: JobSpec, client: Redis, folder: Path, secret: str, units: int) -> None:
    """Store the results of a job as workers do, and bring its ledger to where the finalizer begins."""
    key, store = Key(bytes.fromhex(secret)), DirectoryStore(str(folder), durable=False)
    # Processes of their own: there may be more than one processor
    with multiprocessing.get_context("fork").Pool() as pool:
        store_one = partial(_stored, str(folder), spec, secret, units)
        digests = list(pool.imap(store_one, range(_chunks(units)), chunksize=16))
    store.put(problems_name(spec.id), seal_problems((), key, spec.id))
    _record(Ledger(client, spec.id), seal_spec(spec, key), digests, units)


def _stored(folder: str, spec: JobSpec, secret: str, units: int, chunk: int) -> bytes:
    from bench.reports import simulated_result
    from modelsweep.core.report import Tool
    from modelsweep.fleet.results import digest_of, encode_chunk, results_name
    from modelsweep.fleet.signed_results import signing

    numbers = range(chunk * CHUNK, min(units, (chunk + 1) * CHUNK))
    blob = encode_chunk(Tool("0.1.0", "f" * 64, ("pickle", "safetensors")), [*map(simulated_result, numbers)])
    digest = digest_of(blob)
    store = signing(DirectoryStore(folder, durable=False), Key(bytes.fromhex(secret)), spec)
    store.put(results_name(spec.id, chunk, digest), blob)
    return digest


def _record(ledger: Ledger, spec: bytes, digests: Sequence[bytes], units: int) -> None:
    """Allocate, claim and settle all chunks of a job, and seal it."""
    ledger.create(spec)
    for first in range(0, len(digests), PAGE_CHUNKS):
        page = digests[first : first + PAGE_CHUNKS]
        name = f"jobs/{ledger.job}/pages/{first:010d}-{'0' * 24}"
        held = min(units - first * CHUNK, len(page) * CHUNK)
        ledger.alloc(first, bytes([_CPU_CODE]) * len(page), name, b"%d" % first, units=held, size=held * 4096)
        for chunk, digest in enumerate(page, first):
            claim = ledger.claim(chunk, 1, "bench", 60.0)
            counts = {"units": min(CHUNK, units - chunk * CHUNK), "size": 4096 * CHUNK, "verdict:clean": CHUNK}
            ledger.done(chunk, claim.token, digest, counts)
    ledger.seal(problems_name(ledger.job))


def _units(scale: float) -> int:
    return max(20 * CHUNK, int(UNITS * scale))


def _chunks(units: int) -> int:
    return -(-units // CHUNK)


def _scripts(client: Redis) -> int:
    statistics = client.info("commandstats")
    return sum(int(statistics.get(f"cmdstat_{name}", {}).get("usec", 0)) for name in ("eval", "evalsha"))


def finalize_once(broker: str, folder: str, secret: str, job: str) -> tuple[float, float, int, int]:
    """Write the reports of a job; return CPU and wall seconds, and peak bytes of the largest process and of all."""
    collect_rarely()  # as the command line does
    client, store = client_of(broker), DirectoryStore(folder, durable=False)
    cpu, wall = _cpu(), time.perf_counter()
    over, memory = threading.Event(), _Memory()
    watching = threading.Thread(target=memory.watch, args=(over,))
    watching.start()
    try:
        published = finalize(job, client, store, Key(bytes.fromhex(secret)), "bench")
    finally:
        over.set()
        watching.join()
    if not published:
        raise SystemExit("nothing was published")
    return _cpu() - cpu, time.perf_counter() - wall, memory.largest, memory.together


def _cpu() -> float:
    """Return the CPU seconds of this process and of those that it started and that ended."""
    # Not what os.times says: that counts ticks of 10 ms, of which a small job takes none
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


class _Memory:
    """The peaks of this process and of those below it, looked at again and again."""

    def __init__(self) -> None:
        self.largest = self.together = 0

    def watch(self, over: threading.Event) -> None:
        """Look until it is over, and once more."""
        while not over.wait(SAMPLING / 1000):
            self._look()
        self._look()

    def _look(self) -> None:
        self.together = max(self.together, tree_memory(os.getpid()))
        for process in tree(os.getpid()):
            # Not what getrusage says: that counts whoever started a process
            with suppress(OSError, StopIteration):
                lines = Path(f"/proc/{process}/status").read_text().splitlines()
                peak = int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
                self.largest = max(self.largest, peak)


if __name__ == "__main__":
    print(*finalize_once(*sys.argv[1:]))
