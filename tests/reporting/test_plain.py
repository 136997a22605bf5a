"""Plain files take a way of their own into documents, and into the same bytes; stored results tell them apart alike."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind, Span
from modelsweep.core.locator import Locator
from modelsweep.core.plain import plain_of
from modelsweep.core.report import Artifact, Plain, Report, Tally, Unit, UnitResult
from modelsweep.fleet.results import decode_chunk, encode_chunk
from reporting import fill
from reporting.address import uri_of, uris_of
from reporting.scratch import Part, Scratch
from reporting.writer import Section, Writer
from tests.reporting.sample import CALL, HOSTILE, clean_report
from tests.reporting.test_writers import BY_NAME, VIEW

DIVISIBLE = ("json", "sarif", "cyclonedx", "spdx")
ROOTS = ("", "s3://models/", "hf://org/model/", "models:/m/1/", "/srv/models/", "./", "a//b/", "gs://x/")
TEXTS = st.one_of(
    st.sampled_from(["", "a", "v1", "acme==1.0", "A b", "ä\udcff", "\x7f\n", 'say "x"', "..", HOSTILE]),
    st.text(max_size=9),
)
LOCATORS = st.builds(
    lambda root, name, version: Locator(root + name, (), version),
    st.sampled_from(ROOTS),
    st.one_of(st.sampled_from(["w.safetensors", "x/", "y/model-00001.bin"]), TEXTS),
    TEXTS,
)
KINDS = st.sampled_from(
    ["framework", "licence", "copyright", "dataset", "tensors", "architecture", "requirement", "conda-requirement"]
)


@st.composite
def results(draw: st.DrawFn) -> UnitResult:
    """Return the result of a file: mostly plain, or with one of all that makes it another."""
    where, size = draw(LOCATORS), draw(st.integers(0, 2**33))
    inside = st.sampled_from([where, where, where, where.member("m")])
    detail = st.sampled_from([{}, {"spdx": True}, {"spdx": False}, {"n": 1}])
    facts = st.builds(Fact, KINDS, TEXTS, inside, st.sampled_from([None, Span(1, 2)]), detail)
    digest = draw(st.sampled_from(["ab" * 32, "0" * 64, "0" * 64, "", 'a"b', "ä"]))
    scanners = draw(st.sampled_from([(), ("safetensors",), ("pickle", "zip"), ("text",)]))
    artifacts = [Artifact(where, draw(st.sampled_from([size, size, 3])), digest, scanners)]
    if draw(st.integers(0, 9)) == 0:
        artifacts = draw(st.sampled_from([[], [*artifacts, Artifact(where.member("m"), 1, "", ())]]))
    plain = UnitResult(
        Unit(0, where, size), tuple(artifacts), tuple(draw(st.lists(facts, max_size=4))), bytes_read=size
    )
    finding = Finding(CALL, where, "os.system", evidence={"arguments": ""})
    problem = Problem(ProblemKind.LIMIT, where, "zip", "too deep")
    said = (replace(plain, findings=(finding,)), replace(plain, problems=(problem,)))
    return draw(st.sampled_from([plain, plain, plain, plain, *said]))


SEVERAL = st.lists(results(), max_size=6).map(
    lambda found: [replace(result, unit=replace(result.unit, index=index)) for index, result in enumerate(found)]
)
QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def runs_of(found: Sequence[UnitResult], apart: Iterable[str] = ()) -> list[list[Plain] | UnitResult]:
    """Return what comes out of a blob of results."""
    return list(decode_chunk(encode_chunk(clean_report().tool, found)).runs(frozenset(apart)))


@QUIET
@given(SEVERAL, st.booleans())
def test_a_blob_tells_plain_files_as_their_results_do(found: list[UnitResult], is_first_apart: bool) -> None:
    apart = {found[0].unit.locator.uri} if found and is_first_apart else set()
    told: list[Plain | UnitResult] = []
    for run in runs_of(found, apart):
        told += run if isinstance(run, list) else [run]
    expected = [(result.unit.locator.uri not in apart and plain_of(result)) or result for result in found]
    assert told == expected


def test_a_result_of_each_kind_is_told_as_what_it_is() -> None:
    where = Locator("s3://m/a.safetensors", (), "v1")
    fact = Fact("licence", "MIT", where, Span(3, 4), {"spdx": True})
    plain = UnitResult(Unit(0, where, 7), (Artifact(where, 7, "ab", ("safetensors",)),), (fact,), bytes_read=5)
    said = (where.uri, "v1", 7, "ab", (("safetensors",), (("licence", "MIT", True),)), 5)
    assert runs_of([plain, plain]) == [[said, said]]
    for other in (
        replace(plain, artifacts=()),
        replace(plain, artifacts=plain.artifacts * 2),
        replace(plain, artifacts=(replace(plain.artifacts[0], digest=""),)),
        replace(plain, artifacts=(replace(plain.artifacts[0], size=8),)),
        replace(plain, facts=(replace(fact, locator=where.member("x")),)),
        replace(plain, problems=(Problem(ProblemKind.LIMIT, where, "zip", "too deep"),)),
        replace(plain, unit=replace(plain.unit, locator=where.member("x"), part=3), artifacts=(), facts=()),
    ):
        assert plain_of(other) is None
        assert runs_of([other]) == [other]


def texts_of(section: Section) -> list[str]:
    """Return the text of each part."""
    return ["".join(part.text()) for part in section.parts]


def section_of(writer: Writer) -> Section:
    """Return a section without results, with room for any."""
    return writer.section(clean_report(), VIEW, [9, True, True, True] if writer.name == "sarif" else None)


@pytest.mark.parametrize("name", DIVISIBLE)
def test_a_plain_file_is_written_as_any_other(name: str) -> None:
    """Byte for byte, by the way that goes for all files."""

    @QUIET
    @given(results())
    @example(UnitResult(Unit(0, Locator("s3://m/"), 1), (Artifact(Locator("s3://m/"), 1, "ab", ()),)))
    def check(result: UnitResult) -> None:
        plain = plain_of(result)
        if plain:
            special, general = section_of(BY_NAME[name]), section_of(BY_NAME[name])
            special.add_plain([plain])
            general.add(result)
            assert texts_of(special) == texts_of(general)

    check()


@pytest.mark.parametrize("name", DIVISIBLE)
def test_plain_files_together_are_written_as_one_by_one(name: str) -> None:

    @QUIET
    @given(SEVERAL)
    def check(found: list[UnitResult]) -> None:
        report = Report(("s3://models", "hf://org/model"), clean_report().tool, found)
        draft, tally, whole = BY_NAME[name].draft(report, VIEW), Tally(), io.StringIO()
        for run in runs_of(found):
            for taker in (draft, tally):
                if isinstance(run, list):
                    taker.add_plain(run)
                else:
                    taker.add(run)
        counted = replace(report, counted=tally.totals())
        draft.finish(counted, whole)
        alone, one_by_one = BY_NAME[name].draft(report, VIEW), io.StringIO()
        filled = fill(report, [alone])
        alone.finish(filled, one_by_one)
        assert counted.totals == filled.totals
        assert whole.getvalue() == one_by_one.getvalue()

    check()


@pytest.mark.parametrize("names", [["a\ns3://models/b", "c"], ["a\ns3://models/b"], ["a\n"], ["a", "b/c"]])
def test_addresses_of_names_with_line_feeds_are_told_as_one_by_one(names: list[str]) -> None:
    uris = [f"s3://models/{name}" for name in names]
    assert uris_of(uris, "/srv") == [uri_of(uri, "/srv") for uri in uris]


def test_pieces_given_together_are_pieces_given_one_by_one() -> None:
    one, other = Part(Scratch(), ","), Part(Scratch(), ",")
    one.extend(["a", "b"])
    one.extend([])
    one.extend(["c"])
    for piece in "abc":
        other.add(piece)
    assert "".join(one.text()) == "".join(other.text()) == "a,b,c"
