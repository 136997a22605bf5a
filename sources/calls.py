"""Calls of the clients that clouds give away, made as `sources.web` makes requests: politely, and repeated if it helps.

The clients' own repeating is switched off where it can be, so that one rule holds for all: how often,
how long, how many at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from modelsweep.core.reader import SourceFault
from sources.politeness import politeness
from sources.retrying import pauses

_Answer = TypeVar("_Answer")


class Passing(Exception):
    """What went wrong may not the next time; `fault` is raised where it always does."""

    def __init__(self, fault: SourceFault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def asked(host: str, call: Callable[[], _Answer]) -> _Answer:
    """Return what `call`, which raises Passing or SourceFault, answers; one of the requests to `host` at a time."""
    fault = SourceFault(f"{host}: no answer")
    for pause in pauses():
        try:
            with politeness().host(host).request():
                return call()
        except Passing as passing:
            fault = passing.fault
        time.sleep(pause)
    raise fault
