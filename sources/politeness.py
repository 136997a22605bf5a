"""How hard we lean on a host: requests at a time, requests per second, bytes per second.

The limits are those of this process, for each host apart (bytes: for all together). They change no verdict, so they are
no part of a job: whoever runs a worker sets them in its environment.

    MODELSWEEP_CONNECTIONS   requests at a time to one host (8)
    MODELSWEEP_REQUEST_RATE  requests per second to one host (no limit)
    MODELSWEEP_BANDWIDTH     bytes per second from all hosts, `50MB` (no limit)
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from modelsweep.core.reader import SourceFault
from modelsweep.core.units import parse_size

CONNECTIONS, REQUEST_RATE, BANDWIDTH = "MODELSWEEP_CONNECTIONS", "MODELSWEEP_REQUEST_RATE", "MODELSWEEP_BANDWIDTH"
AT_A_TIME = 8
"""Requests at a time to one host where nothing else is said."""


class Pace:
    """Lets `rate` pass a second; 0 is no limit."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._due = 0.0
        self._lock = threading.Lock()

    def wait(self, amount: float = 1.0) -> None:
        """Wait until `amount` more may pass."""
        if not self._rate:
            return
        with self._lock:
            now = time.monotonic()
            begin = max(self._due, now)
            self._due = begin + amount / self._rate
        if begin > now:
            time.sleep(begin - now)

    def defer(self, seconds: float) -> None:
        """Let nothing pass for so long: the other side asked for it."""
        with self._lock:
            self._due = max(self._due, time.monotonic() + seconds)
            self._rate = self._rate or float("inf")


class Host:
    """The requests of this process to one host."""

    def __init__(self, connections: int, rate: float) -> None:
        self._slots = threading.BoundedSemaphore(connections)
        self.pace = Pace(rate)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Hold one of the connections while the block runs, begun when the rate allows."""
        with self._slots:
            self.pace.wait()
            yield


class Politeness:
    """The limits of this process, and how much of them is used."""

    def __init__(self, connections: int = AT_A_TIME, rate: float = 0.0, bandwidth: float = 0.0) -> None:
        self._hosts: defaultdict[str, Host] = defaultdict(lambda: Host(connections, rate))
        self._lock = threading.Lock()
        self._bytes = Pace(bandwidth)

    def host(self, name: str) -> Host:
        """Return the limits of requests to the host of this name, port included."""
        with self._lock:
            return self._hosts[name]

    def received(self, size: int) -> None:
        """Count bytes that arrived; waits where they were too many for the time."""
        self._bytes.wait(size)


@cache
def politeness() -> Politeness:
    """Return the limits that the environment sets; raises SourceFault where they are no numbers."""
    connections = _number(CONNECTIONS, str(AT_A_TIME))
    try:
        bandwidth = parse_size(os.environ.get(BANDWIDTH) or "0")
    except ValueError as error:
        raise SourceFault(f"{BANDWIDTH}: {error}") from error
    return Politeness(max(int(connections), 1), _number(REQUEST_RATE, "0"), bandwidth)


def _number(name: str, default: str) -> float:
    text = os.environ.get(name) or default
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise SourceFault(f"{name}: {text!r} is not a number")
    return number
