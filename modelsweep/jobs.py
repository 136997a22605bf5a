"""Jobs of a fleet: submitted, watched, and read, from any machine that reaches the broker and the store."""

# ruff: noqa: E402 - the guard stands before the imports that it guards
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from modelsweep import shadowing

shadowing.check()

from modelsweep.fleet.answers import CancelStatus, JobState, LedgerFault, Progress, Retried
from modelsweep.fleet.job import JobSpec, open_spec
from modelsweep.fleet.ledger import Ledger, list_jobs
from modelsweep.fleet.messages import SCANS, client_of, connect, finalize_message, publish, scan_message
from modelsweep.fleet.patience import patiently
from modelsweep.fleet.redis_faults import check_server
from modelsweep.fleet.repair import Repaired, repair
from modelsweep.fleet.signature import Key
from modelsweep.fleet.store import Store
from modelsweep.fleet.stored import Manifest, open_manifest, report_of
from modelsweep.fleet.stores import open_store
from producer.submit import Producer
from worker.finalizer import MANIFEST, report_name
from worker.settling import counted, is_retryable
from worker.sweeper import Swept, sweep

if TYPE_CHECKING:
    from kombu import Connection
    from redis import Redis

    from modelsweep.core.report import Report, UnitResult
    from reporting import Writer

LOOK = 0.1
"""Seconds between two looks at a job that is waited for."""
ENDED = frozenset({JobState.FINISHED, JobState.CANCELLED})
Watch = Callable[[Progress], None]


def _judged(results: Sequence[UnitResult]) -> tuple[dict[str, int], bool]:
    return counted(results), is_retryable(results)


class NoReport(LedgerFault):
    """A job has no report yet; the sentence says so."""


@dataclass(slots=True)
class Fleet:
    """A broker, a store and the key that all of a fleet share."""

    broker: str
    client: Redis
    connection: Connection
    store: Store
    key: Key

    @classmethod
    def reach(cls, broker: str, store: str, key: Key) -> Fleet:
        """Return the fleet at these addresses; raises BrokerFault, LedgerFault and StoreFault where it is not there."""
        client = client_of(broker)
        check_server(client)
        return cls(broker, client, connect(broker), open_store(store), key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def another(self) -> Fleet:
        """Return the same fleet with connections of its own, for another thread."""
        return Fleet(self.broker, client_of(self.broker), connect(self.broker), self.store, self.key)

    def close(self) -> None:
        """Close the connections."""
        self.connection.release()
        self.client.close()

    def producer(self, spec: JobSpec, stop: threading.Event | None = None) -> Producer:
        """Return the producer of a job, new or begun."""
        return Producer(spec, self.client, self.connection, self.store, self.key, stop)

    def ledger(self, job: str) -> Ledger:
        """Return the ledger of a job."""
        return Ledger(self.client, job)

    def jobs(self) -> list[tuple[str, float]]:
        """Return the jobs that are known and when they were created (seconds since the epoch), oldest first."""
        return list_jobs(self.client)

    def spec(self, job: str) -> JobSpec:
        """Return what was submitted; raises UnknownJob, Forged, Damaged, UnknownProtocol."""
        return open_spec(job, self.ledger(job).spec(), self.key)

    def wait(self, job: str, watch: Watch, failed: Callable[[], BaseException | None] | None = None) -> Progress:
        """Return how a job stands once it has ended, having shown `watch` how it comes along; raises LedgerFault.

        Redis may be away for a while meanwhile. Whatever `failed` returns meanwhile is raised.
        """
        ledger = self.ledger(job)

        def given_up(seconds: float) -> bool:
            time.sleep(seconds)
            return bool(failed and failed())

        while True:
            progress = patiently(ledger.progress, given_up)
            watch(progress)
            if progress.state in ENDED:
                return progress
            if failed and (error := failed()):
                raise error
            time.sleep(LOOK)

    def cancel(self, job: str) -> CancelStatus:
        """Stop a job where it is, and have what it found until then reported; raises UnknownJob, BrokerFault."""
        status = self.ledger(job).cancel()
        if status is CancelStatus.CANCELLED:
            publish(self.connection, [finalize_message(job)])
        return status

    def retry(self, job: str) -> Retried:
        """Have those chunks of an ended job examined again in which something could not be; raises UnknownJob."""
        retried = self.ledger(job).retry()
        publish(
            self.connection,
            [scan_message(SCANS[queue], job, chunk, retried.generation) for chunk, queue in retried.again],
        )
        return retried

    def repair(self, job: str) -> Repaired:
        """Make the ledger of a job anew from the store, and publish what is not done; raises as `repair` does."""
        repaired = repair(self.ledger(job), self.store, self.key, _judged, SCANS.index)
        if repaired.complete:
            publish(self.connection, [finalize_message(job)])
        self.sweep(0.0)
        return repaired

    def sweep(self, grace: float) -> Swept:
        """Publish again what was lost, now; raises RedisError, LedgerFault, BrokerFault."""
        return sweep(self.client, lambda messages: publish(self.connection, messages), grace)

    def finished_report(self, job: str) -> Report | None:
        """Return the published report of a job, None where it has none yet; raises as `report` does."""
        try:
            return self.report(job)
        except NoReport:
            return None

    def report(self, job: str) -> Report:
        """Return the published report of a job, its results read from the store as they are asked for.

        Raises UnknownJob, NoReport, StoreFault, Forged, Damaged.
        """
        return report_of(self.manifest(job), self.store)

    def stored_report(self, pointer: str, writer: Writer) -> AbstractContextManager[BinaryIO] | None:
        """Return the report in a format as its finalizer stored it, None where it did not; raises StoreFault."""
        name = f"{pointer}/{report_name(writer)}"
        return self.store.reader(name) if self.store.exists(name) else None

    def manifest(self, job: str) -> Manifest:
        """Return what the published report of a job is made of; raises as `report` does."""
        pointer = self.ledger(job).progress().report
        if not pointer:
            raise NoReport(f"job {job} has no report yet: `modelsweep status {job}` says how far it is")
        name = f"{pointer}/{MANIFEST}"
        return open_manifest(self.store.get(name), self.key, job, name)
