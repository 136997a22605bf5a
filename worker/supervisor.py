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
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.limits import Limits
from modelsweep.core.locator import Locator
from modelsweep.core.members import identity, with_members
from modelsweep.core.options import Options
from modelsweep.core.reader import SourceFault
from modelsweep.core.report import Tool, Unit, UnitResult
from modelsweep.core.text import printable
from modelsweep.core.units import GIB, KIB, MIB, format_size
from modelsweep.core.values import dataclass, field, replace
from modelsweep.core.wire import Decoded, JsonObject, encode_unit
from sources.source import Opened, OpenedObject
from worker.answer import extracted_of, result_of
from worker.backends import NUMPY
from worker.channel import OPEN_FILES, SANDBOX_FAULT, BadMessage, Closed, send, unframe
from worker.cpus import default_jobs
from worker.launcher import Launcher
from worker.lending import Lent, lend

if TYPE_CHECKING:
    from modelsweep.cache.known import Known

SUPERVISOR = "supervisor"
OpenUnit = Callable[[Unit], Opened]
"""Opens what a unit names, for reading; raises SourceFault."""


class Stop(Protocol):
    """What somebody else may set, such as a `threading.Event`."""

    def is_set(self) -> bool:
        """Return whether that was done."""


Fate = tuple[ProblemKind, str]
"""Why a child ended: kind and detail of the Problem of the unit it was busy with."""
GARBAGE: Fate = (ProblemKind.CRASH, "the examining process did not answer with a result of this file")
QUEUED = 32
"""Units that a child may have: the next ones wait in its socket, so that neither side waits for the other."""
BATCH = OPEN_FILES
"""Units of one message: one system call, and one line of JSON, for all of them."""
FETCHED = 8
"""Remote objects that are fetched while they wait for fresh children."""
PAUSE = 0.002
"""Seconds that answers are left to gather while every child has enough to do."""
LOOK = 0.2
"""Seconds after which a supervisor that another thread may stop looks whether it did."""
WATCHED = 64 * MIB
"""Bytes of a unit that take long enough for somebody to wonder how far it is."""
MANY = 8
"""Units from which all scanners are loaded before children are made, instead of by each for the files that it meets."""
MUCH = 4 * MIB
"""Bytes of all units from which it is worth to make ready for searching them, once for all children."""
PIECE = 64 * KIB
"""Bytes of answers that are read at once. More would be asked of the system anew each time, and given back unused."""
STOPPED = 1.0
"""Seconds of waiting too long that say that this process was stopped, and with it perhaps its children."""
ORPHANED = 10
"""Times that a unit is given to another child because the zygote died: hostile bytes are never near it."""
QUEUED_BYTES = 4 * MIB
"""Size of all units of a child, where it has several: what takes long is not waited for."""
QUEUED_NAMES = 16 * KIB
"""Characters of their addresses, which have to go into its socket while it does not read."""


@dataclass(slots=True)
class Task:
    """A unit on its way to a child: `opened` while none has it, `lent` where ranges are given already (a descriptor).

    `key` is what its result is kept by, nothing where it is not; `known` is what was kept of an earlier examination.
    `digest` is what the store vouches for: of a member, that of its archive.
    """

    unit: Unit
    digest: str
    opened: Opened | None = None
    key: bytes = b""
    known: bytes | None = None
    looked_up: bool = False
    lent: Lent | None = None

    @property
    def extent(self) -> int:
        """Bytes that are to be examined."""
        return self.unit.extent if self.known is None else len(self.known)

    @property
    def named(self) -> int:
        """Characters of its address."""
        where = self.unit.locator
        return len(where.uri) + sum(map(len, where.members)) if where.members else len(where.uri)

    @property
    def wants_fresh_child(self) -> bool:
        """Whether its result is kept, and so must not come from a child that another file may have taken over."""
        return bool(self.key) and self.known is None

    @property
    def waits_for_bytes(self) -> bool:
        """Whether it is for a fresh child, and of a remote object, whose bytes may come meanwhile."""
        return self.wants_fresh_child and (self.lent is not None or isinstance(self.opened, OpenedObject))


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


@dataclass(slots=True)
class Family:
    """An archive whose members are being examined, each a unit of its own: `waiting` have no result yet.

    `known` says whether nothing of it was read so far.
    """

    archive: UnitResult
    waiting: int
    known: bool = False
    parts: dict[tuple[object, ...], UnitResult] = field(default_factory=dict)

    def result(self, limits: Limits) -> UnitResult:
        """Return the result of all of it."""
        parts = (self.parts[identity(member.unit)] for member in self.archive.members)
        return with_members(self.archive, parts, limits)


class Supervisor:
    """Runs at most `jobs` children (0: one for each processor that we may use), all with the same `options`.

    Weights are computed with `backend` (`worker.backends`).
    What is `known` from earlier examinations is not read, but judged anew.

    Starting up goes on beside whatever the caller does next. Use it as a context manager, or call `close`; raises
    SandboxFailed. All of it belongs to one thread.
    """

    def __init__(self, options: Options, jobs: int = 0, known: Known | None = None, backend: str = NUMPY) -> None:
        self.options, self.jobs, self.known = options, jobs or default_jobs(), known
        self._backend = backend
        self.answered = 0
        """Units so far, of those that were given away, of which nothing was read."""
        self._children: dict[int, Child] = {}
        self._again: list[Task] = []
        """Tasks to give away next: none would take them, or the child that had them ended before their turn."""
        self._ahead: deque[Task] = deque()
        """Tasks that wait for fresh children, and are fetched meanwhile."""
        self._done: deque[tuple[UnitResult, bool]] = deque()
        """Results to give away, each with whether nothing was read for it."""
        self._spawned = 0
        self._families: dict[Locator, Family] = {}
        """By the address of the archive."""
        self._orphaned: Counter[tuple[object, ...]] = Counter()
        self._looked = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._tool: Tool | None = None
        self._whole = True
        self._warm = self._prepared = self._loaded = False
        """Whether children are made often, and so beforehand; whether they search many bytes."""
        self._expected = 0
        """Bytes of all units so far."""
        self._launch()

    def _launch(self) -> None:
        self._launcher = Launcher(self.options, self._backend)
        self._selector.register(self._launcher.control, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all processes and remove their files; may be called again."""
        for child in self._children.values():
            child.peer.close()
            child.forget_unsent()
            child.look_away()
        self._children.clear()
        self._selector.close()
        self._launcher.close()
        if self.known:
            self.known.close()

    def reading(self) -> int:
        """Return how many bytes of large files in hand were read so far; any thread may ask, at any time."""
        watched = [child.watched for child in list(self._children.values())]
        return sum(read.reached() for read in watched if read is not None)

    def tool(self) -> Tool:
        """Return what the children examine with; raises SandboxFailed where they cannot be started."""
        if self._tool is None:
            self._tool = self._launcher.tool()
        return self._tool

    def examine(
        self, units: Iterable[Unit], open_unit: OpenUnit, stop: Stop | None = None, *, whole: bool = True
    ) -> Iterator[UnitResult]:
        """Yield the result of each unit as it is completed, in any order; units are taken as children come free.

        Members that are units of their own are examined too, and are in the result of their archive, unless it is not
        to be `whole`: then the result names them.
        Ends early, its children killed, soon after another thread sets `stop`, and where nobody wants more of it.
        Raises SandboxFailed. A unit that cannot be opened, or that ends its child, has a result with a Problem.
        """
        waiting = self._begun(units)
        self.tool()
        self._whole = whole
        try:
            while self._feed(waiting, open_unit) or self._busy():
                self._send_all()
                if stop and stop.is_set():
                    return
                if not self._done:
                    self._wait(LOOK if stop else None)
                while self._done:
                    result, known = self._done.popleft()
                    self.answered += known
                    yield result
        finally:
            self._abandon()

    def _begun(self, units: Iterable[Unit]) -> Iterator[Unit]:
        """Return all `units`, after a look whether there are many of them."""
        waiting = iter(units)
        first = list(islice(waiting, MANY))
        if len(first) == MANY and not self._loaded:
            self._loaded = True
            self._launcher.load()
        return chain(first, waiting)

    def _abandon(self) -> None:
        """Give up what is still being examined."""
        for child in list(self._children.values()):
            if child.tasks:
                self._retire(child)
        for task in (*self._again, *self._ahead):
            _close(task)
        self._again.clear()
        self._ahead.clear()
        self._done.clear()
        self._families.clear()
        self._orphaned.clear()

    def _busy(self) -> bool:
        return bool(self._done or self._again or self._ahead) or any(child.tasks for child in self._children.values())

    def _feed(self, waiting: Iterator[Unit], open_unit: OpenUnit) -> bool:
        """Give units to children until none takes more; returns whether there may be more units."""
        while not self._done:
            task = self._next(waiting, open_unit)
            if task is None:
                return False
            child = self._fresh_child() if task.wants_fresh_child else self._taker(task)
            if child is None:
                self._again.append(task)
                self._fetch_ahead(task, waiting, open_unit)
                return True
            self._dispatch(task, child, open_unit)
        return True

    def _next(self, waiting: Iterator[Unit], open_unit: OpenUnit) -> Task | None:
        """Return what to examine next, looked up in the cache, None where there is nothing more."""
        if self._again:
            return self._looked_up(self._again.pop(), open_unit)
        if self._ahead:
            return self._ahead.popleft()
        unit = next(waiting, None)
        if unit is None:
            return None
        self._make_ready(unit.extent)
        return self._looked_up(Task(unit, unit.digest), open_unit)

    def _make_ready(self, size: int) -> None:
        """Note that `size` bytes more are going to be searched, and have that made ready for once it pays."""
        self._expected += size
        if self._expected >= MUCH and not self._prepared:
            self._prepared = True
            self._launcher.prepare()

    def _looked_up(self, task: Task, open_unit: OpenUnit) -> Task:
        if self.known and not task.looked_up:
            _look_up(task, self.known, open_unit, self.tool().ruleset)
        return task

    def _fetch_ahead(self, task: Task, waiting: Iterator[Unit], open_unit: OpenUnit) -> None:
        """Have small remote objects come while `task` and they wait for fresh children, which have no queue."""
        last, size = (self._ahead or (task,))[-1], sum(queued.extent for queued in (task, *self._ahead))
        while last.waits_for_bytes and len(self._ahead) < FETCHED and size <= QUEUED_BYTES:
            unit = next(waiting, None)
            if unit is None:
                break
            last = self._looked_up(Task(unit, unit.digest), open_unit)
            self._ahead.append(last)
            size += last.extent
        for queued in (task, *self._ahead):
            if queued.waits_for_bytes and isinstance(queued.opened, OpenedObject):
                queued.lent, queued.opened = lend(queued.opened), None

    def _taker(self, task: Task) -> Child | None:
        """Return the child to give `task` to: a free one, a new one, the one with the least to do, or none yet."""
        least = min(self._children.values(), key=lambda child: len(child.tasks), default=None)
        if (least is None or least.tasks) and len(self._children) < self.jobs:
            return self._spawn()
        return least if least and least.takes(task) else None

    def _fresh_child(self) -> Child | None:
        """Return a child that never saw a byte of any file, None where all are busy."""
        idle = [child for child in self._children.values() if not child.tasks and child.is_open]
        fresh = next((child for child in idle if child.is_fresh), None)
        if fresh or len(self._children) < self.jobs:
            return fresh or self._spawn()
        if not idle:
            return None
        if not self._warm:
            self._warm = True
            self._launcher.warm()
        self._retire(idle[0])
        return self._spawn()

    def _dispatch(self, task: Task, child: Child, open_unit: OpenUnit) -> None:
        try:
            descriptor, lent = _handed_over(task, open_unit)
        except SourceFault as fault:
            self._settle(_failed(task.unit, (ProblemKind.SOURCE, printable(str(fault), 300))), task)
            return
        message = {**encode_unit(task.unit), "lent": lent is not None, "known": task.known is not None}
        child.give(task, message, descriptor)
        if len(child.tasks) == 1:
            self._begin(child)
            if task.extent >= WATCHED:
                child.watch(lent or Watched(descriptor))
        if not child.in_hand or len(child.unsent) == BATCH:
            self._send(child)

    def _send_all(self) -> None:
        """Send the children what they may want soon; where there is time, more may come to go with it."""
        for child in list(self._children.values()):
            if child.unsent and not child.is_amply_fed:
                self._send(child)

    def _send(self, child: Child) -> None:
        """Send a child what it was given."""
        unsent, child.unsent = child.unsent, []
        try:
            send(child.peer, {"units": [message for message, _ in unsent]}, [descriptor for _, descriptor in unsent])
        except BlockingIOError:
            self._condemn(child, GARBAGE)
        except Closed:
            pass  # its end is about to be reported
        finally:
            for _, descriptor in unsent:
                os.close(descriptor)

    def _begin(self, child: Child) -> None:
        """Set the deadline of what a child is busy with from now on."""
        if child.tasks:
            child.deadline = time.monotonic() + self.seconds(child.tasks[0].unit)

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
        if self._is_amply_fed():
            time.sleep(PAUSE)
        deadlines = [child.deadline for child in self._children.values() if child.tasks]
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
            if child.tasks and child.deadline <= now:
                seconds = self.seconds(child.tasks[0].unit)
                self._condemn(child, (ProblemKind.TIMEOUT, f"took longer than {seconds:,.0f} s"))
        self._looked = now

    def _is_amply_fed(self) -> bool:
        """Return whether every child has enough to do to let its answers gather: each look costs as much as one."""
        if len(self._children) < self.jobs:
            return False
        return all(child.is_amply_fed for child in self._children.values())

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
        """Take in a result; raises BadMessage where it is none of the unit that the child is busy with."""
        if not child.tasks:
            raise BadMessage("an answer that nobody asked for")
        task = child.tasks[0]
        if task.known is not None and "unknown" in message:
            self._read_anew(task, printable(str(message["unknown"]), 300))
            child.take()
        else:
            result = result_of(message, task.unit)
            if len(result.members) > self.options.limits.apart:
                raise BadMessage("more members than there may be")
            if self.known and task.wants_fresh_child:
                self.known.keep(task.key, result, extracted_of(message, result))
            child.take()
            self._settle(result, task)
        self._begin(child)
        if message.get("retire"):
            self._retire(child)

    def _settle(self, result: UnitResult, task: Task) -> None:
        """Take in the result of a task: to be given away, or until all of its archive is there."""
        where, known = result.unit.locator, task.known is not None
        if result.members and self._whole:
            self._families[where] = Family(result, len(result.members), known)
            self._again.extend(Task(member.unit, task.digest) for member in reversed(result.members))
            return
        family = self._families.get(where.outermost) if where.members else None
        if family is None:
            self._done.append((result, known and not where.members))
            return
        family.parts[identity(result.unit)] = result
        family.known = family.known and known
        family.waiting -= 1
        if not family.waiting:
            del self._families[where.outermost]
            self._done.append((family.result(self.options.limits), family.known))

    def _read_anew(self, task: Task, why: str) -> None:
        """Examine a unit whose entry was of no use."""
        if self.known:
            self.known.forget(task.key, why)
        self._again.append(Task(task.unit, task.digest, looked_up=True))

    def _condemn(self, child: Child, fate: Fate) -> None:
        """Retire a child that failed: what it was busy with has this fate, if it was sent it."""
        if child.in_hand:
            task = child.take()
            if task.known is None:
                self._settle(_failed(task.unit, fate), task)
            else:
                self._read_anew(task, fate[1])
        self._retire(child)

    def _retire(self, child: Child) -> None:
        """Have a child killed, and wait no longer for it: it may be stuck in the kernel. Others get its next units."""
        self._hang_up(child)
        child.look_away()
        del self._children[child.number]
        child.forget_unsent()
        self._again.extend(Task(task.unit, task.digest) for task in child.tasks)

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
            busy = identity(child.tasks[0].unit) if child.tasks else ()
            self._orphaned[busy] += 1
            if self._orphaned[busy] > ORPHANED:
                self._condemn(child, (ProblemKind.CRASH, "the parent of the examining process died"))
            else:
                self._retire(child)
        self._selector.unregister(self._launcher.control)
        self._launcher.close()
        self._warm = self._prepared = self._loaded = False
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


def _look_up(task: Task, known: Known, open_unit: OpenUnit, ruleset: str) -> None:
    """Open a unit, and note what it is known by and what is known of it; what cannot be opened stays as it is."""
    task.looked_up = True
    try:
        opened = open_unit(task.unit)
    except SourceFault:
        return  # said when it is dispatched
    task.unit = _of_size(task.unit, opened.size)
    task.key = known.key(task.unit, task.digest, opened, ruleset)
    task.known = known.entry(task.key) if task.key else None
    task.opened = opened
    if task.known is not None:
        _close(task)


def _handed_over(task: Task, open_unit: OpenUnit) -> tuple[int, Lent | None]:
    """Return a descriptor of what a child needs for a task, and the loan where ranges are asked of it.

    The descriptor is the caller's to close. Raises SourceFault.
    """
    if task.known is not None:
        return _in_memory(task.known), None
    if task.lent is not None:
        lent, task.lent = task.lent, None
        return lent.descriptor, lent
    opened, task.opened = task.opened or open_unit(task.unit), None
    task.unit = _of_size(task.unit, opened.size)
    if not isinstance(opened, OpenedObject):
        return opened.descriptor, None
    lent = lend(opened)
    return lent.descriptor, lent


def _of_size(unit: Unit, size: int) -> Unit:
    """Return a unit of the size that it was found to have, which mostly is the one that was listed."""
    return unit if unit.size == size else replace(unit, size=size)


def _in_memory(data: bytes) -> int:
    """Return a descriptor that `data` can be read from: it may be too long for a socket whose peer is busy."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("known")
    else:
        import tempfile

        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _close(task: Task) -> None:
    """Give back what is open of a task that no child needs."""
    opened, task.opened = task.opened, None
    if isinstance(opened, OpenedObject):
        opened.close()
    elif opened:
        os.close(opened.descriptor)
    if task.lent is not None:
        os.close(task.lent.descriptor)
        task.lent = None
