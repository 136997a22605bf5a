"""ART (https://github.com/Trusted-AI/adversarial-robustness-toolbox), which writes no report of its own.

Read are its confusion matrix of defences against poisoning, as JSON; what Armory (https://github.com/twosixlabs/armory),
which evaluates with it, writes; and JSON or CSV with numbers and names of its modules, which people write.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from modelsweep.evidence.summary import (
    CSV,
    JSON,
    KINDS,
    NAME,
    ROWS,
    VALUE,
    VALUES,
    WORST,
    Found,
    Row,
    count_of,
    float_of,
    number_of,
    range_of,
    rows_of,
    shown,
)

DEPTH = 6
"""Levels of JSON in which numbers are looked for."""
_MODULE = re.compile(r"(?<![\w./])art\.(?:attacks|evaluations|metrics)\.\w")
_ATTACK = re.compile(r"(?<![\w./])art\.attacks\.(?:[a-z]\w{0,99}\.){0,6}([A-Z]\w{0,99})")
_TOOLBOX = re.compile(r"(?:ibm )?adversarial[ _-]robustness[ _-]toolbox\b", re.IGNORECASE)
_STATED = ("tool", "toolbox", "toolkit", "framework", "library")
"""Keys by which JSON says what it was made with."""
_MATRIX = ("TruePositive", "TrueNegative", "FalsePositive", "FalseNegative")


def poisoning(value: dict[str, Any]) -> Found | None:
    """Return what ART's `evaluate_defence` says: of each class, how many were rightly called poisoned, and wrongly."""
    classes = [found for name, found in value.items() if re.fullmatch(r"class_\d{1,9}", name)]
    if not classes or len(classes) < len(value):
        return None
    if not all(isinstance(found, dict) and found.keys() >= {*_MATRIX} for found in classes):
        return None
    sums = {kind: sum(_of(found[kind], "numerator") for found in classes) for kind in _MATRIX}
    words = (f"{kind[:-8].lower()} {kind[-8:].lower()}s" for kind in _MATRIX)
    return Found(JSON, "ART", rows_of(("classes", len(classes)), *zip(words, sums.values(), strict=True)))


def _of(value: object, key: str) -> int:
    return count_of(value.get(key)) if isinstance(value, dict) else 0


def results(value: Any, text: str) -> Found | None:
    top = value if isinstance(value, dict) else {}
    stated = any(_TOOLBOX.match(str(top.get(key))[:NAME]) for key in _STATED)
    if not (stated or "armory_version" in top or _MODULE.search(text)):
        return None
    version = shown(top.get("armory_version", ""), VALUE)
    numbers = _numbers(top.get("results", value), "")
    return Found(JSON, "ART", rows_of(("Armory version", version), ("attacks", _attacks(text)), *islice(numbers, ROWS)))


def _attacks(text: str) -> str:
    """Return the attacks of ART that a text names."""
    names = dict.fromkeys(islice((found[1] for found in _ATTACK.finditer(text)), KINDS))
    return shown(", ".join(islice(names, WORST)), VALUE)


def _numbers(value: object, name: str, depth: int = 0) -> Iterator[Row]:
    """Yield the numbers in JSON with the keys that lead there; of a list of numbers, their range."""
    number = number_of(value)
    if number is not None:
        yield name or "value", number
    elif isinstance(value, dict) and depth < DEPTH:
        for key, item in value.items():
            yield from _numbers(item, f"{name}.{key[:NAME]}" if name else key[:NAME], depth + 1)
    elif isinstance(value, list) and depth < DEPTH:
        numbers = [item for item in value if isinstance(number_of(item), (int, float))]
        if numbers and len(numbers) == len(value):
            yield name or "values", numbers[0] if len(numbers) == 1 else range_of(numbers)
            return
        for place, item in enumerate(value):
            yield from _numbers(item, f"{name}[{place}]", depth + 1)


def table(text: str) -> Found | None:
    """Return what a table that names attacks of ART says: the range of each column of numbers; None for others."""
    heading = text.partition("\n")[0]
    if "," not in heading or not _MODULE.search(text):
        return None
    rows, columns = _columns(text)
    return Found(CSV, "ART", rows_of(("rows", rows), ("attacks", _attacks(text)), *columns)) if columns else None


def _columns(text: str) -> tuple[int, list[Row]]:
    """Return the number of rows of a table, and the range of those columns that have numbers only."""
    import csv

    if text.count(",") + text.count("\n") > VALUES:
        return 0, []
    try:
        heading, *rows = filter(None, csv.reader(io.StringIO(text, newline="")))
    except (csv.Error, ValueError):
        return 0, []
    found: list[Row] = []
    for place, name in enumerate(heading[:ROWS]):
        numbers = [number for row in rows if (number := float_of(row[place] if len(row) > place else "")) is not None]
        if numbers and len(numbers) == len(rows):
            found.append((name or f"column {place + 1}", range_of(numbers)))
    return len(rows), found
