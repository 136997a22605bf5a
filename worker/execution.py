"""Executes the zygote, which loads its modules while whoever wants it loads its own, on another processor.

Little is imported here, so that a command can begin with it: what the zygote is to do is told later.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress

# -I and -S: no PYTHON* variables, no working directory, no user site, no start-up hooks; the path is exactly ours.
# Collecting garbage while modules are imported would cost 6 ms of 55, and find none.
_START = """\
import gc, sys
gc.disable()
sys.path[:] = sys.argv[2:]
from worker.zygote import main
main(int(sys.argv[1]))
"""
_CONTROL = 3
"""The descriptor at which the zygote finds its socket."""
_ABOVE_STANDARD = 10
KEPT = frozenset({"LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"})
"""What our processes have of the environment: where libraries are, and in what letters they speak."""
ALLOCATION = {"MALLOC_MMAP_THRESHOLD_": str(8 << 20), "MALLOC_TRIM_THRESHOLD_": str(16 << 20)}
"""glibc would give the memory of windows back and ask for it again: a quarter of the time that reading them takes."""


class SandboxFailed(Exception):
    """No examining process can be started at all; the sentence says why."""


class PluginMissing(SandboxFailed):
    """A plug-in that the options name cannot be used here, where all else can; the sentence says which and why."""


Zygote = tuple[socket.socket, int]
"""The socket to speak with a zygote, and its process id."""
_BEGUN: list[Zygote] = []
"""Zygotes that nobody has asked for yet."""


def begin() -> None:
    """Begin a zygote for the first who will ask for one; what prevents it is said to them when they try."""
    with suppress(SandboxFailed, OSError):
        _BEGUN.append(_executed({}))


def abandon() -> None:
    """End what was begun and nobody asked for: told nothing yet, it has nothing to tidy up."""
    while _BEGUN:
        control, process = _BEGUN.pop()
        control.close()
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def execute(variables: Mapping[str, str]) -> Zygote:
    """Return a zygote that has the environment `variables`, one that was begun if there is one; raises SandboxFailed.

    Raises OSError where there are no sockets left.
    """
    return _BEGUN.pop() if _BEGUN and not variables else _executed(variables)


def _executed(variables: Mapping[str, str]) -> Zygote:
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            return ours, _spawned(theirs, variables)
    except BaseException:
        ours.close()
        raise


def _spawned(control: socket.socket, variables: Mapping[str, str]) -> int:
    if not sys.executable or not hasattr(os, "posix_spawn"):
        raise SandboxFailed("no sandboxed process can be started here: that needs Linux or macOS, and python itself")
    import fcntl

    arguments = [sys.executable, "-I", "-S", "-c", _START, str(_CONTROL), *filter(os.path.isabs, sys.path)]
    environment = {**ALLOCATION, **variables, **{name: value for name, value in os.environ.items() if name in KEPT}}
    # Copied out of the way, because a descriptor that is `_CONTROL` already would not be inherited
    copy = fcntl.fcntl(control.fileno(), fcntl.F_DUPFD_CLOEXEC, _ABOVE_STANDARD)
    try:
        return os.posix_spawn(
            sys.executable,
            arguments,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, copy, _CONTROL),
            ],
            setpgroup=0,  # Control-C at the terminal is for this process only
            setsigmask=(),
        )
    except OSError as error:
        raise SandboxFailed(f"{sys.executable} cannot be started: {error.strerror}") from error
    finally:
        os.close(copy)
