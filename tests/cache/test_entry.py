"""What is kept of a unit, told of another address and judged anew, is what examining it there would have said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelsweep.cache.entry import PASSING, decode, encode, is_complete
from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.reader import MemoryReader
from modelsweep.core.report import Artifact, Member, Unit, UnitResult
from modelsweep.fleet.signature import Damaged
from scanners.engine import conclude, examine
from scanners.judge import JUDGED, JUDGES, Judge
from tests.scanners.case import Case
from tests.scanners.spool import memory_spool
from tests.scanners.test_cases import all_cases

HERE, THERE = "/srv/models", "s3://bucket/some/where/else"
ONE_OF_EACH = {(folder, case.verdict): (folder, name, case) for folder, name, case in all_cases()}


def examined(data: bytes, where: Locator, options: Options) -> UnitResult:
    unit = Unit(7, where, len(data))
    return replace(examine(unit, MemoryReader(data), options, memory_spool), duration=0.0)


def kept(result: UnitResult) -> bytes:
    return encode(result, [finding for finding in result.findings if finding.rule.id not in JUDGED])


def judged(data: bytes, unit: Unit, options: Options) -> UnitResult:
    known = decode(data, unit)
    return replace(known, findings=conclude(known.findings, known.facts, known.artifacts, options))


@pytest.mark.parametrize(
    ("folder", "name", "case"), ONE_OF_EACH.values(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_is_known_is_what_would_be_found(folder: str, name: str, case: Case) -> None:
    """Of each kind of file one of each verdict, under other options than those it was examined with."""
    data = case.build()
    entry = kept(examined(data, Locator(f"{HERE}/{case.name}"), replace(case.options, blacklist=("nothing-of-it",))))
    where = Locator(f"{THERE}/{case.name}", version='"etag"')
    options = replace(case.options, blacklist=(case.name, "weights"), allow_imports=("acme.*",))
    expected = examined(data, where, options)
    assert judged(entry, expected.unit, options) == expected


def test_a_rule_of_a_judge_that_is_new_is_found_without_reading_and_an_old_one_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rule = Rule("test/new", "New", Severity.WARNING, "{subject}", "Why.", "Do.")

    where = Locator(f"{THERE}/m.pkl")

    def findings(facts: object, options: Options) -> list[Finding]:
        return [Finding(rule, where, "new")]

    data = b"\x80\x04cos\nsystem\n(S'id'\ntR."
    result = examined(data, Locator(f"{HERE}/m.pkl"), Options())
    assert [finding.rule.id for finding in result.findings] == ["pickle/dangerous-call"]
    entry = kept(result)
    monkeypatch.setattr("scanners.judge.JUDGES", (Judge("new", 1, frozenset({"call"}), findings, (rule,)),))  # type: ignore[arg-type]
    assert [f.rule.id for f in judged(entry, Unit(0, where, len(data)), Options()).findings] == ["test/new"]
    monkeypatch.setattr("scanners.judge.JUDGES", JUDGES[:1])
    assert [f.rule.id for f in judged(entry, Unit(0, where, len(data)), Options()).findings] == [
        "pickle/dangerous-call"
    ]


def test_members_that_are_units_of_their_own_are_told_too() -> None:
    archive = Unit(3, Locator(f"{HERE}/a.zip"), 1000)
    inner = Unit(0, archive.locator.member("b.bin"), 1000, part=900, stamp="old")
    whole = UnitResult(archive, (Artifact(archive.locator, 1000, "aa", ("zip",)),), members=(Member(inner, 1, 0, 0),))
    there = Unit(9, Locator(f"{THERE}/a.zip", (), "v1"), 1000)
    (member,) = decode(encode(whole, ()), there).members
    assert member.unit == replace(inner, locator=there.locator.member("b.bin"))
    rule = Rule("test/seen", "Seen", Severity.INFO, "{subject}", "Why.", "Do.")
    found = Finding(rule, archive.locator, "of the archive")  # an archive's scanner speaks of it in a member, too
    part = UnitResult(
        inner, (Artifact(inner.locator, 900, "bb", ()),), (Fact("url", "x", inner.locator),), findings=(found,)
    )
    told = decode(encode(part, (found,)), replace(inner, locator=there.locator.member("b.bin")))
    assert told.findings[0].locator == there.locator
    assert told.facts[0].locator == told.artifacts[0].locator == there.locator.member("b.bin")


def sample(*problems: Problem, digest: str = "") -> UnitResult:
    unit = Unit(0, Locator("m"), 4, digest)
    return UnitResult(unit, (Artifact(unit.locator, 4, "d" * 64, ()),), problems=problems)


@pytest.mark.parametrize("kind", ProblemKind)
def test_only_what_another_try_says_again_is_kept(kind: ProblemKind) -> None:
    assert is_complete(sample(Problem(kind, Locator("m"), "zip", "x"))) is (kind not in PASSING)
    assert not is_complete(sample(Problem(kind, Locator("m"), "supervisor", "x")))
    assert not is_complete(sample(Problem(kind, Locator("m"), "child", "ran out of memory")))


def test_what_was_not_examined_or_is_of_other_bytes_is_not_kept() -> None:
    assert is_complete(sample())
    assert not is_complete(UnitResult(Unit(0, Locator("m"), 4)))
    assert is_complete(sample(digest="d" * 64))
    assert not is_complete(sample(digest="e" * 64)), "the store vouches for other bytes than were read"


@pytest.mark.parametrize("data", [b"", b"x", b"\x28\xb5\x2f\xfd", kept(sample())[:-3], kept(sample())[:20] + b"\0"])
def test_damage_is_said(data: bytes) -> None:
    with pytest.raises(Damaged):
        decode(data, sample().unit)


def test_an_entry_of_other_bytes_is_damage() -> None:
    for other in (Unit(0, Locator("m"), 5), Unit(0, Locator("m", ("x",)), 4)):
        with pytest.raises(Damaged, match="something else"):
            decode(kept(sample()), other)
