"""Damage to every case of every scanner: nothing crashes, and nothing that was cut short comes out clean.

Everything is seeded, so that a run that fails fails again. The wider sweep is marked `slow`.
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.limits import Limits
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.report import Artifact, Unit, UnitResult, Verdict
from modelsweep.core.units import MIB
from modelsweep.core.wire import decode_result, dumps, encode_result
from scanners import SCANNERS
from tests.scanners.case import Case, examine_bytes
from tests.scanners.test_cases import all_cases

LIMITS = Limits(expanded_floor=8 * MIB, expanded_ratio=10, members=2_000, operations=2_000_000, parsed_bytes=8 * MIB)
CUTS, FLIPS = 40, 60
"""Damaged forms of each case in every run."""
SWEPT = 400
"""Bytes up to which the slow sweep cuts a case at every byte; of longer ones it takes as many samples."""
HDF5 = b"\x89HDF\r\n"
"""In what is read by a library in C."""
SECONDS = 60
"""That one examination may take."""
IN_CHILDREN = 40
"""Forms of a case that the slow sweep examines in a child each, or of a large one; others take a quarter."""
PLAIN_KINDS = frozenset({"text", "media", "pointer"})
CASES = [pytest.param(case, id=f"{folder}-{name}") for folder, name, case in all_cases()]
NAMES = {scanner.name for scanner in SCANNERS}


def checked(data: bytes, case: Case) -> UnitResult:
    """Return the result of damaged bytes after checking that no scanner crashed over them."""
    options = Options(scanners=case.options.scanners, limits=LIMITS)
    examine = in_a_child if HDF5 in data else examine_bytes
    result = examine(data, case.name, options)
    crashes = [problem for problem in result.problems if problem.kind is ProblemKind.CRASH]
    assert not crashes, crashes
    assert set(result.artifacts[0].scanners) <= NAMES
    return result


def in_a_child(
    data: bytes, name: str, options: Options, examine: Callable[[bytes, str, Options], UnitResult] = examine_bytes
) -> UnitResult:
    """Examine `data` in a child, as scans do: damaged HDF5 may kill libhdf5, which costs that file one Problem."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest's own handler waits for the library
            signal.alarm(SECONDS)
            with os.fdopen(writing, "wb") as answer:
                answer.write(dumps(encode_result(examine(data, name, options))))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        said = stream.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS):
        unit = Unit(0, Locator(name), len(data))
        died = Problem(ProblemKind.MALFORMED, unit.locator, "libhdf5", "it died of the damage")
        return UnitResult(unit, (Artifact(unit.locator, unit.size, "", ("keras-h5",)),), problems=(died,))
    return decode_result(json.loads(said))


def check_cut(case: Case, data: bytes, length: int) -> None:
    """Assert that the first `length` bytes of a case are not taken for a whole file."""
    result = checked(data[:length], case)
    if case.cut_is_clean or result.verdict is not Verdict.CLEAN:
        return
    # What is left may be another whole thing: a text, or the stream in front of an archive that was cut off
    kinds = set(result.artifacts[0].scanners)
    assert kinds <= PLAIN_KINDS, f"clean as {kinds} after {length} of {len(data)} bytes"


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return `data` with a few bytes changed, taken out, doubled or moved."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        at, length = chance.randrange(len(changed)), chance.choice((1, 2, 4, 16))
        match chance.randrange(5):
            case 0:
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                changed[at : at + length] = chance.randbytes(length)
            case 2:
                changed[at : at + length] = chance.choice((b"\0", b"\xff")) * len(changed[at : at + length])
            case 3:
                changed[at:at] = changed[at : at + length]
            case _ if len(changed) > length:
                del changed[at : at + length]
    return bytes(changed)


@pytest.mark.parametrize("case", CASES)
def test_damaged_cases_never_crash_and_cut_ones_are_not_clean(case: Case, request: pytest.FixtureRequest) -> None:
    data = case.build()
    chance = random.Random(request.node.name)
    dear = HDF5 in data or len(data) > MIB
    cuts, flips = (IN_CHILDREN // 4, IN_CHILDREN // 4) if dear else (CUTS, FLIPS)
    for length in sorted({chance.randrange(len(data)) for _ in range(cuts)} | {len(data) - 1} if data else ()):
        check_cut(case, data, length)
    for _ in range(flips if data else 0):
        checked(damaged(data, chance), case)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("case", CASES)
def test_sweep_of_cuts_and_damage(case: Case, request: pytest.FixtureRequest) -> None:
    data = case.build()
    chance = random.Random(request.node.name)
    most, flips = (IN_CHILDREN, IN_CHILDREN) if HDF5 in data or len(data) > MIB else (SWEPT, 120)
    lengths = range(len(data)) if len(data) <= most else chance.sample(range(len(data)), most)
    for length in lengths:
        check_cut(case, data, length)
    for _ in range(flips if data else 0):
        checked(damaged(data, chance), case)


ALL = [case for _, _, case in all_cases()]
INPUTS = sorted((case.build() for case in ALL), key=len)[: len(ALL) * 9 // 10]


@given(st.data())
@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_spliced_files_never_crash(data: st.DataObject) -> None:
    """Two files of any formats put together at any place: what polyglots are made of."""
    first, second = data.draw(st.sampled_from(INPUTS)), data.draw(st.sampled_from(INPUTS))
    cut, start = data.draw(st.integers(0, len(first))), data.draw(st.integers(0, len(second)))
    case = data.draw(st.sampled_from(ALL))
    checked(first[:cut] + second[start:] + first[cut:], case)


@given(st.binary(max_size=600), st.sampled_from(sorted({case.name for case in ALL})))
@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_bytes_never_crash(data: bytes, name: str) -> None:
    checked(data, Case(lambda: data, name, Verdict.CLEAN))


@given(st.sampled_from(INPUTS), st.binary(max_size=64), st.sampled_from(sorted({case.name for case in ALL})))
@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_true_beginnings_with_random_ends_never_crash(whole: bytes, end: bytes, name: str) -> None:
    data = whole[: len(whole) * 2 // 3] + end
    checked(data, Case(lambda: data, name, Verdict.CLEAN))
