"""CTranslate2 (model.bin of faster-whisper and of OpenNMT): a sequence of named tensors; nothing in them runs.

Layout: python/ctranslate2/specs/model_spec.py of https://github.com/OpenNMT/CTranslate2 writes it, and
src/models/model.cc reads it: it allocates what the shape requires, then reads as many bytes as the file declares.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from scanners.parsing.cursor import Cursor

NAME = "ctranslate2"
_HEADER = re.compile(rb"[\x02-\x20]\0\0\0([\x04-\x60])\0([A-Za-z_]\w+)\0")
"""Version of the layout, then length and name of the kind of model."""
_TYPES = (("F32", 4), ("I8", 1), ("I16", 2), ("I32", 4), ("F16", 2), ("BF16", 2))
"""Names and bytes per element, by type number in include/ctranslate2/types.h."""
_OLD_TYPES = {1: "I8", 2: "I16", 4: "F32"}
_TYPED_SINCE, _ALIASED_SINCE = 4, 3
"""First layout version with type numbers, and first one with aliases of tensors."""
_COST = 50
_SHOWN = 200

SIZE_MISMATCH = Rule(
    id="ctranslate2/size-mismatch",
    title="Tensor with a different size than its shape requires",
    severity=Severity.CRITICAL,
    message="{subject} has {length} bytes, but its shape requires {expected}",
    why="The runtime allocates what the shape requires, and copies as many bytes as the file says. More of them "
    "overwrite memory of the process.",
    fix="Do not load the file. Convert the model again from its source.",
    cwe=787,
    references=("https://github.com/OpenNMT/CTranslate2/blob/master/src/models/model.cc",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with a layout version and the name of a kind of model."""
    begun = _HEADER.match(blob.head)
    return begun is not None and len(begun[2]) + 1 == begun[1][0]


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield tensors whose bytes do not fit their shapes; raises Malformed and Truncated if the layout ends early."""
    cursor = Cursor(blob.reader)
    version = cursor.number("I")
    yield Fact("framework", f"CTranslate2 {printable(_text(cursor), _SHOWN)}", blob.locator)
    cursor.number("I")
    kinds: set[str] = set()
    count = cursor.number("I")
    for _ in range(count):
        context.operations.spend(_COST)
        yield from _tensor(blob, cursor, version, kinds)
    for _ in range(cursor.number("I") if version >= _ALIASED_SINCE else 0):
        context.operations.spend(_COST)
        _text(cursor)
        _text(cursor)
    if cursor.position < blob.size:
        raise Malformed(f"{blob.size - cursor.position:,} bytes follow the last tensor", cursor.position)
    yield Fact("tensors", ", ".join(sorted(kinds)), blob.locator, detail={"count": count})


def _text(cursor: Cursor) -> str:
    """Return the next zero-terminated string."""
    return cursor.take(cursor.number("H")).rstrip(b"\0").decode("utf-8", "replace")


def _tensor(blob: Blob, cursor: Cursor, version: int, kinds: set[str]) -> Iterator[Item]:
    start, name = cursor.position, _text(cursor)
    elements = math.prod(cursor.number("I") for _ in range(cursor.number("B")))
    number = cursor.number("B")
    if version >= _TYPED_SINCE:
        if number >= len(_TYPES):
            raise Malformed(f"no element has the type {number}", cursor.position - 1)
        (kind, width), length = _TYPES[number], cursor.number("I")
    else:
        if number not in _OLD_TYPES:
            raise Malformed(f"no element has a size of {number} bytes", cursor.position - 1)
        kind, width = _OLD_TYPES[number], number
        length = cursor.number("I") * width
    kinds.add(kind)
    if length != elements * width:
        evidence: dict[str, Json] = {"length": f"{length:,}", "expected": f"{elements * width:,}"}
        yield Finding(SIZE_MISMATCH, blob.locator, printable(name, _SHOWN), span=Span(start), evidence=evidence)
    cursor.skip(length)


SCANNER = Scanner(
    name=NAME,
    title="CTranslate2 (faster-whisper, OpenNMT)",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(SIZE_MISMATCH,),
    suffixes=(".bin",),
    signs=Signs(bytes(range(2, 33))),
)
