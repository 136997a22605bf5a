"""What the numbers of weights are computed with: NumPy, or a library that a worker for the queue `scan.gpu` was told.

All of them come to the same numbers (`scanners.parsing.arrays`), so that no report says, or needs to say, which it was.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from modelsweep.core.text import printable

if TYPE_CHECKING:
    from modelsweep.core.scanner import Scanner

NUMPY, AUTO = "numpy", "auto"
CHOICES = (NUMPY, "torch", "torch:cuda", "cupy", AUTO)
VARIABLE = "MODELSWEEP_ARRAYS"
_ON_A_GPU = ("cupy", "torch:cuda")
_PATIENCE = 120.0
"""Seconds that a library has to load and to wake its device."""
# As examining processes are started: with our own path, and nothing of the working directory
_TRY = """\
import sys
sys.path[:] = sys.argv[2:]
from scanners.parsing.arrays import arrays_of
arrays = arrays_of(sys.argv[1])
print(int((arrays.load(bytes(range(16)), "int32") & 255).sum()))
"""
_EXPECTED = "24"
_DEVICES = ("/dev/nvidia*", "/dev/nvidia-caps/*")
_CHANCE, _WRITTEN = ("/dev/urandom",), (os.devnull,)
_TOLD_BY_DRIVERS = (
    "/proc/devices",
    "/proc/driver/nvidia",
    "/proc/modules",
    "/sys/bus/pci/devices",
    "/sys/devices/system/node",
)
_VISIBLE = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
# Kernels are compiled at run time, and would be kept in the user's home, which is out of reach
_WITHOUT_HOME = {"CUDA_CACHE_DISABLE": "1", "CUPY_CACHE_IN_MEMORY": "1"}


class BackendFault(Exception):
    """A library that was named cannot be used; the sentence says which and why."""


def installed() -> tuple[str, ...]:
    """Return the libraries that are installed; whether they find a device only trying them can tell."""
    from importlib.util import find_spec

    return tuple(name for name in (NUMPY, "torch", "cupy") if find_spec(name))


def usable(wanted: str) -> str:
    """Return the backend for `wanted`, one of CHOICES, having tried it; raises BackendFault.

    `auto` is the first library that finds a GPU, else NumPy. Trying is up to another process, which ends: one that
    holds a device could not fork.
    """
    if wanted == AUTO:
        return next((backend for backend in _ON_A_GPU if not _fault_of(backend)), NUMPY)
    if wanted != NUMPY and (fault := _fault_of(wanted)):
        raise BackendFault(f"weights cannot be computed with {wanted}: {fault}")
    return wanted


def _fault_of(backend: str) -> str:
    """Return why a backend does not work here, nothing where it does."""
    import subprocess

    command = [sys.executable, "-I", "-S", "-c", _TRY, backend, *filter(os.path.isabs, sys.path)]
    try:
        tried = subprocess.run(  # noqa: S603 - our own program
            command, capture_output=True, text=True, timeout=_PATIENCE, errors="replace", check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return printable(str(error), 200)
    if tried.stdout.split() == [_EXPECTED]:
        return ""
    lines = tried.stderr.strip().splitlines() or [f"it ended with status {tried.returncode}"]
    return printable(lines[-1].rpartition("MissingDependency: ")[2], 200)


def computing_with(scanners: Sequence[Scanner], backend: str) -> tuple[Scanner, ...]:
    """Return `scanners`, the one of weights computing with `backend`: nothing that the ruleset is made of changes."""
    if backend == NUMPY:
        return tuple(scanners)
    from scanners import weights

    return tuple(weights.scanner_with(backend) if scanner.name == weights.NAME else scanner for scanner in scanners)


def devices(backend: str) -> tuple[str, ...]:
    """Return the devices that a sandboxed process may use for a backend: those of a GPU, and for NumPy none at all."""
    if backend not in _ON_A_GPU:
        return () if backend == NUMPY else _WRITTEN
    from glob import glob

    return (*_WRITTEN, *(path for pattern in _DEVICES for path in glob(pattern)))


def told(backend: str) -> tuple[str, ...]:
    """Return the files that a library needs besides: chance when it loads, and what drivers say that there is."""
    return () if backend == NUMPY else _CHANCE + (_TOLD_BY_DRIVERS if backend in _ON_A_GPU else ())


def environment(backend: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a sandboxed process has for a backend: which devices are for it."""
    if backend not in _ON_A_GPU:
        return {}
    return {**_WITHOUT_HOME, **{name: given[name] for name in _VISIBLE if name in given}}
