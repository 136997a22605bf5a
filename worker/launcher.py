"""Starts the zygote and speaks with it: children are spawned and ended through it, and it says how they ended.

The zygote is executed, not forked from this process. Forking would save some 30 ms of CPU, but this process may have
threads (a Celery worker), and a fork holds its memory: environment variables that were deleted, credentials of cloud
clients. What was executed with an empty environment never held any.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress

from modelsweep.cache.opening import cache_folder
from modelsweep.core.options import Options
from modelsweep.core.report import Tool
from modelsweep.core.wire import encode_options
from worker import backends
from worker.channel import BadMessage, Closed, receive, send
from worker.execution import PluginMissing, SandboxFailed, execute
from worker.spool_directory import new_spool_path, remove_spool_directory

_PATIENCE = 5.0
"""Seconds that the zygote has to end its children and itself."""


class Launcher:
    """One zygote with the children forked from it; it starts at once, beside what the caller does next."""

    def __init__(self, options: Options, backend: str = backends.NUMPY) -> None:
        # Made by the zygote, which removes it also where this process is killed at any moment
        self._spool = new_spool_path()
        self.control, self._process = execute(backends.environment(backend, os.environ))
        with suppress(Closed):  # said by `tool`
            send(
                self.control,
                {"options": encode_options(options), "spool": self._spool, "cache": cache_folder(), "backend": backend},
            )

    def tool(self) -> Tool:
        """Wait until the zygote is ready, once, and return what its children examine with; raises SandboxFailed."""
        try:
            message, _ = receive(self.control)
        except (Closed, BadMessage) as error:
            raise SandboxFailed("the examining process ended before it was ready") from error
        if "fault" in message:
            raise (PluginMissing if "plugin" in message else SandboxFailed)(message["fault"])
        found = message["tool"]
        return Tool(found["version"], found["ruleset"], tuple(found["scanners"]))

    def spawn(self, number: int) -> socket.socket:
        """Have a child forked that is known as `number`; return the socket to speak with it, which does not block."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs, suppress(Closed):  # said by `ended`
            send(self.control, {"spawn": number}, [theirs.fileno()])
        return ours

    def load(self) -> None:
        """Have the zygote load all scanners, for all children that will be forked from it: there are many files."""
        with suppress(Closed):  # said by `ended`
            send(self.control, {"load": True})

    def warm(self) -> None:
        """Have the zygote do beforehand what each child would do at its first file: there will be many children."""
        with suppress(Closed):  # said by `ended`
            send(self.control, {"warm": True})

    def prepare(self) -> None:
        """Have the zygote make ready what searches many bytes, for all children that it forked or will fork."""
        with suppress(Closed):  # said by `ended`
            send(self.control, {"prepare": True})

    def kill(self, number: int) -> None:
        """Have a child killed, if it is still there: the zygote knows, so no other process can be hit."""
        with suppress(Closed):
            send(self.control, {"kill": number})

    def ended(self) -> tuple[int, int, str]:
        """Wait for a child to end; return its number, its wait status, and why it did not even start or nothing.

        Raises Closed where the zygote itself ended.
        """
        message, _ = receive(self.control)
        return message["ended"], message.get("status", 0), message.get("fault", "")

    def close(self) -> None:
        """End the zygote with all its children, and remove their files; may be called again."""
        if self._process:
            self._await_end()
            with suppress(ChildProcessError):  # reaped by whoever else waits for processes here
                os.waitpid(self._process, 0)
            self._process = 0
            self.control.close()
            remove_spool_directory(self._spool)

    def _await_end(self) -> None:
        """Hang up, which ends the zygote, and wait until it does the same."""
        self.control.settimeout(_PATIENCE)
        try:
            self.control.shutdown(socket.SHUT_WR)
            while self.control.recv(4096):
                pass
        except TimeoutError:
            os.kill(self._process, signal.SIGKILL)
        except OSError:
            pass
