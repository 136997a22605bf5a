"""A third-party scanner for tests: it does to its own process what the first line of a file asks for.

It stands in for a scanner that hostile bytes have taken over, and is installed as a plug-in by the fixture `hostile`.
"""

from __future__ import annotations

import builtins
import ctypes
import importlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.reader import Reader
from modelsweep.core.report import Unit
from modelsweep.core.scanner import Blob, Context, Item, Scanner
from modelsweep.core.units import MIB

MARK = b"HOSTILE "
RULE = Rule("hostile/seen", "A hostile file", Severity.WARNING, "saw {subject}", "it says so", "delete it")


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Do what the file asks for."""
    wanted = blob.reader.read(len(MARK), min(blob.size, 200) - len(MARK)).split(b"\n")[0].decode()
    word, _, argument = wanted.partition(" ")
    yield from ACTIONS[word](blob, context, argument)


def _nothing(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    yield Finding(RULE, blob.locator, argument)


def _pid(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    yield Finding(RULE, blob.locator, str(os.getpid()))


def _take_over(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    """Say that the bytes have another digest, and from now on that all files are clean."""
    import worker.child
    from modelsweep.core.report import Artifact, UnitResult

    def lie(unit: Unit, reader: Reader, *_: object) -> UnitResult:
        return UnitResult(unit, (Artifact(unit.locator, reader.size, "", ("hostile",)),))

    worker.child.examine = lie  # type: ignore[assignment, attr-defined]
    frame = sys._getframe()
    while "sweep" not in frame.f_locals:
        assert frame.f_back
        frame = frame.f_back
    frame.f_locals["sweep"].digest = argument
    yield Fact("taken", "over", blob.locator)


def _segfault(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    yield Finding(RULE, blob.locator, "never arrives")
    ctypes.string_at(0)


def _signal(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    yield Finding(RULE, blob.locator, "never arrives")
    os.kill(os.getpid(), signal.Signals[argument])


def _memory(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    taken = []
    while True:
        taken.append(bytes(16 * MIB))  # zeros that are never touched: the limit counts them, and no time is lost
        yield Fact("taken", "16 MiB", blob.locator)


def _hang(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    yield Fact("before", "hanging", blob.locator)
    while True:
        time.sleep(60)


def _raise(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    yield Fact("before", argument, blob.locator)
    raise getattr(builtins, argument)("on purpose")


def _exit(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    yield Fact("before", argument, blob.locator)
    os._exit(int(argument))


def _garbage(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    """Write what is no message to every socket there is."""
    messages = {
        "length": b"\xff\xff\xff\xff",
        "text": b"\0\0\0\x05hello",
        "list": b"\0\0\0\x02[]",
        "empty": b"\0\0\0\x02{}",
        "deep": (200_000).to_bytes(4, "big") + b"[" * 200_000,
    }
    for descriptor in range(3, 64):
        try:
            socket.socket(fileno=os.dup(descriptor)).sendall(messages[argument])
        except OSError:
            continue
    yield from _hang(blob, context, argument)


def _impersonate(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    yield Finding(RULE, Locator("another.file"), "forged")


def _await_change(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    yield Fact("before", "change", blob.locator)
    descriptor = blob.reader._descriptor  # type: ignore[attr-defined]  # tests only: no scanner may know this
    before = os.fstat(descriptor)
    while os.fstat(descriptor) == before:
        time.sleep(0.005)


def _read_to_end(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    yield from _await_change(blob, context, argument)
    blob.reader.read(0, blob.size)


def _spool(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    size = int(argument) * MIB
    reader = context.spool(b"x" * MIB for _ in range(size // MIB))
    yield Fact("spooled", str(reader.size), blob.locator, detail={"last": reader.read(size - 1, 1).decode()})


def _environment(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    """Yield the names in the environment as Python has it, and as the C library does."""
    yield Fact("environment", ",".join(sorted(os.environ)), blob.locator)
    environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    names: list[str] = []
    while entry := environ[len(names)]:
        names.append(entry.partition(b"=")[0].decode())
    yield Fact("libc-environment", ",".join(sorted(names)), blob.locator)


def _thread(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.append("ran"))
    thread.start()
    thread.join()
    yield Fact("thread", "".join(seen), blob.locator)


def _import(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    assert argument not in sys.modules
    yield Fact("imported", importlib.import_module(argument).__name__, blob.locator)


def _probe(blob: Blob, context: Context, argument: str) -> Iterator[Item]:
    """Try what the sandbox must refuse, and say what came of it."""
    name, _, path = argument.partition(" ")
    try:
        outcome = repr(PROBES[name](path))
    except OSError as error:
        outcome = f"refused: {error.strerror}"
    yield Fact("probe", outcome, blob.locator)


def _read_file(path: str) -> int:
    with open(path, "rb") as file:
        return len(file.read())


def _write_file(path: str) -> int:
    with open(path, "wb") as file:
        return file.write(b"modelsweep-test")


def _system_call(number: str) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    answer: int = libc.syscall(int(number), 0, 0, 0, 0)
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


PROBES: dict[str, Callable[[str], object]] = {
    "read": _read_file,
    "write": _write_file,
    "list": os.listdir,
    "unlink": os.unlink,
    "rename": lambda path: os.rename(path, path + ".moved"),
    "chmod": lambda path: os.chmod(path, 0o777),
    "socket": lambda _: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "unix-socket": lambda _: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
    "fork": lambda _: os.fork(),
    "execute": lambda path: os.execv(path, [path]),
    "kill-parent": lambda _: os.kill(os.getppid(), signal.SIGTERM),
    "kill-all": lambda _: os.kill(-1, signal.SIGTERM),
    "memory-file": lambda _: os.memfd_create("modelsweep-test"),
    "system-call": _system_call,
}
ACTIONS: dict[str, Callable[[Blob, Context, str], Iterator[Item]]] = {
    "nothing": _nothing,
    "pid": _pid,
    "take-over": _take_over,
    "segfault": _segfault,
    "signal": _signal,
    "memory": _memory,
    "hang": _hang,
    "raise": _raise,
    "exit": _exit,
    "garbage": _garbage,
    "impersonate": _impersonate,
    "await-change": _await_change,
    "read-to-end": _read_to_end,
    "spool": _spool,
    "environment": _environment,
    "thread": _thread,
    "import": _import,
    "probe": _probe,
}
SCANNER = Scanner("hostile", "Hostile test files", 1, lambda blob: blob.head.startswith(MARK), scan, (RULE,))
