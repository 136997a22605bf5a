"""What is kept of an attached file: its kind, its tool and a summary of a few rows, bounded and printable."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from modelsweep.core.report import Said
from modelsweep.core.text import printable, redact
from modelsweep.core.units import KIB, counted

JSON, JSONL, HTML, CSV = "application/json", "application/jsonl", "text/html", "text/csv"
PLAIN, BYTES = "text/plain", "application/octet-stream"
NAME, VALUE = 100, 200
"""Characters of the name of a number, and of a text."""
ROWS = 24
"""Rows of a summary."""
WORST = 10
"""Names that a summary lists: those with the largest counts."""
KINDS = 10_000
"""Names that are counted."""
VALUES = 500_000
"""Values in a JSON text: parsed, each takes up to 240 bytes."""
LARGEST = 2**53
"""Largest count: what all readers of JSON agree on."""

Row = tuple[str, Said]


class Found(NamedTuple):
    """What a file is, whose result it has, what it says, and why that is not all."""

    media_type: str
    tool: str = ""
    summary: tuple[Row, ...] = ()
    note: str = ""


def parsed(data: bytes) -> Any:
    """Return a JSON value, None for what is none, too deep, or of too many values."""
    if sum(map(data.count, (b"[", b"{", b",", b":"))) > VALUES:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def shown(value: object, limit: int) -> str:
    """Return text of a file as it may be shown anywhere: without secrets, and short."""
    return printable(redact(str(value)[: 8 * KIB]), limit)


def count_of(value: object) -> int:
    """Return a count, 0 for what is none."""
    return value if type(value) is int and 0 <= value <= LARGEST else 0


def number_of(value: object) -> Said | None:
    """Return a number, as text where not all readers of JSON take it; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if abs(value) <= LARGEST or isinstance(value, float) else None


def rows_of(*rows: Row) -> tuple[Row, ...]:
    """Return the rows that say something, each name once."""
    said = {shown(name, NAME): value for name, value in rows if value != ""}
    return tuple(islice(said.items(), ROWS))


class Counts:
    """How often each of many names was counted."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.total = 0

    def add(self, name: object, count: int) -> None:
        """Count a name; of more names than can be kept, the sum alone is."""
        key = shown(name, NAME)
        self.total = min(self.total + count, LARGEST)
        if key in self._counts or len(self._counts) < KINDS:
            self._counts[key] += count

    def __len__(self) -> int:
        return len(self._counts)

    def worst(self, what: str) -> Iterator[Row]:
        """Yield a row for each of the names with most."""
        for name, count in self._counts.most_common(WORST):
            if count:
                yield f"{what} {name}", min(count, LARGEST)


def range_of(numbers: Iterable[float]) -> str:
    listed = [*numbers]
    return f"{min(listed):g} to {max(listed):g} ({counted(len(listed), 'value')})"


def float_of(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
