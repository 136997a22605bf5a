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

import selectors
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from modelsweep.core.finding import ProblemKind
from modelsweep.core.members import identity
from modelsweep.core.options import Options
from modelsweep.core.reader import SourceFault
from modelsweep.core.report import Tool, Unit, UnitResult
from modelsweep.core.text import printable
from modelsweep.core.units import GIB, KIB, MIB, format_seconds
from modelsweep.core.wire import encode_unit
from worker.answer import Answer, Examined, answer_of, extracted_of, result_of, tail_in
from worker.backends import NUMPY
from worker.channel import BadMessage, Closed, unframe
from worker.children import BATCH, Child, Watched
from worker.cpus import default_jobs
from worker.execution import SandboxFailed
from worker.families import Families
from worker.fates import GARBAGE, PARENT_DIED, Fate, failed, fate_of
from worker.launcher import Launcher
from worker.tasks import OpenUnit, Task, Waiting

if TYPE_CHECKING:
    from modelsweep.cache.known import Known

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
RELAUNCHED = 20
"""Zygotes that may die one after the other, without an answer between, before it is said that none can work here."""


class Stop(Protocol):
    """What somebody else may set, such as a `threading.Event`."""

    def is_set(self) -> bool:
        """Return whether that was done."""


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
        self._waiting = Waiting(known, lambda: self.tool().ruleset, self._make_ready)
        self._done: deque[Examined] = deque()
        """Results to give away."""
        self._spawned = 0
        self._families = Families(options.limits)
        self._orphaned: Counter[tuple[object, ...]] = Counter()
        self._relaunched = 0
        """Zygotes that died since a child answered last."""
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

    def examine(self, units: Iterable[Unit], open_unit: OpenUnit, stop: Stop | None = None) -> Iterator[UnitResult]:
        """Yield the result of each unit as it is completed, in any order; units are taken as children come free.

        Members that are units of their own are examined too, and are in the result of their archive.
        Ends early, its children killed, soon after another thread sets `stop`, and where nobody wants more of it.
        Raises SandboxFailed. A unit that cannot be opened, or that ends its child, has a result with a Problem.
        """
        for examined in self._examined(units, open_unit, stop, whole=True):
            self.answered += examined.known
            yield examined.result

    def examine_apart(self, units: Iterable[Unit], open_unit: OpenUnit, stop: Stop | None = None) -> Iterator[Examined]:
        """Yield the same without members that are units of their own, which the results of archives name."""
        return self._examined(units, open_unit, stop, whole=False)

    def _examined(
        self, units: Iterable[Unit], open_unit: OpenUnit, stop: Stop | None, *, whole: bool
    ) -> Iterator[Examined]:
        self._waiting.begin(self._begun(units))
        self.tool()
        self._whole = whole
        try:
            while self._feed(open_unit) or self._busy():
                self._send_all()
                if stop and stop.is_set():
                    return
                if not self._done:
                    self._wait(LOOK if stop else None)
                while self._done:
                    yield self._done.popleft()
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
        self._waiting.clear()
        self._done.clear()
        self._families.clear()
        self._orphaned.clear()

    def _busy(self) -> bool:
        return bool(self._done or self._waiting) or any(child.tasks for child in self._children.values())

    def _feed(self, open_unit: OpenUnit) -> bool:
        """Give units to children until none takes more; returns whether there may be more units."""
        while not self._done:
            task = self._waiting.next(open_unit)
            if task is None:
                return False
            child = self._fresh_child() if task.wants_fresh_child else self._taker(task)
            if child is None:
                self._waiting.add(task)
                self._waiting.fetch_ahead(task, open_unit)
                return True
            self._dispatch(task, child, open_unit)
        return True

    def _make_ready(self, size: int) -> None:
        """Note that `size` bytes more are going to be searched, and have that made ready for once it pays."""
        self._expected += size
        if self._expected >= MUCH and not self._prepared:
            self._prepared = True
            self._launcher.prepare()

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
            descriptor, lent = task.hand_over(open_unit)
        except SourceFault as fault:
            self._settle(failed(task.unit, (ProblemKind.SOURCE, printable(str(fault), 300))), task)
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
        try:
            child.send_unsent()
        except BlockingIOError:
            self._condemn(child, GARBAGE)

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
                allowed = format_seconds(self.seconds(child.tasks[0].unit))
                self._condemn(child, (ProblemKind.TIMEOUT, f"took longer than {allowed}"))
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
            while child.is_open and (body := unframe(child.received)) is not None:
                self._finish(child, answer_of(body))
        except BadMessage:
            self._condemn(child, GARBAGE)
        return True

    def _finish(self, child: Child, answer: Answer) -> None:
        """Take in a result; raises BadMessage where it is none of the unit that the child is busy with."""
        if not child.tasks:
            raise BadMessage("an answer that nobody asked for")
        self._relaunched = 0
        task = child.tasks[0]
        if task.known is not None and "unknown" in answer.said:
            self._read_anew(task, printable(str(answer.said["unknown"]), 300))
            child.take()
        else:
            result = result_of(answer, task.unit)
            if len(result.members) > self.options.limits.apart:
                raise BadMessage("more members than there may be")
            if self.known and task.wants_fresh_child:
                self.known.keep(task.key, result, extracted_of(answer, result))
            child.take()
            self._settle(result, task, "" if self._whole else tail_in(answer))
        self._begin(child)
        if answer.said.get("retire"):
            self._retire(child)

    def _settle(self, result: UnitResult, task: Task, tail: str = "") -> None:
        """Take in the result of a task: to be given away, or until all of its archive is there."""
        examined = Examined(result, task.known is not None, tail)
        if not self._whole:
            # Users know files: members are counted apart
            self._done.append(examined._replace(known=False) if result.unit.locator.members else examined)
        elif result.members:
            self._families.expect(examined)
            self._waiting.add(*[Task(member.unit, task.digest) for member in reversed(result.members)])
        elif not result.unit.locator.members:
            self._done.append(examined)
        elif whole := self._families.add(examined):
            self._done.append(whole)

    def _read_anew(self, task: Task, why: str) -> None:
        """Examine a unit whose entry was of no use."""
        if self.known:
            self.known.forget(task.key, why)
        self._waiting.add(task.anew(looked_up=True))

    def _condemn(self, child: Child, fate: Fate) -> None:
        """Retire a child that failed: what it was busy with has this fate, if it was sent it."""
        if child.in_hand:
            task = child.take()
            if task.known is None:
                self._settle(failed(task.unit, fate), task)
            else:
                self._read_anew(task, fate[1])
        self._retire(child)

    def _retire(self, child: Child) -> None:
        """Have a child killed, and wait no longer for it: it may be stuck in the kernel. Others get its next units."""
        self._hang_up(child)
        child.look_away()
        del self._children[child.number]
        child.forget_unsent()
        self._waiting.add(*[task.anew() for task in child.tasks])

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
            self._condemn(child, (ProblemKind.CRASH, fault) if fault else fate_of(status, self.options.limits.memory))

    def _relaunch(self) -> None:
        """Start anew after the zygote died, and with it every child; raises SandboxFailed where that does not work."""
        self._relaunched += 1
        if self._relaunched > RELAUNCHED:
            raise SandboxFailed(
                f"the process that starts examining processes died {self._relaunched} times before any of those "
                "answered: this is not the fault of a file (modelsweep doctor says what may be)"
            )
        for child in list(self._children.values()):
            busy = identity(child.tasks[0].unit) if child.tasks else ()
            self._orphaned[busy] += 1
            if self._orphaned[busy] > ORPHANED:
                self._condemn(child, PARENT_DIED)
            else:
                self._retire(child)
        self._selector.unregister(self._launcher.control)
        self._launcher.close()
        self._warm = self._prepared = self._loaded = False
        self._launch()
        self._tool = self._launcher.tool()
