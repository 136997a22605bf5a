"""A member that two scanners look into is interpreted once: who comes second takes the machine over, and no other."""

from __future__ import annotations

import pytest

from modelsweep.core.options import Options
from modelsweep.core.reader import MemoryReader, WindowReader
from modelsweep.core.scanner import Context
from scanners.parsing.pickle_extract import interests
from scanners.parsing.pickle_machine import Interests
from scanners.parsing.pickle_stream import machine_of, taken_over
from tests.scanners.spool import memory_spool

_STREAM = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00echo\x85R."
_WRAPPER = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}b"
_PLENTY = 1_000


def _context() -> Context:
    return Context(Options(), _PLENTY, memory_spool)


def test_a_window_of_the_same_bytes_gets_the_machine_once() -> None:
    archive = MemoryReader(b"head" + _STREAM)
    context = _context()
    machine = machine_of(WindowReader(archive, 4, len(_STREAM)), interests(), context)

    assert taken_over(WindowReader(archive, 4, len(_STREAM)), interests(), _PLENTY) is machine
    assert [event[0] for event in machine.events] == ["IMPORT", "REDUCE"]
    assert taken_over(WindowReader(archive, 4, len(_STREAM)), interests(), _PLENTY) is None


@pytest.mark.parametrize(
    ("start", "wanted", "allowance"),
    [(3, interests(), _PLENTY), (4, Interests(), _PLENTY), (4, interests(), 2)],
    ids=["other bytes", "other interests", "too few operations left"],
)
def test_nobody_else_gets_it(start: int, wanted: Interests, allowance: int) -> None:
    archive = MemoryReader(b"head" + _STREAM)
    machine_of(WindowReader(archive, 4, len(_STREAM)), interests(), _context())

    assert taken_over(WindowReader(archive, start, len(_STREAM)), wanted, allowance) is None


@pytest.mark.parametrize("stream", [_STREAM[:-1], _WRAPPER + _STREAM[2:]], ids=["cut short", "joblib's array"])
def test_a_run_that_did_not_go_straight_to_its_stop_is_not_handed_over(stream: bytes) -> None:
    archive = MemoryReader(stream)
    machine = machine_of(WindowReader(archive, 0, len(stream)), interests(), _context())

    assert ("os", "system") in machine.names
    assert taken_over(WindowReader(archive, 0, len(stream)), interests(), _PLENTY) is None


def test_another_archive_is_another_place() -> None:
    machine_of(WindowReader(MemoryReader(_STREAM), 0, len(_STREAM)), interests(), _context())

    assert taken_over(WindowReader(MemoryReader(_STREAM), 0, len(_STREAM)), interests(), _PLENTY) is None
