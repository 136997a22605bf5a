"""kombu's Redis transport, which drops what is no message of ours where Celery would end or stop taking messages.

Anybody who may write to the broker may put anything into a queue, and so may a program of another version. Celery ends
its worker for a message that is not JSON, and keeps room for one without arguments for ever.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

from modelsweep.fleet.logs import logger
from modelsweep.fleet.messages import FINALIZE, SCAN

LARGEST = 64 * 1024
"""Bytes of the body of a message; ours have some hundred."""
_TASKS = (SCAN, FINALIZE)
_WRONG = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
_log = logger("modelsweep.worker")


class Channel(redis.Channel):  # type: ignore[misc]  # kombu has no types
    """Reads messages off the queues."""

    def _brpop_read(self, **options: Any) -> Any:
        """Hand on the next message; what is not JSON is gone from its queue, and that is all."""
        try:
            return super()._brpop_read(**options)
        except (ValueError, RecursionError) as error:
            _dropped("", type(error).__name__)
            return True


class Transport(redis.Transport):  # type: ignore[misc]  # kombu has no types
    """Hands messages to Celery."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        """Hand on a message where it is one."""
        try:
            fault = fault_of(message)
        except _WRONG as error:
            fault = type(error).__name__
        if fault:
            _dropped(queue, fault)
        else:
            super()._deliver(message, queue)


def install() -> None:
    """Have all connections of this process use it."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"


def fault_of(message: Any) -> str:
    """Return why Celery should not see a message, or nothing; raises a usual error for what has not even its form."""
    properties, headers, body = message["properties"], message["headers"], message["body"]
    for name in ("delivery_tag", "delivery_info"):
        if not properties[name]:
            return f"no {name}"
    if headers.get("task") not in _TASKS:
        return "none of our tasks"
    if not isinstance(headers["id"], str) or message["content-type"] != "application/json" or len(body) > LARGEST:
        return "not written by us"
    encoding = properties.get("body_encoding")
    text = base64.b64decode(body, validate=True) if encoding == "base64" else body
    arguments, named, embedded = json.loads(text)
    if type(arguments) is not list or named or not isinstance(named, dict):
        return "no arguments of ours"
    return "" if isinstance(embedded, dict) and not any(embedded.values()) else "it asks for more than a task"


def _dropped(queue: str, fault: str) -> None:
    _log.warning("a message that is none of ours was dropped", queue=queue, fault=fault)
