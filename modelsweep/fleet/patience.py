"""Waiting for a Redis that is away or full: what asks it again later loses nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from redis.exceptions import RedisError

from modelsweep.fleet.answers import LedgerFault, UnknownJob
from modelsweep.fleet.redis_faults import explain

PATIENCE = 120.0
"""Seconds that a Redis may take to restart, to fail over, or to get more memory."""
LOOK = 0.25
_Answer = TypeVar("_Answer")


def patiently(ask: Callable[[], _Answer], given_up: Callable[[float], object] = time.sleep) -> _Answer:
    """Return what `ask` returns, asking again where Redis cannot be used; it has to bear being asked twice.

    `given_up` waits so many seconds, and says true where nobody wants the answer any more. Raises LedgerFault then, and
    after `PATIENCE` seconds of trouble; and UnknownJob at once.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except UnknownJob:
            raise
        except (LedgerFault, RedisError) as error:
            fault = explain(error) if isinstance(error, RedisError) else error
            if time.monotonic() > deadline or given_up(LOOK):
                raise fault from error
