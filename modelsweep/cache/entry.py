"""What is kept of a unit: all that was extracted from its bytes, without opinions and without its address.

An entry is a line of JSON (modelsweep/core/wire.py) below zstd. The findings of judges are left out: they are found
anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Member, Unit, UnitResult
from modelsweep.core.scanner import EXHAUSTED
from modelsweep.core.wire import MISSHAPEN, decode_result, dumps, encode_result
from modelsweep.fleet.packing import loads, pack, unpack
from modelsweep.fleet.signature import Damaged

PASSING = frozenset(
    {
        ProblemKind.SOURCE,
        ProblemKind.CHANGED,
        ProblemKind.TIMEOUT,
        ProblemKind.CRASH,
        ProblemKind.DEPENDENCY,
        ProblemKind.CANCELLED,
    }
)
"""Kinds of problems that the same bytes need not have another time."""
_OUTSIDE = frozenset({"child", "supervisor", "worker"})
"""Who speaks of the examining process, not of bytes."""
_NAME = "cache entry"
_Placed = TypeVar("_Placed", Artifact, Fact, Finding, Problem)


def is_complete(result: UnitResult) -> bool:
    """Return whether a result says all that these bytes will ever say, and is of those that the store vouches for."""
    unit = result.unit
    if not result.artifacts or result.artifacts[0].locator != unit.locator:
        return False
    if unit.digest and result.digest not in ("", unit.digest):
        return False
    return not any(map(_is_passing, result.problems))


def _is_passing(problem: Problem) -> bool:
    """Return whether another try with the same bytes may not have this problem."""
    return problem.kind in PASSING or problem.scanner in _OUTSIDE or problem.detail in EXHAUSTED


def encode(result: UnitResult, extracted: Sequence[Finding]) -> bytes:
    """Return what is kept of a result, of whose findings scanners and detectors `extracted` these."""
    kept = replace(result, findings=tuple(extracted), duration=0.0)
    nowhere = replace(result.unit, locator=Locator("", result.unit.locator.members), digest="", stamp="")
    return pack((dumps(encode_result(moved(kept, nowhere))),))


def decode(data: bytes, unit: Unit) -> UnitResult:
    """Return what is known of `unit`, its findings those that were extracted; raises Damaged."""
    lines = list(unpack(data, _NAME))
    try:
        (line,) = lines
        result = decode_result(loads(line, _NAME))
    except MISSHAPEN as error:
        raise Damaged(_NAME, f"none that this version understands ({type(error).__name__})") from error
    found = result.unit
    if (found.size, found.locator.members, found.locator.uri) != (unit.size, unit.locator.members, ""):
        raise Damaged(_NAME, "of something else")
    return moved(result, unit)


def moved(result: UnitResult, unit: Unit) -> UnitResult:
    """Return `result` as that of `unit`, which is the same member of another file: what it says is said of that one."""
    where = unit.locator

    def placed(item: _Placed) -> _Placed:
        members = item.locator.members
        same = members == where.members
        return replace(item, locator=where if same else Locator(where.uri, members, where.version))

    def followed(member: Member) -> Member:
        place = Locator(where.uri, member.unit.locator.members, where.version)
        return replace(member, unit=replace(member.unit, locator=place))

    return replace(
        result,
        unit=unit,
        artifacts=tuple(map(placed, result.artifacts)),
        facts=tuple(map(placed, result.facts)),
        findings=tuple(map(placed, result.findings)),
        problems=tuple(map(placed, result.problems)),
        members=tuple(map(followed, result.members)),
    )
