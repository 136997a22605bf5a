"""Payloads in disguise: hyperscan, which looks for all of them at once, says what the standard library does."""

from __future__ import annotations

import re

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
from scanners.parsing.disguise_starts import BUSY, RUN, STARTS, WRITTEN, XORED, Starts, literals, mask, starts_in
from tests.scanners.encoded.cases import CASES
from tests.scanners.spool import memory_spool

needs_hyperscan = pytest.mark.skipif(not has_hyperscan(), reason="hyperscan is not installed")
TEXTS = (
    *(b"begin 644 a\n!", b"begin 755 a b\\n`", b"=80=04", rb"\x80\x03", rb"\u0080\u0002", rb"cposix\ns", rb"cos\np"),
    *(b"\xc2\x80\x05X", b"\xc2\x80\2\xc2\x95", b"\x80\0\2\0c\0", b"x\0" * RUN, bytes(RUN)),
)
"""What is written as text, the head of a pickle with two bytes for each, and wide text."""
WIDE = [b"x\0", b"x\0" * (RUN - 1), b"\0", b"x", bytes(RUN), b"\x80\0"]
XORS = st.builds(lambda text, key: text.translate(mask(key)), st.sampled_from(XORED), st.integers(0, 255))
PIECES = st.one_of(
    *(st.binary(max_size=3), st.sampled_from(literals()), st.sampled_from(TEXTS), XORS),
    *(st.just(b"x" * (RUN - 1)), st.just(b"x\0" * (RUN - 1))),
)


def told(starts: Starts) -> tuple[object, ...]:
    """Return all that there is to be asked of `starts`."""
    runs = starts.has_run, starts.has_wide, *map(starts.holds, WRITTEN)
    return (
        runs,
        list(starts.of(*literals())),
        list(starts.xored(*XORED)),
        list(starts.wide_heads()),
        list(starts.headers()),
    )


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


@pytest.mark.parametrize("pays", [False, pytest.param(True, marks=needs_hyperscan)])
@given(
    st.lists(st.sampled_from([b"x\0", b"x\0" * (RUN - 1), b"\0", b"x", bytes(RUN), b"\x80\0"]), max_size=8).map(
        b"".join
    )
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wide_text_is_told_among_zeros(monkeypatch: pytest.MonkeyPatch, pays: bool, data: bytes) -> None:
    monkeypatch.setattr(matcher_for, "pays", pays)
    assert starts_in(data).has_wide == bool(re.search(rb"(?:[\t\n -~]\0){%d}" % RUN, data))


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
