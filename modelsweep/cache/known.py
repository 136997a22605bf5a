"""What is known of units before they are read: the one way to the cache, for `scan` and for workers."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from modelsweep.cache.backend import Backend, CacheFault
from modelsweep.cache.identity import of_file, of_object, seen_of
from modelsweep.core.finding import Finding, Json
from modelsweep.core.options import Options, Reuse
from modelsweep.core.report import Unit, UnitResult
from modelsweep.core.units import MIB
from modelsweep.core.wire import dumps
from modelsweep.fleet.signature import Damaged
from sources.source import Opened, OpenedObject

PROTOCOL = 1
"""Raised when entries mean something else."""
SMALLEST_FILE = 4 * MIB
"""Bytes of a local file that is looked up: a smaller one is read as quickly, and better."""
PAUSE = 60.0
"""Seconds for which a cache that failed is left alone."""
_Answer = TypeVar("_Answer")


class Known:
    """What a cache knows, for one set of options; belongs to one thread, and never fails: it may know nothing.

    `open_backend` is called when something is first asked for; `say` gets one sentence each time that the cache fails.
    """

    def __init__(
        self, open_backend: Callable[[], Backend], options: Options, reuse: Reuse, say: Callable[[str], object]
    ) -> None:
        self._open, self._options, self._reuse, self._say = open_backend, options, reuse, say
        self._backend: Backend | None = None
        self._extraction = b""
        self._failed_until = 0.0

    def key(self, unit: Unit, digest: str, opened: Opened, ruleset: str) -> bytes:
        """Return what an open unit is known by, nothing where it is to be read in any case.

        `digest` is what its store vouches for (of a member, that of its archive), `ruleset` the digest of all rules.
        """
        if not isinstance(opened, OpenedObject) and (self._reuse != "files" or opened.size < SMALLEST_FILE):
            return b""
        if time.monotonic() < self._failed_until:
            return b""
        seen = seen_of(unit, whole=bool(self._options.plugins))
        if isinstance(opened, OpenedObject):
            identity = of_object(unit, digest, seen, trusting=self._reuse == "files")
        else:
            identity = of_file(unit, opened.descriptor, seen)
        return b"" if identity is None else self._tried(lambda: self._hashed(identity, ruleset)) or b""

    def entry(self, key: bytes) -> bytes | None:
        """Return what is kept by `key`, None where nothing is."""
        return self._tried(lambda: self._cache().get(key))

    def keep(self, key: bytes, result: UnitResult, extracted: Sequence[Finding]) -> None:
        """Keep a result, of whose findings those `extracted` are no opinions, where another try could not differ."""
        from modelsweep.cache.entry import encode, is_complete

        if is_complete(result):
            data = encode(result, extracted)
            self._tried(lambda: self._cache().put(key, data))

    def forget(self, key: bytes, why: str) -> None:
        """Forget what is no entry."""
        self._say(f"a cache entry is left out: {why}")
        self._tried(lambda: self._cache().remove(key))

    def close(self) -> None:
        """Close the cache."""
        backend, self._backend = self._backend, None
        if backend is not None:
            with suppress(CacheFault):  # said before, or without consequence
                backend.close()

    def _hashed(self, identity: Json, ruleset: str) -> bytes:
        from modelsweep.cache.extraction import extraction

        if not self._extraction:
            self._extraction = dumps([PROTOCOL, extraction(self._options, ruleset)])
        return hashlib.sha256(self._extraction + dumps(identity)).digest()

    def _cache(self) -> Backend:
        if self._backend is None:
            self._backend = self._open()
        return self._backend

    def _tried(self, call: Callable[[], _Answer]) -> _Answer | None:
        """Return what `call` answers; None where the cache fails, which is then left alone for a while."""
        if time.monotonic() < self._failed_until:
            return None
        try:
            return call()
        except Damaged as fault:
            self._say(f"a cache entry is left out: {fault}")
        except CacheFault as fault:
            self._failed_until = time.monotonic() + PAUSE
            self._say(f"the cache is not used: {fault}")
        return None
