"""The examining process: the only place where hostile bytes are parsed."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.options import Options
from modelsweep.core.reader import ContentChanged, SourceFault
from modelsweep.core.report import Unit, UnitResult
from modelsweep.core.scanner import Scanner, Spool
from modelsweep.core.text import printable
from modelsweep.core.units import format_size
from modelsweep.core.wire import decode_unit, encode_result
from scanners.engine import examine
from sources.file import FileReader
from worker.channel import BadMessage, Closed, receive, send

CHILD = "child"


def serve(peer: socket.socket, options: Options, scanners: Sequence[Scanner], spool: Spool) -> None:
    """Examine one unit after the other as `peer` sends them, each with its open file, until it closes."""
    while True:
        try:
            message, descriptor = receive(peer)
        except Closed:
            return
        assert descriptor is not None
        unit = decode_unit(message)
        result = examine_file(unit, descriptor, options, scanners, spool)
        try:
            send(peer, encode_result(result))
        except (BadMessage, MemoryError) as error:
            send(peer, encode_result(_failure(unit, ProblemKind.LIMIT, f"the result is too large: {error}")))


def examine_file(
    unit: Unit, descriptor: int, options: Options, scanners: Sequence[Scanner], spool: Spool
) -> UnitResult:
    """Examine the file that `descriptor` is open on, and say so where it changed meanwhile; never raises."""
    try:
        reader = FileReader(descriptor)
    except SourceFault as fault:
        os.close(descriptor)
        return _failure(unit, ProblemKind.SOURCE, str(fault))
    try:
        return _unchanged(reader, examine(unit, reader, options, spool, scanners))
    except MemoryError:
        detail = f"ran out of memory ({format_size(options.limits.memory)})"
        return _failure(unit, ProblemKind.LIMIT, detail)
    except BaseException as error:  # noqa: BLE001 - the process boundary: whatever a scanner raises costs one Problem
        return _failure(unit, ProblemKind.CRASH, printable(f"{type(error).__name__}: {error}", 300))
    finally:
        reader.close()


def _unchanged(reader: FileReader, result: UnitResult) -> UnitResult:
    """Return `result`, with one Problem more where the file is not what it was; what seemed cut may not have been."""
    try:
        reader.check_unchanged()
    except ContentChanged as change:
        problem = Problem(ProblemKind.CHANGED, result.unit.locator, CHILD, str(change))
        return UnitResult(
            result.unit,
            result.artifacts,
            result.facts,
            result.findings,
            (problem, *(item for item in result.problems if item.kind not in _BY_CHANGE)),
            result.bytes_read,
            result.duration,
        )
    return result


_BY_CHANGE = (ProblemKind.CHANGED, ProblemKind.MALFORMED)


def _failure(unit: Unit, kind: ProblemKind, detail: str) -> UnitResult:
    return UnitResult(unit, problems=(Problem(kind, unit.locator, CHILD, detail),))
