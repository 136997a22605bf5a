"""Skops: a zip whose `schema.json` names, node by node, the classes and functions that loading imports and calls.

Format: skops/io/_audit.py and skops/io/_general.py of https://github.com/skops-dev/skops. Each node has `__loader__`
(the kind of node), `__module__` and `__class__`. The names are judged in `scanners.judge.skops_nodes`; the zip scanner
examines the members.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import ZIP, Blob, Context, Item, Malformed, Scanner, Signs, problem_of
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.parsing.json_text import JsonFault, as_utf8, documents, joined

if TYPE_CHECKING:
    from scanners.parsing.zip_directory import ZipEntry

NAME = "skops"
_SCHEMA = "schema.json"
_SUFFIX = ".skops"
SIZE_LIMIT = 64 * MIB
"""Maximum bytes of a schema that is parsed; the objects take about eight times as much memory."""
_SHOWN = 200
_METHOD, _OPERATOR = "MethodNode", "OperatorFuncNode"
# Kinds of nodes that ignore their class
_WITHOUT_CLASS = frozenset(
    {"JsonNode", "CachedNode", "SliceNode", "DTypeNode", "BytesNode", "BytearrayNode", "PartialNode"}
)
_KINDS_OF_FUNCTIONS = frozenset("function builtin_function_or_method ufunc type ABCMeta method".split())
_HELD = frozenset({"FunctionNode", "TypeNode"})
"""Kinds of nodes that import what they name without calling it."""

CONFUSED = Rule(
    id="skops/confused-node",
    title="Node that loads another type than it declares",
    severity=Severity.CRITICAL,
    message="{path} ({kind}) declares that it is {subject}, but loads {loaded}",
    why="Releases of skops before 0.12 checked whether the declared type is trusted, and then called the other one. "
    "skops does not write such files: the node was made to get past the list of trusted types.",
    fix="Do not load the file. Find out where it came from.",
    cwe=351,
    references=(
        "https://nvd.nist.gov/vuln/detail/CVE-2025-54412",
        "https://nvd.nist.gov/vuln/detail/CVE-2025-54413",
    ),
)
NOT_SKOPS = Rule(
    id="skops/not-a-zip",
    title="File named .skops that is not a zip",
    severity=Severity.WARNING,
    message="the file is named {subject}, but is not a zip",
    why="If a file is not a zip, Card.get_model of skops 0.12 and earlier passes it to joblib, which unpickles it: the "
    "name promises the safe format, but the unsafe one is loaded.",
    fix="Load it with skops.io.load, which rejects such a file, and ask its author for a real one.",
    cwe=502,
    references=("https://nvd.nist.gov/vuln/detail/CVE-2025-54886",),
)


class _Node(NamedTuple):
    path: str
    value: dict[str, Json]

    def text(self, key: str) -> str:
        """Return the text under a key, or nothing."""
        value = self.value.get(key)
        return value if isinstance(value, str) else ""

    @property
    def name(self) -> str:
        """The dotted name of the node's class."""
        return f"{self.text('__module__')}.{self.text('__class__')}"


def accepts(blob: Blob) -> bool:
    """Return whether the blob is a zip with a schema, or has the suffix of skops."""
    return blob.locator.suffix == _SUFFIX or bool(_schemas(blob, None))


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what loading would import and call; raises Malformed if a .skops file has no schema."""
    from scanners.parsing.zip_directory import find_archive

    named = blob.locator.suffix == _SUFFIX
    if named and find_archive(blob.reader, blob.head) is None:
        yield Finding(NOT_SKOPS, blob.locator, printable(blob.locator.name, _SHOWN))
        raise Malformed("not a zip archive, as every skops file is")
    schemas = _schemas(blob, context)
    if named and not schemas:
        raise Malformed(f"the archive has no {_SCHEMA}")
    for entry in schemas:
        yield from _schema(blob, context, entry, named)


def _schemas(blob: Blob, context: Context | None) -> list[ZipEntry]:
    from scanners.parsing.zip_directory import find_archive, read_directory

    if find_archive(blob.reader, blob.head) is None:
        return []
    entries = read_directory(blob.reader, context.limits if context else None).entries
    return [entry for entry in entries if entry.name == _SCHEMA]


def _schema(blob: Blob, context: Context, entry: ZipEntry, named: bool) -> Iterator[Item]:
    """Yield what one schema names; nothing for another program's schema in a zip with another suffix."""
    from scanners.parsing.zip_directory import member_blob

    try:
        member = member_blob(blob, entry, context)
    except (Malformed, Truncated):
        return  # the zip scanner reports it for every member
    with closing(member.reader):
        limit = min(SIZE_LIMIT, context.limits.parsed_bytes // 8)
        if member.size > limit:
            raise OverLimit(f"more than {limit:,} bytes of schema")
        data = as_utf8(member.reader.read(0, member.size))
    if b"__loader__" not in data and b"\\u" not in data:
        if named:
            yield problem_of(Malformed("the schema has no nodes"), member.locator, NAME)
        return
    yield Fact("framework", NAME, blob.locator)
    try:
        found = documents(data.decode("utf-8", "replace"))
    except JsonFault as fault:
        yield problem_of(Malformed(f"the schema is not JSON: {fault}"), member.locator, NAME)
        return
    told: set[tuple[str, str]] = set()
    for document in found:
        for node in _nodes(document, context):
            for item in _node(member, node):
                key = (item.kind + str(item.detail["how"]), item.value) if isinstance(item, Fact) else ("", node.path)
                if key not in told:
                    told.add(key)
                    yield item


def _nodes(document: Json, context: Context) -> Iterator[_Node]:
    """Yield every object of the schema that has a loader, outer ones first."""
    left: list[tuple[str, Json]] = [("", document)]
    while left:
        context.operations.spend()
        path, value = left.pop()
        if isinstance(value, dict):
            if isinstance(value.get("__loader__"), str):
                yield _Node(path or "the root", value)
            inner = [(joined(path, key), item) for key, item in value.items()]
        elif isinstance(value, list):
            inner = [(joined(path, at), item) for at, item in enumerate(value)]
        else:
            continue
        left += reversed([(place, item) for place, item in inner if isinstance(item, dict | list)])


def _node(member: Blob, node: _Node) -> Iterator[Fact | Finding]:
    kind = node.text("__loader__")
    content = node.value.get("content")
    inner = _Node(node.path, content) if isinstance(content, dict) else None
    if kind == _METHOD and inner is not None:
        yield from _method(member, node, inner)
    elif kind == _OPERATOR:
        yield from _operator(member, node)
    elif kind not in _WITHOUT_CLASS:
        for name in _named(node, inner):
            yield _fact(member, node, name, "name" if kind in _HELD else "call")
    if kind == "RandomGeneratorNode":
        yield from _bit_generator(member, node)


def _named(node: _Node, content: _Node | None) -> Iterator[str]:
    """Yield what a node names: in its content, as protocol 0 does for functions and types, and in the node itself.

    The file declares its protocol, but any node may hold both. In protocol 0 the node itself only names the kind of
    function, which is not a callable.
    """
    kind = node.text("__loader__")
    inner = ""
    if kind == "FunctionNode" and content is not None and content.text("function"):
        inner = f"{content.text('module_path')}.{content.text('function')}"
    elif kind == "TypeNode" and content is not None and content.text("__class__"):
        inner = content.name
    if inner:
        yield inner
    if not inner or (inner != node.name and node.text("__class__") not in _KINDS_OF_FUNCTIONS):
        yield node.name


def _method(member: Blob, node: _Node, content: _Node) -> Iterator[Fact | Finding]:
    """Yield the method that is taken from an object, whose class must be the one that the node states."""
    owner = content.value.get("obj")
    if not isinstance(owner, dict):
        return
    loaded = _Node(node.path, owner)
    yield _fact(member, node, f"{loaded.name}.{content.text('func')}", "method")
    if loaded.name != node.name:
        yield _confused(member, node, loaded.name)


def _operator(member: Blob, node: _Node) -> Iterator[Fact | Finding]:
    """Yield the function of `operator`, which is called whatever module the node states, with its arguments."""
    yield _fact(member, node, f"operator.{node.text('__class__')}", "operator", _texts(node.value.get("attrs")))
    if node.text("__module__") != "operator":
        yield _confused(member, node, f"operator.{node.text('__class__')}")


def _texts(attributes: Json) -> str:
    """Return the arguments of a function that are plain values, as spelled in the schema."""
    content = attributes.get("content") if isinstance(attributes, dict) else None
    values = [item.get("content") for item in content if isinstance(item, dict)] if isinstance(content, list) else []
    return ", ".join(value for value in values if isinstance(value, str))


def _bit_generator(member: Blob, node: _Node) -> Iterator[Fact]:
    """Yield the name in numpy.random that the nested state of a NumPy generator contains."""
    value: Json = node.value
    for key in ("content", "bit_generator_state", "content", "bit_generator", "content"):
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, str):
        name = value.strip('"')
        yield _fact(member, node, f"numpy.random.{name}", "call")


def _fact(member: Blob, node: _Node, name: str, how: str, arguments: str = "") -> Fact:
    detail: dict[str, Json] = {"how": how, "kind": printable(node.text("__loader__"), _SHOWN)}
    detail |= {"path": printable(node.path, _SHOWN), "arguments": printable(arguments, _SHOWN)}
    return Fact("skops-node", printable(name, _SHOWN), member.locator, detail=detail)


def _confused(member: Blob, node: _Node, loaded: str) -> Finding:
    evidence: dict[str, Json] = {"kind": node.text("__loader__"), "loaded": printable(loaded, _SHOWN)}
    path = printable(node.path, _SHOWN)
    return Finding(CONFUSED, member.locator, printable(node.name, _SHOWN), path=path, evidence=evidence)


SCANNER = Scanner(
    name=NAME,
    title="Skops (scikit-learn without pickle)",
    version=2,
    accepts=accepts,
    scan=scan,
    rules=(CONFUSED, NOT_SKOPS),
    suffixes=(_SUFFIX,),
    signs=Signs(ZIP.first, (_SUFFIX,), ends=ZIP.ends),
)
