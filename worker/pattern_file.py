"""hyperscan's databases of our patterns, kept in the folder of this user's cache: making them takes 0.2 s of CPU.

What is in a database steers the search engine, so one that somebody else wrote could take over whoever searches with
it. It is read only from a file and a folder that nobody but this user may write, and only if it is whole; it is made
and written by the zygote, which never holds a byte of what is scanned, while children have a descriptor to read from.
Children that are there before it is made read it from a file that they share: it is empty when they are forked.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec

from modelsweep.cache.backend import CacheFault
from modelsweep.cache.folder import check_private, is_private_file, make_private
from modelsweep.core.units import KIB, MIB
from scanners.databases import described

PREFIX = "patterns-"
LARGEST = 16 * MIB
KEPT = 4
"""Files that stay: the folder may be shared by machines with other processors."""
_CHECK = hashlib.sha256().digest_size
_PROCESSOR = "/proc/cpuinfo"


class PatternFile:
    """The file in `folder` for these patterns, this hyperscan and this processor; no folder: nothing is kept.

    What is written is there at once for processes that were forked from this one, through an unlinked file in `spool`.
    """

    def __init__(self, folder: str, spool: str = "") -> None:
        self._folder = folder
        self._path = os.path.join(folder, f"{PREFIX}{_version()}") if folder else ""
        self._descriptor = self._shared = -1
        self._open()
        if spool and self._descriptor < 0:
            self._share(spool)

    @property
    def is_there(self) -> bool:
        """Whether there is something to read."""
        return self._descriptor >= 0 and any(os.pread(self._descriptor, _CHECK, 0))

    def read(self) -> bytes | None:
        """Return the database, None where there is none that is whole."""
        if not self.is_there:
            return None
        data = os.pread(self._descriptor, LARGEST, 0)
        return data[_CHECK:] if hashlib.sha256(data[_CHECK:]).digest() == data[:_CHECK] else None

    def only_read(self) -> None:
        """Give up the right to write, in a process that meets hostile bytes."""
        if self._shared >= 0:
            os.close(self._shared)
        self._shared, self._folder = -1, ""

    def write(self, database: bytes) -> None:
        """Keep a database, if that is possible: nothing depends on it."""
        check = hashlib.sha256(database).digest()
        if self._shared >= 0:
            with suppress(OSError):  # no room: those that are there do without
                if os.pwrite(self._shared, database, _CHECK) == len(database):
                    os.pwrite(self._shared, check, 0)  # last: it says that all else is there
        if self._folder:
            self._keep(check + database)

    def _share(self, spool: str) -> None:
        path = os.path.join(spool, PREFIX)
        with suppress(OSError):
            self._shared = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            os.unlink(path)

    def _keep(self, data: bytes) -> None:
        with suppress(CacheFault, OSError):
            make_private(self._folder)
            partial = f"{self._path}.{os.getpid()}"
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                with open(descriptor, "wb") as file:
                    file.write(data)
                os.replace(partial, self._path)
            except OSError:
                os.unlink(partial)
                raise
            forget_patterns(self._folder, KEPT)

    def _open(self) -> None:
        if not self._folder:
            return
        with suppress(CacheFault, OSError):
            check_private(self._folder)
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            found = os.fstat(descriptor)
            if is_private_file(found) and found.st_size <= LARGEST:
                self._descriptor = descriptor
            else:
                os.close(descriptor)


def forget_patterns(folder: str, keep: int = 0) -> None:
    """Remove all databases but the `keep` newest; raises OSError."""
    found = [entry for entry in os.scandir(folder) if entry.name.startswith(PREFIX)]
    for entry in sorted(found, key=lambda entry: entry.stat(follow_symlinks=False).st_mtime, reverse=True)[keep:]:
        with suppress(FileNotFoundError):
            os.unlink(entry)


def _version() -> str:
    """Return what tells databases apart: hyperscan translates patterns for the instructions that a processor has."""
    digest = hashlib.sha256(described().encode())
    for part in (*_library(), _processor()):
        digest.update(repr(part).encode())
    return digest.hexdigest()[:32]


def _library() -> Iterator[tuple[str, int, int]]:
    """Yield the files of the hyperscan package: importing it to ask for its version would take 1 ms."""
    found = find_spec("hyperscan")
    for folder in found.submodule_search_locations or () if found else ():
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.is_file():
                yield entry.name, entry.stat().st_size, entry.stat().st_mtime_ns


def _processor() -> list[bytes]:
    try:
        with open(_PROCESSOR, "rb", buffering=0) as file:
            lines = file.read(4 * KIB).splitlines()
    except OSError:
        return [os.uname().version.encode()]
    return [line for line in lines if line.startswith((b"model name", b"flags", b"Features", b"CPU part"))][:3]
