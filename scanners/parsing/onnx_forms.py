"""Conversion of ONNX models in protobuf text, protobuf JSON or ONNX's own syntax to the wire format.

From the latter (https://github.com/onnx/onnx/blob/main/docs/Syntax.md), only operators of other domains and external
files are taken: everything else in it only computes.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from itertools import islice

from modelsweep.core import patterns as re
from modelsweep.core.finding import Json
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import Context, Malformed
from modelsweep.core.values import dataclass
from scanners.parsing.keras_config import parse
from scanners.parsing.onnx_schema import HOLDING_GRAPHS, SCHEMA
from scanners.parsing.protobuf import DEPTH, INT, SPAN, TEXT, VARINT, Wire
from scanners.parsing.protobuf_text import TextMessage
from scanners.parsing.protobuf_writer import data, varint

# Attributes need more fields than in SCHEMA, because scanners.onnx reads them again from the converted model
_FIELDS = {**SCHEMA, "Attribute": {**SCHEMA["Attribute"], 1: ("name", TEXT), 3: ("i", INT), 4: ("s", SPAN)}}
_CONTENT = frozenset({7, 20, 25})
"""Fields of a model that hold graphs."""
_MAX_LISTED = 20_000
"""Maximum operators, and maximum files, that are taken from a model in ONNX's own syntax."""
_NODE = re.compile(rb"=[ \t\r\n]*((?:[A-Za-z_]\w*\.)+)([A-Za-z_]\w*)[ \t\r\n]*(<[^<>{}]*>)?")
_VALUE = re.compile(
    rb'(?<!\w)([A-Za-z_]\w*)[ \t\r\n]*(?::[ \t\r\n]*string[ \t\r\n]*)?=[ \t\r\n]*"((?:[^"\\]|\\.)*)"', re.DOTALL
)
_LOCATION = re.compile(rb'"location"[ \t\r\n]*:[ \t\r\n]*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_HEADER = re.compile(rb"<([^<>{}]*)>[ \t\r\n]*([A-Za-z_]\w*)")
_DOMAIN = re.compile(rb'\bdomain[ \t\r\n]*:[ \t\r\n]*"([^"]*)"')


def of_text(whole: bytes, context: Context) -> bytes:
    """Return the model in protobuf text as bytes in the wire format; empty if the text is another message."""
    names = {
        kind: {name.encode(): (number, what) for number, (name, what) in fields.items()}
        for kind, fields in _FIELDS.items()
    }
    encoded = TextMessage(whole, names, {}, context).encoded("Model")
    found = {field.number for field in Wire(MemoryReader(encoded)).fields(0, len(encoded))}
    return encoded if found & _CONTENT else b""


def of_json(whole: bytes, context: Context) -> bytes:
    """Return the model in JSON as bytes in the wire format; empty if the document is something else."""
    document = parse(whole, context).value
    if not isinstance(document, dict) or HOLDING_GRAPHS.isdisjoint(document):
        return b""
    return _Writer(context).message("Model", document, 0)


def of_syntax(whole: bytes, context: Context) -> bytes:
    """Return a model with the operators of other domains and the external files in a text."""
    nodes, files = [], []
    for match in islice(_NODE.finditer(whole), _MAX_LISTED):
        context.operations.spend()
        values = _VALUE.findall(match[3] or b"")
        attributes = b"".join(data(5, data(1, name), data(4, value)) for name, value in values)
        nodes.append(data(1, data(4, match[2]), attributes, data(7, match[1][:-1])))
    for match in islice(_LOCATION.finditer(whole), _MAX_LISTED):
        context.operations.spend()
        place = data(1, b"location") + data(2, re.sub(rb"\\(.)", rb"\1", match[1]))
        files.append(data(5, data(8, b"external"), data(13, place)))
    if max(len(nodes), len(files)) == _MAX_LISTED:
        raise OverLimit(f"more than {_MAX_LISTED:,} operators or files")
    headers = ((_DOMAIN.search(fields), name) for fields, name in _HEADER.findall(whole))
    functions = [data(25, data(1, name), data(10, domain[1])) for domain, name in headers if domain]
    graph = data(7, data(2, b"text"), *nodes, *files)
    return varint(1 << 3 | VARINT) + b"\x08" + graph + b"".join(functions) + data(8, data(1, b""))


@dataclass(slots=True)
class _Writer:
    """Writes messages in JSON to the wire format; field names may have either spelling."""

    context: Context

    def message(self, kind: str, value: dict[str, Json], depth: int) -> bytes:
        """Return the known fields of `value`; raises OverLimit if it is nested too deeply."""
        if depth > DEPTH:
            raise OverLimit(f"messages are nested deeper than {DEPTH}")
        out = bytearray()
        for number, (name, what) in _FIELDS[kind].items():
            first, *others = name.split("_")
            for key in {name, first + "".join(part.capitalize() for part in others)}:
                held = value.get(key)
                for item in held if isinstance(held, list) else [] if held is None else [held]:
                    self.context.operations.spend()
                    out += self._field(number, what, item, depth)
        return bytes(out)

    def _field(self, number: int, what: str, item: Json, depth: int) -> bytes:
        if what in _PLAIN:
            return _PLAIN[what](number, item)
        return data(number, self.message(what, item, depth + 1)) if isinstance(item, dict) else b""


def _number(number: int, item: Json) -> bytes:
    """Return a number, which JSON stores as a string if it has 64 bits."""
    try:
        value = int(item) if isinstance(item, (int, str)) else 0
    except ValueError:
        value = 0  # the name of an enum value
    return varint(number << 3 | VARINT) + varint(value & (1 << 64) - 1)


def _text(number: int, item: Json) -> bytes:
    return data(number, str(item).encode("utf-8", "surrogatepass"))


def _bytes(number: int, item: Json) -> bytes:
    """Return bytes, which are in base64 with either alphabet."""
    text = str(item).replace("-", "+").replace("_", "/")
    try:
        return data(number, binascii.a2b_base64(text.encode("ascii", "replace") + b"=" * (-len(text) % 4)))
    except binascii.Error as error:
        raise Malformed(f"a field of bytes is not base64: {error}") from None


_PLAIN: dict[str, Callable[[int, Json], bytes]] = {INT: _number, TEXT: _text, SPAN: _bytes}
