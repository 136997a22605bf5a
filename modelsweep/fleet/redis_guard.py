"""Keeps one private redis-server: executed beside the process that wants it, ends the server and its folder with it.

It is a process of its own because only such a one can tidy up after a SIGKILL: the end of its standard input says
that whoever started it is gone. `s` has it start the server, `k` kill it; it writes `started PID` and `ended`.
Arguments: the folder to remove at the end, the process id of whoever starts it, and the server's command line.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_HEARTBEAT = 1.0
"""Seconds between looks at who our parent is: a process that it forked may hold our standard input open."""
_STDIN, _STDOUT = 0, 1
_REMOVALS, _PAUSE = 100, 0.1
"""Times that the folder is removed, and seconds between: workers that end with us may just have put something there."""


def guard(parent: int, command: list[str]) -> None:
    """Start the server as often as it is asked for, one at a time, until nobody asks any more; then end it."""
    woken, waking = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit())
    server = 0
    try:
        while os.getppid() == parent:
            ready, _, _ = select.select([_STDIN, woken], [], [], _HEARTBEAT)
            if woken in ready:
                os.read(woken, 512)
                server = _reap(server)
            if _STDIN in ready:
                server = _obey(os.read(_STDIN, 1), server, command)
    except EOFError:
        pass
    finally:
        if server:  # what it wrote goes with its folder: nothing is to be saved
            os.kill(server, signal.SIGKILL)
            os.waitpid(server, 0)


def _obey(order: bytes, server: int, command: list[str]) -> int:
    if not order:
        raise EOFError
    if order == b"k" and server:
        os.kill(server, signal.SIGKILL)
    return _start(command) if order == b"s" and not server else server


def _start(command: list[str]) -> int:
    guarding = os.getpid()
    server = os.fork()
    if server == 0:
        try:
            _die_with(guarding)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            devnull = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(devnull, descriptor)
            os.execv(command[0], command)  # noqa: S606
        finally:
            os._exit(127)
    _say(f"started {server}")
    return server


def _die_with(parent: int) -> None:
    """Have the kernel kill us when the guard itself is killed, where it can."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _reap(server: int) -> int:
    """Return the server's process id, or 0 where it has ended."""
    if server and os.waitpid(server, os.WNOHANG)[0]:
        _say("ended")
        return 0
    return server


def _say(line: str) -> None:
    with suppress(OSError):  # nobody listens any more, which is noticed at standard input
        os.write(_STDOUT, line.encode() + b"\n")


def main() -> None:
    """Guard as the arguments say, then remove the folder."""
    folder, parent, *command = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        guard(int(parent), command)
    finally:
        _remove(folder)


def _remove(folder: str) -> None:
    import shutil

    for _ in range(_REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
        time.sleep(_PAUSE)


if __name__ == "__main__":
    main()
