"""CatBoost: a FlatBuffer of trees after its size, followed by the parts that it names.

Schema: catboost/libs/model/flatbuffers/model.fbs of https://github.com/catboost/catboost. Nothing in a model runs, but
predictors use the indices of trees and splits as memory offsets.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.reader import Truncated, WindowReader
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from scanners.metadata_text import LONGEST, suspicious_facts
from scanners.parsing.cursor import Cursor
from scanners.parsing.flatbuffer import FlatBuffer, Table

NAME = "catboost"
_MAGIC = b"CBM1"
_HEADER = 8
_SHOWN = 100
_MAX_KEY = 256
_MAX_METADATA = 100
_VERSION = "FlabuffersModel_v1"
# Fields of TModelCore, TModelTrees and TKeyValue
_FORMAT, _TREES, _INFO, _PARTS = range(4)
_DIMENSION, _SPLITS, _SIZES, _STARTS, _LEAVES, _STEPS, _LEAF_OF_NODE, _ESTIMATED = 0, 1, 2, 3, 8, 10, 11, 13
_CONDITIONS = ((5, 3, 4), (6, 1, 4), (7, 1, 4))
"""Field of the features of each kind, field of their borders or values, which number the splits, and bytes of each."""
_MAX_DEPTH = 32
_NO_LEAF = (1 << 32) - 1
_COUNTER_PART = "static_provider"
"""Prefix of the name of the part with the statistics of categories."""
_KEYS = ("catboost_version_info", "model_guid", "train_finish_time")
_REFERENCE = "https://github.com/catboost/catboost/blob/master/catboost/libs/model/flatbuffers/model.fbs"

OUT_OF_RANGE = Rule(
    id="catboost/index-out-of-range",
    title="Tree that refers to splits that do not exist",
    severity=Severity.WARNING,
    message="tree {subject} uses {size} splits from number {index} on, but there are {count}",
    why="Predictors use the start of a tree and its number of splits as array indices. Without a check they read "
    "memory beyond the array.",
    fix="Save the model again from its source. Do not load this file with a release that does not check it.",
    cwe=125,
    references=(_REFERENCE,),
)

NOT_THERE = Rule(
    id="catboost/value-out-of-range",
    title="Tree that refers to values that do not exist",
    severity=Severity.WARNING,
    message="the model refers to {what} {subject}, but there are {count}",
    why="As soon as it loads the model, the library uses the numbers of splits, nodes and leaves as array indices "
    "without checking them. It reads memory beyond the arrays, or crashes.",
    fix="Save the model again from its source. Do not load this file.",
    cwe=125,
    references=("https://github.com/catboost/catboost/blob/master/catboost/libs/model/model.cpp",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the magic number."""
    return blob.head.startswith(_MAGIC)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield trees with splits or leaves out of range; raises Malformed and Truncated."""
    yield Fact("framework", NAME, blob.locator)
    size = int.from_bytes(blob.reader.read(len(_MAGIC), 4), "little")
    if size > blob.size - _HEADER:
        raise Truncated(_HEADER, size, blob.size)
    buffer = FlatBuffer(WindowReader(blob.reader, _HEADER, size), context)
    core = buffer.root()
    version = core.text(_FORMAT, _MAX_KEY)
    if version != _VERSION:
        raise Malformed(f"the format {printable(version, _SHOWN)} is unknown", _HEADER)
    yield from _metadata(blob, core, context)
    trees = core.table(_TREES)
    if trees is not None:
        yield from _outside(blob, trees)
    _check_parts(Cursor(blob.reader, _HEADER + size), _part_names(buffer, core))


def _part_names(buffer: FlatBuffer, core: Table) -> list[str]:
    span = core.vector(_PARTS, 4)
    names = []
    for place in range(span.offset, span.offset + min(span.length, 4 * _MAX_METADATA), 4):
        start = buffer.offset(place)
        length = min(buffer.number(start, "I"), _MAX_KEY)
        names.append(buffer.bytes(start + 4, length).decode("utf-8", "replace"))
    return names


def _check_parts(cursor: Cursor, names: list[str]) -> None:
    """Raise Malformed or Truncated unless the parts that are named follow the trees."""
    if names and not names[0].startswith(_COUNTER_PART):
        return  # calculators of texts and embeddings, in layouts of their own
    if names:
        for _ in range(cursor.number("I")):
            cursor.skip(cursor.number("I"))
    left = cursor.reader.size - cursor.position
    if left and len(names) < 2:
        raise Malformed(f"{left:,} bytes follow the parts of the model", cursor.position)


def _metadata(blob: Blob, core: Table, context: Context) -> Iterator[Item]:
    for entry in islice(core.tables(_INFO), _MAX_METADATA):
        key = entry.text(0, _MAX_KEY)
        yield from suspicious_facts(entry.text(1, LONGEST), blob.locator, printable(key, _SHOWN), context)
        if key in _KEYS:
            detail: dict[str, Json] = {"value": printable(entry.text(1, _MAX_KEY), _SHOWN)}
            yield Fact("metadata", key, blob.locator, detail=detail)


def _outside(blob: Blob, trees: Table) -> Iterator[Item]:
    """Yield the first tree that uses splits out of range."""
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
    for what, index, there in (*_conditions(trees), *_leaves(trees, starts, sizes)):
        span, evidence = Span(_HEADER + trees.position), {"what": what, "count": f"{there:,}"}
        yield Finding(NOT_THERE, blob.locator, f"{index:,}", span=span, evidence=evidence)


def _conditions(trees: Table) -> Iterator[tuple[str, int, int]]:
    """Yield the highest split if it is out of range; the number of splits by texts and embeddings is unknown."""
    if trees.count(_ESTIMATED):
        return
    listed = (
        one.vector(slot, width).length // width for kind, slot, width in _CONDITIONS for one in trees.tables(kind)
    )
    there, lowest, highest = sum(listed), 0, -1
    for split in trees.numbers(_SPLITS):
        lowest, highest = min(lowest, split), max(highest, split)
    if lowest < 0 or highest >= max(there, 1):  # 0 means no split
        yield "split", lowest if lowest < 0 else highest, there


def _leaves(trees: Table, starts: list[int], sizes: list[int]) -> Iterator[tuple[str, int, int]]:
    """Yield the first leaf value or node out of range; trees with the same split at every level need no nodes."""
    there, dimension = trees.vector(_LEAVES, 8).length // 8, max(trees.number(_DIMENSION, "i"), 1)
    steps, leaves = list(trees.numbers(_STEPS, "I")), list(trees.numbers(_LEAF_OF_NODE, "I"))
    if not steps:
        needed = sum((1 << min(size, _MAX_DEPTH)) * dimension for size in sizes)
        if needed > there:
            yield "value", needed - 1, there
        return
    for start, size in zip(starts, sizes, strict=True):
        for node in range(start, start + size):
            if node >= min(len(steps), len(leaves)):
                yield "node", node, min(len(steps), len(leaves))
                return
            left, right = steps[node] & 0xFFFF, steps[node] >> 16
            if node + max(left, right) >= start + size:
                yield "node", node + max(left, right), start + size
                return
            ends = left == 0 or right == 0
            if ends and (leaves[node] == _NO_LEAF or leaves[node] + dimension > there):
                yield "value", leaves[node], there
                return


SCANNER = Scanner(
    name=NAME,
    title="CatBoost",
    version=4,
    accepts=accepts,
    scan=scan,
    rules=(OUT_OF_RANGE, NOT_THERE),
    suffixes=(".cbm",),
    signs=Signs(begins(_MAGIC)),
)
