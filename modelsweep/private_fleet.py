"""A fleet of our own for one job: a private Redis, a temporary store, and workers, all gone with this process."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import quote

from modelsweep.cache.opening import OFF, cache_address
from modelsweep.core.units import KIB
from modelsweep.fleet.private_redis import PrivateRedis
from modelsweep.fleet.signature import VARIABLE, Key
from modelsweep.fleet.stores import TEMPORARY
from modelsweep.jobs import Fleet
from sources.opening import ANYWHERE

# -P: the working directory, which may be what is scanned, does not come first on the path.
_WORKER = (sys.executable, "-P", "-m", "modelsweep", "worker", "--with-parent")
_PATIENCE = 10.0
"""Seconds that workers have to end."""
_PIECE = 64 * KIB
_OURS = b"modelsweep: "
"""What a command says last, where it fails, begins with this."""
_LEASE = 10.0
"""Seconds: whoever holds a chunk is on this machine, and whether it lives is known soon."""
RESTARTS = 20
"""Workers that may be killed before it is said that the job cannot go on."""


class WorkerEnded(Exception):
    """A worker of the private fleet, or its Redis, ended while the job was running; the sentence says how."""


class PrivateFleet:
    """Starts at once; `slots` chunks are examined at a time. Raises PrivateRedisFailed, and what reaching a fleet may.

    Its workers end when this process does, however that is: they watch a pipe whose other end it holds.
    """

    def __init__(self, slots: int) -> None:
        self._slots, self._secret, self._restarts = slots, Key.new_secret(), 0
        self._redis = PrivateRedis()
        # A folder that is removed with Redis', however this process ends
        self._store = f"{TEMPORARY}://{quote(os.path.join(self._redis.folder, 'store'))}"
        self._workers: list[subprocess.Popen[bytes]] = []
        self._heard, self._last_words = b"", ""
        try:
            self.fleet = Fleet.reach(self._redis.url, self._store, Key(bytes.fromhex(self._secret)))
            self._start_worker()
        except BaseException:
            self.close()
            raise

    def _start_worker(self) -> None:
        options = {"broker": self._redis.url, "store": self._store, "concurrency": str(self._slots), "root": ANYWHERE}
        options["lease"] = str(_LEASE)
        options["cache"] = cache_address() or OFF
        command = [*_WORKER, *(part for name, value in options.items() for part in (f"--{name}", value))]
        environment = {**os.environ, VARIABLE: self._secret, "MODELSWEEP_LOG_LEVEL": "error"}
        worker = subprocess.Popen(  # noqa: S603 - our own program
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert worker.stderr is not None
        os.set_blocking(worker.stderr.fileno(), False)
        self._workers.append(worker)

    def _hear(self, worker: subprocess.Popen[bytes]) -> None:
        """Pass on what a worker logs, and keep its last words: why it ends is said once, by us."""
        assert worker.stderr is not None
        with suppress(BlockingIOError):
            while data := os.read(worker.stderr.fileno(), _PIECE):
                *lines, self._heard = (self._heard + data).split(b"\n")
                for line in lines:
                    if line.startswith(_OURS):
                        self._last_words = line.removeprefix(_OURS).decode("utf-8", "replace")
                    else:
                        with suppress(BrokenPipeError):
                            print(line.decode("utf-8", "replace"), file=sys.stderr, flush=True)  # noqa: T201 - logs

    def failed(self) -> WorkerEnded | None:
        """Return why the job cannot go on, None where it does; a worker that was killed is replaced."""
        if not self._redis.runs:
            return WorkerEnded("its Redis has ended, and what it knew of the job is gone")
        for worker in list(self._workers):
            code = worker.poll()
            self._hear(worker)
            if code is None:
                continue
            self._restarts += 1
            if code >= 0 or self._restarts > RESTARTS:
                return WorkerEnded(self._why(code))
            self._drop(worker)
            self._start_worker()
        return None

    def _why(self, code: int) -> str:
        """Return why a worker that ended with a status did."""
        why = f": {self._last_words}" if self._last_words else ""
        where = f" (that is in {self._redis.folder}: TMPDIR names another place)" if "the store" in why else ""
        return f"a worker ended with status {code}{why}{where}"

    def _drop(self, worker: subprocess.Popen[bytes]) -> None:
        assert worker.stdin is not None
        assert worker.stderr is not None
        worker.stdin.close()
        worker.stderr.close()
        self._workers.remove(worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all processes and remove all files; may be called again."""
        for worker in self._workers:
            assert worker.stdin is not None
            worker.stdin.close()
        for worker in list(self._workers):
            try:
                worker.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
            self._hear(worker)
            self._drop(worker)
        if hasattr(self, "fleet"):
            self.fleet.close()
        self._redis.close()
