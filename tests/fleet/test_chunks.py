"""What one message asks for: chunks that follow each other and are little work, few in a small job."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from modelsweep.core.locator import Locator
from modelsweep.core.report import Unit
from modelsweep.core.units import MIB
from modelsweep.fleet.chunks import RUN_BYTES, RUN_CHUNKS, RUN_GROWTH, RUN_UNITS, Run, runs
from modelsweep.fleet.messages import CPU, GPU, INTERACTIVE, LARGE
from modelsweep.fleet.pages import Chunk

LATE = RUN_GROWTH * RUN_CHUNKS
"""The number of a chunk from which on messages may have as many as ever."""


def chunk(queue: str = CPU, units: int = 1, size: int = 10) -> Chunk:
    return Chunk(queue, tuple(Unit(index, Locator(f"{index}"), size) for index in range(units)))


def amounts(chunks: Sequence[Chunk], first: int = LATE) -> list[int]:
    return [run.amount for run in runs(enumerate(chunks, first))]


def test_every_chunk_is_in_one_run_and_runs_grow_with_the_job() -> None:
    found = list(runs(enumerate([chunk()] * 300)))
    assert [number for run in found for number in range(run.first, run.first + run.amount)] == list(range(300))
    assert [run.amount for run in found[:RUN_GROWTH]] == [1] * RUN_GROWTH, "so that there is something for everybody"
    later = [run.amount for run in found[RUN_GROWTH:-1]]
    assert later == sorted(later)
    assert max(run.amount for run in found) == RUN_CHUNKS


def test_a_run_is_little_work() -> None:
    assert amounts([chunk(units=64)] * 9) == [RUN_UNITS // 64] * 2 + [1]
    assert amounts([chunk(size=RUN_BYTES // 2)] * 5) == [2, 2, 1]
    assert amounts([chunk(size=RUN_BYTES + 1)] * 3) == [1, 1, 1]
    assert amounts([chunk(), chunk(size=900 * MIB), chunk(), chunk()]) == [1, 1, 2]


@pytest.mark.parametrize("queue", [INTERACTIVE, LARGE, GPU])
def test_what_waits_elsewhere_is_spread_as_it_was(queue: str) -> None:
    assert amounts([chunk(queue)] * 3) == [1, 1, 1]
    assert list(runs([(LATE, chunk()), (LATE + 1, chunk(queue))])) == [Run(CPU, LATE, 1), Run(queue, LATE + 1, 1)]


def test_only_chunks_that_follow_each_other_are_together() -> None:
    assert list(runs((number, chunk()) for number in (LATE + 5, LATE + 6, LATE + 3, LATE + 4, LATE + 7))) == [
        Run(CPU, LATE + 5, 2),
        Run(CPU, LATE + 3, 2),
        Run(CPU, LATE + 7, 1),
    ]
    assert list(runs([])) == []
