"""What a command costs: CPU of all its processes, wall time, and memory."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SAMPLING = 50
"""Milliseconds between two looks at the process tree: often enough for memory, and cheap beside what is measured."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_OWN_PEAK = "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a command took: `cpu` and `wall` in seconds, memory in bytes, `status` its exit status.

    `cpu` is user and system time of the process and of all its descendants, exact where the command ended by itself.
    `peak` is the resident set of its largest process, exact; `tree` that of all of them together, sampled: pages that
    processes share count in each. `status` is None where the command was stopped at the time limit.
    """

    cpu: float
    wall: float
    peak: int
    tree: int
    status: int | None


def run(command: Sequence[str], environment: Mapping[str, str], directory: Path, timeout: float) -> Cost:
    """Run `command` in `directory` and return what it cost; it is killed with its descendants after `timeout` seconds.

    The kernel counts the memory of the process that starts another into the peak of the started one, so keep whoever
    calls this small. Raises OSError where the command cannot be started.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
        cwd=directory,
        start_new_session=True,
    )
    tree, in_time = _watch(process.pid, started + timeout)
    if not in_time:
        os.killpg(process.pid, signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)  # reaped here, for its usage: nothing is left to wait for
    peak = usage.ru_maxrss * 1024
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(cpu, wall, peak, max(tree, peak), process.returncode if in_time else None)


def interpreter_peak() -> int:
    """Return the peak resident set in bytes of a Python that does nothing."""
    answer = subprocess.run([sys.executable, "-I", "-c", _OWN_PEAK], capture_output=True, check=True, text=True)
    return int(answer.stdout) * 1024


def _watch(root: int, deadline: float) -> tuple[int, bool]:
    """Wait for the process to end; return the largest sum of resident sets seen, and whether it ended in time."""
    descriptor = os.pidfd_open(root)
    try:
        ending = select.poll()
        ending.register(descriptor, select.POLLIN)
        largest = 0
        while not ending.poll(SAMPLING):
            if time.perf_counter() > deadline:
                return largest, False
            largest = max(largest, tree_memory(root))
        return largest, True
    finally:
        os.close(descriptor)


def tree_memory(root: int) -> int:
    """Return the resident sets of a process and its descendants together, in bytes."""
    total = 0
    for process in tree(root):
        with suppress(OSError):  # it ended meanwhile
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
    return total


def tree(root: int) -> list[int]:
    """Return a process and its descendants, itself first."""
    found = [root]
    for process in found:
        with suppress(OSError):
            for children in Path(f"/proc/{process}").glob("task/*/children"):
                found += map(int, children.read_text().split())
    return found
