"""The folder of a user's cache: what is in it is believed, so nobody else may write there."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from modelsweep.cache.backend import CacheFault

_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def make_private(folder: str) -> None:
    """Make the folder, for its user only; raises CacheFault where others may write to it."""
    try:
        os.makedirs(os.path.dirname(folder) or ".", exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
    except OSError as error:
        raise CacheFault(f"{folder}: {error.strerror}") from error
    check_private(folder)


def check_private(folder: str) -> None:
    """Raise CacheFault where there is no such folder, or others may write to it."""
    try:
        found = os.stat(folder)
    except OSError as error:
        raise CacheFault(f"{folder}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise CacheFault(f"{folder}: not a folder")
    if found.st_uid != os.geteuid() or found.st_mode & _OTHERS:
        raise CacheFault(f"{folder}: other users may write to it, so nothing in it can be trusted")


def is_private_file(found: os.stat_result) -> bool:
    """Return whether what was opened is a regular file of this user that nobody else may write."""
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & _OTHERS
