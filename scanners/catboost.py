"""CatBoost: a FlatBuffer of trees behind its size, and the parts that it names behind that.

Schema: catboost/libs/model/flatbuffers/model.fbs of https://github.com/catboost/catboost. Nothing in a model runs; the
places of trees and splits are numbers that predictors take for places in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.reader import Truncated, WindowReader
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from scanners.parsing.cursor import Cursor
from scanners.parsing.flatbuffer import FlatBuffer, Table

NAME = "catboost"
_MAGIC = b"CBM1"
_HEADER = 8
_SHOWN = 100
_KEY = 256
_METADATA = 100
_VERSION = "FlabuffersModel_v1"
# Fields of TModelCore, TModelTrees and TKeyValue
_FORMAT, _TREES, _INFO, _PARTS = range(4)
_SPLITS, _SIZES, _STARTS = 1, 2, 3
_COUNTERS = "static_provider"
"""How the part with the statistics of categories is named."""
_KEYS = ("catboost_version_info", "model_guid", "train_finish_time")
_REFERENCE = "https://github.com/catboost/catboost/blob/master/catboost/libs/model/flatbuffers/model.fbs"

OUT_OF_RANGE = Rule(
    id="catboost/index-out-of-range",
    title="Tree whose splits are not there",
    severity=Severity.WARNING,
    message="tree {subject} takes the splits from {index} on, {size} of them, there are {count}",
    why="Predictors take where a tree begins and how many splits it has for places in an array, and read memory beyond "
    "it where nobody checks.",
    fix="Save the model again from its source; do not load this file with a release that trusts it.",
    cwe=125,
    references=(_REFERENCE,),
)


def accepts(blob: Blob) -> bool:
    """Return whether the magic number of a model stands here."""
    return blob.head.startswith(_MAGIC)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield trees whose splits are not there; raises Malformed and Truncated."""
    yield Fact("framework", NAME, blob.locator)
    size = int.from_bytes(blob.reader.read(len(_MAGIC), 4), "little")
    if size > blob.size - _HEADER:
        raise Truncated(_HEADER, size, blob.size)
    buffer = FlatBuffer(WindowReader(blob.reader, _HEADER, size), context)
    core = buffer.root()
    version = core.text(_FORMAT, _KEY)
    if version != _VERSION:
        raise Malformed(f"the format {printable(version, _SHOWN)} is unknown", _HEADER)
    yield from _metadata(blob, core)
    trees = core.table(_TREES)
    if trees is not None:
        yield from _outside(blob, trees)
    _check_parts(Cursor(blob.reader, _HEADER + size), _part_names(buffer, core))


def _part_names(buffer: FlatBuffer, core: Table) -> list[str]:
    span = core.vector(_PARTS, 4)
    names = []
    for place in range(span.offset, span.offset + min(span.length, 4 * _METADATA), 4):
        start = buffer.offset(place)
        length = min(buffer.number(start, "I"), _KEY)
        names.append(buffer.bytes(start + 4, length).decode("utf-8", "replace"))
    return names


def _check_parts(cursor: Cursor, names: list[str]) -> None:
    """Raise Malformed or Truncated where what stands behind the trees is not what they name."""
    if names and not names[0].startswith(_COUNTERS):
        return  # calculators of texts and embeddings, in layouts of their own
    if names:
        for _ in range(cursor.number("I")):
            cursor.skip(cursor.number("I"))
    left = cursor.reader.size - cursor.position
    if left and len(names) < 2:
        raise Malformed(f"{left:,} bytes follow the parts of the model", cursor.position)


def _metadata(blob: Blob, core: Table) -> Iterator[Item]:
    for entry in islice(core.tables(_INFO), _METADATA):
        key = entry.text(0, _KEY)
        if key in _KEYS:
            detail: dict[str, Json] = {"value": printable(entry.text(1, _KEY), _SHOWN)}
            yield Fact("metadata", key, blob.locator, detail=detail)


def _outside(blob: Blob, trees: Table) -> Iterator[Item]:
    """Yield the first tree that takes splits which are not there."""
    count = trees.vector(_SPLITS, 4).length // 4
    sizes, starts = list(trees.numbers(_SIZES)), list(trees.numbers(_STARTS))
    if len(sizes) != len(starts):
        raise Malformed(f"{len(sizes):,} sizes and {len(starts):,} starts of trees", trees.position)
    for number, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        if start < 0 or size < 0 or start + size > count:
            evidence: dict[str, Json] = {"index": f"{start:,}", "size": f"{size:,}", "count": f"{count:,}"}
            span = Span(_HEADER + trees.position)
            yield Finding(OUT_OF_RANGE, blob.locator, str(number), span=span, evidence=evidence)
            return


SCANNER = Scanner(
    name=NAME,
    title="CatBoost",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(OUT_OF_RANGE,),
    suffixes=(".cbm",),
    signs=Signs(begins(_MAGIC)),
)
