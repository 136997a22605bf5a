"""What a detector over raw bytes is: patterns that nominate offsets, and a function that confirms what stands there."""

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
"""Bytes that windows overlap: the longest match a nominating pattern may need."""
RUN = 20
"""Letters, digits and `_-+/` in a row that a token, or anything in base64, has at least."""
BEFORE = 32
"""Bytes before such a run in which a pattern for it may begin."""

AS_RAW = "raw-weights"
"""The scanner of bytes without a format: what is expected to be that is looked at by all detectors."""
CLOSE = 128 * KIB
"""Bytes of a blob that are looked at more closely, in their whole: `re` and hyperscan know no arithmetic."""


@dataclass(frozen=True, slots=True)
class Detector:
    """Something to find in any bytes at all.

    `patterns` are regular expressions over bytes in the syntax common to `re` and hyperscan, with `.` matching every
    byte, at most `OVERLAP` bytes wide, and so specific that random weights do not hold them. Each begins with a
    literal byte (`re` is ten times slower otherwise), or with `(?i)`, three or more lower-case letters and a group;
    alternatives stand in groups. Somewhere in each of its alternatives three bytes stand in a row as they are, not as
    classes: a single pattern with two only, and hyperscan searches for all of them at 2.6 GB/s instead of 4.2.
    `runs` are further patterns, each match of which ends within a run of `RUN` or more of the characters of tokens,
    begins at most `BEFORE` bytes before that run, and holds no byte 0xFF: `re` looks for them around such runs only.
    `confirm(blob, offset, context)` looks at the structure there: a pattern nominates, only `confirm` yields.
    `sample` is how many places are examined of a detector that only informs: leaving out more changes no verdict. It is
    0 for the others, for which a spent budget is a Problem.
    `owners` are scanners that examine the same thing in the blobs that they accept, where this detector is silent.
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


def kept_apart(items: Iterator[Item], locator: Locator, scanner: str, said: set[Problem]) -> Iterator[Item]:
    """Yield what one of many places holds; what cannot be examined there costs nothing that stands in another.

    Why not is a problem, once of each sort: `said` holds those so far.
    """
    try:
        yield from items
    except (OverLimit, Malformed, Truncated, Encrypted, MissingDependency, RecursionError, MemoryError) as error:
        problem = problem_of(error, locator, scanner)
        if problem not in said:
            said.add(problem)
            yield problem
