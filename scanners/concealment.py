"""Remove credentials from everything that is reported about a unit, whichever scanner saw the same bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from modelsweep.core.finding import Fact, Finding, Json, Problem
from modelsweep.core.text import redact
from modelsweep.core.values import replace

HIDDEN = "[redacted]"
MIN_LENGTH = 4
"""Minimum characters of a credential that is removed: shorter ones would occur anywhere."""
MIN_INDEXED = 100
"""Number of credentials above which an index replaces a regular expression."""


def concealer(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that removes `secrets` from a text, and the start of a token that the end of the text cuts."""
    longest_first = sorted((text for text in secrets if len(text) >= MIN_LENGTH), key=lambda text: (-len(text), text))
    if not longest_first:
        return redact
    if len(longest_first) > MIN_INDEXED:
        indexed = _Indexed(longest_first)
        return lambda text: redact(indexed.hidden(text))
    known = re.compile("|".join(map(re.escape, longest_first)))
    return lambda text: redact(known.sub(HIDDEN, text))


class _Indexed:
    """An index of many credentials, since `re` would try an alternation of them one by one at each position."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = frozenset(known)
        self._lengths: dict[str, list[int]] = {}
        for text in known:  # longest first
            lengths = self._lengths.setdefault(text[:MIN_LENGTH], [])
            if len(text) not in lengths[-1:]:
                lengths.append(len(text))

    def hidden(self, text: str) -> str:
        """Return `text` with the credentials in it replaced."""
        pieces: list[str] = []
        done = at = 0
        while at < len(text):
            length = self._length(text, at)
            if length:
                pieces += text[done:at], HIDDEN
                done = at + length
            at += length or 1
        return "".join((*pieces, text[done:]))

    def _length(self, text: str, at: int) -> int:
        """Return the length of the longest credential at offset `at`, or 0."""
        lengths = self._lengths.get(text[at : at + MIN_LENGTH], ())
        return next((length for length in lengths if text[at : at + length] in self._known), 0)


def conceal_fact(fact: Fact, conceal: Callable[[str], str]) -> Fact:
    """Return `fact` without credentials."""
    return replace(fact, value=conceal(fact.value), detail=_mapping(fact.detail, conceal))


def conceal_finding(finding: Finding, conceal: Callable[[str], str]) -> Finding:
    """Return `finding` without credentials."""
    subject, path = conceal(finding.subject), conceal(finding.path)
    return replace(finding, subject=subject, path=path, evidence=_mapping(finding.evidence, conceal))


def conceal_problem(problem: Problem, conceal: Callable[[str], str]) -> Problem:
    """Return `problem` without credentials."""
    return replace(problem, detail=conceal(problem.detail))


def _mapping(values: Mapping[str, Json], conceal: Callable[[str], str]) -> dict[str, Json]:
    return {conceal(key): _value(value, conceal) for key, value in values.items()}


def _value(value: Json, conceal: Callable[[str], str]) -> Json:
    if isinstance(value, str):
        return conceal(value)
    if isinstance(value, dict):
        return {conceal(key): _value(item, conceal) for key, item in value.items()}
    return [_value(item, conceal) for item in value] if isinstance(value, list) else value
