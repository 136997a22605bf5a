"""Nothing that a child answers makes the supervisor fail, or a report after it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind, Rule, Severity, Span
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Member, Report, Tool, Unit, UnitResult
from modelsweep.core.wire import dumps
from modelsweep.fleet.results import decode_chunk, encode_chunk
from worker.answer import (
    DEEPEST,
    LONGEST_TAIL,
    Answer,
    answer_of,
    encode_answer,
    extracted_of,
    result_of,
    tail_in,
)
from worker.channel import BadMessage, unframe

UNIT = Unit(7, Locator("models/a.zip", ("inner.pkl",), "etag"), 100)
MEMBER = UNIT.locator.member("member")
RULE = Rule("test/rule", "A rule", Severity.WARNING, "{subject} at {path}: {count!r}", "why", "fix", cwe=502)
RESULT = UnitResult(
    UNIT,
    (Artifact(UNIT.locator, 100, "ab" * 32, ("pickle",)),),
    (Fact("call", "os.system", MEMBER, Span(3, 4), {"arguments": ["x"]}),),
    (Finding(RULE, MEMBER, "os.system", "root", Span(3), {"count": 3}),),
    (Problem(ProblemKind.MALFORMED, MEMBER, "pickle", "cut short", Span(9)),),
    100,
    0.5,
)
ARCHIVE = Unit(7, Locator("models/a.zip", (), "etag"), 100)
DIVIDED = UnitResult(
    ARCHIVE,
    (Artifact(ARCHIVE.locator, 100, "ab" * 32, ("zip",)),),
    members=(
        Member(Unit(0, ARCHIVE.locator.member("a"), 100, part=40, stamp="100-1"), 1, 0, 0),
        Member(Unit(1, ARCHIVE.locator.member("a"), 100, part=60, stamp="100-1"), 1, 0, 0),
    ),
)
ARTIFACTS, FACTS, FINDINGS, PROBLEMS, MEMBERS = 0, 1, 2, 3, 6


def message_of(result: UnitResult) -> dict[str, Any]:
    """Return an answer as JSON: what it says of the result, and the tail of its row."""
    said, tail = encode_answer(result, range(len(result.findings)), retire=False).split(b"\n")
    return {"said": json.loads(said), "tail": json.loads(tail)}


def answered(message: Mapping[str, Any]) -> Answer:
    return answer_of(dumps(message["said"]) + b"\n" + dumps(message["tail"]))


def read(message: Mapping[str, Any], unit: Unit) -> UnitResult:
    return result_of(answered(message), unit)


MESSAGE, DIVIDED_MESSAGE = message_of(RESULT), message_of(DIVIDED)


def test_an_honest_answer_is_the_result_of_the_supervisors_own_unit() -> None:
    assert read(MESSAGE, UNIT) == RESULT
    other = replace(UNIT, index=3, digest="cd" * 32, modified=5.0)
    assert read(MESSAGE, other) == replace(RESULT, unit=other)
    assert extracted_of(answered(MESSAGE), RESULT) == [*RESULT.findings]


def test_most_answers_say_nothing_beside_the_tail() -> None:
    clean = replace(RESULT, findings=())
    body = encode_answer(clean, (), retire=False)
    assert body.startswith(b"{}\n[")
    assert result_of(answer_of(body), UNIT) == clean
    assert encode_answer(clean, (), retire=True).startswith(b'{"retire":true}\n[')


@pytest.mark.parametrize("message", ["{subject:>9999999999}", "{subject.__class__}", "{subject[0]}", "{", "{missing}"])
def test_a_hostile_template_is_refused(message: str) -> None:
    hostile = copy.deepcopy(MESSAGE)
    hostile["said"]["rules"][0]["message"] = message
    with pytest.raises(BadMessage):
        read(hostile, UNIT)


@pytest.mark.parametrize("below", [["other.pkl"], [], ["member", "inner.pkl"]])
@pytest.mark.parametrize("part", [ARTIFACTS, FACTS, FINDINGS, PROBLEMS])
def test_a_result_about_another_member_is_refused(part: int, below: list[str]) -> None:
    """Of another file it cannot speak at all: places are relative to this one."""
    hostile = copy.deepcopy(MESSAGE)
    hostile["tail"][part][0][0] = below
    if below or part != FINDINGS:
        with pytest.raises(BadMessage):
            read(hostile, UNIT)
    else:
        assert read(hostile, UNIT).findings[0].locator == ARCHIVE.locator, "of the archive it may speak"


def test_members_are_those_of_an_archive_and_in_order() -> None:
    assert read(DIVIDED_MESSAGE, ARCHIVE) == DIVIDED
    first, second = DIVIDED_MESSAGE["tail"][MEMBERS]
    larger, itself, before = [101, *second[1:]], second[:-1], [*second[:2], 0, *second[3:]]
    for members in ([first, larger], [first, itself], [first, before], [[1], first]):
        with pytest.raises(BadMessage):
            read({**DIVIDED_MESSAGE, "tail": [*DIVIDED_MESSAGE["tail"][:MEMBERS], members]}, ARCHIVE)
    with pytest.raises(BadMessage):
        read({**MESSAGE, "tail": [*MESSAGE["tail"], [first]]}, UNIT)


@pytest.mark.parametrize("places", [[1], [-1], [0, 0], [True], "0", None])
def test_what_was_extracted_is_some_of_the_findings(places: Any) -> None:
    hostile = copy.deepcopy(MESSAGE)
    hostile["said"]["extracted"] = places
    with pytest.raises(BadMessage):
        extracted_of(answered(hostile), RESULT)


@pytest.mark.parametrize("depth", [5, DEEPEST - 2, DEEPEST - 1, 400])
def test_details_that_stand_too_deep_are_refused(depth: int) -> None:
    """Whoever reads what is stored may have less room on its stack, and would lose the results of other files."""
    deep: Any = {}
    for _ in range(depth):
        deep = [deep]
    hostile = copy.deepcopy(MESSAGE)
    hostile["tail"][FACTS][0][4] = {"deep": deep}
    if depth < DEEPEST - 1:
        assert read(hostile, UNIT).facts[0].detail == {"deep": deep}
    else:
        with pytest.raises(BadMessage):
            read(hostile, UNIT)


TAILS = {
    b"[[],[],[],[],1,0.5]": True,
    b"[[], [], [], [], 1, 0.5]": True,
    b"[[],[],[],[],1,\n0.5]": False,
    b'[[],[],[],[[[],null,"malformed","pickle","' + b"x" * LONGEST_TAIL + b'",null]],1,0.5]': False,
}


@pytest.mark.parametrize(("tail", "kept"), TAILS.items())
def test_what_would_end_a_line_and_what_is_long_is_not_kept_as_it_is(tail: bytes, kept: bool) -> None:
    if kept:
        answer = answer_of(b"{}\n" + tail)
        assert result_of(answer, UNIT).bytes_read == 1
        assert tail_in(answer) == tail.decode()
    else:
        assert not tail_in(answer_of(b"{}\n" + tail))


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"{}\n", b"[]\n[]", b"{}x\n[]", b"{}\n{}", b"{}\n[[],[],[],[],1,0.5]x", b"{}\n [[],[],[],[],1,0.5]"],
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(BadMessage):
        result_of(answer_of(body), UNIT)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside a JSON value."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _places(inner, (*path, key))


WRONG: tuple[Any, ...] = (None, True, -1, 1.5, "", "text", [], ["text"], {}, {"text": 1}, [[[]]], 10**30)


@pytest.mark.parametrize(
    ("message", "unit", "place"),
    [
        (message, unit, place)
        for message, unit in ((MESSAGE, UNIT), (DIVIDED_MESSAGE, ARCHIVE))
        for place in _places(message)
        if place
    ],
    ids=lambda value: str(value) if isinstance(value, tuple) else "",
)
def test_any_other_value_is_refused_or_harmless(message: Any, unit: Unit, place: tuple[Any, ...]) -> None:
    for wrong in WRONG:
        changed = copy.deepcopy(message)
        holder = changed
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] = wrong
        try:
            result = read(changed, unit)
        except BadMessage:
            continue
        shape = Report(("models",), Tool("1", "", ()), (result,)).to_dict()
        assert json.loads(json.dumps(shape)) == shape
        (stored,) = decode_chunk(encode_chunk(Tool("1", "", ()), [result], [tail_in(answered(changed))]))
        assert stored == replace(result, unit=stored.unit), "what is stored as it was sent is what was checked"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_none(received: bytes) -> None:
    try:
        message = unframe(bytearray(received))
    except BadMessage:
        return
    if message is not None:
        with pytest.raises(BadMessage):
            result_of(answer_of(message), UNIT)
