"""CNTK: dictionaries in a protocol buffer (version 2), and the stream of wide text and matrices of version 1.

Formats: Source/CNTKv2LibraryDll/proto/CNTK.proto and Source/ComputationNetworkLib/ComputationNetwork.cpp of
https://github.com/microsoft/CNTK. Version 2 names user-defined functions: Python puts the names of module and class
into an import statement and runs it (bindings/python/cntk/internal/__init__.py), and native ones are taken from a
library that the model names (UserDefinedFunction.cpp).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Reader
from modelsweep.core.scanner import RAW, Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.parsing.cursor import Cursor

if TYPE_CHECKING:
    from scanners.parsing.protobuf import Record

NAME = "cntk"
_SHOWN = 160
_KEY = re.compile(rb"[A-Za-z_][A-Za-z0-9_]{0,127}")
_KIND_COUNT = 12
"""Number of kinds of values in a dictionary."""
_SCHEMA = {
    "Dictionary": {1: ("version", "int"), 2: ("data", "Entry")},
    "Entry": {1: ("key", "text"), 2: ("value", "Value")},
    "Value": {2: ("type", "int"), 8: ("text", "text"), 11: ("vector", "Vector"), 12: ("dictionary", "Dictionary")},
    "Vector": {1: ("values", "Value")},
}
_STREAMED = frozenset({"Dictionary"})
_MODEL = frozenset({"version", "type", "root", "uid", "inputs", "primitive_functions"})
_CHECKPOINT = frozenset({"Learners", "ExternalState"})
_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_CLASS = re.compile(r"[^\W\d]\w*")
_NAME_LIMIT = 4_096
"""Maximum characters of one wide string."""
_PYTHON = "https://github.com/microsoft/CNTK/blob/master/bindings/python/cntk/internal/__init__.py"
_NATIVE = "https://github.com/microsoft/CNTK/blob/master/Source/CNTKv2LibraryDll/UserDefinedFunction.cpp"


def _wide(text: str) -> bytes:
    return f"{text}\0".encode("utf-16-le")


_MAGIC = _wide("BCN")
_NODES_END = _wide("ENodeList") + _wide("BRelation")
_CHUNK = MIB
_MAX_RELATIONS = 16 * MIB
"""Maximum bytes of the relations after the nodes of a network."""

INJECTED = Rule(
    id="cntk/injected-code",
    title="Code in place of a class name",
    severity=Severity.CRITICAL,
    message="loading would run the text {subject} as Python",
    why="CNTK's Python loader puts the module and class name of a user-defined function into an import statement and "
    "runs it. Anything beyond a name runs as code.",
    fix="Do not load the model. Find out where it came from.",
    cwe=95,
    references=(_PYTHON,),
)
LIBRARY = Rule(
    id="cntk/native-library",
    title="Model that loads a native library",
    severity=Severity.WARNING,
    message="loading would call {function} from the library {subject}",
    why="A native user-defined function is in a library that the model names. Loading the model loads the library, "
    "which runs its code.",
    fix="Make sure that you know the library, and that no other library of that name is found first.",
    confidence="medium",
    cwe=829,
    references=(_NATIVE,),
)
LIBRARY_PATH = Rule(
    id="cntk/library-path",
    title="Model that loads a native library from a path it names",
    severity=Severity.CRITICAL,
    message="loading would call {function} from the library at {subject}",
    why="Loading the model loads the library, which runs its code. The path can point to a file that came with the "
    "model, or to another machine.",
    fix="Do not load the model. Find out where it came from.",
    cwe=427,
    references=(_NATIVE,),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is a stream of version 1 or a dictionary of version 2."""
    if blob.head.startswith(_MAGIC):
        return True
    return blob.head[:1] in (b"\x08", b"\x12") and _is_dictionary(blob)


def _is_dictionary(blob: Blob) -> bool:
    """Return whether the first fields are a version and an entry, which has a name and a typed value."""
    from scanners.parsing.protobuf import LENGTH, VARINT, Wire

    wire = Wire(blob.reader)
    try:
        fields = wire.fields(0, blob.size)
        entry = next(fields, None)
        if entry and (entry.number, entry.wire) == (1, VARINT):
            entry = next(fields, None)
        if entry is None or (entry.number, entry.wire) != (2, LENGTH):
            return False
        inside = wire.fields(entry.value, entry.value + entry.length)
        key, value = next(inside, None), next(inside, None)
        if key is None or value is None or [(item.number, item.wire) for item in (key, value)] != [(1, 2), (2, 2)]:
            return False
        if not _KEY.fullmatch(wire.read(key.value, min(key.length, 200))):
            return False
        kinds = {found.number: found.value for found in wire.fields(value.value, value.value + value.length)}
    except (Malformed, OverLimit):
        return False
    return 0 < kinds.get(2, 0) < _KIND_COUNT and kinds.keys() <= set(range(1, 14))


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what loading would import or load; raises Malformed, Truncated and OverLimit."""
    yield Fact("framework", NAME, blob.locator)
    if blob.head.startswith(_MAGIC):
        yield from _network(blob, context)
    else:
        yield from _dictionary(blob, context)


def _dictionary(blob: Blob, context: Context) -> Iterator[Item]:
    from scanners.parsing.protobuf import Walker, Wire

    walker = Walker(Wire(blob.reader, context), _SCHEMA, _STREAMED, context.limits.parsed_bytes)
    keys: set[str] = set()
    for record in walker.walk("Dictionary", 0, blob.size):
        found = {entry.text("key"): _text(entry) for entry in record.records.get("data", ())}
        yield from _function(blob, record, found)
        keys = set(found)  # the outermost comes last
    needed = _CHECKPOINT if keys & _CHECKPOINT else _MODEL
    if missing := sorted(needed - keys):
        raise Malformed(f"the dictionary has no {missing[0]}: cut short?")


def _text(entry: Record) -> str:
    values = entry.records.get("value", ())
    return values[-1].text("text") if values else ""


def _function(blob: Blob, record: Record, found: dict[str, str]) -> Iterator[Item]:
    """Yield what the state of a user-defined function makes the loader run."""
    module, name, method = found.get("module"), found.get("class"), found.get("deserialize_method")
    if module is None:
        return
    if method is not None:
        rule = LIBRARY_PATH if set(module) & set("/\\") else LIBRARY
        evidence: dict[str, Json] = {"function": printable(method, _SHOWN)}
        yield Finding(rule, blob.locator, printable(module, _SHOWN), span=record.span, evidence=evidence)
    elif name is not None:
        if _MODULE.fullmatch(module) and _CLASS.fullmatch(name):
            detail: dict[str, Json] = {"how": "class", "path": "a user-defined function"}
            yield Fact("code-reference", printable(f"{module}.{name}", _SHOWN), blob.locator, record.span, detail)
        else:
            statement = printable(f"from {module} import {name}", _SHOWN)
            yield Finding(INJECTED, blob.locator, statement, span=record.span)


def _network(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the matrices of a network of version 1 as raw bytes, and check the relations and names after them."""
    cursor = Cursor(blob.reader, len(_MAGIC))
    _expect(cursor, "BVersion")
    cursor.skip(8)
    _expect(cursor, "EVersion")
    count = cursor.number("Q")
    _expect(cursor, "BNodeList")
    start = cursor.position
    end = _last(blob.reader, _NODES_END, start)
    if end < 0:
        raise Malformed("the list of nodes does not end: cut short?", start)
    if end > start:
        yield blob.window("nodes", start, end - start, RAW)
    cursor = Cursor(blob.reader, end + len(_NODES_END))
    if blob.size - cursor.position > _MAX_RELATIONS:
        raise OverLimit(f"more than {_MAX_RELATIONS:,} bytes of names of nodes")
    for _ in range(count):
        context.operations.spend()
        _word(cursor)
        _pass_words(cursor, context)
    _expect(cursor, "ERelation")
    _expect(cursor, "BRootNodes")
    while (section := _word(cursor)) != "ERootNodes":
        if not section.startswith("B"):
            raise Malformed("a list of nodes is unnamed", cursor.position)
        _pass_words(cursor, context)
        _expect(cursor, f"E{section[1:]}")
    _expect(cursor, "ECN")
    if cursor.position < blob.size:
        raise Malformed(f"{blob.size - cursor.position:,} bytes follow the network", cursor.position)


def _last(reader: Reader, needle: bytes, start: int) -> int:
    """Return the last offset of `needle` at or after `start`, or -1; far fewer bytes follow the nodes than precede."""
    stop = reader.size
    while stop > start:
        begin = max(start, stop - _CHUNK)
        window = reader.read(begin, min(stop + len(needle) - 1, reader.size) - begin)
        at = window.rfind(needle)
        if at >= 0:
            return begin + at
        stop = begin
    return -1


def _pass_words(cursor: Cursor, context: Context) -> None:
    for _ in range(cursor.number("Q")):
        context.operations.spend()
        _word(cursor)


def _word(cursor: Cursor) -> str:
    """Return the next zero-terminated wide string."""
    start, letters = cursor.position, bytearray()
    while (letter := cursor.take(2)) != b"\0\0":
        letters += letter
        if len(letters) > 2 * _NAME_LIMIT:
            raise Malformed(f"a name of more than {_NAME_LIMIT:,} characters", start)
    return letters.decode("utf-16-le", "replace")


def _expect(cursor: Cursor, mark: str) -> None:
    start = cursor.position
    if _word(cursor) != mark:
        raise Malformed(f"the mark {mark} is missing", start)


SCANNER = Scanner(
    name=NAME,
    title="CNTK (.cntk, .dnn, .cmf, .model)",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(INJECTED, LIBRARY, LIBRARY_PATH),
    suffixes=(".cntk", ".dnn", ".cmf", ".model"),
    signs=Signs(begins(_MAGIC, b"\x08", b"\x12")),
)
