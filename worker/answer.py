"""What a child answers, and how it is read before any of it is believed: one that was taken over costs a Problem.

An answer is a line that says something of the result, a JSON object, and behind it the tail of its row
(modelsweep/core/rows.py):

    rules      those that its findings name by number     extracted  places of its findings that are no opinions
    retire     this child is to be replaced               unknown    why an entry of the cache could not be judged

A child may lie about its own file. It may not speak of another one, nor send what would make a report fail: values of
other types than declared, templates that a hostile `format` would blow up, evidence that its template lacks. The tail
is stored as it was sent, so that whoever reads it later must find what was found here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from modelsweep.core.finding import Finding, Json, JsonObject, Rule
from modelsweep.core.locator import Locator
from modelsweep.core.report import Unit, UnitResult
from modelsweep.core.rows import WRONG, checked_rule, decode_tail, tail_of
from modelsweep.core.units import KIB
from modelsweep.core.wire import Decoded, dumps, encode_rule
from worker.channel import BadMessage

NOTHING = "{}"
"""What most answers say of their result."""
LONGEST_TAIL = 64 * KIB
"""Characters of a tail that is kept as it was sent; longer ones are encoded anew, and not held twice meanwhile."""
DEEPEST = 32
"""Values inside values of a detail, or of the evidence of a finding. Readers may have little room on their stack."""
_decode = json.JSONDecoder().raw_decode


class Answer(NamedTuple):
    """An answer whose first line is read: `start` is where the tail of the row begins in `text`."""

    said: Decoded
    text: str
    start: int


class Examined(NamedTuple):
    """The result of a unit, whether nothing was read for it, and its tail as it was sent, or nothing."""

    result: UnitResult
    known: bool = False
    tail: str = ""


def encode_answer(result: UnitResult, extracted: Iterable[int], *, retire: bool) -> bytes:
    """Return the answer of a child; raises ValueError where the result speaks of another file."""
    rules: dict[Rule, int] = {}
    tail = dumps(tail_of(result, rules))
    said: JsonObject = {}
    if result.findings:
        places: list[Json] = list(extracted)
        said |= {"rules": [encode_rule(rule) for rule in rules], "extracted": places}
    said = said | {"retire": True} if retire else said
    return b"\n".join((dumps(said) if said else NOTHING.encode(), tail))


def answer_of(body: bytes) -> Answer:
    """Return an answer; raises BadMessage where it is none."""
    try:
        text = body.decode("ascii")
        start = text.index("\n") + 1
        if start == len(NOTHING) + 1 and text.startswith(NOTHING):
            return Answer({}, text, start)
        said, end = _decode(text)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"no JSON: {type(error).__name__}") from error
    if not isinstance(said, dict) or end != start - 1:
        raise BadMessage("no JSON object")
    return Answer(said, text, start)


def result_of(answer: Answer, unit: Unit) -> UnitResult:
    """Return the result of `unit` in an answer; raises BadMessage where there is none."""
    try:
        tail, end = _decode(answer.text, answer.start)
        if end != len(answer.text) or type(tail) is not list:
            raise ValueError("no tail")
        result = decode_tail(tail, [checked_rule(rule) for rule in answer.said.get("rules", ())], unit)
        if type(result.duration) is not float:
            raise TypeError("seconds")
        _check_findings(result)
        if result.members or unit.locator.members:
            _check_members(result, unit)
        _check_depth(answer.text, result)
    except WRONG as error:
        raise BadMessage(f"no result of {unit.locator}: {type(error).__name__}") from error
    return result


def tail_in(answer: Answer) -> str:
    """Return the tail of an answer that holds a result, nothing where it is not to be kept as it is."""
    length = len(answer.text) - answer.start
    # A line feed between two values is JSON, and would end a line of what is stored
    kept = length <= LONGEST_TAIL and answer.text.find("\n", answer.start) < 0
    return answer.text[answer.start :] if kept else ""


def extracted_of(answer: Answer, result: UnitResult) -> list[Finding]:
    """Return those findings of `result` that are no opinions of judges; raises BadMessage where it does not say."""
    places = answer.said.get("extracted", None if result.findings else [])
    if type(places) is not list or any(type(place) is not int for place in places):
        raise BadMessage("it does not say what was extracted")
    if any(not 0 <= place < len(result.findings) for place in places) or places != sorted(set(places)):
        raise BadMessage("it says of findings that there are not that they were extracted")
    return [result.findings[place] for place in places]


def _check_findings(result: UnitResult) -> None:
    for finding in result.findings:
        if type(finding.message) is not str or type(finding.fingerprint) is not str:
            raise TypeError("text")


def _check_members(result: UnitResult, unit: Unit) -> None:
    """Raise ValueError unless all members that were left out are some of an archive, and no member's own."""
    if unit.locator.members:
        _check_member(result, unit.locator)
    places = (0, 0, 0)
    for number, member in enumerate(result.members):
        following = (member.artifacts, member.facts, member.problems)
        found = member.unit
        if found.index != number or not found.locator.members or not 0 < found.part <= found.size:
            raise ValueError("no member")
        if any(after < before for before, after in zip(places, following, strict=True)):
            raise ValueError("members out of order")
        places = following


def _check_member(result: UnitResult, where: Locator) -> None:
    """Raise ValueError unless the result of a member speaks of that only, in findings of its archive, too."""
    if result.members:
        raise ValueError("members of a member")
    depth = len(where.members)
    places = [artifact.locator for artifact in result.artifacts]
    places += [fact.locator for fact in result.facts]
    places += [problem.locator for problem in result.problems]
    places += [finding.locator for finding in result.findings if finding.locator.members]
    if any(place.members[:depth] != where.members for place in places):
        raise ValueError("another file")


def _check_depth(text: str, result: UnitResult) -> None:
    """Raise ValueError where values of details stand deeper in each other than anything of ours."""
    if text.count("[") + text.count("{") > DEEPEST:
        level: Sequence[Any] = [*(fact.detail for fact in result.facts), *(item.evidence for item in result.findings)]
        for _ in range(DEEPEST):
            level = [inner for value in level for inner in _inside(value)]
            if not level:
                return
        raise ValueError("too deep")


def _inside(value: Any) -> Iterable[Any]:
    """Return those values inside a JSON value that may hold others."""
    values = value.values() if isinstance(value, dict) else value
    return [inner for inner in values if isinstance(inner, (dict, list))]
