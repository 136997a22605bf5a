"""How many processors this process may use: what the scheduler allows, and what its container is granted."""

from __future__ import annotations

import os
from collections.abc import Iterator

MOST = 8
"""Examining processes beyond which one machine's disks, not its processors, are the bound."""
_CGROUPS = "/sys/fs/cgroup"


def default_jobs() -> int:
    """Return how many units to examine at once: the processors there are for us, at most `MOST`."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, MOST, *(int(quota + 0.5) for quota in _quotas())))


def _quotas() -> Iterator[float]:
    """Yield the processors that each control group above this process grants (cpu.max of version 2)."""
    group = _group()
    while True:
        limit, _, period = _content(f"{_CGROUPS}{group.rstrip('/')}/cpu.max").partition(" ")
        if limit.isdigit() and period.strip().isdigit() and int(period) > 0:
            yield int(limit) / int(period)
        if group in ("", "/"):
            return
        group = os.path.dirname(group)


def _group() -> str:
    for line in _content("/proc/self/cgroup").splitlines():
        if line.startswith("0::/"):
            return line.removeprefix("0::")
    return "/"


def _content(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
