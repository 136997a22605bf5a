"""What an examining process gives up before it sees the first hostile byte.

On Linux: memory, core dumps, descriptors, capabilities, the file system but for Python's own modules and one private
directory for spooled bytes (Landlock), the network, processes and signals (seccomp). Elsewhere only the limits.

RLIMIT_NPROC is not used: it counts threads too, of all processes of the user; seccomp refuses new processes instead.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator

from modelsweep.core.limits import Limits
from modelsweep.core.units import GIB
from worker import backends, landlock, seccomp
from worker.libc import libc

DESCRIPTORS = 256
SPOOLED_FILE = 64 * GIB
"""Bytes that one spooled file may hold; what goes beyond is a Problem (EFBIG)."""

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CAPABILITY_VERSION_3 = 0x20080522
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/gnu/store")
_FILES = ("/etc/ld.so.cache", "/dev/null", "/proc/cpuinfo", "/sys/devices/system/cpu")
# A BLAS makes a thread with its own memory for each processor, which the memory limit counts untouched
SINGLE_THREADED = dict.fromkeys(("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
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


class Sandbox:
    """What children of this process may do: read what is open, import modules, write files in the directory `spool`.

    Where weights are computed on a GPU (`worker.backends`), its devices too.
    All that can be is prepared here, once, so that entering costs a child a few system calls. Raises OSError where the
    kernel refuses what it has; parts that it does not have are left out, see `features`.
    """

    def __init__(self, limits: Limits, spool: str, backend: str = backends.NUMPY) -> None:
        self._limits = _limits(limits)
        self._environment = {**SINGLE_THREADED, **backends.environment(backend, os.environ)}
        if backend != backends.NUMPY:  # packages that come with such a library look for a place when they are loaded
            self._environment["TMPDIR"] = spool
        self._filter = seccomp.Filter()
        rules = [(path, landlock.READ) for path in (*readable(), *backends.told(backend))]
        rules += [(path, landlock.DEVICE) for path in backends.devices(backend)]
        self._ruleset = landlock.prepared([(spool, landlock.SPOOL), *rules]) if LINUX else -1

    def enter(self, parent: int) -> None:
        """Give up everything else, for good; `parent` is the process with which this one dies. Raises OSError."""
        import resource

        os.environ.clear()
        os.environ.update(self._environment)
        for kind, granted in self._limits.items():
            resource.setrlimit(kind, (granted, granted))
        if not LINUX:
            return
        _give_up_privileges()
        _die_with(parent)
        landlock.restrict(self._ruleset)
        self._filter.restrict()


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


def _limits(limits: Limits) -> dict[int, int]:
    """Return the limits of the system that a child gets, as far as it may be given them."""
    import resource

    wanted = {
        resource.RLIMIT_DATA: limits.memory,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: DESCRIPTORS,
        resource.RLIMIT_FSIZE: SPOOLED_FILE,
    }
    hard = {kind: resource.getrlimit(kind)[1] for kind in wanted}
    return {
        kind: most if hard[kind] == resource.RLIM_INFINITY else min(most, hard[kind]) for kind, most in wanted.items()
    }


_HEADER, _NONE = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()


def _give_up_privileges() -> None:
    refused = libc().capset(_HEADER, _NONE)
    refused |= libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    refused |= libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if refused:
        raise OSError(ctypes.get_errno(), "privileges cannot be dropped")


def _die_with(parent: int) -> None:
    libc().prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
