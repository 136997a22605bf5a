"""Where decompressed bytes wait to be examined: in memory while they are few, else in an unlinked temporary file."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from itertools import chain, count

from modelsweep.core.reader import MemoryReader, Reader, SourceFault
from modelsweep.core.units import MIB, format_size
from sources.file import FileReader

IN_MEMORY = 16 * MIB
"""Bytes up to which no file is made."""


class FileSpool:
    """A `modelsweep.core.scanner.Spool` whose files stand in `directory`, private to this process, and have no name.

    The directory is opened here and now, so that a sandbox may hide its path later. A full disk is a SourceFault.
    """

    def __init__(self, directory: str, in_memory: int = IN_MEMORY) -> None:
        self._directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._in_memory = in_memory
        self._numbers = count()

    def __call__(self, chunks: Iterable[bytes]) -> Reader:
        """Return a reader of all `chunks`; raises SourceFault where there is no room, and what the iterable raises."""
        rest = iter(chunks)
        memory = io.BytesIO()
        for chunk in rest:
            memory.write(chunk)
            if memory.tell() > self._in_memory:
                return self._spill(chain((memory.getvalue(),), rest))
        return MemoryReader(memory.getvalue())

    def _spill(self, chunks: Iterator[bytes]) -> Reader:
        descriptor = self._create()
        try:
            written = 0
            for chunk in chunks:
                written += _write(descriptor, chunk, written)
            return FileReader(descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def _create(self) -> int:
        name = f"spool-{os.getpid()}-{next(self._numbers)}"
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(name, flags, 0o600, dir_fd=self._directory)
            os.unlink(name, dir_fd=self._directory)
        except OSError as error:
            raise SourceFault(f"no temporary file for decompressed bytes: {error.strerror}") from error
        return descriptor

    def close(self) -> None:
        """Close the directory; readers that were returned stay good."""
        os.close(self._directory)


def _write(descriptor: int, chunk: bytes, before: int) -> int:
    view, done = memoryview(chunk), 0
    try:
        while done < len(chunk):
            done += os.write(descriptor, view[done:])
    except OSError as error:
        kept = format_size(before + done)
        raise SourceFault(f"no room for decompressed bytes after {kept}: {error.strerror}") from error
    return done
