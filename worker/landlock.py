"""Landlock: the kernel's file-system, network and signal restrictions that a process puts on itself.

https://docs.kernel.org/userspace-api/landlock.html; everything not allowed here is denied, for good.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from contextlib import suppress

from worker.libc import system_call

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_VERSION_FLAG = 1
_PATH_BENEATH = 1

READ = 1 << 2 | 1 << 3  # READ_FILE, READ_DIR
DEVICE = 1 << 1 | 1 << 2 | 1 << 15  # WRITE_FILE, READ_FILE, IOCTL_DEV
SPOOL = READ | 1 << 1 | 1 << 5 | 1 << 8  # WRITE_FILE, REMOVE_FILE, MAKE_REG
_OF_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # the rights that exist for what is no directory

# What each version of the interface can deny: file-system rights first, then TCP (bind, connect), then scopes
# (abstract unix sockets, signals to processes outside).
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NETWORK_SINCE, _NETWORK = 4, 0b11
_SCOPES_SINCE, _SCOPES = 6, 0b11

Rule = tuple[str, int]
"""A path, and the rights to have beneath it."""


class _Attributes(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """Return the version of Landlock in this kernel, 0 where there is none or it is switched off."""
    try:
        return max(system_call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG)), 0)
    except (OSError, AttributeError):
        return 0


def prepared(rules: Iterable[Rule]) -> int:
    """Return a descriptor of what allows only `rules`, which children inherit; -1 where the kernel has no Landlock.

    Raises OSError where the kernel refuses a ruleset it should know.
    """
    known = version()
    if not known:
        return -1
    files = _FILE_RIGHTS[min(known, max(_FILE_RIGHTS))]
    network = _NETWORK if known >= _NETWORK_SINCE else 0
    scopes = _SCOPES if known >= _SCOPES_SINCE else 0
    attributes = _Attributes(files, network, scopes)
    size = ctypes.c_size_t(ctypes.sizeof(attributes) if scopes else 16 if network else 8)
    ruleset = system_call(_CREATE_RULESET, ctypes.byref(attributes), size, ctypes.c_uint32(0))
    for path, rights in rules:
        _allow(ruleset, path, rights & files)
    return ruleset


def restrict(ruleset: int) -> bool:
    """Allow this process only what `prepared` was told from now on, and close its descriptor; returns False for -1.

    The process must have set PR_SET_NO_NEW_PRIVS. Raises OSError.
    """
    if ruleset < 0:
        return False
    try:
        system_call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return True


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Add one rule; a path that does not exist, or that no rule can be about, stays denied."""
    with suppress(OSError):
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            granted = rights if os.path.isdir(path) else rights & _OF_FILES
            beneath = _PathBeneath(granted, parent)
            arguments = (ctypes.c_int(_PATH_BENEATH), ctypes.byref(beneath), ctypes.c_uint32(0))
            system_call(_ADD_RULE, ctypes.c_int(ruleset), *arguments)
        finally:
            os.close(parent)
