"""XGBoost: boosted trees as JSON, as Universal Binary JSON, or in the binary form of releases before 3.

Formats: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html and doc/model.schema there; the old form
follows the structures in src/learner.cc and src/tree/tree_model.cc of release 1.x. Nothing in a model runs, but
predictors use the numbers of children and features as memory offsets.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import JSON_STARTS, Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.metadata_text import LONGEST, suspicious_facts
from scanners.parsing.cursor import Cursor
from scanners.parsing.json_text import documents_of, has_keys
from scanners.parsing.tree_links import led_to_twice
from scanners.parsing.ubjson import Numbers, UbjsonParser, Value

NAME = "xgboost"
SIZE_LIMIT = 64 * MIB
"""Maximum bytes of JSON that are parsed; the objects take about eight times as much memory."""
_TREES_SHOWN = 20
_SHOWN = 100
_STATE = (b"{L\0\0\0\0\0\0\0\x06Config{L", b"{L\0\0\0\0\0\0\0\x05Model{L")
"""Beginnings of a booster serialized for a pickle (`XGBoosterSerializeToBuffer`)."""
_UBJ = (b"{L\0\0\0\0\0\0\0\x07learner", b"{i\x07learner", b"{U\x07learner", b"{L\0\0\0\0\0\0\0\x07version", *_STATE)
_BINARY = b"binf"
_LEARNER = 136
"""Bytes of LearnerModelParam, the first structure of the binary form."""
_MAX_NAME = 256
_OBJECTIVES = (b"reg:", b"binary:", b"multi:", b"rank:", b"count:", b"survival:")
_BOOSTERS = (b"gbtree", b"gblinear", b"dart")
_FEATURE_LIMIT = 1 << 31
# Bytes of GBTreeModelParam, GBLinearModelParam, TreeParam, a node and its statistics
_MODEL, _LINEAR, _TREE, _NODE, _STATISTICS = 160, 136, 148, 20, 16
_CATEGORY_FIELDS = ("categories_nodes", "categories_segments", "categories_sizes", "categories")
_TREE_FIELDS = ("left_children", "right_children", "split_indices", "parents")
_REFERENCE = "https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html"

OUT_OF_RANGE = Rule(
    id="xgboost/index-out-of-range",
    title="Tree that points outside itself",
    severity=Severity.WARNING,
    message="{path}: the {what} of {subject} is {index}, but there are {count}",
    why="Predictors use the numbers of children and features as array indices. Releases that do not check them read "
    "memory beyond the tree.",
    fix="Save the model again from its source. Do not load this file with a release that does not check it.",
    cwe=125,
    references=(_REFERENCE,),
)


LOOP = Rule(
    id="xgboost/loop",
    title="Tree that loops",
    severity=Severity.WARNING,
    message="{path}: more than one path leads to node {subject}",
    why="Predictors go from node to node until they reach a leaf. Where a child points back to one of its ancestors, "
    "that never ends: releases were seen to hang, and to crash while they loaded such a model.",
    fix="Save the model again from its source. Do not load this file.",
    cwe=835,
    references=(_REFERENCE,),
)


class _Tree(NamedTuple):
    """The numbers of one tree that are used as indices."""

    path: str
    left: Sequence[int]
    right: Sequence[int]
    split: Sequence[int]
    parents: Sequence[int]
    features: int
    categories: _Categories


class _Categories(NamedTuple):
    """Categorical splits of a tree: the nodes, and the start and length of each one's range of categories."""

    nodes: Sequence[int]
    begins: Sequence[int]
    sizes: Sequence[int]
    total: int


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with a model in one of the three forms."""
    if blob.head.startswith(_UBJ) or _binary_start(blob.head) is not None:
        return True
    return _is_json(blob.head) or has_keys(blob, "learner", "version")


def _is_json(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start[:1] == b"{" and b'"learner"' in start[:200] and b'"attributes"' in start


def _binary_start(head: bytes) -> int | None:
    """Return the start of the binary form, with or without a magic number before it, or None."""
    start = len(_BINARY) if head.startswith(_BINARY) else 0
    name = head[start + _LEARNER : start + _LEARNER + 8]
    length = int.from_bytes(name, "little")
    text = head[start + _LEARNER + 8 : start + _LEARNER + 8 + length]
    if not 0 < length <= _MAX_NAME or len(text) < length:
        return None
    return start if text.startswith(_OBJECTIVES) or (start and text.isascii()) else None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield trees with indices out of range, and loops; raises Malformed, Truncated and OverLimit."""
    yield Fact("framework", NAME, blob.locator)
    start = _binary_start(blob.head)
    if start is not None:
        yield from _binary(blob, context, start)
        return
    if blob.head.startswith(_UBJ):
        parser = UbjsonParser(blob.reader, context)
        document = parser.value()
        if parser.position < blob.size:
            raise Malformed(f"{blob.size - parser.position:,} bytes follow the model", parser.position)
        yield from _attributes(blob, document, context)
    else:
        document = _json(blob, context)
    if isinstance(document, dict) and "Config" in document:
        document = document.get("Model")
    shown = 0
    yield from _groups(blob, document)
    for tree in _trees(blob, document):
        context.operations.spend(len(tree.left))
        for finding in (*_outside(blob, tree), *_categories(blob, tree), *_loop(blob, tree)):
            yield finding
            shown += 1
        if shown >= _TREES_SHOWN:
            break


def _attributes(blob: Blob, document: Value, context: Context) -> Iterator[Item]:
    """Yield suspicious attributes, which are free text; those in JSON are left to the JSON scanner."""
    inside = _inner(document, "Model") if isinstance(document, dict) and "Model" in document else document
    attributes = _inner(inside, "learner", "attributes")
    for key, value in attributes.items() if isinstance(attributes, dict) else ():
        if isinstance(value, str):
            yield from suspicious_facts(value, blob.locator, f"attribute {printable(key, _SHOWN)}", context)


def _json(blob: Blob, context: Context) -> Value:
    found = documents_of(blob, min(SIZE_LIMIT, context.limits.parsed_bytes // 4))
    first: Value = found[0]  # type: ignore[assignment]  # fractions are treated as invalid indices
    return first


def _trees(blob: Blob, document: Value) -> Iterator[_Tree]:
    features = _number(_inner(document, "learner", "learner_model_param", "num_feature"))
    for model in _models(document):
        trees = _inner(model, "trees")
        for at, tree in enumerate(trees if isinstance(trees, list) else ()):
            left, right, split, parents = (_integers(blob, _inner(tree, field)) for field in _TREE_FIELDS)
            nodes, begins, sizes, all_of_them = (_integers(blob, _inner(tree, field)) for field in _CATEGORY_FIELDS)
            categories = _Categories(nodes, begins, sizes, len(all_of_them))
            yield _Tree(f"tree {at}", left, right, split, parents, features, categories)


def _models(document: Value) -> Iterator[Value]:
    booster = _inner(document, "learner", "gradient_booster")
    for path in ((), ("gbtree",)):  # dart keeps a model of the usual kind inside
        yield _inner(booster, *path, "model")


def _groups(blob: Blob, document: Value) -> Iterator[Finding]:
    """Yield the first tree with an output group or an index that the model does not have."""
    parameters = _inner(document, "learner", "learner_model_param")
    counts = (_number(_inner(parameters, key)) for key in ("num_class", "num_target"))
    outputs = max(1, *(count for count in counts if count != _FEATURE_LIMIT), 1)
    for model in _models(document):
        groups = _integers(blob, _inner(model, "tree_info"))
        at = next((at for at, group in enumerate(groups) if not 0 <= group < outputs), None)
        if at is not None:
            yield _finding(blob, "tree_info", "output", groups[at], f"tree {at}", outputs)
        trees = _inner(model, "trees")
        numbers = [_inner(tree, "id") for tree in trees] if isinstance(trees, list) else []
        seen: set[Value] = set()
        for number in numbers:
            if isinstance(number, int) and (not 0 <= number < len(numbers) or number in seen):
                yield _finding(blob, "trees", "number", number, "a tree", len(numbers))
                break
            seen.add(number if isinstance(number, int) else -1)


def _inner(value: Value, *keys: str) -> Value:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _number(value: Value) -> int:
    """Return a number, which the format stores as a string; without one, the maximum number of features."""
    text = value if isinstance(value, str) else str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 11 and int(text) else _FEATURE_LIMIT


def _integers(blob: Blob, value: Value) -> Sequence[int]:
    if isinstance(value, Numbers) and value.code:
        return value.read(blob.reader)
    if isinstance(value, list):
        return [item if isinstance(item, int) else -_FEATURE_LIMIT for item in value]
    if value is None:
        return ()
    raise Malformed("the children of a tree are not a list of integers")


def _outside(blob: Blob, tree: _Tree) -> Iterator[Finding]:
    """Yield the first child and the first feature of a tree that are out of range."""
    count = len(tree.left)
    if len(tree.right) != count:
        yield _finding(blob, tree.path, "number of right children", len(tree.right), "its nodes", count)
    for children, what in ((tree.left, "left child"), (tree.right, "right child")):
        if children and not -1 <= min(children) <= max(children) < count:
            at = next(at for at, child in enumerate(children) if not -1 <= child < count)
            yield _finding(blob, tree.path, what, children[at], f"node {at}", count)
    # With several targets, the lists of leaves are shorter than those of nodes
    inner = [at for at, child in enumerate(tree.left) if child >= 0]
    for at in inner:
        if at >= len(tree.split):
            yield _finding(blob, tree.path, "split", at, "the tree", len(tree.split))
            break
        if not 0 <= tree.split[at] < tree.features:
            yield _finding(blob, tree.path, "feature", tree.split[at], f"node {at}", tree.features)
            break

    for at in inner:
        children = (tree.left[at], tree.right[at] if at < len(tree.right) else -1)
        if children[1] < 0:
            yield _finding(blob, tree.path, "right child", children[1], f"node {at}", count)
            break
        stranger = next((each for each in children if each < len(tree.parents) and tree.parents[each] != at), None)
        if stranger is not None:
            yield _finding(blob, tree.path, "parent", tree.parents[stranger], f"node {stranger}", count)
            break


def _categories(blob: Blob, tree: _Tree) -> Iterator[Finding]:
    """Yield the first categorical split that is out of range."""
    nodes, begins, sizes, count = tree.categories
    if not len(nodes) == len(begins) == len(sizes):
        yield _finding(blob, tree.path, "number of splits by category", len(nodes), "its lists", len(begins))
    for node, begin, size in zip(nodes, begins, sizes, strict=False):
        if not 0 <= node < len(tree.left):
            yield _finding(blob, tree.path, "node", node, "a split by category", len(tree.left))
            return
        if not 0 <= begin <= begin + size <= count:
            yield _finding(blob, tree.path, "last category", begin + size, f"node {node}", count)
            return


def _loop(blob: Blob, tree: _Tree) -> Iterator[Finding]:
    # With several targets, the right child of a leaf is the index of its values
    right = [child for at, child in enumerate(tree.right) if at < len(tree.left) and tree.left[at] >= 0]
    node = led_to_twice(len(tree.left), tree.left, right)
    if node is not None:
        yield Finding(LOOP, blob.locator, f"{node:,}", path=tree.path)


def _finding(
    blob: Blob, path: str, what: str, index: int, subject: str, count: int, span: Span | None = None
) -> Finding:
    evidence: dict[str, Json] = {"what": what, "index": f"{index:,}", "count": f"{count:,}"}
    return Finding(OUT_OF_RANGE, blob.locator, subject, path=path, span=span, evidence=evidence)


def _binary(blob: Blob, context: Context, start: int) -> Iterator[Item]:
    """Read the binary form to its end; raises Malformed if bytes are left over."""
    cursor = Cursor(blob.reader, start)
    cursor.skip(4)
    features = cursor.number("I")
    cursor.skip(4)
    attributes, metrics = cursor.number("i"), cursor.number("i")
    cursor.skip(_LEARNER - 20)
    objective, booster = _name(cursor), _name(cursor)
    if booster not in _BOOSTERS:
        raise Malformed(f"the booster {printable(booster.decode('latin-1'), _SHOWN)} is unknown", cursor.position)
    if booster == b"gblinear":
        cursor.skip(_LINEAR)
        cursor.skip(4 * _count(cursor, 4))
    else:
        yield from _binary_trees(blob, context, cursor, features, booster == b"dart")
    if attributes:
        for _ in range(_count(cursor, 16)):
            context.operations.spend()
            cursor.skip(_count(cursor, 1))
            length = _count(cursor, 1)
            text = cursor.take(min(length, LONGEST)).decode("utf-8", "replace")
            cursor.skip(length - min(length, LONGEST))
            yield from suspicious_facts(text, blob.locator, "an attribute", context)
    if objective == b"count:poisson":
        _name(cursor)
    if metrics:
        for _ in range(_count(cursor, 8)):
            context.operations.spend()
            cursor.skip(_count(cursor, 1))
    if cursor.position < blob.size:
        raise Malformed(f"{blob.size - cursor.position:,} bytes follow the model", cursor.position)


def _name(cursor: Cursor) -> bytes:
    length = _count(cursor, 1)
    if length > _MAX_NAME:
        raise Malformed(f"a name of {length:,} bytes", cursor.position)
    return cursor.take(length)


def _count(cursor: Cursor, width: int) -> int:
    """Return the number of elements of at least `width` bytes that follow; raises Truncated if some are missing."""
    count = cursor.number("Q")
    if count * width > cursor.reader.size - cursor.position:
        raise Truncated(cursor.position, count * width, cursor.reader.size)
    return count


def _binary_trees(blob: Blob, context: Context, cursor: Cursor, features: int, dart: bool) -> Iterator[Item]:
    trees = cursor.number("i")
    cursor.skip(_MODEL - 4)
    if trees < 0:
        raise Malformed(f"{trees} trees", cursor.position)
    shown = 0
    for number in range(trees):
        context.operations.spend()
        start = cursor.position
        cursor.skip(4)
        nodes = cursor.number("i")
        cursor.skip(12)
        leaves = cursor.number("i")
        cursor.skip(_TREE - 24)
        if nodes < 0:
            raise Malformed(f"a tree of {nodes} nodes", start)
        context.operations.spend(nodes)
        finding = _binary_nodes(blob, cursor, nodes, features or _FEATURE_LIMIT, f"tree {number}")
        if finding and shown < _TREES_SHOWN:
            shown += 1
            yield finding
        cursor.skip(nodes * _STATISTICS)
        if leaves > 1:  # releases before 1.0 kept a vector for each leaf
            cursor.skip(4 * _count(cursor, 4))
    cursor.skip(4 * trees)
    if dart and trees:
        cursor.skip(4 * _count(cursor, 4))


def _binary_nodes(blob: Blob, cursor: Cursor, nodes: int, features: int, path: str) -> Finding | None:
    """Read the nodes of a tree; return what is wrong with the first one that is out of range."""
    found, children, first = None, array("i"), cursor.position
    for at in range(nodes):
        start = cursor.position
        cursor.skip(4)
        left, right, split = cursor.number("i"), cursor.number("i"), cursor.number("I") & (_FEATURE_LIMIT - 1)
        cursor.skip(_NODE - 16)
        if found or left == -1:
            continue
        children.extend((left, right))
        for what, index, count in (("left child", left, nodes), ("right child", right, nodes)):
            if not 0 <= index < count:
                found = _finding(blob, path, what, index, f"node {at}", count, Span(start, _NODE))
        if split >= features and not found:
            found = _finding(blob, path, "feature", split, f"node {at}", features, Span(start, _NODE))
    again = None if found else led_to_twice(nodes, children)
    if again is not None:
        return Finding(LOOP, blob.locator, f"{again:,}", path=path, span=Span(first, nodes * _NODE))
    return found


SCANNER = Scanner(
    name=NAME,
    title="XGBoost (JSON, UBJSON, binary)",
    version=4,
    accepts=accepts,
    scan=scan,
    rules=(OUT_OF_RANGE, LOOP),
    suffixes=(".json", ".ubj", ".bin", ".model"),
    signs=Signs(begins(_BINARY) + JSON_STARTS, at=((_LEARNER + 8, _OBJECTIVES),)),
)
