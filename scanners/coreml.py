"""Core ML: a protocol buffer of layers, pipelines or a program (.mlmodel), its weights, and the manifest of .mlpackage.

Format: https://apple.github.io/coremltools/mlmodel/index.html. Custom layers and models are classes of the program that
loads the file; weights and linked models are in files that the model names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import JSON_STARTS, Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.judge.external_files import outside
from scanners.metadata_text import suspicious_facts
from scanners.parsing.json_text import documents_of, has_keys

if TYPE_CHECKING:
    from scanners.parsing.protobuf import Record

NAME = "coreml"
_SUFFIX = ".mlmodel"
_SHOWN = 160
_MAX_FIELDS = 64
_VERSIONS = range(1, 100)
MODEL_KINDS = frozenset(
    {200, 201, 202, *range(300, 305), *range(400, 405), 500, 501, 502, 555, 556, 560, *range(600, 611)}
)
MODEL_KINDS |= {900, *range(2000, 2007), 3000}
"""Field numbers that tell the kind of the model."""
_BLOB = {1: ("file", "text")}
_ATTRIBUTES = ("attributes", "Attribute")
_TEXTS = ("shortDescription", "versionString", "author", "license")
_SCHEMA = {
    "Model": {
        1: ("version", "int"),
        2: ("description", "Description"),
        **dict.fromkeys((200, 201), ("pipeline", "Classifier")),
        202: ("pipeline", "Pipeline"),
        **dict.fromkeys((303, 403, 500), ("network", "Network")),
        502: ("program", "Program"),
        555: ("custom", "Custom"),
        556: ("linked", "Linked"),
    },
    "Description": {100: ("metadata", "Metadata")},
    "Metadata": {**dict(enumerate(((name, "text") for name in _TEXTS), 1)), 100: ("userDefined", "Entry")},
    "Entry": {1: ("key", "text"), 2: ("value", "text")},
    "Classifier": {1: ("pipeline", "Pipeline")},
    "Pipeline": {1: ("models", "Model")},
    "Network": {1: ("layers", "Layer")},
    "Layer": {1: ("name", "text"), 500: ("custom", "CustomLayer"), 605: ("branch", "Branch"), 615: ("loop", "Loop")},
    "Branch": {1: ("if", "Network"), 2: ("else", "Network")},
    "Loop": {3: ("condition", "Network"), 4: ("body", "Network")},
    "CustomLayer": {10: ("class", "text")},
    "Custom": {10: ("class", "text")},
    "Linked": {1: ("file", "LinkedFile")},
    "LinkedFile": {1: ("name", "Parameter"), 2: ("path", "Parameter")},
    "Parameter": {1: ("value", "text")},
    "Program": {2: ("functions", "FunctionEntry"), 4: _ATTRIBUTES},
    "FunctionEntry": {2: ("function", "Function")},
    "Function": {1: ("inputs", "Named"), 3: ("blocks", "BlockEntry"), 4: _ATTRIBUTES},
    "BlockEntry": {2: ("block", "Block")},
    "Block": {1: ("inputs", "Named"), 3: ("operations", "Operation"), 4: _ATTRIBUTES},
    "Operation": {
        1: ("type", "text"),
        2: ("inputs", "Input"),
        3: ("outputs", "Named"),
        4: ("blocks", "Block"),
        5: _ATTRIBUTES,
    },
    "Named": {2: ("type", "Type")},
    "Type": {
        1: ("tensor", "TensorType"),
        **dict.fromkeys((2, 3, 5), ("inner", "InnerType")),
        4: ("table", "TableType"),
    },
    "TensorType": {4: _ATTRIBUTES},
    "InnerType": {1: ("type", "Type")},
    "TableType": {1: ("key", "Type"), 2: ("value", "Type")},
    "Input": {2: ("argument", "Argument")},
    "Argument": {1: ("bindings", "Binding")},
    "Binding": {2: ("value", "Value")},
    "Attribute": {2: ("value", "Value")},
    "Value": {2: ("type", "Type"), 3: ("immediate", "Immediate"), 5: ("blob", "Blob")},
    "Immediate": {2: ("tuple", "Values"), 3: ("list", "Values"), 4: ("table", "Table")},
    "Values": {1: ("values", "Value")},
    "Table": {1: ("values", "Pair")},
    "Pair": {1: ("key", "Value"), 2: ("value", "Value")},
    "Blob": _BLOB,
}
# The rest is kept in its parent: small, and used with it
_NOT_STREAMED = frozenset({"Metadata", "Entry", "CustomLayer", "LinkedFile", "Parameter"})
MODEL_PATH = "@model_path/"
_CUSTOM_OPERATION = "custom_layer"
_MANIFEST = "itemInfoEntries"
_SENTINEL, _FIRST, _ALIGNMENT = b"\xef\xbe\xad\xde", 64, 64
"""Sentinel of an array's description, offset of the first one in a file of weights, and alignment of all of them."""
_COST = 100
_REFERENCE = "https://apple.github.io/coremltools/mlmodel/index.html"

CUSTOM = Rule(
    id="coreml/custom-code",
    title="The model needs code from the program that loads it",
    severity=Severity.WARNING,
    message="{path} is of the class {subject}, which is not in the model",
    why="Core ML instantiates the class by the name in the file, from whatever the program has loaded, so the model "
    "chooses which code runs.",
    fix="Make sure that you know the class, and that the model comes from the same place as the class.",
    confidence="medium",
    cwe=470,
    references=("https://developer.apple.com/documentation/coreml/mlcustomlayer", _REFERENCE),
)
OUTSIDE = Rule(
    id="coreml/path-outside",
    title="The model takes data from outside its folder",
    severity=Severity.CRITICAL,
    message="{path} names the file {subject}: {reason}",
    why="Loading the model reads that file of the user's; its content becomes part of the model.",
    fix="Do not load the model. Report it to the site you got it from.",
    cwe=22,
    references=(_REFERENCE,),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is a model, its weights or a package's manifest; the suffix admits a damaged model."""
    if _is_weights(blob.head) or has_keys(blob, _MANIFEST):
        return True
    return blob.locator.suffix == _SUFFIX or (blob.head[:1] == b"\x08" and _is_model(blob))


def _is_weights(head: bytes) -> bool:
    return head[_FIRST : _FIRST + 4] == _SENTINEL and head[4:8] in (b"\x01\0\0\0", b"\x02\0\0\0")


def _is_model(blob: Blob, *, described: bool = True) -> bool:
    """Return whether version, kind of model and description are where the format has them."""
    from scanners.parsing.protobuf import LENGTH, VARINT, Wire

    version, description = False, not described
    try:
        for field in islice(Wire(blob.reader).fields(0, blob.size), _MAX_FIELDS):
            if field.number == 1 and field.wire == VARINT:
                version = field.value in _VERSIONS
            elif field.number == 2 and field.wire == LENGTH:
                description = True
            elif field.number in MODEL_KINDS and field.wire == LENGTH:
                return version and description
            elif field.number != 10:
                return False
    except (Malformed, OverLimit):
        return False
    return False


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield custom code and files that a model names; raises Malformed, Truncated and OverLimit."""
    yield Fact("framework", "core ml", blob.locator)
    if has_keys(blob, _MANIFEST):
        yield from _manifest(blob)
    elif _is_weights(blob.head):
        _check_weights(blob, context)
    else:
        yield from _model(blob, context)


def _model(blob: Blob, context: Context) -> Iterator[Item]:
    from scanners.parsing.protobuf import Walker, Wire

    plain = dict.fromkeys(("Named", "Input", "Attribute"), _names_no_file)
    streamed = frozenset(_SCHEMA) - _NOT_STREAMED
    walker = Walker(Wire(blob.reader, context), _SCHEMA, streamed, context.limits.parsed_bytes, plain)
    told: set[tuple[str, str]] = set()
    for record in walker.walk("Model", 0, blob.size):
        for item in _record(blob, record, context):
            key = (item.rule.id, item.subject) if isinstance(item, Finding) else ("", "")
            if key == ("", "") or key not in told:
                told.add(key)
                yield item
    if not _is_model(blob, described=False):
        raise Malformed("the model is of no known kind: cut short?")


def _names_no_file(data: bytes) -> bool:
    """Return whether no value of a message is in a file: its bytes contain no encoding of that field's tag."""
    return b"\x2a" not in data and b"\xaa" not in data


def _record(blob: Blob, record: Record, context: Context) -> Iterator[Item]:
    if record.kind == "Description":
        return _description(blob, record, context)
    handler = _HANDLERS.get(record.kind)
    return handler(blob, record) if handler else iter(())


def _custom_model(blob: Blob, record: Record) -> Iterator[Item]:
    yield _custom(blob, record, record.text("class"), "the model")


def _layer(blob: Blob, record: Record) -> Iterator[Item]:
    for layer in record.records.get("custom", ()):
        yield _custom(blob, record, layer.text("class"), f"layer {printable(record.text('name'), _SHOWN)}")


def _operation(blob: Blob, record: Record) -> Iterator[Item]:
    if record.text("type") == _CUSTOM_OPERATION:
        yield _custom(blob, record, _CUSTOM_OPERATION, "an operation")


def _blob(blob: Blob, record: Record) -> Iterator[Item]:
    return _path(blob, record.text("file").removeprefix(MODEL_PATH), "a tensor", record)


def _linked(blob: Blob, record: Record) -> Iterator[Item]:
    for file in record.records.get("file", ()):
        for value in (*file.records.get("name", ()), *file.records.get("path", ())):
            if value.text("value"):
                yield from _path(blob, value.text("value"), "a linked model", record)


def _description(blob: Blob, record: Record, context: Context) -> Iterator[Item]:
    from scanners.parsing.licences import licence_facts

    for metadata in record.records.get("metadata", ()):
        yield from licence_facts(context, blob.locator, metadata.text("license"), "license")
        for key in _TEXTS:
            yield from suspicious_facts(metadata.text(key), blob.locator, key, context)
        for entry in metadata.records.get("userDefined", ()):
            key = printable(entry.text("key"), _SHOWN)
            yield from suspicious_facts(entry.text("value"), blob.locator, f"userDefined.{key}", context)


_HANDLERS: dict[str, Callable[[Blob, Record], Iterator[Item]]] = {
    "Custom": _custom_model,
    "Layer": _layer,
    "Operation": _operation,
    "Blob": _blob,
    "Linked": _linked,
}


def _custom(blob: Blob, record: Record, name: str, path: str) -> Finding:
    return Finding(CUSTOM, blob.locator, printable(name, _SHOWN) or "without a name", path=path, span=record.span)


def _path(blob: Blob, path: str, what: str, record: Record | None = None) -> Iterator[Finding]:
    reason = outside(path)
    if reason:
        evidence: dict[str, Json] = {"reason": reason}
        subject = printable(path, _SHOWN) or "nothing"
        span = record.span if record else None
        yield Finding(OUTSIDE, blob.locator, subject, path=what, span=span, evidence=evidence)


def _manifest(blob: Blob) -> Iterator[Item]:
    for document in documents_of(blob, MIB, "the manifest is no JSON"):
        entries = document.get(_MANIFEST) if isinstance(document, dict) else None
        for entry in entries.values() if isinstance(entries, dict) else ():
            path = entry.get("path") if isinstance(entry, dict) else None
            if isinstance(path, str):
                yield from _path(blob, path, "the manifest")


def _check_weights(blob: Blob, context: Context) -> None:
    """Raise Malformed or Truncated unless the arrays of a file of weights fit it."""
    count = int.from_bytes(blob.reader.read(0, 4), "little")
    position = end = _FIRST
    for number in range(count):
        context.operations.spend(_COST)
        if position + _ALIGNMENT > blob.size:
            raise Truncated(position, _ALIGNMENT, blob.size)
        entry = blob.reader.read(position, _ALIGNMENT)
        size, start = int.from_bytes(entry[8:16], "little"), int.from_bytes(entry[16:24], "little")
        if not entry.startswith(_SENTINEL):
            raise Malformed(f"there is no array number {number:,}", position)
        if start < position + _ALIGNMENT or start > blob.size or size > blob.size - start:
            raise Truncated(start, size, blob.size)
        end = start + size
        position = end + -end % _ALIGNMENT
    if end + _ALIGNMENT <= blob.size:
        raise Malformed(f"{blob.size - end:,} bytes follow the arrays", end)


SCANNER = Scanner(
    name=NAME,
    title="Core ML (.mlmodel, .mlpackage)",
    version=6,
    accepts=accepts,
    scan=scan,
    rules=(CUSTOM, OUTSIDE),
    suffixes=(_SUFFIX, ".bin", ".json"),
    signs=Signs(b"\x08" + JSON_STARTS, (_SUFFIX,), at=((_FIRST, (_SENTINEL,)),)),
)
