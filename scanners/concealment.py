"""Credentials taken out of all that is said of a unit: whatever scanner saw the same bytes, no field may hold them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from modelsweep.core.finding import Fact, Finding, Json, Problem
from modelsweep.core.text import redact
from modelsweep.core.values import replace

HIDDEN = "[redacted]"
SHORTEST = 4
"""Characters of what is looked for: shorter ones would stand in anything."""


def concealer(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return what takes `secrets` out of a text, and the beginnings of tokens where the text was cut within one."""
    longest_first = sorted((text for text in secrets if len(text) >= SHORTEST), key=lambda text: (-len(text), text))
    if not longest_first:
        return redact
    known = re.compile("|".join(map(re.escape, longest_first)))
    return lambda text: redact(known.sub(HIDDEN, text))


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
