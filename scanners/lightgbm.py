"""LightGBM: boosted trees as text, one list of numbers in each line.

Format: src/io/tree.cpp and src/boosting/gbdt_model_text.cpp of https://github.com/microsoft/LightGBM. Nothing in a
model runs, but predictors use the numbers of children and features as memory offsets.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.metadata_text import suspicious_facts
from scanners.parsing.tree_links import led_to_twice

NAME = "lightgbm"
_STARTS = (b"tree\nversion=v", b"tree\r\nversion=v", b"tree\nnum_class=")
_WITHOUT_PARAMETERS = (b"v2", b"")
"""Versions whose models end after the feature importances."""
_CHUNK = MIB
_MAX_LINE = 64 * MIB
"""Maximum bytes of one line."""
_MAX_LIST = 8 * MIB
"""Maximum bytes of a list of children or features that is parsed."""
_COUNT = 1 << 31
_SHOWN = 100
_TREES_SHOWN = 20
_NUMERALS = b"0123456789 \t\r.eE+-naifNAIF"
"""Characters of numbers, including NaN and infinity."""
_TREE_KEYS = frozenset(
    {b"num_leaves", b"split_feature", b"left_child", b"right_child", b"num_cat", b"cat_boundaries", b"cat_threshold"}
    | {b"decision_type", b"threshold", b"leaf_features"}
)
_COUNTS = (b"num_class", b"num_tree_per_iteration")
_LISTS = (b"split_feature", b"left_child", b"right_child")
_END_OF_TREES, _PARAMETERS, _END_OF_PARAMETERS = b"end of trees", b"parameters:", b"end of parameters"
_PARAMETER = re.compile(rb"\[\w+: ?.*\]$", re.DOTALL)
_PANDAS = b"pandas_categorical:"

OUT_OF_RANGE = Rule(
    id="lightgbm/index-out-of-range",
    title="Tree that points outside itself",
    severity=Severity.WARNING,
    message="tree {subject}: {what} is {index}, but there are {count}",
    why="Predictors use the numbers of children, leaves and features as array indices. Without a check they read "
    "memory beyond the arrays.",
    fix="Save the model again from its source. Do not load this file with a release that does not check it.",
    cwe=125,
    references=("https://github.com/microsoft/LightGBM/blob/master/src/io/tree.cpp",),
)


LOOP = Rule(
    id="lightgbm/loop",
    title="Tree that loops",
    severity=Severity.WARNING,
    message="tree {subject}: more than one path leads to node {node}",
    why="Predictors go from node to node until they reach a leaf. Where a child points back to one of its ancestors, "
    "that never ends.",
    fix="Save the model again from its source. Do not load this file.",
    cwe=835,
    references=("https://github.com/microsoft/LightGBM/blob/master/src/io/tree.cpp",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the first lines of a model."""
    return blob.head.startswith(_STARTS)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield trees with indices out of range, and loops; raises Malformed if the model is cut short, and OverLimit."""
    yield Fact("framework", NAME, blob.locator)
    model = _Model(blob, context)
    for offset, line in _lines(blob.reader):
        context.operations.spend()
        yield from model.line(line, offset)
    yield from model.end_of_tree()
    if model.fault:
        raise model.fault
    model.check_end()


def _lines(reader: Reader) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with their offsets; raises OverLimit if one is too long."""
    rest, start = b"", 0
    for offset in range(0, reader.size, _CHUNK):
        parts = (rest + reader.read(offset, min(_CHUNK, reader.size - offset))).split(b"\n")
        rest = parts.pop()
        for part in parts:
            yield start, part.rstrip(b"\r")
            start += len(part) + 1
        if len(rest) > _MAX_LINE:
            raise OverLimit(f"a line of more than {_MAX_LINE:,} bytes")
    if rest:
        yield start, rest.rstrip(b"\r")


class _Model:
    """State of parsing a model line by line: the header, then the trees, then the end."""

    def __init__(self, blob: Blob, context: Context) -> None:
        self.blob, self.context = blob, context
        self.fault: Malformed | None = None
        """What is wrong with a value in a tree: the lines behind it may be code all the same."""
        self.version = self.section = b""
        self.last = b""
        self.features = _COUNT
        self._tree: dict[bytes, bytes] = {}
        self._number, self._offset, self._shown = "", 0, 0

    def line(self, line: bytes, offset: int) -> Iterator[Item]:
        """Parse one line; yield what is wrong with the tree before it."""
        key, separator, value = line.partition(b"=")
        self.last = line or self.last
        if b"\0" in line:
            raise Malformed("a NUL in the text makes the loader stop and start again", offset)
        if self.section == _PARAMETERS and line not in (b"", _END_OF_PARAMETERS):
            yield from self._parameter(line, offset)
        if self.section:
            self.section = line if line in (_PARAMETERS, _END_OF_PARAMETERS) else self.section
        elif line == _END_OF_TREES:
            yield from self.end_of_tree()
            self.section = line
        elif not separator:
            return
        elif key == b"Tree":
            yield from self.end_of_tree()
            self._number, self._offset = printable(value.decode("latin-1"), _SHOWN), offset
        elif key == b"version":
            self.version = value
        elif key == b"max_feature_idx":
            self.features = _integer(value, offset) + 1
        elif self._number:
            yield from self._tree_line(key, value, offset)
        else:
            yield from self._header_line(key, value, offset)

    def _parameter(self, line: bytes, offset: int) -> Iterator[Item]:
        """Yield the value of a parameter if it is code."""
        if not _PARAMETER.match(line):
            raise Malformed("a line is not a parameter", offset)
        key, _, value = line.removeprefix(b"[").removesuffix(b"]").partition(b": ")
        yield from self._text(key, value)

    def _header_line(self, key: bytes, value: bytes, offset: int) -> Iterator[Item]:
        """Yield the value in a header line if it is code."""
        if key in _COUNTS and _integer(value, offset) < 1:
            raise Malformed(f"{key.decode()} is less than one, which makes the loader abort", offset)
        yield from self._text(key, value)

    def _tree_line(self, key: bytes, value: bytes, offset: int) -> Iterator[Item]:
        """Keep a list of numbers of the tree, or yield another value if it is code."""
        if value.translate(None, _NUMERALS):
            name = printable(key.decode("latin-1"), _SHOWN)
            self.fault = self.fault or Malformed(f"in a tree, {name} is not a list of numbers", offset)
            yield from self._text(key, value)
        elif key in _TREE_KEYS:
            self._tree[key] = value

    def _text(self, key: bytes, value: bytes) -> Iterator[Item]:
        name = printable(key.decode("latin-1"), _SHOWN)
        text = value.decode("utf-8", "replace")
        yield from suspicious_facts(text, self.blob.locator, name, self.context, commands=True)

    def end_of_tree(self) -> Iterator[Item]:
        """Yield what is wrong with the tree whose lines have been parsed."""
        tree, self._tree = self._tree, {}
        if self.fault or not self._number or b"num_leaves" not in tree:
            return
        leaves = _integer(tree[b"num_leaves"], self._offset)
        lists = [_integers(tree.get(name, b""), self._offset) for name in _LISTS]
        found = [self._wrong(name, values, leaves) for name, values in zip(_LISTS, lists, strict=True)]
        for finding in (*found, self._loop(leaves, lists[1:]), *self._categories(tree), self._linear(tree)):
            if finding and self._shown < _TREES_SHOWN:
                self._shown += 1
                yield finding
        self._number = ""

    def _loop(self, leaves: int, lists: list[list[int]]) -> Finding | None:
        node = led_to_twice(min(leaves - 1, len(lists[0])), *lists) if leaves > 1 else None
        if node is None:
            return None
        return Finding(LOOP, self.blob.locator, self._number, span=Span(self._offset), evidence={"node": node})

    def _categories(self, tree: dict[bytes, bytes]) -> Iterator[Finding]:
        """Yield what is wrong with categorical splits: each refers to a range of bits in a list of words."""
        if not tree.get(b"num_cat", b"0").strip(b"0"):
            return
        count = _integer(tree[b"num_cat"], self._offset)
        bounds = _integers(tree.get(b"cat_boundaries", b""), self._offset)
        words = len(tree.get(b"cat_threshold", b"").split())
        if len(bounds) != count + 1:
            yield self._finding("the length of cat_boundaries", len(bounds), count + 1)
        elif sorted(bounds) != bounds or not 0 <= bounds[0] <= bounds[-1] <= words:
            yield self._finding(
                "cat_boundaries", next((each for each in bounds if not 0 <= each <= words), bounds[-1]), words
            )
        kinds = _integers(tree.get(b"decision_type", b""), self._offset)
        for kind, threshold in zip(kinds, tree.get(b"threshold", b"").split(), strict=False):
            if kind & 1 and not 0 <= _whole(threshold) < count:
                yield self._finding("threshold", _whole(threshold), count)
                return

    def _linear(self, tree: dict[bytes, bytes]) -> Finding | None:
        """Return a finding for the first feature out of range in the linear models of leaves."""
        features = _integers(tree.get(b"leaf_features", b""), self._offset)
        wrong = next((each for each in features if not 0 <= each < self.features), None)
        return None if wrong is None else self._finding("leaf_features", wrong, self.features)

    def _wrong(self, name: bytes, values: list[int], leaves: int) -> Finding | None:
        """Return what is wrong with one list: there is one node fewer than leaves, whose indices are negative."""
        nodes = max(leaves - 1, 0)
        if leaves > 1 and len(values) != nodes:
            return self._finding(f"the length of {name.decode()}", len(values), nodes)
        lowest, highest = (0, self.features) if name == b"split_feature" else (-leaves, nodes)
        wrong = next((value for value in values if not lowest <= value < highest), None) if leaves > 1 else None
        return None if wrong is None else self._finding(name.decode(), wrong, highest if wrong >= 0 else leaves)

    def _finding(self, what: str, index: int, count: int) -> Finding:
        evidence: dict[str, Json] = {"what": what, "index": f"{index:,}", "count": f"{count:,}"}
        return Finding(OUT_OF_RANGE, self.blob.locator, self._number, what, Span(self._offset), evidence)

    def check_end(self) -> None:
        """Raise Malformed unless the model is complete."""
        if not self.section:
            raise Malformed("the trees do not end: cut short?")
        if self.version in _WITHOUT_PARAMETERS:
            return
        if self.section != _END_OF_PARAMETERS:
            raise Malformed("the parameters do not end: cut short?")
        if self.last != _END_OF_PARAMETERS and not _is_pandas(self.last):
            raise Malformed("the model ends with neither its parameters nor its pandas categories: cut short?")


def _is_pandas(line: bytes) -> bool:
    if not line.startswith(_PANDAS):
        return False
    value = line.removeprefix(_PANDAS)
    return value == b"null" or (
        value.startswith(b"[") and value.endswith(b"]") and value.count(b"[") == value.count(b"]")
    )


def _integer(text: bytes, offset: int) -> int:
    text = text.strip()
    if not text.isdigit() or len(text) > 10:
        raise Malformed("a number of leaves or features is not a number", offset)
    return int(text)


def _whole(text: bytes) -> int:
    """Return the integer part of a number as C++ parses it, or -1 if it is not a number."""
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return -1


def _integers(text: bytes, offset: int) -> list[int]:
    if len(text) > _MAX_LIST:
        raise OverLimit(f"a list of more than {_MAX_LIST:,} bytes")
    words = text.split()
    if any(len(word) > 11 for word in words):
        raise Malformed("a child or feature is not a 32-bit number", offset)
    try:
        return [int(word) for word in words]
    except ValueError:
        raise Malformed("a child or feature is not a number", offset) from None


SCANNER = Scanner(
    name=NAME,
    title="LightGBM",
    version=7,
    accepts=accepts,
    scan=scan,
    rules=(OUT_OF_RANGE, LOOP),
    suffixes=(".txt", ".model", ".lgb", ".bin"),
    signs=Signs(begins(*_STARTS)),
)
