"""Caffe2: networks of operators (init_net.pb, predict_net.pb), whose arguments include the weights.

Messages: https://github.com/pytorch/pytorch/blob/v1.13.1/caffe2/proto/caffe2.proto. Loops and branches hold networks in
their arguments. Operators that save and load take the path from an argument; Python operators call a function that the
program registered under a name of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from scanners.judge.external_files import outside

if TYPE_CHECKING:
    from scanners.parsing.protobuf import Field, Record, Wire

NAME = "caffe2"
_SCHEMA = {
    "Net": {1: ("name", "text"), 2: ("op", "Operator")},
    "Operator": {3: ("name", "text"), 4: ("type", "text"), 5: ("arg", "Argument")},
    "Argument": {
        1: ("name", "text"),
        3: ("integer", "int"),
        4: ("text", "text"),
        7: ("texts", "text"),
        8: ("net", "Net"),
        9: ("nets", "Net"),
    },
}
_STREAMED = frozenset({"Net", "Operator"})
_NAME, _OPERATOR, _TYPE, _ARGUMENT = 1, 2, 4, 5
_NET_FIELDS = frozenset(range(1, 11))
"""Field numbers of a network."""
_OPERATOR_FIELDS = frozenset({*range(1, 14)})
_MAX_FIELDS = 300
"""Maximum fields that are read to recognise a network."""
_TYPE_NAME = re.compile(rb"[A-Z][A-Za-z0-9_]{1,80}")
_WRITES = frozenset({"Save", "Checkpoint", "Snapshot", "CreateDB", "FileStoreHandlerCreate"})
_READS = frozenset({"Load", "LoadTensor", "DBExists", "TensorProtosDBInput", "ImageInput", "VideoInput"})
_CONNECTS = frozenset({"RedisStoreHandlerCreate", "CreateCommonWorld"})
_PYTHON = frozenset({"Python", "PythonDLPack", "PythonGradient", "PythonDLPackGradient"})
_PATHS = ("db", "path", "file_path")
_SHOWN = 200


def _rule(what: str, title: str, severity: Severity, message: str, why: str, cwe: int) -> Rule:
    return Rule(
        id=f"caffe2/{what}",
        title=title,
        severity=severity,
        message=message,
        why=why,
        fix="Export the network for inference only, without the operator, and ask its author what it is for.",
        confidence="high" if severity is Severity.CRITICAL else "medium",
        cwe=cwe,
        references=("https://github.com/pytorch/pytorch/blob/v1.13.1/caffe2/operators/load_save_op.h",),
    )


WRITES = _rule(
    "writes-file",
    "Operator that writes a file outside the network's folder",
    Severity.CRITICAL,
    "{path} writes {subject}: {reason}",
    "Running the network writes what passes through it to a file that the network chooses, with the rights of the user "
    "who runs it.",
    73,
)
READS = _rule(
    "reads-file",
    "Operator that reads a file outside the network's folder",
    Severity.WARNING,
    "{path} reads {subject}: {reason}",
    "Running the network reads the user's files, and can put their content into its output.",
    73,
)
CONNECTS = _rule(
    "network",
    "Operator that connects to other machines",
    Severity.WARNING,
    "{path} connects to {subject}",
    "Running the network sends tensors to, or receives them from, machines that the network names.",
    918,
)
PYTHON = _rule(
    "python-operator",
    "Operator that calls Python",
    Severity.WARNING,
    "{path} calls a Python function that the program registered",
    "What such an operator does is not part of the network. It runs with the rights of the user who runs the network.",
    829,
)


def accepts(blob: Blob) -> bool:
    """Return whether the first fields are those of a network, up to an operator with a type."""
    if blob.head[:1] not in (b"\n", b"\x12"):
        return False
    from scanners.parsing.protobuf import Wire

    try:
        return _is_net(Wire(blob.reader), blob.size)
    except (Malformed, OverLimit):
        return False


def _is_net(wire: Wire, size: int) -> bool:
    from scanners.parsing.protobuf import LENGTH

    names = 0
    for field in islice(wire.fields(0, size), _MAX_FIELDS):
        names += field.number == _NAME
        if field.number not in _NET_FIELDS or names > 1 or (field.number <= _OPERATOR and field.wire != LENGTH):
            return False
        if field.number == _OPERATOR:
            return _is_operator(wire, field)
    return False


def _is_operator(wire: Wire, operator: Field) -> bool:
    from scanners.parsing.protobuf import LENGTH

    held = list(islice(wire.fields(operator.value, operator.value + operator.length), _MAX_FIELDS))
    types = [wire.read(one.value, min(one.length, 100)) for one in held if one.number == _TYPE and one.wire == LENGTH]
    fits = all(one.number in _OPERATOR_FIELDS and (one.number > _ARGUMENT or one.wire == LENGTH) for one in held)
    return fits and len(types) == 1 and _TYPE_NAME.fullmatch(types[0]) is not None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield operators that leave the network; raises Malformed, OverLimit and Truncated."""
    from scanners.parsing.protobuf import Walker, Wire

    yield Fact("framework", NAME, blob.locator)
    walker = Walker(Wire(blob.reader, context), _SCHEMA, _STREAMED, context.limits.parsed_bytes)
    for record in walker.walk("Net", 0, blob.size):
        if record.kind == "Operator":
            yield from _operator(blob, record)


def _operator(blob: Blob, operator: Record) -> Iterator[Finding]:
    kind = operator.text("type")
    shown = printable(f"operator {kind} {operator.text('name')}".rstrip(), _SHOWN)
    arguments = {argument.text("name"): argument for argument in operator.records.get("arg", ())}
    if kind in _PYTHON:
        yield Finding(PYTHON, blob.locator, printable(kind, _SHOWN), path=shown, span=operator.span)
    elif kind in _CONNECTS:
        host = arguments["host"].text("text") if "host" in arguments else "another machine"
        yield Finding(CONNECTS, blob.locator, printable(host, _SHOWN), path=shown, span=operator.span)
    elif kind in _WRITES or kind in _READS:
        for name in _PATHS:
            given = arguments.get(name)
            for path in (*given.texts.get("text", ())[-1:], *given.texts.get("texts", ())) if given else ():
                reason = outside(path)
                if path and reason:
                    evidence: dict[str, Json] = {"reason": reason}
                    rule = WRITES if kind in _WRITES else READS
                    yield Finding(rule, blob.locator, printable(path, _SHOWN), shown, operator.span, evidence)


SCANNER = Scanner(
    name=NAME,
    title="Caffe2",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(WRITES, READS, CONNECTS, PYTHON),
    suffixes=(".pb",),
    signs=Signs(b"\n\x12"),
)
