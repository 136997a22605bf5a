"""The private directory that the children of one supervisor spool decompressed bytes in."""

from __future__ import annotations

import os
from contextlib import suppress


def make_spool_directory() -> str:
    """Make an empty directory that only this user enters, below $TMPDIR or /tmp, and return its path; raises OSError.

    (`tempfile` does the same; importing it costs as much as two forks.)
    """
    path = os.path.join(os.environ.get("TMPDIR") or "/tmp", f"modelsweep-{os.urandom(12).hex()}")  # noqa: S108
    os.mkdir(path, 0o700)
    return path


def remove_spool_directory(path: str) -> None:
    """Remove the directory and the files in it; a sandboxed child can make nothing but files there."""
    with suppress(OSError):
        for name in os.listdir(path):
            os.unlink(os.path.join(path, name))
        os.rmdir(path)
