"""What an examining process gives up before it sees the first hostile byte.

On Linux: memory, core dumps, descriptors, capabilities, the file system but for Python's own modules and one private
directory for spooled bytes (Landlock), the network, processes and signals (seccomp). Elsewhere only the limits.

RLIMIT_NPROC is not used: it counts threads too, of all processes of the user; seccomp refuses new processes instead.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Iterator

from modelsweep.core.limits import Limits
from modelsweep.core.units import GIB
from worker import landlock, seccomp

DESCRIPTORS = 256
SPOOLED_FILE = 64 * GIB
"""Bytes that one spooled file may hold; what goes beyond is a Problem (EFBIG)."""

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CAPABILITY_VERSION_3 = 0x20080522
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/gnu/store")
_FILES = ("/etc/ld.so.cache", "/dev/null", "/proc/cpuinfo", "/sys/devices/system/cpu")
# A BLAS makes a thread with its own memory for each processor, which the memory limit counts untouched
_ENVIRONMENT = dict.fromkeys(("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
LINUX = sys.platform == "linux"


def features() -> dict[str, str]:
    """Return what each part of the sandbox does on this machine, for `modelsweep doctor`."""
    known = landlock.version() if LINUX else 0
    filters = LINUX and seccomp.supported()
    return {
        "memory": "limited (RLIMIT_DATA)" if LINUX else "not limited: this system does not count it",
        "privileges": "given up: capabilities, new privileges, core dumps" if LINUX else "kept, but for core dumps",
        "files": f"out of reach (Landlock {known})" if known else "in reach of the user: this kernel has no Landlock",
        "network": "out of reach (seccomp)" if filters else "in reach: this system has no seccomp filters",
        "processes": "none can be started (seccomp)" if filters else "can be started: no seccomp filters",
    }


def enter(limits: Limits, spool: str, parent: int) -> None:
    """Give up everything but reading what is open, importing modules and writing files in the directory `spool`.

    `parent` is the process with which this one dies. Raises OSError where the kernel refuses what it has; parts that
    it does not have are left out, see `features`.
    """
    os.environ.clear()
    os.environ.update(_ENVIRONMENT)
    _limit(limits)
    if not LINUX:
        return
    _give_up_privileges()
    _die_with(parent)
    landlock.restrict(((spool, landlock.SPOOL), *((path, landlock.READ) for path in all_readable())))
    seccomp.restrict()


@functools.cache
def all_readable() -> tuple[str, ...]:
    """Return all that `readable` yields; a process that forks many others looks once for all of them."""
    return tuple(readable())


def readable() -> Iterator[str]:
    """Yield what modules imported later need: Python's own, installed packages, modelsweep and system libraries.

    Of the other folders on the path (a checkout, a script's folder) only our own packages: they may be somebody's home.
    """
    yield from (*_LIBRARIES, *_FILES)
    yield from (os.path.join(prefix, "lib") for prefix in {sys.base_prefix, sys.base_exec_prefix})
    yield from filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(":"))
    own = os.path.dirname(os.path.dirname(__file__))
    yield from (os.path.join(own, package) for package in ("modelsweep", "scanners", "sources", "worker"))
    yield os.path.dirname(os.__file__)
    yield from (path for path in sys.path if _holds_installed(path))


def _holds_installed(path: str) -> bool:
    try:
        return any(name.endswith(".dist-info") for name in os.listdir(path))
    except OSError:
        return path.endswith(".zip")


def _limit(limits: Limits) -> None:
    import resource

    wanted = {
        resource.RLIMIT_DATA: limits.memory,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: DESCRIPTORS,
        resource.RLIMIT_FSIZE: SPOOLED_FILE,
    }
    for kind, most in wanted.items():
        _, hard = resource.getrlimit(kind)
        granted = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (granted, granted))


def _give_up_privileges() -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    refused = libc.capset(header, (ctypes.c_uint32 * 6)())
    refused |= libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    refused |= libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if refused:
        raise OSError(ctypes.get_errno(), "privileges cannot be given up")


def _die_with(parent: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
