"""PaddlePaddle: a program of operators as a protocol buffer (.pdmodel, __model__) or as JSON, and its parameters.

Format: paddle/fluid/framework/framework.proto of https://github.com/PaddlePaddle/Paddle. Parameters are in files beside
it (.pdiparams; .pdparams and .pdopt are pickles). Operators that call Python functions, load libraries or open files
are reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import JSON_STARTS, RAW, Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from scanners.judge.external_files import leaves
from scanners.parsing import paddle_ir, paddle_tensors

if TYPE_CHECKING:
    from scanners.parsing.protobuf import Record

NAME = "paddle"
_SUFFIX = ".pdmodel"
_SHOWN = 100
_MAX_PATH = 1_200
"""Maximum characters of a path that are kept: more than judges accept as a path."""
_SCHEMA = {
    "Program": {1: ("blocks", "Block"), 4: ("version", "Version")},
    "Version": {1: ("version", "int")},
    "Block": {3: ("vars", "Variable"), 4: ("ops", "Operator")},
    "Variable": {1: ("name", "text")},
    "Operator": {3: ("type", "text"), 4: ("attributes", "Attribute")},
    "Attribute": {1: ("name", "text"), 5: ("text", "text"), 8: ("texts", "text")},
}
_STREAMED = frozenset({"Program", "Block", "Variable", "Operator"})
_MAX_OPERATORS = 10_000
_COST = 1_000
_FILES = frozenset({"load", "load_combine", "save", "save_combine", "lookup_table_read", "read_file", "open_files"})
_PYTHON = frozenset({"py_func", "py_layer", "pylayer", "run_program"})
_PATHS = frozenset({"file_path", "filename", "file_names", "file_name", "path"})
_CUSTOM = frozenset({"custom_engine", "tensorrt_engine", "dlnne_engine", "lite_engine", "run_custom"})
_REFERENCE = "https://www.paddlepaddle.org.cn/documentation/docs/en/api/paddle/static/py_func_en.html"


def _rule(what: str, title: str, severity: Severity, message: str, why: str, cwe: int) -> Rule:
    return Rule(
        id=f"paddle/{what}",
        title=title,
        severity=severity,
        message=message,
        why=why,
        fix="Export the model for inference only, without the operator, and ask its author what it is for.",
        confidence="medium",
        cwe=cwe,
        references=(_REFERENCE,),
    )


PYTHON = _rule(
    "python-operator",
    "Operator that calls a Python function",
    Severity.WARNING,
    "the program uses {subject}, which calls a Python function that the process registered",
    "What such an operator does is not part of the model: it refers to a function of the process by number, and runs "
    "it with the user's rights.",
    829,
)
FILES = _rule(
    "file-operator",
    "Operator that opens files",
    Severity.WARNING,
    "the program uses {subject}, which opens {paths}",
    "Running the model reads or writes files that it chooses, with the user's rights.",
    73,
)
ENGINE = _rule(
    "engine-operator",
    "Operator that runs a separate library",
    Severity.INFO,
    "the program uses {subject}",
    "Part of the model is compiled for another engine, or is in a library that must be loaded separately.",
    829,
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is a program or its parameters; the suffix also admits damaged programs."""
    if paddle_tensors.begins(blob.head) or paddle_ir.is_program(blob):
        return True
    return blob.locator.suffix == _SUFFIX or (blob.head[:1] == b"\x0a" and _is_program(blob))


def _is_program(blob: Blob) -> bool:
    """Return whether the first field is a block: its index, that of its parent, then variables or operators."""
    from scanners.parsing.protobuf import LENGTH, VARINT, Wire

    wire = Wire(blob.reader)
    try:
        first = next(wire.fields(0, blob.size), None)
        if first is None or first.number != 1 or first.wire != LENGTH:
            return False
        fields = list(islice(wire.fields(first.value, first.value + first.length), 3))
        if [(field.number, field.wire) for field in fields[:2]] != [(1, VARINT), (2, VARINT)] or len(fields) < 3:
            return False
        return fields[0].value == 0 and fields[2].number in (3, 4) and fields[2].wire == LENGTH
    except (Malformed, OverLimit):
        return False


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield operators that reach outside the program; raises Malformed, Truncated and OverLimit."""
    yield Fact("framework", "paddlepaddle", blob.locator)
    if paddle_ir.is_program(blob):
        yield from _json(blob, context)
    elif paddle_tensors.begins(blob.head):
        for number, tensor in enumerate(paddle_tensors.tensors(blob.reader)):
            context.operations.spend(_COST)
            if tensor.length:
                yield blob.window(f"tensor {number}", tensor.offset, tensor.length, RAW)
    else:
        yield from _program(blob, context)


def _json(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield operators of a JSON program that reach outside of it, each once."""
    told: set[str] = set()
    for operator in paddle_ir.operators(blob, context):
        if operator.name in told:
            continue
        told.add(operator.name)
        if operator.dialect in paddle_ir.OWN_DIALECTS:
            paths = [text for name in _PATHS for text in operator.texts.get(name, ())]
            yield from _operator(blob, operator.name, paths)
        elif operator.name:
            yield Finding(ENGINE, blob.locator, printable(operator.name, _SHOWN))
    if not told:
        raise Malformed("the program has no operators")


def _program(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield operators of a protobuf program that reach outside of it."""
    from scanners.parsing.protobuf import Walker, Wire

    walker = Walker(Wire(blob.reader, context), _SCHEMA, _STREAMED, context.limits.parsed_bytes)
    operators: dict[str, Record] = {}
    versions = 0
    fault: Exception | None = None
    try:
        for record in walker.walk("Program", 0, blob.size):
            if record.kind == "Operator" and len(operators) < _MAX_OPERATORS:
                operators.setdefault(record.text("type"), record)
            elif record.kind == "Variable" and leaves(name := record.text("name")):
                detail: dict[str, Json] = {"framework": NAME, "used_by": "a variable of the program"}
                yield Fact("external-file", printable(name, _MAX_PATH), blob.locator, record.span, detail)
            elif record.kind == "Program":
                versions = len(record.records.get("version", ()))
    except (Malformed, Truncated, OverLimit) as error:
        fault = error
    for name, record in operators.items():
        yield from _operator(blob, name, _paths(record), record.span)
    if fault:
        raise fault
    if not operators or not versions:
        raise Malformed("the program has no operators or no version: cut short?")


def _paths(record: Record) -> list[str]:
    """Return the paths in the attributes of an operator."""
    return [
        text
        for attribute in record.records.get("attributes", ())
        if attribute.text("name") in _PATHS
        for text in (*attribute.texts.get("text", ()), *attribute.texts.get("texts", ()))
    ]


def _operator(blob: Blob, name: str, paths: list[str], span: Span | None = None) -> Iterator[Item]:
    subject = printable(name, _SHOWN)
    if name in _PYTHON:
        yield Finding(PYTHON, blob.locator, subject, span=span)
    elif name in _FILES:
        shown: dict[str, Json] = {"paths": printable(", ".join(paths), 2 * _SHOWN) or "a file"}
        yield Finding(FILES, blob.locator, subject, span=span, evidence=shown)
    elif name in _CUSTOM:
        yield Finding(ENGINE, blob.locator, subject, span=span)


SCANNER = Scanner(
    name=NAME,
    title="PaddlePaddle programs and parameters (.pdmodel, .json, .pdiparams)",
    version=4,
    accepts=accepts,
    scan=scan,
    rules=(PYTHON, FILES, ENGINE),
    suffixes=(_SUFFIX, ".json", ".pdiparams"),
    signs=Signs(b"\0" + JSON_STARTS, (_SUFFIX,)),
)
