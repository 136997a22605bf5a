"""The private directory that the children of one supervisor spool decompressed bytes in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def new_spool_path() -> str:
    """Return a path below $TMPDIR or /tmp that is nobody's yet.

    (`tempfile` does the same; importing it costs as much as two forks.)
    """
    return os.path.join(os.environ.get("TMPDIR") or "/tmp", f"modelsweep-{os.urandom(12).hex()}")  # noqa: S108


@contextmanager
def spool_directory(path: str) -> Iterator[None]:
    """Make the directory, which only this user enters, and remove it when the block ends; raises OSError."""
    os.mkdir(path, 0o700)
    try:
        yield
    finally:
        remove_spool_directory(path)


def remove_spool_directory(path: str) -> None:
    """Remove the directory and the files in it; a sandboxed child can make nothing but files there."""
    with suppress(OSError):
        for name in os.listdir(path):
            os.unlink(os.path.join(path, name))
        os.rmdir(path)
