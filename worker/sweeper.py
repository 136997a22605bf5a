"""The sweeper: what was lost is published again, complete jobs get their report, ended ones are forgotten in time.

It runs in every worker, one of them leading at a time, and as a command. Whatever it does twice is harmless.
"""

from __future__ import annotations

from redis import Redis

from modelsweep.core.values import dataclass
from modelsweep.fleet.answers import LedgerFault, UnknownJob
from modelsweep.fleet.job import UnknownProtocol, open_spec
from modelsweep.fleet.ledger import Ledger, active_jobs, list_jobs
from modelsweep.fleet.liveness import workers
from modelsweep.fleet.messages import GPU, LARGE, SCANS, Publish, finalize_message, queue_lengths, scan_message
from modelsweep.fleet.redis_faults import is_refusal
from modelsweep.fleet.signature import Damaged, Key
from modelsweep.fleet.store import Store, StoreFault

GRACE = 30.0
"""Seconds that a message may lie unclaimed while later ones of its queue are claimed."""
LEADER_KEY, TIDIER_KEY = "ms:sweeper", "ms:tidier"


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: how many messages were published again, and finalizers asked for."""

    again: int = 0
    finalizers: int = 0


def leads(client: Redis, name: str, seconds: float, key: str = LEADER_KEY) -> bool:
    """Return whether `name` is the worker that sweeps, now and for so many seconds; raises RedisError.

    After those another worker leads where this one fell silent.
    """
    milliseconds = round(seconds * 1000)
    if client.set(key, name, nx=True, px=milliseconds):
        return True
    if client.get(key) != name.encode():
        return False
    return bool(client.pexpire(key, milliseconds))


def relieve(client: Redis) -> int:
    """Have others examine what waits for a GPU while no living worker serves one; returns how much. Raises RedisError.

    Messages go from one queue to the other, first come first served. Whoever takes one claims its chunk in the ledger,
    which asks no one for a GPU.
    """
    waiting = client.llen(GPU)
    if not waiting or any(GPU in worker.queues for worker in workers(client) if worker.lives):
        return 0
    moved = 0
    while moved < waiting and client.rpoplpush(GPU, LARGE) is not None:
        moved += 1
    return moved


def sweep(client: Redis, publish: Publish, grace: float = GRACE) -> Swept:
    """Sweep all jobs once; raises RedisError, LedgerFault, BrokerFault.

    A job whose ledger is damaged keeps no other one from it: its fault is raised in the end.
    """
    relieve(client)
    lengths = {SCANS.index(queue): length for queue, length in queue_lengths(client).items() if queue in SCANS}
    # What waited for a GPU may wait there now: it is lost only where it is in neither
    lengths[SCANS.index(GPU)] += lengths[SCANS.index(LARGE)]
    again = finalizers = 0
    faults: list[LedgerFault] = []
    for job in active_jobs(client):
        try:
            swept = Ledger(client, job).sweep(lengths, grace)
        except UnknownJob:
            continue  # it ended meanwhile
        except LedgerFault as fault:
            if not is_refusal(fault):
                raise
            faults.append(fault)
            continue
        messages = [scan_message(SCANS[queue], job, chunk, swept.generation) for chunk, queue in swept.again]
        messages += [finalize_message(job)] if swept.finalize else []
        if messages:
            publish(messages)
        again += len(swept.again)
        finalizers += swept.finalize
    if faults:
        raise faults[0]
    return Swept(again, finalizers)


def forget(client: Redis, store: Store, key: Key) -> int:
    """Remove jobs that ended as long ago as they are to be kept, what is stored of them first; returns how many.

    Raises RedisError, LedgerFault, StoreFault: of one job, when all others were seen to.
    """
    forgotten = 0
    faults: list[LedgerFault | StoreFault] = []
    for job, _ in list_jobs(client):
        ledger = Ledger(client, job)
        try:
            progress = ledger.progress()
            kept = open_spec(job, ledger.spec(), key).kept
            if progress.ended and progress.now - progress.ended > kept:
                for folder in ("jobs", "reports"):
                    store.delete(f"{folder}/{job}")
                forgotten += ledger.expire(0)
        except (UnknownJob, Damaged, UnknownProtocol):
            continue  # expired meanwhile, or signed by another fleet, whose workers remove it
        except (LedgerFault, StoreFault) as fault:
            if isinstance(fault, LedgerFault) and not is_refusal(fault):
                raise
            faults.append(fault)
    if faults:
        raise faults[0]
    return forgotten
