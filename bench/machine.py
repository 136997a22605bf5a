"""The machine that was measured on, in a line."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from modelsweep.core.units import GIB


def describe_machine() -> str:
    """Return processor, cores, memory, kernel, Python and the load before anything was measured."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB
    return (
        f"{len(os.sched_getaffinity(0))} cores of {model}, {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} at the start"
    )
