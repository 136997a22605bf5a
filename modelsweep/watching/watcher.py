"""Looks again and again what is new below targets, and hands it over in batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty

from modelsweep.core.finding import Problem
from modelsweep.core.options import Selection
from modelsweep.core.report import Unit
from modelsweep.fleet.job import new_id
from modelsweep.watching.receiver import Receiver
from modelsweep.watching.seen import Seen
from producer.plan import plan

BATCH = 500
"""Objects that one job examines at most."""
BATCH_CHARACTERS = 1_000_000
"""Of their addresses together: a job's specification is bounded."""
GATHER = 1.0
"""Seconds in which notifications are gathered into one job."""

Examine = Callable[[Sequence[str], str], None]
"""Examines addresses, and returns when they are in safe hands: handed over to a fleet, or judged here.

The key is that of the batch, in the form of a job's id: a second time under one key is that a first one was cut short.
"""


class Watcher:
    """Hands over to `examine` what is new below `targets`; what `say` gets is for the log."""

    def __init__(
        self,
        targets: Sequence[str],
        selection: Selection,
        seen: Seen,
        examine: Examine,
        say: Callable[[str], None],
    ) -> None:
        self._targets, self._selection, self._seen, self._examine = targets, selection, seen, examine
        self._say = say
        self.faults = 0
        """What could not be listed, so far."""

    def look(self) -> int:
        """List all targets once, hand over what is new, and return how much that was."""
        count = 0
        for key, uris in self._seen.begun():
            self._examine(uris, key)
            self._seen.end(key)
        for batch in self._batches():
            key = new_id()
            self._seen.begin(key, batch)
            self._examine([unit.locator.uri for unit in batch], key)
            self._seen.end(key)
            count += len(batch)
        return count

    def _batches(self) -> Iterator[list[Unit]]:
        batch: list[Unit] = []
        size = 0
        for item in plan(self._targets, self._selection):
            if isinstance(item, Problem):
                self.faults += 1
                self._say(f"{item.locator}: {item.detail}")
            elif not self._seen.has(item):
                batch.append(item)
                size += len(item.locator.uri)
                if len(batch) >= BATCH or size >= BATCH_CHARACTERS:
                    yield batch
                    batch, size = [], 0
        if batch:
            yield batch

    def run(self, every: float, receiver: Receiver | None, stop: threading.Event) -> None:
        """Look every so many seconds (0: never), and examine what a receiver is told, until `stop` is set."""
        due = time.monotonic()
        while not stop.is_set():
            if every and time.monotonic() >= due:
                self.look()
                due = time.monotonic() + every
            told = self._told(receiver, stop) if receiver else []
            if told:
                self._examine(told, new_id())
            elif not receiver:
                stop.wait(min(1.0, max(0.0, due - time.monotonic())))

    def _told(self, receiver: Receiver, stop: threading.Event) -> list[str]:
        """Return the targets that notifications named, once there are any."""
        found: dict[str, None] = {}
        try:
            found[receiver.targets.get(timeout=GATHER)] = None
            deadline = time.monotonic() + GATHER
            while len(found) < BATCH and not stop.is_set() and (left := deadline - time.monotonic()) > 0:
                found[receiver.targets.get(timeout=left)] = None
        except Empty:
            pass
        return list(found)
