"""Queues, task names and the messages between producer and workers: Celery's, without a locator or a secret in them.

A message names a chunk; what is to be done with it, and whether still, the ledger says. A lost or doubled message is
therefore harmless.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, NamedTuple

from modelsweep.core.report import Unit
from modelsweep.core.units import GIB
from modelsweep.core.wire import dumps
from modelsweep.fleet.job import JobSpec

if TYPE_CHECKING:
    from kombu import Connection
    from redis import Redis

SCAN = "modelsweep.scan"
FINALIZE = "modelsweep.finalize"
INTERACTIVE, CPU, LARGE, GPU, ISOLATED = "scan.interactive", "scan.cpu", "scan.cpu.large", "scan.gpu", "scan.isolated"
SCANS = (INTERACTIVE, CPU, LARGE, GPU, ISOLATED)
"""Queues of chunks; the place of a queue is its code in the ledger."""
CONTROL = "control"
AMOUNT = "chunks"
"""Header that says how many chunks a message is of, where it is of several."""
QUEUES = (*SCANS, CONTROL)
LARGE_BYTES = 1 * GIB
"""Size of a unit from which it waits in a queue of its own: small ones are not to wait behind it."""
WEIGHTS = frozenset(".bin .ckpt .gguf .h5 .hdf5 .keras .npy .npz .onnx .pt .pt2 .pth .safetensors".split())
"""Endings of files whose tensors are looked at, and which a job may have examined where there is a GPU."""
_PATIENCE = 10.0
"""Seconds that a broker has to answer."""
_TOGETHER = 256
"""Messages of one command: some 150 KB."""
TRANSPORT_OPTIONS: Mapping[str, object] = {
    "socket_timeout": 30,
    "socket_connect_timeout": _PATIENCE,
    "socket_keepalive": True,
    "health_check_interval": 25,
    "ack_emulation": False,
}
"""Messages are acknowledged early: none of them waits for kombu's visibility timeout."""


class Message(NamedTuple):
    """One task: which, in which queue, and its arguments; `amount` is how many chunks it is of.

    That stands in a header. Versions that know of one chunk only look at no header, and do the first: a fourth argument
    had them drop the message. The sweeper publishes the others one by one.
    """

    queue: str
    task: str
    arguments: tuple[str | int, ...]
    amount: int = 1


Publish = Callable[[Sequence[Message]], object]
"""Puts messages into their queues; raises BrokerFault."""


class BrokerFault(Exception):
    """The broker cannot be used; the sentence says why, without its password."""


def queue_of(unit: Unit, spec: JobSpec) -> str:
    """Return the queue in which a unit waits, by what examining it takes."""
    if spec.interactive:
        return INTERACTIVE
    if unit.extent < LARGE_BYTES:
        return CPU
    return GPU if spec.gpu and unit.locator.suffix in WEIGHTS else LARGE


def scan_message(queue: str, job: str, chunk: int, generation: int, amount: int = 1) -> Message:
    """Return the message that has a chunk examined, or as many as `amount` from that one on."""
    return Message(queue, SCAN, (job, chunk, generation), amount)


def finalize_message(job: str) -> Message:
    """Return the message that has the reports of a complete job written."""
    return Message(CONTROL, FINALIZE, (job,))


def connect(url: str) -> Connection:
    """Return a connection of kombu to the broker, not yet open; raises BrokerFault for an address that is none."""
    from kombu import Connection

    _check(url)
    return Connection(url, transport_options=dict(TRANSPORT_OPTIONS), connect_timeout=_PATIENCE)


def client_of(url: str) -> Redis:
    """Return a client of the same Redis, for the ledger; raises BrokerFault for an address that is none."""
    import redis

    _check(url)
    path, _, query = url.partition("?")
    if path.startswith("redis+socket://"):
        path = path.replace("redis+socket", "unix", 1)
    database = re.fullmatch(r"virtual_host=(\d+)", query)
    try:
        client: Redis = redis.Redis.from_url(
            path + (f"?db={database[1]}" if database else f"?{query}" if query else ""),
            socket_timeout=30,
            socket_connect_timeout=_PATIENCE,
            health_check_interval=25,
        )
    except ValueError as error:
        raise BrokerFault(f"{shown(url)!r} is not the address of a Redis: {error}") from None
    return client


def _check(url: str) -> None:
    if not re.match(r"(redis|rediss|redis\+socket)://.", url):
        raise BrokerFault(
            f"{shown(url)!r} is not a broker: give redis://HOST:PORT/DB, rediss:// or redis+socket:///PATH"
        )


def publish(connection: Connection, messages: Iterable[Message]) -> int:
    """Put messages into their queues and return how many; raises BrokerFault, and then some may have got there.

    They are what kombu itself would put there, but many in one command of Redis, in a tenth of the time.
    """
    from kombu.exceptions import OperationalError

    sent, publication = 0, str(uuid.uuid4())
    try:
        with connection.default_channel.conn_or_acquire() as client:
            for number, (queue, group) in enumerate(_batches(messages)):
                client.lpush(queue, *(_envelope(item, f"{publication}-{number}-{at}") for at, item in enumerate(group)))
                sent += len(group)
    except (OperationalError, OSError, *connection.connection_errors, *connection.channel_errors) as error:
        raise BrokerFault(f"the broker does not accept messages: {error}") from error
    return sent


def _batches(messages: Iterable[Message]) -> Iterator[tuple[str, list[Message]]]:
    """Yield messages that follow each other into one queue, a few hundred at most."""
    for queue, group in groupby(messages, key=lambda message: message.queue):
        while batch := list(islice(group, _TOGETHER)):
            yield queue, batch


_EMBEDDED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


def _envelope(message: Message, number: str) -> bytes:
    """Return a message as it lies in Redis: of Celery's message protocol, version 2, in kombu's virtual transport."""
    body = dumps([list(message.arguments), {}, dict(_EMBEDDED)])
    return dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": message.task,
                "id": number,
                "root_id": number,
                "parent_id": None,
                "group": None,
                "retries": 0,
                "timelimit": [None, None],
                "ignore_result": True,
                **({AMOUNT: message.amount} if message.amount > 1 else {}),
            },
            "properties": {
                "correlation_id": number,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": message.queue},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": number,
            },
        }
    )


def queue_lengths(client: Redis) -> dict[str, int]:
    """Return how many messages wait in each queue; raises RedisError."""
    with client.pipeline(transaction=False) as pipeline:
        for queue in QUEUES:
            pipeline.llen(queue)
        return dict(zip(QUEUES, pipeline.execute(), strict=True))


def shown(url: str) -> str:
    """Return an address without user and password."""
    return re.sub(r"//[^/@]*@", "//", url)
