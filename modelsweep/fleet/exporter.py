"""The one exporter: reads Redis when Prometheus asks, and says what the table of metrics declares."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from modelsweep.fleet import liveness
from modelsweep.fleet.answers import LedgerFault, UnknownJob
from modelsweep.fleet.ledger import METRICS as COUNTERS
from modelsweep.fleet.ledger import Ledger, active_jobs, list_jobs
from modelsweep.fleet.listening import cannot_listen, check_port
from modelsweep.fleet.liveness import BEAT_EVERY
from modelsweep.fleet.logs import logger
from modelsweep.fleet.messages import SCAN, queue_lengths
from modelsweep.fleet.metrics import METRICS, Buckets, JobSample, Metric, Snapshot
from modelsweep.fleet.redis_faults import explain, is_refusal

if TYPE_CHECKING:
    from redis import Redis

_log = logger("modelsweep.exporter")
PORT = 9808
"""That of the usual exporter for Celery."""
ADDRESS = "127.0.0.1"
INFO_FIELDS = ("used_memory", "maxmemory", "evicted_keys")
DOWN = ("modelsweep_up", "modelsweep_build_info")
"""What is still said while Redis does not answer."""
PATIENCE = 3.0
"""Seconds that Redis has for an answer, and for another try: Prometheus waits for 10 s in all."""
MOST_JOBS = 200
"""The latest ones, besides those that run: a scrape takes a bounded time, however many wait to expire."""


class FleetCollector(Collector):
    """Takes a snapshot of Redis at each scrape; without Redis it says so, and goes on."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._up = True

    def collect(self) -> Iterator[Family]:
        """Yield every metric of the table."""
        snapshot = self._read()
        for metric in METRICS:
            if snapshot.up or metric.name in DOWN:
                yield family(metric, snapshot)

    def _read(self) -> Snapshot:
        try:
            snapshot = snapshot_of(self._client)
        except (RedisError, LedgerFault) as error:
            if self._up:
                _log.warning(
                    "Redis does not answer", reason=str(explain(error) if isinstance(error, RedisError) else error)
                )
            self._up = False
            return Snapshot(up=False)
        if not self._up:
            _log.info("Redis answers again")
        self._up = True
        return snapshot


def be_impatient(client: Redis) -> None:
    """Have a client that has not connected yet give up before Prometheus does."""
    client.set_retry(Retry(NoBackoff(), 1))
    client.connection_pool.connection_kwargs.update(socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)


def snapshot_of(client: Redis) -> Snapshot:
    """Return one reading of everything; raises RedisError and LedgerFault."""
    with client.pipeline(transaction=False) as pipeline:
        pipeline.time()
        pipeline.hgetall(COUNTERS)
        pipeline.info("memory")
        pipeline.info("stats")
        (seconds, micros), counters, memory, stats = pipeline.execute()
    info = memory | stats
    return Snapshot(
        now=seconds + micros / 1e6,
        counters=dict(_numbers(counters)),
        workers=liveness.workers(client),
        queues=queue_lengths(client),
        jobs=tuple(_jobs(client)),
        redis={name: int(info[name]) for name in INFO_FIELDS if name in info},
    )


def _jobs(client: Redis) -> Iterator[JobSample]:
    for job in {*active_jobs(client), *(job for job, _ in list_jobs(client)[-MOST_JOBS:])}:
        try:
            found = Ledger(client, job).progress()
        except UnknownJob:
            continue  # it expired meanwhile
        except LedgerFault as fault:
            if not is_refusal(fault):
                raise
            continue  # its ledger is damaged, and no other's
        yield JobSample(
            found.state.value,
            found.allocated,
            found.done,
            found.leased,
            found.created,
            found.producer_seen,
            found.completed,
            found.ended,
            bool(found.report),
        )


def _numbers(fields: dict[bytes | str, bytes | str]) -> Iterator[tuple[str, int]]:
    for name, value in fields.items():
        with suppress(ValueError):  # no number: nobody counted there
            yield (name.decode("utf-8", "replace") if isinstance(name, bytes) else name), int(value)


def family(metric: Metric, snapshot: Snapshot) -> Family:
    """Return the series of one metric."""
    source = metric.source
    if isinstance(source, Buckets):
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        histogram.add_metric([SCAN], source.cumulative(snapshot), source.seconds(snapshot))
        return histogram
    made = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    found = made(metric.name, metric.help, labels=metric.labels)
    for labels, value in source.samples(snapshot):
        found.add_metric(labels, value)
    return found


@contextmanager
def serving(client: Redis, address: str = ADDRESS, port: int = PORT) -> Iterator[int]:
    """Serve metrics in threads while the context lasts, and give the port (0 takes a free one); raises CannotListen.

    `client` becomes the exporter's own.
    """
    check_port(port)
    be_impatient(client)
    registry = CollectorRegistry()
    registry.register(FleetCollector(client))
    try:
        server, thread = start_http_server(port, address, registry)
    except OSError as error:
        raise cannot_listen(error, "exporter", address, port) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def serve(client: Redis, address: str = ADDRESS, port: int = PORT, stop: threading.Event | None = None) -> None:
    """Serve metrics until `stop` is set, and touch the file of liveness all the while; raises CannotListen, OSError.

    Without a `stop` of the caller's, SIGTERM and Control-C end it in good order.
    """
    if stop is None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    with serving(client, address, port) as listening:
        _log.info("serving metrics", address=address, port=listening)
        liveness.touch()
        while not stop.wait(BEAT_EVERY):
            liveness.touch()
