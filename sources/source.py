"""What a source is: a value that says which targets it knows, lists what is below them and opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from modelsweep.core.finding import Problem
from modelsweep.core.locator import Locator


@dataclass(frozen=True, slots=True)
class Listed:
    """One object below a target, and its size in bytes as listed."""

    locator: Locator
    size: int


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A regular file open for reading, and its size in bytes; who receives it closes `descriptor`."""

    descriptor: int
    size: int


@dataclass(frozen=True, slots=True)
class Source:
    """A place that bytes come from.

    `accepts` says whether a target is an address of this source. `list` yields everything below the target in the
    order of the keys as UTF-8 bytes, with a Problem for all that cannot be examined; it holds one folder or page at a
    time. `open` gets a locator and the target that it was listed under, which it does not leave. Both may raise
    SourceFault with a sentence for people.
    """

    name: str
    accepts: Callable[[str], bool]
    list: Callable[[str], Iterator[Listed | Problem]]
    open: Callable[[Locator, str], OpenedFile]


def scheme_of(target: str) -> str:
    """Return `s3:` of `s3://bucket/key`, `models:` of `models:/Name/1`, and nothing of a path."""
    scheme, mark, _ = target.partition(":/")
    plain = scheme.replace("+", "").replace("-", "").replace(".", "")
    # A single letter is a drive
    return f"{scheme}:" if mark and len(scheme) > 1 and plain.isascii() and plain.isalnum() else ""
