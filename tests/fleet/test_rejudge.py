"""Rejudging: facts as they were stored, judged by the rules of today, come to what examining the bytes would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.report import Artifact, Report, Tool, Unit, UnitResult, Verdict
from modelsweep.fleet import rejudge as rejudging
from modelsweep.fleet.rejudge import Rejudged, rejudge, rejudged_report
from modelsweep.fleet.results import decode_chunk, encode_chunk
from scanners.judge import JUDGED, JUDGES, Judge
from tests.reporting.sample import sample_report
from tests.scanners.case import Case, examine_bytes
from tests.scanners.test_cases import all_cases

TOOL = Tool("0.1.0", "f" * 64, ("pickle",))
WHERE = Locator("model.pkl")


def stored(result: UnitResult) -> UnitResult:
    """Return a result as it is read from a store."""
    (read,) = decode_chunk(encode_chunk(TOOL, [result]))
    return read


def model(*facts: Fact, findings: tuple[Finding, ...] = ()) -> UnitResult:
    """Return a stored result."""
    return stored(UnitResult(Unit(0, WHERE, 1), (Artifact(WHERE, 1, "a" * 64, ("pickle",)),), facts, findings))


def only(result: UnitResult, options: Options | None = None) -> Rejudged:
    """Return how one result is judged today."""
    (rejudged,) = rejudge([result], options or Options())
    return rejudged


@pytest.mark.parametrize(("folder", "name", "case"), all_cases()[::6])
def test_under_the_same_rules_nothing_is_different(folder: str, name: str, case: Case) -> None:
    result = stored(examine_bytes(case.build(), case.name, case.options))
    rejudged = only(result, case.options)
    assert repr(rejudged.result) == repr(result), f"{folder}/{name}"
    assert (rejudged.new, rejudged.gone) == ((), ())


def call(name: str) -> Fact:
    """Return the fact that a pickle calls something."""
    return Fact("call", name, WHERE, detail={"how": "REDUCE", "args": {"tuple": []}})


def pickled() -> UnitResult:
    """Return what examining a pickle of an unknown class comes to."""
    return stored(examine_bytes(b"cacme.models\nNet\n)\x81.", "model.pkl"))


def test_todays_allow_list_counts() -> None:
    before = pickled()
    assert before.verdict is Verdict.REVIEW
    rejudged = only(before, Options(allow_imports=("acme.*",)))
    assert rejudged.result.verdict is Verdict.CLEAN
    assert rejudged.gone == before.findings
    assert rejudged.new == ()


def test_todays_blacklist_counts() -> None:
    rejudged = only(model(), Options(blacklist=("model",)))
    assert [finding.rule.id for finding in rejudged.new] == ["name/blacklisted"]
    assert rejudged.result.verdict is Verdict.MALICIOUS
    assert [finding.rule.id for finding in only(rejudged.result).gone] == ["name/blacklisted"]


NEW = Rule("test/new", "New", Severity.CRITICAL, "calls {subject}", "Why.", "Fix.")


def newly_judged(facts: object, options: Options) -> Iterator[Finding]:
    """Find a new rule broken."""
    yield Finding(NEW, WHERE, "acme.models.Net")


@pytest.fixture
def _fresh_rules() -> Iterator[None]:
    """Have today's rules looked up anew, before and after."""
    rejudging._todays_rules.cache_clear()
    yield
    rejudging._todays_rules.cache_clear()


@pytest.mark.usefixtures("_fresh_rules")
def test_a_judge_of_today_finds_what_nobody_knew_then(monkeypatch: pytest.MonkeyPatch) -> None:
    before = pickled()
    judges = (*JUDGES, Judge("new", 1, frozenset({"import"}), newly_judged, (NEW,)))
    monkeypatch.setattr("scanners.judge.JUDGES", judges)
    monkeypatch.setattr(rejudging, "JUDGED", JUDGED | {NEW.id})
    rejudged = only(before)
    assert [finding.rule.id for finding in rejudged.new] == ["test/new"]
    assert rejudged.gone == ()
    assert only(rejudged.result) == Rejudged(rejudged.result), "and finds it once"


def test_what_only_old_rules_found_is_gone() -> None:
    """As of a rule of a judge that says nothing of these facts today."""
    rule = JUDGES[0].rules[0]
    finding = Finding(rule, WHERE, "collections.OrderedDict", evidence=dict.fromkeys(placeholders(rule), ""))
    before = model(call("collections.OrderedDict"), findings=(finding,))
    rejudged = only(before)
    assert rejudged.gone == (finding,)
    assert rejudged.result.findings == ()


def placeholders(rule: Rule) -> list[str]:
    """Return what a rule's wording asks of the evidence."""
    from string import Formatter

    return [name for _, name, _, _ in Formatter().parse(rule.message) if name not in (None, "subject", "path")]


def test_what_scanners_saw_in_the_bytes_stays() -> None:
    """Also what a plug-in found, whose rules nobody declares here."""
    plugin = Finding(replace(NEW, id="plugin/odd"), WHERE, "x")
    before = stored(examine_bytes(*broken_gguf()))
    assert before.findings
    before = replace(before, findings=(plugin, *before.findings))
    assert only(before) == Rejudged(before)


def broken_gguf() -> tuple[bytes, str]:
    """Return a file that breaks its own format, which a scanner says by itself."""
    from tests.scanners.gguf.cases import CASES

    return CASES["duplicate_key"].build(), CASES["duplicate_key"].name


@pytest.mark.usefixtures("_fresh_rules")
def test_what_scanners_saw_is_told_in_todays_words(monkeypatch: pytest.MonkeyPatch) -> None:
    before = stored(examine_bytes(*broken_gguf()))
    (finding,) = before.findings
    worse = replace(finding.rule, severity=Severity.CRITICAL, why="Known better today.")
    monkeypatch.setattr(rejudging, "_todays_rules", lambda: {worse.id: worse})
    rejudged = only(before)
    assert [item.rule for item in rejudged.new] == [worse]
    assert rejudged.gone == (finding,)
    other = replace(finding.rule, message="asks for {what_nobody_stored}")
    monkeypatch.setattr(rejudging, "_todays_rules", lambda: {other.id: other})
    assert only(before) == Rejudged(before)


def test_a_report_is_judged_as_it_is_read() -> None:
    before = Report(("x",), TOOL, (pickled(), pickled()), options={"depth": "full", "allow_imports": []})
    assert before.totals.severities[Severity.WARNING] == 2
    today = Tool("0.2.0", "e" * 64, ("pickle",))
    after = rejudged_report(before, Options(allow_imports=("acme.*",)), today)
    assert len(after.results) == 2
    assert after.totals.severities[Severity.WARNING] == 0
    assert (after.tool, after.targets) == (today, ("x",))
    assert after.options == {"depth": "full", "allow_imports": ["acme.*"], "blacklist": []}
    assert [result.findings for result in after.results] == [(), ()]


def test_facts_that_no_judge_understands_any_more_are_said() -> None:
    finding = Finding(NEW, WHERE, "x")
    before = model(Fact("template", "x", WHERE, detail={"text": 7}), findings=(finding,))
    rejudged = only(before, Options(blacklist=("x",)))
    assert rejudged.result.findings == (finding,)
    assert "scan it again" in rejudged.result.problems[0].detail


def test_problems_and_facts_stay() -> None:
    for result in sample_report().results:
        rejudged = only(result).result
        assert (rejudged.problems, rejudged.artifacts) == (result.problems, result.artifacts)
        assert repr(rejudged.facts) == repr(result.facts)
