"""When something that failed is asked for again: how often, after which pauses, and when a server says.

`Retry-After`: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

AGAIN = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Answers that may be others the next time."""
TRIES = 6
"""Times that a request is made in vain, or a body goes on without a byte, before it is given up."""
LONGEST_PAUSE = 60.0
"""Seconds between two tries at most; a server that asks for more is asked no more."""


def pauses() -> Iterator[float]:
    """Yield what to wait after each try in vain, in seconds."""
    for vain in range(1, TRIES + 1):
        yield _pause(vain) if vain < TRIES else 0.0


def _pause(vain: int) -> float:
    """Return a random pause in seconds that doubles with each try in vain."""
    return min(LONGEST_PAUSE, 0.25 * float(2**vain)) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def wait(vain: int) -> None:
    """Wait after some tries in vain, in which nothing went right."""
    time.sleep(_pause(vain))


def retry_after(text: str) -> float:
    """Return the seconds that a Retry-After header asks for (RFC 9110, section 10.2.3), 0 where it is none."""
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    due = time_of(text)
    return max(0.0, due - time.time()) if due else 0.0


def time_of(text: str) -> float:
    """Return the seconds since the epoch of a date of HTTP (RFC 9110, section 5.6.7), 0 where it is none."""
    try:
        found: datetime = parsedate_to_datetime(text)
        return found.timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
