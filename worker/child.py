"""The examining process: the only place where hostile bytes are parsed."""

from __future__ import annotations

import os
import resource
import socket
import sys
from collections.abc import Callable, Sequence
from typing import cast

from modelsweep.core.finding import Json, Problem, ProblemKind
from modelsweep.core.options import Options
from modelsweep.core.reader import ContentChanged, SourceFault
from modelsweep.core.report import Unit, UnitResult
from modelsweep.core.scanner import Scanner, Spool
from modelsweep.core.text import printable
from modelsweep.core.units import KIB, format_size
from modelsweep.core.values import replace
from modelsweep.core.wire import decode_unit, dumps
from scanners.engine import conclude, examine
from scanners.judge import JUDGED
from sources.file import FileReader
from sources.ranged import RangedReader
from worker.answer import encode_answer
from worker.channel import BadMessage, Closed, framed, receive
from worker.lending import borrowed

CHILD = "child"
SWITCH = 0.0001
"""Seconds for which a thread that computes keeps others waiting. Under Python's own 0.005, those that hash and search
raw bytes, for 0.0006 at a time, would wait nearly as long as scanners compute.
"""
RETIRING = 4
"""A child that held more than this part of the memory it may have is replaced, so that each unit can have all of it."""


def serve(peer: socket.socket, options: Options, scanners: Sequence[Scanner], spool: Spool) -> None:
    """Examine one unit after the other as `peer` sends them, a few together with their open files, until it closes."""
    sys.setswitchinterval(SWITCH)
    while True:
        try:
            message, descriptors = receive(peer)
        except Closed:
            return
        for asked, descriptor in zip(message["units"], descriptors, strict=True):
            unit = decode_unit(asked)
            if asked["known"]:
                peer.sendall(_judged(unit, descriptor, options))
            else:
                examine_open = examine_lent if asked["lent"] else examine_file
                peer.sendall(_answer(unit, descriptor, options, scanners, spool, examine_open))


def _answer(
    unit: Unit,
    descriptor: int,
    options: Options,
    scanners: Sequence[Scanner],
    spool: Spool,
    examine_open: Callable[[Unit, int, Options, Sequence[Scanner], Spool], UnitResult],
) -> bytes:
    """Return the result of a unit as a message; whatever is raised on the way is a Problem in it."""
    try:
        return _framed(examine_open(unit, descriptor, options, scanners, spool), options)
    except MemoryError:
        return _failure(unit, ProblemKind.LIMIT, f"ran out of memory ({format_size(options.limits.memory)})")
    except BadMessage as error:
        return _failure(unit, ProblemKind.LIMIT, f"the result is too large: {error}")
    except SourceFault as fault:
        return _failure(unit, ProblemKind.SOURCE, str(fault))
    except BaseException as error:  # noqa: BLE001 - the process boundary: whatever a scanner raises costs one Problem
        return _failure(unit, ProblemKind.CRASH, f"{type(error).__name__}: {error}")


def _judged(unit: Unit, descriptor: int, options: Options) -> bytes:
    """Return the result of a unit of which an entry of the cache is known, judged by today's rules, as a message.

    Where it is none that this version understands, the message says so: {"unknown": why}.
    """
    from modelsweep.cache.entry import decode

    try:
        with open(descriptor, "rb") as file:
            known = decode(file.read(), unit)
        findings = conclude(known.findings, known.facts, known.artifacts, options)
        return _framed(replace(known, findings=findings), options)
    except Exception as error:  # noqa: BLE001 - the process boundary: it is read anew
        said = {"unknown": printable(f"{type(error).__name__}: {error}", 300), "retire": True}
        return framed(dumps(cast(Json, said)) + b"\n")


def _framed(result: UnitResult, options: Options) -> bytes:
    """Return a result as a message, which says which of its findings are no opinions."""
    extracted = (place for place, finding in enumerate(result.findings) if finding.rule.id not in JUDGED)
    return framed(encode_answer(result, extracted, retire=_taken() > options.limits.memory // RETIRING))


def examine_file(
    unit: Unit, descriptor: int, options: Options, scanners: Sequence[Scanner], spool: Spool
) -> UnitResult:
    """Examine the file that `descriptor` is open on, which is closed, and say so where it changed meanwhile.

    Raises SourceFault where it cannot be read at all, and what is no Exception out of a scanner.
    """
    try:
        reader = FileReader(descriptor)
    except SourceFault:
        os.close(descriptor)
        raise
    try:
        if unit.stamp and unit.stamp != reader.stamp:
            detail = "the archive is not the one any more that this was found in"
            return UnitResult(unit, problems=(Problem(ProblemKind.CHANGED, unit.locator, CHILD, detail),))
        return _unchanged(reader, _stamped(examine(unit, reader, options, spool, scanners), reader.stamp))
    finally:
        reader.close()


def _stamped(result: UnitResult, stamp: str) -> UnitResult:
    """Return `result`, whose members say what the archive was like."""
    members = (replace(member, unit=replace(member.unit, stamp=stamp)) for member in result.members)
    return replace(result, members=tuple(members)) if result.members else result


def examine_lent(
    unit: Unit, descriptor: int, options: Options, scanners: Sequence[Scanner], spool: Spool
) -> UnitResult:
    """Examine the remote object that the socket `descriptor` gives ranges of, which is closed.

    That it changed meanwhile is told by whoever fetches: every range is of one version. Raises SourceFault.
    """
    fetch, peer = borrowed(descriptor)
    with peer:
        return examine(unit, RangedReader(fetch, unit.size), options, spool, scanners)


def _taken() -> int:
    """Return the most memory that this process ever held, in bytes: what was freed is not all given back."""
    unit = 1 if sys.platform == "darwin" else KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _unchanged(reader: FileReader, result: UnitResult) -> UnitResult:
    """Return `result`, with one Problem more where the file is not what it was; what seemed cut may not have been."""
    try:
        reader.check_unchanged()
    except ContentChanged as change:
        problem = Problem(ProblemKind.CHANGED, result.unit.locator, CHILD, str(change))
        kept = (item for item in result.problems if item.kind not in _BY_CHANGE)
        return replace(result, problems=(problem, *kept))
    return result


_BY_CHANGE = (ProblemKind.CHANGED, ProblemKind.MALFORMED)


def _failure(unit: Unit, kind: ProblemKind, detail: str) -> bytes:
    problem = Problem(kind, unit.locator, CHILD, printable(detail, 300))
    return framed(encode_answer(UnitResult(unit, problems=(problem,)), (), retire=True))
