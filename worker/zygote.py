"""The process that examining processes are forked from: scanners are imported once, and there is only one thread.

It is started with an empty environment, so that neither it nor what it forks ever held a credential, and it outlives
whoever started it just long enough to end its children and to remove their spool directory.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, NoReturn, cast

from modelsweep.core.collector import collect_rarely
from modelsweep.core.finding import JsonObject
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.patterns import compile_all
from modelsweep.core.reader import MemoryReader
from modelsweep.core.report import Unit
from modelsweep.core.scanner import Scanner
from modelsweep.core.values import asdict
from modelsweep.core.wire import decode_options, decode_unit, encode_unit
from scanners.databases import prepare
from scanners.engine import examine
from scanners.judge import JUDGES
from scanners.late import Late
from scanners.matcher import has_hyperscan, prepared
from sources.spool import FileSpool
from worker.answer import encode_answer
from worker.backends import NUMPY, computing_with
from worker.channel import SANDBOX_FAULT, Closed, receive, send
from worker.child import serve
from worker.pattern_file import PatternFile
from worker.plugins import PluginError, scanners_with, versions, working
from worker.ruleset import tool
from worker.sandbox import SINGLE_THREADED, Sandbox
from worker.spool_directory import spool_directory

DESCRIPTORS = 4096


class Work(NamedTuple):
    """What children do: with which options and scanners, where they put bytes, what weights are computed with.

    `patterns` is where hyperscan's database is kept.
    """

    options: Options
    scanners: Sequence[Scanner]
    spool: str
    backend: str
    patterns: PatternFile


class Zygote:
    """Forks children as it is told to, and reports how each of them ended."""

    def __init__(self, control: socket.socket, work: Work) -> None:
        self.control, self.work = control, work
        self.children: dict[int, int] = {}
        """The number that the supervisor knows a child by, by process id."""
        self._sandbox: Sandbox | None = None
        self.wakeup, self._woken = _signals_as_bytes()

    def run(self) -> None:
        """Obey until the supervisor is gone; then end every child."""
        try:
            while True:
                ready, _, _ = select.select([self.control.fileno(), self.wakeup], [], [])
                if self.wakeup in ready:
                    os.read(self.wakeup, 512)
                    self._report_ended()
                if self.control.fileno() in ready:
                    self._obey()
        except Closed:
            pass
        finally:
            for process in self.children:
                os.kill(process, signal.SIGKILL)
            for process in self.children:
                os.waitpid(process, 0)

    def _obey(self) -> None:
        message, descriptors = receive(self.control)
        if descriptors:
            self._spawn(message["spawn"], socket.socket(fileno=descriptors[0]))
            return
        if "prepare" in message:
            self._prepare()
            return
        if "load" in message:
            load(self.work.scanners)
            return
        if "warm" in message:
            self._load_patterns()
            warm(self.work, FileSpool(self.work.spool))
            return
        for process, number in self.children.items():
            if number == message["kill"]:
                os.kill(process, signal.SIGKILL)

    def _prepare(self) -> None:
        """Make hyperscan's database, once for all children and for next time, unless one is there for them to load."""
        if self.work.patterns.read() is None:
            self._load_patterns()

    def _load_patterns(self) -> None:
        """Have hyperscan's database in this process, and so in children to come; keep it where that was not done."""
        if has_hyperscan():
            database = prepare()
            if self.work.patterns.read() is None:
                self.work.patterns.write(database)

    def _spawn(self, number: int, peer: socket.socket) -> None:
        parent = os.getpid()
        try:
            self._sandbox = self._sandbox or Sandbox(self.work.options.limits, self.work.spool, self.work.backend)
            process = os.fork()
        except OSError as error:
            self._say({"ended": number, "fault": f"no process can be started: {error.strerror}"})
            return
        if process == 0:
            self._become_child(peer, parent, self._sandbox)
        peer.close()
        self.children[process] = number

    def _become_child(self, peer: socket.socket, parent: int, sandbox: Sandbox) -> NoReturn:
        status = SANDBOX_FAULT
        try:
            collect_rarely()
            gc.enable()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (self.wakeup, self._woken):
                os.close(descriptor)
            self.control.close()
            self.work.patterns.only_read()
            spool = FileSpool(self.work.spool)
            sandbox.enter(parent)
            serve(peer, self.work.options, self.work.scanners, spool)
            status = 0
        finally:
            os._exit(status)

    def _report_ended(self) -> None:
        while self.children:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            self._say({"ended": self.children.pop(process), "status": status})

    def _say(self, message: JsonObject) -> None:
        send(self.control, message)


def _signals_as_bytes() -> tuple[int, int]:
    """Return the ends of a pipe into which every SIGCHLD writes a byte, so that waiting for messages ends."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    return reading, writing


def main(descriptor: int) -> None:
    """Serve the supervisor at the other end of the socket `descriptor`, then end this process."""
    os.closerange(descriptor + 1, DESCRIPTORS)  # what the process that started us inherited itself
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(Closed):
        _serve(socket.socket(fileno=descriptor))
    os._exit(0)  # nothing is left to tidy up, which would take the interpreter 8 ms


def _serve(control: socket.socket) -> None:
    message, _ = receive(control)
    options, spool = decode_options(message["options"]), message["spool"]
    try:
        scanners = working(scanners_with(options.plugins), options.scanners)
    except PluginError as error:
        send(control, {"fault": str(error), "plugin": True})
        return
    try:
        with spool_directory(spool):
            found = tool(scanners, versions(options.plugins, scanners))
            send(control, {"tool": cast(JsonObject, asdict(found))})
            _silence()
            gc.freeze()
            backend = message["backend"]
            scanners = computing_with(scanners, backend)
            Zygote(control, Work(options, scanners, spool, backend, _patterns(message["cache"], spool))).run()
    except OSError as error:
        place = os.path.dirname(spool) or spool
        fault = f"no folder for temporary files can be made in {place}: {error.strerror} (TMPDIR names another place)"
        send(control, {"fault": fault})


def _patterns(folder: str, spool: str) -> PatternFile:
    """Return where hyperscan's database is kept, or will be, from where all processes to come will load it."""
    prepared.kept = patterns = PatternFile(folder, spool)
    return patterns


def load(scanners: Sequence[Scanner]) -> None:
    """Load all scanners and judges, once for all children to come: each would load most of them for many files."""
    for part in (*scanners, *JUDGES):
        if isinstance(part, Late):
            part.load()
    gc.freeze()


def warm(work: Work, spool: FileSpool) -> None:
    """Do here, once, what each child would do at its first files: compile patterns, and import what most files need.

    Files and scanners are ours. It takes 0.3 s, and saves each child 2 to 30 ms, and 80 ms where it meets weights.
    """
    from worker.warming import samples

    os.environ.update(SINGLE_THREADED)  # a process with other threads could not fork
    load(work.scanners)
    compile_all()
    for name, data in samples():
        if work.backend == NUMPY or not name.endswith(".npy"):  # other libraries hold what cannot be forked
            unit = decode_unit(encode_unit(Unit(0, Locator(name), len(data))))
            encode_answer(examine(unit, MemoryReader(data), work.options, spool, work.scanners), (), retire=False)
    gc.freeze()


def _silence() -> None:
    """Leave the terminal alone: what a library prints, or an attacker, must not end up there."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
