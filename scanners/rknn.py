"""RKNN: compiled models of Rockchip's NPUs, in a container of the graph, its weights and a description as JSON.

The layout is not published. What is known comes from files of rknn-toolkit2 and from readers such as
https://github.com/lutzroeder/netron: a header, the compiled model (a FlatBuffer, or a graph of OpenVX), then JSON
after its length. The runtime loads it onto a device and runs none of its code on the host.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import RAW, Blob, Context, Encrypted, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.parsing.flatbuffer import FlatBuffer, Table
from scanners.parsing.json_text import JsonFault, documents, text_of

NAME = "rknn"
_MAGIC, _ENCRYPTED = b"RKNN\0\0\0\0", b"CYPTRKNN"
_IDENTIFIER, _IDENTIFIER_OFFSET = b"RKNN", 4
_VERSIONS = range(1, 32)
_LITE = 0x1000
"""Version bit of models for a smaller runtime."""
_HEADER, _PADDING = 24, 40
_MAX_JSON = 16 * MIB
_SHOWN = 100
_MAX_TEXT = 256
# Fields of Model, Graph and Node
_GRAPHS, _COMPILER = 2, 7
_TENSORS, _NODES = 0, 1
_TYPE, _INPUTS, _OUTPUTS = 1, 4, 5
_NONE = -1

OUT_OF_RANGE = Rule(
    id="rknn/index-out-of-range",
    title="Operator whose tensors do not exist",
    severity=Severity.WARNING,
    message="operator {subject} uses tensor {index}, but there are {count}",
    why="The runtime uses such numbers as array indices. Without a check it reads or writes memory beyond the array.",
    fix="Convert the model again from its source. Do not run this file with a runtime that does not check it.",
    confidence="medium",
    cwe=125,
    references=("https://github.com/airockchip/rknn-toolkit2", "https://github.com/lutzroeder/netron"),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with a container's header, plain or encrypted, or is its FlatBuffer alone."""
    if blob.head.startswith((_MAGIC, _ENCRYPTED)):
        return True
    root = int.from_bytes(blob.head[:4], "little")
    return blob.head.startswith(_IDENTIFIER, _IDENTIFIER_OFFSET) and 8 <= root < blob.size


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield references to missing tensors; raises Malformed, Truncated, Encrypted and OverLimit."""
    yield Fact("framework", NAME, blob.locator)
    if blob.head.startswith(_ENCRYPTED):
        raise Encrypted("the model is encrypted")
    if blob.head.startswith(_MAGIC):
        yield from _container(blob, context)
    else:
        yield from _compiled(blob, context)


def _container(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the compiled model, facts from the description, and the data after it."""
    version, size = (int.from_bytes(blob.reader.read(at, 8), "little") for at in (8, 16))
    if version & ~_LITE not in _VERSIONS:
        raise Malformed(f"the version {version:,} is unknown", 8)
    start = _HEADER + (_PADDING if version & ~_LITE > 1 and size else 0)
    if size > blob.size - start:
        raise Truncated(start, size, blob.size)
    if size:
        compiled = blob.reader.read(start, min(8, size)).startswith(_IDENTIFIER, _IDENTIFIER_OFFSET)
        yield blob.window("model", start, size, NAME if compiled else RAW)
    end = start + size
    length = int.from_bytes(blob.reader.read(end, 8), "little")
    if length > blob.size - end - 8:
        raise Truncated(end + 8, length, blob.size)
    yield from _description(blob, context, end + 8, length)
    end += 8 + length
    if end < blob.size:
        yield blob.window(f"data at {end}", end, blob.size - end)


def _description(blob: Blob, context: Context, start: int, length: int) -> Iterator[Item]:
    if length > min(_MAX_JSON, context.limits.parsed_bytes // 4):
        raise OverLimit(f"a description of {length:,} bytes")
    try:
        found = documents(text_of(blob.reader.read(start, length).rstrip(b"\0")))
    except JsonFault as fault:
        raise Malformed(f"the description is not JSON: {fault}", start) from None
    described = found[0] if found else None
    if not isinstance(described, dict):
        raise Malformed("the description is not an object", start)
    for key in ("version", "target_platform", "network_platform", "ori_network_platform"):
        value = described.get(key)
        if isinstance(value, str | list) and value:
            detail: dict[str, Json] = {"value": printable(str(value), _SHOWN)}
            yield Fact("metadata", key, blob.locator, detail=detail)


def _compiled(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the first operator of each graph that uses a missing tensor."""
    model = FlatBuffer(blob.reader, context).root()
    compiler = printable(model.text(_COMPILER, _MAX_TEXT), _SHOWN)
    if compiler:
        yield Fact("metadata", "compiler", blob.locator, detail={"value": compiler})
    if not model.count(_GRAPHS):
        raise Malformed("the model has no graph")
    for graph in model.tables(_GRAPHS):
        count = graph.count(_TENSORS)
        finding = next((found for node in graph.tables(_NODES) if (found := _wrong(blob, node, count))), None)
        if finding:
            yield finding


def _wrong(blob: Blob, node: Table, count: int) -> Finding | None:
    for slot in (_INPUTS, _OUTPUTS):
        for index in node.numbers(slot):
            if not _NONE <= index < count:
                evidence: dict[str, Json] = {"index": f"{index:,}", "count": f"{count:,}"}
                return Finding(
                    OUT_OF_RANGE, blob.locator, printable(node.text(_TYPE, _MAX_TEXT), _SHOWN), evidence=evidence
                )
    return None


SCANNER = Scanner(
    name=NAME,
    title="RKNN (models of Rockchip's NPUs)",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(OUT_OF_RANGE,),
    suffixes=(".rknn",),
    signs=Signs(begins(_MAGIC, _ENCRYPTED), at=((_IDENTIFIER_OFFSET, (_IDENTIFIER,)),)),
)
