"""An examining process as its supervisor sees it: what it has in hand, how long it may take, how far it has read."""

from __future__ import annotations

import os
import socket
from collections import deque

from modelsweep.core.finding import JsonObject
from modelsweep.core.units import KIB, MIB
from worker.channel import OPEN_FILES, Closed, send
from worker.lending import Lent
from worker.tasks import Task

QUEUED = 32
"""Units that a child may have: the next ones wait in its socket, so that neither side waits for the other."""
BATCH = OPEN_FILES
"""Units of one message: one system call, and one line of JSON, for all of them."""
QUEUED_BYTES = 4 * MIB
"""Size of all units of a child, where it has several: what takes long is not waited for."""
QUEUED_NAMES = 16 * KIB
"""Characters of their addresses, which have to go into its socket while it does not read."""


class Watched:
    """A file that a child reads, kept open here, too: the position in it is the same."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)

    def reached(self) -> int:
        """Return how far it was read, which the child may tell anything of; 0 where it is closed."""
        try:
            return os.lseek(self._descriptor, 0, os.SEEK_CUR)
        except OSError:
            return 0

    def close(self) -> None:
        """Keep it open no more."""
        os.close(self._descriptor)


class Child:
    """An examining process; it is busy with the first of its `tasks`, until `deadline` (monotonic) at most."""

    __slots__ = ("_bytes", "_named", "deadline", "is_fresh", "number", "peer", "received", "tasks", "unsent", "watched")

    def __init__(self, number: int, peer: socket.socket) -> None:
        self.number, self.peer = number, peer
        self.tasks: deque[Task] = deque()
        self.deadline = 0.0
        self.received = bytearray()
        self.unsent: list[tuple[JsonObject, int]] = []
        """The last of its tasks as they are going to be sent together, each with its open file."""
        self._bytes = self._named = 0
        self.watched: Watched | Lent | None = None
        """What it reads, where that takes long enough to be watched."""
        self.is_fresh = True
        """Whether it never saw a byte of any file."""

    def takes(self, task: Task) -> bool:
        """Return whether `task` may be sent to it now."""
        if not self.tasks:
            return self.is_open
        if len(self.tasks) >= QUEUED or not self.is_open:
            return False
        return task.extent + self._bytes <= QUEUED_BYTES and task.named + self._named <= QUEUED_NAMES

    def give(self, task: Task, message: JsonObject, descriptor: int) -> None:
        """Have `task` sent to it soon."""
        self.tasks.append(task)
        self.unsent.append((message, descriptor))
        self._bytes += task.extent
        self._named += task.named
        self.is_fresh = False

    def take(self) -> Task:
        """Return the task that it was busy with, which it no longer is."""
        task = self.tasks.popleft()
        self._bytes -= task.extent
        self._named -= task.named
        self.look_away()
        return task

    def watch(self, read: Watched | Lent) -> None:
        """See from now on how far it has read."""
        self.look_away()
        self.watched = read

    def look_away(self) -> None:
        """Watch nothing any more."""
        watched, self.watched = self.watched, None
        if isinstance(watched, Watched):
            watched.close()

    def send_unsent(self) -> None:
        """Send it what it was given; raises BlockingIOError where it does not read."""
        unsent, self.unsent = self.unsent, []
        try:
            send(self.peer, {"units": [message for message, _ in unsent]}, [descriptor for _, descriptor in unsent])
        except Closed:
            pass  # its end is about to be reported
        finally:
            for _, descriptor in unsent:
                os.close(descriptor)

    def forget_unsent(self) -> None:
        """Close what was to be sent to it."""
        for _, descriptor in self.unsent:
            os.close(descriptor)
        self.unsent = []

    @property
    def in_hand(self) -> int:
        """How many of its tasks were sent to it."""
        return len(self.tasks) - len(self.unsent)

    @property
    def is_amply_fed(self) -> bool:
        """Whether it has so much to do that neither its answers nor what it is given next are urgent."""
        return self.in_hand > QUEUED // 2

    @property
    def is_open(self) -> bool:
        """Whether it can still be spoken with."""
        return self.peer.fileno() >= 0
