"""What became of an examining process, as the Problem of the unit that it was busy with."""

from __future__ import annotations

import os
import signal

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.report import Unit, UnitResult
from modelsweep.core.units import format_size
from worker.channel import SANDBOX_FAULT

SUPERVISOR = "supervisor"
Fate = tuple[ProblemKind, str]
"""Why a child ended: kind and detail of the Problem of the unit it was busy with."""
GARBAGE: Fate = (ProblemKind.CRASH, "the examining process did not answer with a result of this file")
PARENT_DIED: Fate = (ProblemKind.CRASH, "the parent of the examining process died")


def failed(unit: Unit, fate: Fate) -> UnitResult:
    """Return the result of a unit that has this fate."""
    kind, detail = fate
    return UnitResult(unit, problems=(Problem(kind, unit.locator, SUPERVISOR, detail),))


def fate_of(status: int, memory: int) -> Fate:
    """Return what the wait status of a child that may have `memory` bytes says of its unit."""
    if not os.WIFSIGNALED(status):
        code = os.WEXITSTATUS(status)
        if code == SANDBOX_FAULT:
            return ProblemKind.CRASH, "the examining process could not enter its sandbox (see modelsweep doctor)"
        return ProblemKind.CRASH, f"the examining process ended with status {code}"
    number = os.WTERMSIG(status)
    if number == signal.SIGKILL:  # not by us: what we kill is condemned already
        detail = f"ran out of memory: the system killed the examining process (limit {format_size(memory)})"
        return ProblemKind.LIMIT, detail
    if number == signal.SIGSYS:
        return ProblemKind.CRASH, "the examining process died of SIGSYS: it broke the sandbox's rules"
    return ProblemKind.CRASH, f"the examining process died of {signal.Signals(number).name}"
