"""Caffe: networks as text (.prototxt) and with their weights (.caffemodel), whose layers may run Python code.

Messages: https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto. A layer of type `Python` imports the
module that it names, and passes it a string, which many such layers parse as YAML; a layer of type `HDF5Output` writes
the file that it names. Weights are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners import text
from scanners.judge.external_files import outside

if TYPE_CHECKING:
    from scanners.parsing.protobuf import Record, Wire

NAME = "caffe"
_TEXT_SUFFIXES = (".prototxt",)
_OVERLAP = 256
"""Bytes by which windows overlap, more than a match of `_LAYERS` takes."""
_LAYERS = re.compile(rb"(?m)(?:^|[\s{}])layers?\s{0,99}:?\s{0,99}[{<]")
_SCHEMA = {
    "Net": {1: ("name", "text"), 100: ("layer", "Layer")},
    "Layer": {1: ("name", "text"), 2: ("type", "text"), 113: ("output", "Output"), 130: ("python_param", "Python")},
    "Output": {1: ("file_name", "text")},
    "Python": {1: ("module", "text"), 2: ("layer", "text"), 3: ("param_str", "text")},
}
_NAMES = {"Layer": {113: b"hdf5_output_param"}}
_STREAMED = frozenset({"Layer"})
_NAME, _OLD_LAYERS, _LAYER = 1, 2, 100
_NET_FIELDS = frozenset({*range(1, 9), _LAYER})
"""Field numbers of a network."""
_OLD_LAYER = frozenset({*range(1, 45), 1001, 1002, 1003})
_MAX_FIELDS = 300
"""Maximum fields that are read to recognise a network."""
_TYPE = re.compile(rb"[A-Za-z][A-Za-z0-9_]{2,60}")
_TEXT_LIMIT = 16 * MIB
_SHOWN = 200

WRITES = Rule(
    id="caffe/writes-file",
    title="Layer that writes a file outside the model's folder",
    severity=Severity.WARNING,
    message="layer {path} writes the file {subject}: {reason}",
    why="Running the network writes what passes through the layer to a file that the network chooses, and replaces "
    "that file.",
    fix="Remove the layer: a network for inference does not need it.",
    cwe=73,
    references=("https://github.com/BVLC/caffe/blob/master/src/caffe/layers/hdf5_output_layer.cpp",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob has layers in binary form, or as text under the suffix of text."""
    if blob.locator.suffix in _TEXT_SUFFIXES:
        return any(map(_LAYERS.search, blob.reader.windows(overlap=_OVERLAP))) and text.accepts(blob)
    if blob.head[:1] not in (b"\n", b"\x12", b"\xa2"):
        return False
    from scanners.parsing.protobuf import Wire

    try:
        return _is_net(Wire(blob.reader), blob.size)
    except (Malformed, OverLimit):
        return False


def _is_net(wire: Wire, size: int) -> bool:
    """Return whether the first fields are those of a network, up to a layer with a name and a type."""
    from scanners.parsing.protobuf import LENGTH

    names = 0
    for field in islice(wire.fields(0, size), _MAX_FIELDS):
        names += field.number == _NAME
        if field.number not in _NET_FIELDS or names > 1 or (field.number in _LAYERS_OF and field.wire != LENGTH):
            return False
        if field.number in _LAYERS_OF:
            return _LAYERS_OF[field.number](wire, field.value, field.length)
    return False


def _is_layer(wire: Wire, start: int, length: int) -> bool:
    from scanners.parsing.protobuf import LENGTH

    named = list(islice(wire.fields(start, start + length), 2))
    return [(one.number, one.wire) for one in named] == [(1, LENGTH), (2, LENGTH)] and _TYPE.fullmatch(
        wire.read(named[1].value, min(named[1].length, 64))
    ) is not None


def _is_old_layer(wire: Wire, start: int, length: int) -> bool:
    """Return whether this is a layer of version 1, whose type is a number and therefore never Python."""
    from scanners.parsing.protobuf import LENGTH, VARINT

    held = list(islice(wire.fields(start, start + length), _MAX_FIELDS))
    told = {(one.number, one.wire) for one in held}
    return all(one.number in _OLD_LAYER for one in held) and {(4, LENGTH), (5, VARINT)} <= told


_LAYERS_OF = {_OLD_LAYERS: _is_old_layer, _LAYER: _is_layer}


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the code that layers import, and the files that they write; raises Malformed, OverLimit, Truncated."""
    from scanners.parsing.protobuf import Walker, Wire

    yield Fact("framework", NAME, blob.locator)
    reader = _encoded(blob, context) if blob.locator.suffix in _TEXT_SUFFIXES else blob.reader
    walker = Walker(Wire(reader, context), _SCHEMA, _STREAMED, context.limits.parsed_bytes)
    for layer in walker.walk("Net", 0, reader.size):
        for python in layer.records.get("python_param", ()):
            yield from _python(blob, context, layer, python)
        for output in layer.records.get("output", ()):
            path = output.text("file_name")
            reason = outside(path)
            if path and reason:
                evidence: dict[str, Json] = {"reason": reason}
                name = printable(layer.text("name"), _SHOWN)
                yield Finding(WRITES, blob.locator, printable(path, _SHOWN), name, evidence=evidence)


def _python(blob: Blob, context: Context, layer: Record, python: Record) -> Iterator[Item]:
    """Yield the class that a layer imports, and its parameters if they are YAML that names code."""
    name = printable(layer.text("name"), _SHOWN)
    detail: dict[str, Json] = {"how": "class", "path": f"layer {name}: python_param"}
    value = f"{python.text('module')}.{python.text('layer')}"
    yield Fact("code-reference", printable(value, _SHOWN), blob.locator, layer.span, detail)
    parameters = python.text("param_str")
    if "!" in parameters:
        inside = context.spool([parameters.encode("utf-8", "replace")])
        yield blob.nested(f"param_str of layer {name}", inside, expect="yaml", expanded=True)


def _encoded(blob: Blob, context: Context) -> MemoryReader:
    """Return the binary form of a text."""
    from scanners.parsing.protobuf_text import TextMessage

    if blob.size > min(_TEXT_LIMIT, context.limits.parsed_bytes):
        raise OverLimit(f"{blob.size:,} bytes of text: more than may be held in memory")
    names = {
        kind: {_NAMES.get(kind, {}).get(number, name.encode()): (number, what) for number, (name, what) in held.items()}
        for kind, held in _SCHEMA.items()
    }
    return MemoryReader(TextMessage(blob.reader.read(0, blob.size), names, {}, context).encoded("Net"))


SCANNER = Scanner(
    name=NAME,
    title="Caffe",
    version=4,
    accepts=accepts,
    scan=scan,
    rules=(WRITES,),
    suffixes=(".caffemodel", ".prototxt"),
    signs=Signs(b"\n\x12\xa2", suffixes=_TEXT_SUFFIXES),
)
