"""A worker of the fleet as a process: Celery takes messages off the queues, `Node` does what they ask for.

Started by `modelsweep worker`, never by `celery -A`, which would put the working directory first on the path.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import closing, suppress
from types import FrameType
from typing import TypeGuard

from celery import Celery, Task
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_ready, worker_shutting_down
from kombu import Queue
from redis.exceptions import RedisError

from modelsweep.cache.backend import CacheFault
from modelsweep.cache.opening import open_cache
from modelsweep.core.version import VERSION
from modelsweep.fleet import liveness
from modelsweep.fleet.answers import LedgerFault
from modelsweep.fleet.chunks import RUN_CHUNKS
from modelsweep.fleet.job import is_id
from modelsweep.fleet.logs import bound, logger
from modelsweep.fleet.messages import AMOUNT, FINALIZE, QUEUES, SCAN, TRANSPORT_OPTIONS, BrokerFault, client_of
from modelsweep.fleet.redis_faults import check_server, explain, leave_replica
from modelsweep.fleet.signature import Key
from modelsweep.fleet.store import StoreFault
from modelsweep.fleet.stores import open_store
from worker.execution import SandboxFailed
from worker.finalizer import finalize
from worker.node import Declined, JobGone, Node, WorkerSettings
from worker.sweeper import TIDIER_KEY, forget, leads, sweep
from worker.transport import install as install_transport

SWEEP_EVERY = 4.0
"""Seconds between two sweeps; with a short lease, half of that."""
LEADS_FOR = 2
"""Sweeps that a leader may miss before another worker leads: a node that is killed may be the leader."""
FORGET_EVERY = 600.0
"""Seconds between two looks for jobs that are to be forgotten."""
RENEWALS = 3
"""Renewals in the time of one lease."""
_NUMBERS = 1 << 31
"""Of chunks and generations in messages."""
_log = logger("modelsweep.worker")


def run(settings: WorkerSettings, key: Key, *, grace: float = 60.0, with_parent: bool = False) -> int:
    """Work until SIGTERM or SIGINT, then for at most `grace` seconds more; returns the exit code.

    `with_parent` ends the process when its standard input does: whoever started it is gone. Raises BrokerFault,
    LedgerFault and StoreFault where the fleet cannot be reached, SandboxFailed where nothing can be examined here.
    """
    if with_parent:  # first: what is missing once it is gone, such as its Redis, is nobody's trouble any more
        threading.Thread(target=_die_with_parent, name="parent", daemon=True).start()
    _end_on_signals()
    client = client_of(settings.broker)
    check_server(client)
    install_transport()
    node = Node(settings, client, open_store(settings.store), key)
    background = Background(node)
    try:
        background.start()
        return _serve(node, grace)
    finally:
        node.stop()
        background.stop()
        node.close()


def _end_on_signals() -> None:
    """End on SIGTERM and SIGHUP: until Celery takes over the first one, at once.

    Celery would start itself anew on the second, without our options of Python and without the key, which is not in the
    environment any more; and a worker that `nohup` began ignores it.
    """
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    hangup = signal.getsignal(signal.SIGHUP)
    if hangup is not signal.SIG_IGN:
        hangup = _end_in_good_order
        signal.signal(signal.SIGHUP, hangup)
    worker_ready.connect(lambda **_: signal.signal(signal.SIGHUP, hangup), weak=False)


def _end_in_good_order(_number: int, _frame: FrameType | None) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _serve(node: Node, grace: float) -> int:
    """Run Celery until it is told to stop, and return its exit code."""
    # Celery warns of root because of pickled messages: ours are JSON, checked, and parsed by no one else
    warnings.filterwarnings("ignore", category=SecurityWarning)
    setup_logging.connect(_keep_logging, weak=False)
    worker_ready.connect(lambda **_: _say_what_is_served(node), weak=False)
    worker_shutting_down.connect(lambda **_: _drain(node, grace), weak=False)
    worker = _app(node).Worker(
        hostname=f"modelsweep@{node.name}",
        pool="threads",
        concurrency=node.settings.slots,
        queues=list(node.settings.queues),
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    worker.start()
    if node.unable:
        raise SandboxFailed(node.unable)
    return int(worker.exitcode or 0)


def _app(node: Node) -> Celery:
    """Return the Celery application whose two tasks `node` does."""
    app = Celery("modelsweep", broker=node.settings.broker, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        broker_channel_error_retry=True,  # a Redis that is full refuses much, and ends no worker
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        broker_transport_options=dict(TRANSPORT_OPTIONS),
        enable_utc=True,
        event_queue_prefix="modelsweep.event",
        result_backend=None,
        task_acks_late=False,  # the ledger's leases decide what is done again
        task_create_missing_queues=False,
        task_ignore_result=True,
        task_queues=[Queue(name, routing_key=name) for name in QUEUES],
        worker_cancel_long_running_tasks_on_connection_loss=False,
        # Else a worker whose Redis was away makes no more room for messages, now and then, and waits for ever
        worker_enable_prefetch_count_reduction=False,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=1,
        worker_redirect_stdouts=False,
    )

    @app.task(name=SCAN, ignore_result=True, typing=False, bind=True)  # type: ignore[untyped-decorator]
    def scan(task: Task, *arguments: object) -> None:
        _scan(node, task.request.get(AMOUNT, 1), *arguments)

    @app.task(name=FINALIZE, ignore_result=True, typing=False)  # type: ignore[untyped-decorator]
    def write_reports(*arguments: object) -> None:
        _finalize(node, *arguments)

    return app


def _scan(node: Node, amount: object, job: object = None, chunk: object = None, *more: object) -> None:
    """Do what a message asks for; it may hold anything. One version had the amount as its last argument."""
    generation, amount = more if len(more) == 2 else (*more, amount) if more else (None, None)
    if len(more) > 2 or not (_is_job(job) and _is_number(chunk) and _is_number(generation) and _is_run(amount)):
        _log.warning("a message that is none of ours was dropped", task=SCAN)
        return
    with bound(job=job, chunk=chunk):
        _guarded(node, lambda: _scanned(node, node.scan(job, chunk, generation, amount)))


def _scanned(node: Node, outcome: str) -> None:
    _log.debug("chunks", outcome=outcome)
    if "failed" in outcome.split():
        node.failed()
    elif "done" in outcome.split():
        node.succeeded()


def _finalize(node: Node, job: object = None, *more: object) -> None:
    if more or not _is_job(job):
        _log.warning("a message that is none of ours was dropped", task=FINALIZE)
        return
    with bound(job=job):
        _guarded(node, lambda: _log.info("finalized", published=_finalized(node, job)))


def _is_job(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and is_id(value)


def _is_number(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < _NUMBERS


def _is_run(value: object) -> TypeGuard[int]:
    """Return whether a message may ask for so many chunks."""
    return type(value) is int and 0 < value <= RUN_CHUNKS


def _finalized(node: Node, job: str) -> bool:
    node.store.settle()  # a report is never on the disk without the results that it is of
    try:
        return finalize(job, node.client, node.store, node.key, node.name, node.publish, lease=node.settings.lease)
    except Declined as declined:
        raise node.decline(job, str(declined)) from declined


def _guarded(node: Node, work: Callable[[], object]) -> None:
    """Do `work`; what goes wrong is logged. Nobody else needs to know: a chunk that is not done is published again.

    Where the worker is of no use any more, Celery ends in good order, and nothing is lost.
    """
    _attempt(node, work)
    if node.unable and not node.draining.is_set():
        os.kill(os.getpid(), signal.SIGTERM)


def _attempt(node: Node, work: Callable[[], object]) -> None:
    try:
        work()
    except StoreFault as fault:
        if not node.give_up(fault):
            _log.error("left to be done again", reason=str(fault))
            node.failed()
    except SandboxFailed as fault:
        _log.error("left to be done again", reason=str(fault))
    except (LedgerFault, BrokerFault) as fault:
        _log.error("left to be done again", reason=str(fault))
        node.failed()
    except Declined as declined:
        # Of a job of many messages a worker that has another key, say, complains once
        (_log.warning if declined.is_new else _log.debug)("dropped", reason=str(declined))
        node.rest()
    except JobGone as gone:
        _log.info("dropped", reason=str(gone))
    except BaseException:  # noqa: BLE001 - a MemoryError or SystemExit would end Celery's main process
        _log.exception("a worker failed")


class Background:
    """What goes on beside the slots: leases are renewed, a worker says that it lives, leaders sweep and tidy."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._over = threading.Event()
        self._beats_at = 0.0
        self._told: dict[str, int] = {}
        """What was said last of files that it reads."""
        self._sweep_every = min(SWEEP_EVERY, node.settings.lease / 2)
        self._threads = [
            threading.Thread(target=self._every, args=(node.settings.lease / RENEWALS, node.renew), daemon=True),
            threading.Thread(target=self._every, args=(liveness.BEAT_READING, self._beat), daemon=True),
            # Apart: a Redis that is away is no reason to have the worker killed, and what it has in hand lost
            threading.Thread(target=self._every, args=(liveness.BEAT_EVERY, liveness.touch), daemon=True),
            threading.Thread(target=self._every, args=(self._sweep_every, self._sweep), daemon=True),
            # Apart: removing what is stored of a large job may take hours, in which nobody would sweep
            threading.Thread(target=self._every, args=(FORGET_EVERY, self._tidy), daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, and say that the worker leaves in good order."""
        self._over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(5)
        with suppress(RedisError):
            liveness.leave(self._node.client, self._node.name)

    def _every(self, seconds: float, work: Callable[[], None]) -> None:
        while not self._over.is_set():
            try:
                work()
            except RedisError as error:
                leave_replica(self._node.client, error)
                _log.warning("the fleet does not answer", reason=str(explain(error)))
            except (LedgerFault, StoreFault, BrokerFault, OSError) as error:
                _log.warning("the fleet does not answer", reason=str(error))
            except Exception:  # noqa: BLE001 - else leases would be renewed, or jobs swept, never again
                _log.exception("a worker failed")
            self._over.wait(seconds)

    def _beat(self) -> None:
        settings, reading = self._node.settings, self._node.reading()
        if time.monotonic() < self._beats_at and not reading and not self._told:
            return
        about = liveness.Worker(self._node.name, settings.queues, settings.slots, VERSION, reading=reading)
        liveness.beat(self._node.client, about)
        self._beats_at, self._told = time.monotonic() + liveness.BEAT_EVERY, reading

    def _sweep(self) -> None:
        node = self._node
        if leads(node.client, node.name, LEADS_FOR * self._sweep_every):
            swept = sweep(node.client, node.publish, node.settings.lease / 2)
            if swept.again:
                _log.info("swept", again=swept.again)

    def _tidy(self) -> None:
        node = self._node
        if leads(node.client, node.name, FORGET_EVERY / 2, TIDIER_KEY):
            self._tidy_cache()
            forget(node.client, node.store, node.key)

    def _tidy_cache(self) -> None:
        """Forget what is old in the cache; a cache that fails is nobody's trouble."""
        settings = self._node.settings
        if settings.cache:
            try:
                with closing(open_cache(settings.cache, _log.warning, self._node.key)) as cache:
                    cache.cleanup()
            except CacheFault as fault:
                _log.warning("the cache is not used", reason=str(fault))


def _say_what_is_served(node: Node) -> None:
    settings = node.settings
    queues = [name.removeprefix("scan.") for name in settings.queues]
    _log.info("serving", worker=node.name, queues=queues, slots=settings.slots, roots=list(settings.roots))


def _drain(node: Node, grace: float) -> None:
    """Take no new chunks, and give those back that are not done after `grace` seconds."""
    node.draining.set()
    timer = threading.Timer(grace, node.stop)
    timer.daemon = True  # else a worker that has nothing in hand would end no sooner
    timer.start()


def _die_with_parent() -> None:
    """End this process, and with it its children, once nobody holds the other end of standard input."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(0)  # children notice, and Redis may be gone already: there is nobody to take leave of


def _keep_logging(**_: object) -> None:
    """Logs are configured already: connected, this keeps Celery from doing it its own way."""
