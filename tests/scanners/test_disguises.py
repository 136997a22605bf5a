"""Payloads in disguise: hyperscan, which looks for all of them at once, says what the standard library does."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.reader import MemoryReader
from modelsweep.core.report import Unit, UnitResult
from modelsweep.core.values import replace
from scanners.engine import examine
from scanners.matcher import has_hyperscan, matcher_for
from scanners.parsing.disguise_starts import BUSY, RUN, STARTS, XORED, Starts, literals, mask, starts_in
from tests.scanners.encoded.cases import CASES
from tests.scanners.spool import memory_spool

needs_hyperscan = pytest.mark.skipif(not has_hyperscan(), reason="hyperscan is not installed")
XORS = st.builds(lambda text, key: text.translate(mask(key)), st.sampled_from(XORED), st.integers(0, 255))
PIECES = st.one_of(
    st.binary(max_size=3), st.sampled_from(literals()), XORS, st.just(b"x" * (RUN - 1)), st.just(b"x\0" * (RUN - 1))
)


def told(starts: Starts) -> tuple[object, ...]:
    """Return all that there is to be asked of `starts`."""
    by_literal = [list(starts.of(literal)) for literal in literals()]
    runs = starts.has_run, starts.has_wide
    return runs, by_literal, [list(starts.xored(beginning)) for beginning in XORED], list(starts.headers())


def both(monkeypatch: pytest.MonkeyPatch, data: bytes) -> list[tuple[object, ...]]:
    """Return what is told of `data` without hyperscan and with it."""
    found = []
    for pays in (False, True):
        monkeypatch.setattr(matcher_for, "pays", pays)
        found.append(told(starts_in(data)))
    return found


@needs_hyperscan
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_both_ways_find_the_same_places(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    plain, together = both(monkeypatch, data)
    assert together == plain


@needs_hyperscan
@pytest.mark.parametrize("times", [1, STARTS + 1, BUSY + 1])
@pytest.mark.parametrize("text", [*literals(), *(beginning.translate(mask(0x5A)) for beginning in XORED)])
def test_both_ways_find_the_same_of_what_stands_there_often(
    monkeypatch: pytest.MonkeyPatch, text: bytes, times: int
) -> None:
    plain, together = both(monkeypatch, (text + b"\0") * times)
    assert together == plain


def test_a_run_is_one_of_printable_characters() -> None:
    assert [starts_in(data).has_run for data in (b"x" * RUN, b"x" * (RUN - 1), b"x " * RUN, b"")] == [
        True,
        *[False] * 3,
    ]


@needs_hyperscan
@pytest.mark.parametrize("name", CASES)
def test_every_case_is_judged_alike_both_ways(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    case = CASES[name]
    data = case.build()

    def judged(pays: bool) -> UnitResult:
        monkeypatch.setattr(matcher_for, "pays", pays)
        unit = Unit(0, Locator(case.name), len(data))
        return replace(examine(unit, MemoryReader(data), Options(), memory_spool), duration=0.0)

    assert judged(True) == judged(False)
