"""Examines units in persistent sandboxed children: what hostile bytes do to a child costs one Problem.

    supervisor ── control socket ── zygote ─┬─ child
        │                                   ├─ child
        └── one socket for each child ──────┴─ child

A child gets units, each with an open file, or a socket to ask for ranges of a remote object (SCM_RIGHTS), and answers
with a result for one after the other. It is held to a deadline, and its answer to a size and to the unit whose turn it
is. A child that ends is replaced, and only that unit has a Problem. Control-C, an exception, or the death of this
process leaves no process and no file.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.limits import Limits
from modelsweep.core.locator import Locator
from modelsweep.core.members import identity, with_members
from modelsweep.core.options import Options
from modelsweep.core.reader import SourceFault
from modelsweep.core.report import Tool, Unit, UnitResult
from modelsweep.core.text import printable
from modelsweep.core.units import GIB, KIB, MIB, format_size
from modelsweep.core.wire import Decoded, encode_unit
from sources.source import Opened, OpenedObject
from worker.answer import result_of
from worker.channel import SANDBOX_FAULT, BadMessage, Closed, send, unframe
from worker.cpus import default_jobs
from worker.launcher import Launcher
from worker.lending import lend

SUPERVISOR = "supervisor"
OpenUnit = Callable[[Unit], Opened]
"""Opens what a unit names, for reading; raises SourceFault."""
Fate = tuple[ProblemKind, str]
"""Why a child ended: kind and detail of the Problem of the unit it was busy with."""
GARBAGE: Fate = (ProblemKind.CRASH, "the examining process did not answer with a result of this file")
QUEUED = 8
"""Units that a child may have: the next ones wait in its socket, so that neither side waits for the other."""
LOOK = 0.2
"""Seconds after which a supervisor that another thread may stop looks whether it did."""
PIECE = 64 * KIB
"""Bytes of answers that are read at once. More would be asked of the system anew each time, and given back unused."""
STOPPED = 1.0
"""Seconds of waiting too long that say that this process was stopped, and with it perhaps its children."""
ORPHANED = 10
"""Times that a unit is given to another child because the zygote died: hostile bytes are never near it."""
QUEUED_BYTES = 4 * MIB
"""Size of all units of a child, where it has several: what takes long is not waited for."""


class Child:
    """An examining process; it is busy with the first of its `units`, until `deadline` (monotonic) at most."""

    __slots__ = ("deadline", "number", "peer", "received", "units")

    def __init__(self, number: int, peer: socket.socket) -> None:
        self.number, self.peer = number, peer
        self.units: deque[Unit] = deque()
        self.deadline = 0.0
        self.received = bytearray()

    def takes(self, unit: Unit) -> bool:
        """Return whether `unit` may be sent to it now."""
        if not self.units:
            return self.is_open
        size = unit.extent + sum(queued.extent for queued in self.units)
        return self.is_open and len(self.units) < QUEUED and size <= QUEUED_BYTES

    @property
    def is_open(self) -> bool:
        """Whether it can still be spoken with."""
        return self.peer.fileno() >= 0


@dataclass(slots=True)
class Family:
    """An archive whose members are being examined, each a unit of its own: `waiting` have no result yet."""

    archive: UnitResult
    waiting: int
    parts: dict[tuple[object, ...], UnitResult] = field(default_factory=dict)

    def result(self, limits: Limits) -> UnitResult:
        """Return the result of all of it."""
        parts = (self.parts[identity(member.unit)] for member in self.archive.members)
        return with_members(self.archive, parts, limits)


class Supervisor:
    """Runs at most `jobs` children (0: one for each processor that we may use), all with the same `options`.

    Starting up goes on beside whatever the caller does next. Use it as a context manager, or call `close`; raises
    SandboxFailed. All of it belongs to one thread.
    """

    def __init__(self, options: Options, jobs: int = 0) -> None:
        self.options, self.jobs = options, jobs or default_jobs()
        self._children: dict[int, Child] = {}
        self._again: list[Unit] = []
        """Units to give away next: none would take them, or the child that had them ended before their turn."""
        self._done: list[UnitResult] = []
        self._spawned = 0
        self._families: dict[Locator, Family] = {}
        """By the address of the archive."""
        self._orphaned: Counter[tuple[object, ...]] = Counter()
        self._looked = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._tool: Tool | None = None
        self._whole = True
        self._launch()

    def _launch(self) -> None:
        self._launcher = Launcher(self.options)
        self._selector.register(self._launcher.control, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all processes and remove their files; may be called again."""
        for child in self._children.values():
            child.peer.close()
        self._children.clear()
        self._selector.close()
        self._launcher.close()

    def tool(self) -> Tool:
        """Return what the children examine with; raises SandboxFailed where they cannot be started."""
        if self._tool is None:
            self._tool = self._launcher.tool()
        return self._tool

    def examine(
        self, units: Iterable[Unit], open_unit: OpenUnit, stop: threading.Event | None = None, *, whole: bool = True
    ) -> Iterator[UnitResult]:
        """Yield the result of each unit as it is completed, in any order; units are taken as children come free.

        Members that are units of their own are examined too, and are in the result of their archive, unless it is not
        to be `whole`: then the result names them.
        Ends early, its children killed, soon after another thread sets `stop`, and where nobody wants more of it.
        Raises SandboxFailed. A unit that cannot be opened, or that ends its child, has a result with a Problem.
        """
        self.tool()
        self._whole = whole
        waiting = iter(units)
        try:
            while self._feed(waiting, open_unit) or self._busy():
                if stop and stop.is_set():
                    return
                if not self._done:
                    self._wait(LOOK if stop else None)
                while self._done:
                    yield self._done.pop()
        finally:
            self._abandon()

    def _abandon(self) -> None:
        """Give up what is still being examined."""
        for child in list(self._children.values()):
            if child.units:
                self._retire(child)
        self._again.clear()
        self._done.clear()
        self._families.clear()
        self._orphaned.clear()

    def _busy(self) -> bool:
        return bool(self._done or self._again) or any(child.units for child in self._children.values())

    def _feed(self, waiting: Iterator[Unit], open_unit: OpenUnit) -> bool:
        """Give units to children until none takes more; returns whether there may be more units."""
        while not self._done:
            unit = self._again.pop() if self._again else next(waiting, None)
            if unit is None:
                return False
            child = self._taker(unit)
            if child is None:
                self._again.append(unit)
                return True
            self._dispatch(unit, child, open_unit)
        return True

    def _taker(self, unit: Unit) -> Child | None:
        """Return the child to give `unit` to: a free one, a new one, the one with the least to do, or none yet."""
        least = min(self._children.values(), key=lambda child: len(child.units), default=None)
        if (least is None or least.units) and len(self._children) < self.jobs:
            return self._spawn()
        return least if least and least.takes(unit) else None

    def _dispatch(self, unit: Unit, child: Child, open_unit: OpenUnit) -> None:
        try:
            opened = open_unit(unit)
        except SourceFault as fault:
            self._settle(_failed(unit, (ProblemKind.SOURCE, printable(str(fault), 300))))
            return
        child.units.append(replace(unit, size=opened.size))
        if len(child.units) == 1:
            self._begin(child)
        lent = isinstance(opened, OpenedObject)
        descriptor = lend(opened) if isinstance(opened, OpenedObject) else opened.descriptor
        try:
            send(child.peer, {**encode_unit(child.units[-1]), "lent": lent}, descriptor)
        except BlockingIOError:
            self._condemn(child, GARBAGE)
        except Closed:
            pass  # its end is about to be reported
        finally:
            os.close(descriptor)

    def _begin(self, child: Child) -> None:
        """Set the deadline of what a child is busy with from now on."""
        if child.units:
            child.deadline = time.monotonic() + self.seconds(child.units[0])

    def _spawn(self) -> Child:
        self._spawned += 1
        child = Child(self._spawned, self._launcher.spawn(self._spawned))
        self._children[child.number] = child
        self._selector.register(child.peer, selectors.EVENT_READ, child)
        return child

    def seconds(self, unit: Unit) -> float:
        """Return how long examining `unit` may take: `timeout` for up to 1 GiB, in proportion beyond."""
        return self.options.timeout * max(1.0, unit.extent / GIB)

    def _wait(self, longest: float | None) -> None:
        """Wait until something happens, for `longest` seconds at most, and deal with all that did."""
        self._postpone(time.monotonic() - self._looked)
        deadlines = [child.deadline for child in self._children.values() if child.units]
        timeout = max(0.0, min(deadlines) - time.monotonic()) if deadlines else longest
        if timeout is not None:
            timeout = min(timeout, longest or STOPPED)
        for key, _ in self._ready(timeout):
            if key.data is None:
                self._note_end()
            elif key.data.is_open:
                self._read(key.data)
        now = time.monotonic()
        for child in list(self._children.values()):
            if child.units and child.deadline <= now:
                seconds = self.seconds(child.units[0])
                self._condemn(child, (ProblemKind.TIMEOUT, f"took longer than {seconds:,.0f} s"))
        self._looked = now

    def _ready(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what there is to be read after `timeout` seconds at most."""
        begun = time.monotonic()
        ready = self._selector.select(timeout)
        if timeout is not None and (late := time.monotonic() - begun - timeout) > STOPPED:
            self._postpone(late)
        return ready

    def _postpone(self, seconds: float) -> None:
        """Leave out of all deadlines the time that the caller took, or that we were stopped: nobody looked then."""
        for child in self._children.values():
            child.deadline += seconds

    def _read(self, child: Child) -> bool:
        """Take in what a child sent; returns whether there was anything."""
        try:
            data = child.peer.recv(PIECE)
        except BlockingIOError:
            return False
        except ConnectionError:
            data = b""
        if not data:
            self._hang_up(child)
            return False
        child.received += data
        try:
            while child.is_open and (message := unframe(child.received)) is not None:
                self._finish(child, message)
        except BadMessage:
            self._condemn(child, GARBAGE)
        return True

    def _finish(self, child: Child, message: Decoded) -> None:
        """Keep a result; raises BadMessage where it is none of the unit that the child is busy with."""
        if not child.units:
            raise BadMessage("an answer that nobody asked for")
        result = result_of(message, child.units[0])
        if len(result.members) > self.options.limits.apart:
            raise BadMessage("more members than there may be")
        child.units.popleft()
        self._settle(result)
        self._begin(child)
        if message.get("retire"):
            self._retire(child)

    def _settle(self, result: UnitResult) -> None:
        """Keep a result: to be given away, or until all of its archive is there."""
        where = result.unit.locator
        if result.members and self._whole:
            self._families[where] = Family(result, len(result.members))
            self._again.extend(member.unit for member in reversed(result.members))
            return
        family = self._families.get(where.outermost) if where.members else None
        if family is None:
            self._done.append(result)
            return
        family.parts[identity(result.unit)] = result
        family.waiting -= 1
        if not family.waiting:
            del self._families[where.outermost]
            self._done.append(family.result(self.options.limits))

    def _condemn(self, child: Child, fate: Fate) -> None:
        """Retire a child that failed: what it was busy with has this fate."""
        if child.units:
            self._settle(_failed(child.units.popleft(), fate))
        self._retire(child)

    def _retire(self, child: Child) -> None:
        """Have a child killed, and wait no longer for it: it may be stuck in the kernel. Others get its next units."""
        self._hang_up(child)
        del self._children[child.number]
        self._again.extend(child.units)

    def _hang_up(self, child: Child) -> None:
        """Have a child killed that is of no more use; that it ended is told later."""
        if child.is_open:
            self._selector.unregister(child.peer)
            child.peer.close()
        self._launcher.kill(child.number)

    def _note_end(self) -> None:
        try:
            number, status, fault = self._launcher.ended()
        except Closed:
            self._relaunch()
            return
        child = self._children.get(number)
        while child and child.is_open and self._read(child):
            pass  # it may have answered before it ended
        if child and child.number in self._children:
            self._condemn(child, (ProblemKind.CRASH, fault) if fault else self._fate(status))

    def _relaunch(self) -> None:
        """Start anew after the zygote died, and with it every child; raises SandboxFailed where that does not work."""
        for child in list(self._children.values()):
            busy = identity(child.units[0]) if child.units else ()
            self._orphaned[busy] += 1
            if self._orphaned[busy] > ORPHANED:
                self._condemn(child, (ProblemKind.CRASH, "the parent of the examining process died"))
            else:
                self._retire(child)
        self._selector.unregister(self._launcher.control)
        self._launcher.close()
        self._launch()
        self._tool = self._launcher.tool()

    def _fate(self, status: int) -> Fate:
        """Return what a wait status says of the unit."""
        if not os.WIFSIGNALED(status):
            code = os.WEXITSTATUS(status)
            if code == SANDBOX_FAULT:
                return ProblemKind.CRASH, "the examining process could not enter its sandbox (see modelsweep doctor)"
            return ProblemKind.CRASH, f"the examining process ended with status {code}"
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL:  # not by us: what we kill is condemned already
            memory = format_size(self.options.limits.memory)
            detail = f"ran out of memory: the system killed the examining process (limit {memory})"
            return ProblemKind.LIMIT, detail
        if number == signal.SIGSYS:
            return ProblemKind.CRASH, "the examining process died of SIGSYS: it broke the sandbox's rules"
        return ProblemKind.CRASH, f"the examining process died of {signal.Signals(number).name}"


def _failed(unit: Unit, fate: Fate) -> UnitResult:
    kind, detail = fate
    return UnitResult(unit, problems=(Problem(kind, unit.locator, SUPERVISOR, detail),))
