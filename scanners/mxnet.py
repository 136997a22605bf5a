"""MXNet: a graph of operators as JSON (-symbol.json), and named arrays (.params).

Formats: nnvm/src/pass/saveload_json.cc and src/ndarray/ndarray.cc of https://github.com/apache/mxnet. Custom operators
are classes that the process has registered; in old releases they are memory addresses.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import JSON_STARTS, RAW, Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.metadata_text import suspicious_facts
from scanners.parsing.cursor import Cursor
from scanners.parsing.json_text import documents_of, has_keys

NAME = "mxnet"
_SHOWN = 100
_MAX_GRAPH = 64 * MIB
"""Maximum bytes of a graph that is parsed."""

_ARRAYS = 0x112
_ARRAY_1, _ARRAY_2, _ARRAY_3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_DENSE = 0
_MAX_DIMENSIONS = 32
_COST = 100
# Bytes of one element, by the number of its type
_WIDTHS = {0: 4, 1: 8, 2: 2, 3: 1, 4: 4, 5: 1, 6: 8, 7: 1, 8: 2, 9: 2, 10: 4, 11: 8, 12: 2}
_AUTOGRAD_FUNCTION = "_CustomFunction"
"""The operator of autograd functions, which has no name."""
_CUSTOM = frozenset({"Custom", _AUTOGRAD_FUNCTION, "_contrib_Custom"})
_POINTERS = frozenset({"_Native", "_NDArray"})
_OPERATOR = re.compile(r"[\w.:/-]*")
"""Valid names of operators: names of functions and classes, possibly with packages."""
_LIBRARY = re.compile(r"[^\n]{1,400}\.(?:so(?:\.\d+)*|dll|dylib)", re.IGNORECASE)

CUSTOM = Rule(
    id="mxnet/custom-operator",
    title="Operator that calls code of the process",
    severity=Severity.WARNING,
    message="node {path} calls the custom operator {subject}",
    why="The operator is a class that the program registers, usually in Python. Its code is not part of the model, and "
    "the model chooses which one runs.",
    fix="Make sure that you know the code behind the name before you register it.",
    confidence="medium",
    cwe=829,
    references=("https://mxnet.apache.org/versions/1.9.1/api/python/docs/tutorials/extend/customop.html",),
)
POINTER = Rule(
    id="mxnet/pointer-operator",
    title="Operator that is a memory address",
    severity=Severity.CRITICAL,
    message="node {path} is {subject}, whose functions are at the address {address}",
    why="The operator stores where its functions were in the process that saved it. Loading uses the number from the "
    "file as an address, and calls what is there.",
    fix="Do not load the model. Ask its author for one without NumpyOp or NDArrayOp operators.",
    cwe=822,
    references=("https://github.com/apache/mxnet/blob/v1.x/src/operator/custom/native_op-inl.h",),
)
LIBRARY = Rule(
    id="mxnet/library",
    title="Graph that names a native library",
    severity=Severity.WARNING,
    message="{path} of the graph names the library {subject}",
    why="No MXNet operator takes a library: programs load custom operators before the graph. A program that takes the "
    "path from the graph lets the model choose the native code that runs.",
    fix="Find out what reads the attribute, and do not load a library that came with the model.",
    confidence="medium",
    cwe=427,
    references=("https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/library/index.html",),
)
ODD_NAME = Rule(
    id="mxnet/odd-operator",
    title="Operator with an impossible name",
    severity=Severity.WARNING,
    message="node {path} calls the operator {subject}",
    why="Operators are registered under function names. MXNet before 1.9.1 matches each name against a regular "
    "expression whose running time explodes on a crafted name, so that loading the model never ends.",
    fix="Do not load the model. If you must look at it, use MXNet 1.9.1 or later.",
    confidence="medium",
    cwe=1333,
    references=("https://nvd.nist.gov/vuln/detail/CVE-2022-24294",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with a graph of nodes or a list of arrays."""
    if blob.head[:8] == _ARRAYS.to_bytes(8, "little") and blob.head[8:16] == bytes(8):
        return True
    return has_keys(blob, "nodes", "arg_nodes")


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield custom and invalid operators, and attributes with code; raises Malformed, Truncated and OverLimit."""
    yield Fact("framework", NAME, blob.locator)
    if blob.head[:1] == b"\x12":
        yield from _arrays(blob, context)
        return
    found = documents_of(blob, min(_MAX_GRAPH, context.limits.parsed_bytes // 4), "the graph is no JSON")
    told: set[tuple[str, str]] = set()
    for node in _nodes(found, context):
        finding = _node(blob, node)
        if finding and (finding.rule.id, finding.subject) not in told:
            told.add((finding.rule.id, finding.subject))
            yield finding
        yield from _attributes(blob, node, context)


def _nodes(found: list[Json], context: Context) -> Iterator[dict[str, Json]]:
    """Yield the nodes of graphs, including graphs nested in nodes."""
    left = list(found)
    while left:
        context.operations.spend()
        graph = left.pop()
        nodes = graph.get("nodes") if isinstance(graph, dict) else None
        for node in nodes if isinstance(nodes, list) else ():
            if isinstance(node, dict):
                yield node
                inner = node.get("subgraphs")
                left += inner if isinstance(inner, list) else []


def _node(blob: Blob, node: dict[str, Json]) -> Finding | None:
    name, operator = printable(str(node.get("name", "")), _SHOWN), node.get("op")
    attributes = _attributes_of(node)
    if operator in _CUSTOM:
        subject = printable(str(attributes.get("op_type", "")), _SHOWN)
        if not subject and operator != _AUTOGRAD_FUNCTION:
            return None  # MXNet rejects it: no class is registered under an empty name
        subject = subject or "without a name"
        return Finding(CUSTOM, blob.locator, subject, path=name)
    if operator in _POINTERS:
        evidence: dict[str, Json] = {"address": printable(str(attributes.get("info", "unknown")), _SHOWN)}
        return Finding(POINTER, blob.locator, str(operator), path=name, evidence=evidence)
    if isinstance(operator, str) and not _OPERATOR.fullmatch(operator):
        return Finding(ODD_NAME, blob.locator, printable(operator, _SHOWN), path=name)
    return None


def _attributes_of(node: dict[str, Json]) -> dict[str, Json]:
    """Return the attributes of a node, from any of the keys that releases since 0.8 use for them."""
    attributes = next((node[key] for key in ("attrs", "attr", "param") if isinstance(node.get(key), dict)), {})
    assert isinstance(attributes, dict), "chosen so"
    return attributes


def _attributes(blob: Blob, node: dict[str, Json], context: Context) -> Iterator[Item]:
    """Yield attributes of a node that are code or a library; honest ones are numbers, shapes and choices."""
    for key, value in _attributes_of(node).items():
        if not isinstance(value, str):
            continue
        context.operations.spend()
        path = printable(f"{node.get('name', '')}.{key}", _SHOWN)
        if _LIBRARY.fullmatch(value):
            yield Finding(LIBRARY, blob.locator, printable(value, _SHOWN), path=path)
        else:
            yield from suspicious_facts(value, blob.locator, path, context)


def _arrays(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the arrays as raw bytes, and check that arrays and names fill the file."""
    cursor = Cursor(blob.reader, 16)
    count = cursor.number("Q")
    for number in range(count):
        context.operations.spend(_COST)
        length = _array(cursor)
        if length:
            yield blob.window(f"array {number}", cursor.position, length, RAW)
        cursor.skip(length)
    names = cursor.number("Q")
    if names not in (0, count):
        raise Malformed(f"{names:,} names for {count:,} arrays", cursor.position)
    for _ in range(names):
        context.operations.spend(_COST)
        cursor.skip(cursor.number("Q"))
    if cursor.position < blob.size:
        raise Malformed(f"{blob.size - cursor.position:,} bytes follow the arrays", cursor.position)
    yield Fact("tensors", "arrays", blob.locator, detail={"count": count})


def _array(cursor: Cursor) -> int:
    """Skip the header of an array; return the bytes of its elements."""
    start = cursor.position
    magic = cursor.number("I")
    if magic not in (_ARRAY_1, _ARRAY_2, _ARRAY_3):
        raise Malformed("an array in an unknown form", start)
    if magic != _ARRAY_1 and cursor.number("i") != _DENSE:
        raise OverLimit("a sparse array, which is not examined")
    dimensions = cursor.number("i")
    if not 0 <= dimensions <= _MAX_DIMENSIONS:
        raise Malformed(f"an array of {dimensions:,} dimensions", start)
    sizes = [cursor.number("q") for _ in range(dimensions)]
    if not dimensions and magic != _ARRAY_3:
        return 0  # an array without a shape ends here
    cursor.skip(8)  # the device on which it was
    width = _WIDTHS.get(cursor.number("i"))
    if width is None or min(sizes, default=0) < 0:
        raise Malformed("an array of an unknown type or shape", start)
    length = width
    for size in sizes:
        length *= size
    if length > cursor.reader.size - cursor.position:
        raise Truncated(cursor.position, length, cursor.reader.size)
    return length


SCANNER = Scanner(
    name=NAME,
    title="MXNet (-symbol.json, .params)",
    version=4,
    accepts=accepts,
    scan=scan,
    rules=(CUSTOM, POINTER, LIBRARY, ODD_NAME),
    suffixes=(".json", ".params"),
    signs=Signs(b"\x12" + JSON_STARTS),
)
