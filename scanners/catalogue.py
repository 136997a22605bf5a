"""The rules of all scanners, detectors and judges, each with its owner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Rule
from modelsweep.core.scanner import Scanner
from modelsweep.core.values import dataclass
from scanners import SCANNERS
from scanners.detector import Detector
from scanners.detectors import DETECTORS
from scanners.judge import JUDGES, Judge


@dataclass(frozen=True, slots=True)
class Declared:
    """A rule, and the name of the scanner, detector or judge that declares it."""

    rule: Rule
    owner: str


def declared_rules(scanners: Sequence[Scanner] = SCANNERS) -> tuple[Declared, ...]:
    """Return every rule once, sorted by id; a shared rule belongs to the first owner that declares it."""
    rules: dict[str, Declared] = {}
    for rule, owner in _all(scanners):
        rules.setdefault(rule.id, Declared(rule, owner))
    return tuple(rules[slug] for slug in sorted(rules))


def names(scanners: Sequence[Scanner] = SCANNERS) -> tuple[str, ...]:
    """Return the names that `Options.scanners` may contain: scanners, then detectors, in the order of running."""
    return (*(scanner.name for scanner in scanners), *(detector.name for detector in DETECTORS))


def _all(scanners: Sequence[Scanner]) -> Iterator[tuple[Rule, str]]:
    owners: list[Scanner | Detector | Judge] = [*scanners, *DETECTORS, *JUDGES]
    return ((rule, owner.name) for owner in owners for rule in owner.rules)
