"""Nothing that a child answers makes the supervisor fail, or a report after it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind, Rule, Severity, Span
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Member, Report, Tool, Unit, UnitResult
from modelsweep.core.wire import dumps, encode_result
from worker.answer import result_of
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
MESSAGE: dict[str, Any] = json.loads(dumps(encode_result(RESULT)))
ARCHIVE = Unit(7, Locator("models/a.zip", (), "etag"), 100)
DIVIDED = UnitResult(
    ARCHIVE,
    (Artifact(ARCHIVE.locator, 100, "ab" * 32, ("zip",)),),
    members=(
        Member(Unit(0, ARCHIVE.locator.member("a"), 100, part=40, stamp="100-1"), 1, 0, 0),
        Member(Unit(1, ARCHIVE.locator.member("a"), 100, part=60, stamp="100-1"), 1, 0, 0),
    ),
)
DIVIDED_MESSAGE: dict[str, Any] = json.loads(dumps(encode_result(DIVIDED)))


def test_an_honest_answer_is_the_result_of_the_supervisors_own_unit() -> None:
    answered = {**MESSAGE, "unit": {"index": 0, "locator": ["other", ""], "size": 1, "digest": ""}}
    assert result_of(answered, UNIT) == RESULT


@pytest.mark.parametrize("message", ["{subject:>9999999999}", "{subject.__class__}", "{subject[0]}", "{", "{missing}"])
def test_a_hostile_template_is_refused(message: str) -> None:
    answered = copy.deepcopy(MESSAGE)
    answered["rules"]["test/rule"]["message"] = message
    with pytest.raises(BadMessage):
        result_of(answered, UNIT)


@pytest.mark.parametrize(
    "where", [["models/b.zip", "etag", "inner.pkl"], ["models/a.zip", "", "inner.pkl"], ["models/a.zip", "etag"]]
)
@pytest.mark.parametrize("part", ["artifacts", "facts", "findings", "problems"])
def test_a_result_about_another_file_is_refused(part: str, where: list[str]) -> None:
    answered = copy.deepcopy(MESSAGE)
    answered[part][0][{"artifacts": 0, "facts": 2, "findings": 1, "problems": 1}[part]] = where
    if where[2:] or part != "findings" or where[1] != "etag":
        with pytest.raises(BadMessage):
            result_of(answered, UNIT)
    else:
        assert result_of(answered, UNIT).findings[0].locator == ARCHIVE.locator, "of the archive it may speak"


def test_members_are_those_of_an_archive_and_in_order() -> None:
    assert result_of(DIVIDED_MESSAGE, ARCHIVE) == DIVIDED
    first, second = DIVIDED_MESSAGE["members"]
    elsewhere = [{**second[0], "locator": ["models/b.zip", "etag", "a"]}, *second[1:]]
    larger = [{**second[0], "part": 101}, *second[1:]]
    itself = [{**second[0], "locator": ["models/a.zip", "etag"]}, *second[1:]]
    for members in (
        [second, first],
        [first, first],
        [first, elsewhere],
        [first, larger],
        [first, itself],
        [[1], first],
    ):
        with pytest.raises(BadMessage):
            result_of({**DIVIDED_MESSAGE, "members": members}, ARCHIVE)
    with pytest.raises(BadMessage):
        result_of({**MESSAGE, "members": [first]}, UNIT)


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
        answered = copy.deepcopy(message)
        holder = answered
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] = wrong
        try:
            result = result_of(answered, unit)
        except BadMessage:
            continue
        shape = Report(("models",), Tool("1", "", ()), (result,)).to_dict()
        assert json.loads(json.dumps(shape)) == shape


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_none(received: bytes) -> None:
    try:
        message = unframe(bytearray(received))
    except BadMessage:
        return
    assert message is None or isinstance(message, dict)
