"""Detectors search raw bytes: patterns nominate offsets, and a function confirms the structure at each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from modelsweep.core.finding import Problem, Rule
from modelsweep.core.limits import OverLimit
from modelsweep.core.locator import Locator
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import (
    Blob,
    Context,
    Encrypted,
    Item,
    Malformed,
    MissingDependency,
    problem_of,
)
from modelsweep.core.units import KIB
from modelsweep.core.values import dataclass

OVERLAP = 256
"""Bytes by which windows overlap, so the maximum length of a match of a nominating pattern."""
RUN = 20
"""Minimum length of a run of letters, digits and `_-+/` that is searched for tokens and base64."""
BEFORE = 32
"""Maximum bytes before such a run at which a pattern for it may begin."""

AS_RAW = "raw-weights"
"""Name of the scanner for bytes without a format, which all detectors examine."""
CLOSE = 128 * KIB
"""Maximum bytes of a blob that is also searched as a whole by code, for what no pattern can express."""


@dataclass(frozen=True, slots=True)
class Detector:
    """Finds one kind of thing in any bytes.

    `patterns` are regular expressions over bytes in the syntax common to `re` and hyperscan, with `.` matching every
    byte, at most `OVERLAP` bytes wide, and so specific that random weights do not match. Each begins with a literal
    byte (`re` is ten times slower otherwise), or with `(?i)`, three or more lower-case letters and a group;
    alternatives are in groups. Each alternative has three literal bytes in a row, not classes: with only two in a
    single pattern, hyperscan searches for all of them at 2.6 GB/s instead of 4.2.
    `runs` are further patterns, each match of which ends within a run of `RUN` or more of the characters of tokens,
    begins at most `BEFORE` bytes before that run, and holds no byte 0xFF: `re` looks for them around such runs only.
    `confirm(blob, offset, context)` checks the structure there; only what it yields counts.
    `sample` is the number of places to examine for a detector that only informs: omitting others changes no verdict.
    It is 0 for the other detectors, for which a spent budget is a Problem.
    `owners` are scanners that examine the same thing themselves: this detector is silent in blobs that they accept.
    """

    name: str
    title: str
    version: int
    patterns: tuple[bytes, ...]
    confirm: Callable[[Blob, int, Context], Iterator[Item]]
    rules: tuple[Rule, ...]
    owners: frozenset[str] = frozenset()
    runs: tuple[bytes, ...] = ()
    sample: int = 0


def isolated(items: Iterator[Item], locator: Locator, scanner: str, reported: set[Problem]) -> Iterator[Item]:
    """Yield the items of one of many places, so that an error there does not affect the others.

    The error becomes a Problem, unless `reported`, the problems so far, contains an equal one.
    """
    try:
        yield from items
    except (OverLimit, Malformed, Truncated, Encrypted, MissingDependency, RecursionError, MemoryError) as error:
        problem = problem_of(error, locator, scanner)
        if problem not in reported:
            reported.add(problem)
            yield problem
