"""Members of archives that are units of their own: together they are what examining all at once would have been."""

from __future__ import annotations

import random
import zipfile
from dataclasses import replace
from io import BytesIO

import pytest

from modelsweep.core.finding import ProblemKind
from modelsweep.core.limits import Limits
from modelsweep.core.locator import Locator
from modelsweep.core.members import with_members
from modelsweep.core.options import Options
from modelsweep.core.reader import MemoryReader
from modelsweep.core.report import Unit, UnitResult, Verdict
from scanners.engine import examine
from tests.scanners.case import Case
from tests.scanners.spool import memory_spool
from tests.scanners.test_cases import all_cases

ALL = Limits(expanded_ratio=1 << 30)
"""With which every compressed member is a unit of its own."""
EVIL = b"cos\nsystem\n(S'echo modelsweep-test'\ntR."


def in_one(data: bytes, name: str, options: Options) -> UnitResult:
    """Examine all at once."""
    options = replace(options, limits=replace(options.limits, apart=0))
    return replace(examine(_unit(name, data), MemoryReader(data), options, memory_spool), duration=0.0)


def apart(data: bytes, name: str, options: Options) -> tuple[UnitResult, list[UnitResult]]:
    """Examine a file without its members that are units of their own, and those."""
    reader = MemoryReader(data)
    result = examine(_unit(name, data), reader, options, memory_spool)
    return result, [examine(member.unit, reader, options, memory_spool) for member in result.members]


def together(data: bytes, name: str, options: Options) -> UnitResult:
    """Examine a file and its members as units, and put them together."""
    result, parts = apart(data, name, options)
    return replace(with_members(result, parts, options.limits), duration=0.0)


def _unit(name: str, data: bytes) -> Unit:
    return Unit(0, Locator(name), len(data))


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("folder", "name", "case"), all_cases(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_units_of_members_say_what_the_file_would(folder: str, name: str, case: Case) -> None:
    data, options = case.build(), replace(case.options, limits=replace(case.options.limits, expanded_ratio=1 << 30))
    if data.startswith((b"PK", b"7z")) or folder in {"zip", "sevenzip"}:
        assert together(data, case.name, options) == in_one(data, case.name, options)


def test_every_member_that_is_compressed_is_a_unit_in_its_place() -> None:
    inner = zipped(("deep.pkl", EVIL), ("other.pkl", b"N."))
    data = zipped(("a.pkl", EVIL), ("in.zip", inner), ("notes.txt", b"words " * 50))
    archive, parts = apart(data, "x.zip", Options(limits=ALL))
    assert [str(part.unit.locator) for part in parts] == ["x.zip!a.pkl", "x.zip!in.zip", "x.zip!notes.txt"]
    assert archive.verdict is Verdict.CLEAN
    assert [part.verdict for part in parts] == [Verdict.MALICIOUS, Verdict.MALICIOUS, Verdict.CLEAN]
    assert not any(part.members for part in parts), "what is in a member is examined with it"
    whole = together(data, "x.zip", Options(limits=ALL))
    assert whole == in_one(data, "x.zip", Options(limits=ALL))
    assert [str(finding.locator) for finding in whole.findings] == ["x.zip!a.pkl", "x.zip!in.zip!deep.pkl"]


def test_members_of_one_name_are_told_apart() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped(("a.pkl", b"N."), ("a.pkl", EVIL), ("a.pkl", b"I1\n."))
    _, parts = apart(data, "x.zip", Options(limits=ALL))
    assert [part.verdict for part in parts] == [Verdict.CLEAN, Verdict.MALICIOUS, Verdict.CLEAN]
    assert together(data, "x.zip", Options(limits=ALL)) == in_one(data, "x.zip", Options(limits=ALL))


@pytest.mark.parametrize("seed", range(150))
def test_a_damaged_archive_is_the_same_in_parts(seed: int) -> None:
    chance = random.Random(seed)
    method = chance.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    members = [(f"{number}.pkl", EVIL + chance.randbytes(40)) for number in range(3)]
    data = bytearray(zipped(*members, ("s", b"N."), method=method))
    for _ in range(chance.randrange(1, 5)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    if chance.random() < 0.2:
        del data[chance.randrange(len(data)) :]
    options = Options(limits=ALL)
    assert together(bytes(data), "x.zip", options) == in_one(bytes(data), "x.zip", options)


def test_members_that_share_bytes_stay_with_their_archive() -> None:
    data = bytearray(zipped(("a.pkl", EVIL), ("b.pkl", EVIL)))
    first, second = (at for at in range(len(data)) if data[at : at + 4] == b"PK\x01\x02")
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    archive, parts = apart(bytes(data), "x.zip", Options(limits=ALL))
    assert [part.unit.index for part in parts] == [0]
    assert {finding.rule.id for finding in archive.findings} >= {"zip/overlapping-entries", "pickle/dangerous-call"}


def test_only_what_brings_its_own_budget_is_a_unit() -> None:
    """A member may expand to what its bytes add to the budget of its archive: all together gain nothing."""
    limits = Limits(expanded_floor=100_000, expanded_ratio=100)
    chance = random.Random(7)
    data = zipped(("small", chance.randbytes(900)), ("heavy", chance.randbytes(1100)), ("bomb", bytes(300_000)))
    _, (part,) = apart(data, "x.zip", Options(limits=limits))
    assert part.unit.locator.members == ("heavy",)
    assert 1000 <= part.unit.part < 1200


def test_a_bomb_has_the_budget_of_its_own_bytes_only() -> None:
    limits = Limits(expanded_floor=20_000, expanded_ratio=20)
    data = zipped(("bomb", bytes(2_000_000)), ("other.pkl", EVIL))
    archive, (part,) = apart(data, "x.zip", Options(limits=limits))
    assert part.problems[0].kind is ProblemKind.LIMIT
    assert f"more than {20 * part.unit.part:,} decompressed bytes" in part.problems[0].detail
    assert archive.verdict is Verdict.MALICIOUS


def test_no_more_members_are_units_than_may_be() -> None:
    data = zipped(*((f"{number}.pkl", EVIL) for number in range(20)))
    for limits, amount in ((replace(ALL, apart=7), 7), (replace(ALL, members=100), 5), (replace(ALL, apart=0), 0)):
        archive, parts = apart(data, "x.zip", Options(limits=limits))
        assert len(parts) == amount
        assert len(archive.findings) == 20 - amount
        assert together(data, "x.zip", Options(limits=limits)) == in_one(data, "x.zip", Options(limits=limits))


def test_scanners_that_are_not_chosen_divide_nothing() -> None:
    data = zipped(("a.pkl", EVIL))
    assert not apart(data, "x.zip", Options(limits=ALL, scanners=("pickle",)))[1]


def test_a_member_that_is_not_there_any_more_is_said() -> None:
    member = Unit(1, Locator("x.zip", ("b.pkl",)), 200, part=50)
    for data in (zipped(("a.pkl", EVIL)), b"N.", b"", b"PK\x03\x04" + bytes(40)):
        result = examine(member, MemoryReader(data), Options(limits=ALL), memory_spool)
        (problem,) = result.problems
        assert problem.kind in (ProblemKind.CHANGED, ProblemKind.MALFORMED)
        assert problem.locator == member.locator
        assert result.verdict is Verdict.NOT_SCANNED


def test_what_one_unit_may_have_holds_for_all_together() -> None:
    data = zipped(*((f"{number}.pkl", EVIL * 3) for number in range(9)))
    options = Options(limits=replace(ALL, facts=10, problems=4))
    result = together(data, "x.zip", options)
    assert len(result.facts) == 10
    assert result.facts == in_one(data, "x.zip", options).facts
    assert "more than 10 facts: the rest is left out" in {problem.detail for problem in result.problems}


def test_a_member_without_a_result_is_not_clean() -> None:
    data = zipped(("a.pkl", b"N."), ("b.pkl", b"N."))
    archive, parts = apart(data, "x.zip", Options(limits=ALL))
    result = with_members(archive, parts[:1], ALL)
    assert result.verdict is Verdict.NOT_SCANNED
    assert [str(problem.locator) for problem in result.problems] == ["x.zip!b.pkl"]
