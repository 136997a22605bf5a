"""ExecuTorch: a FlatBuffer of instructions and operators, followed by segments of data (.pte).

Schemas of https://github.com/pytorch/executorch: schema/program.fbs, flat_tensor.fbs of tensors beside a program
(.ptd), bundled_program_schema.fbs of a program with its tests (.bpte). The runtime uses numbers in them as indices of
arrays and offsets in the file, and checks them only in some builds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.reader import Truncated
from modelsweep.core.scanner import RAW, Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable

if TYPE_CHECKING:
    from scanners.parsing.flatbuffer import Table

NAME = "executorch"
_PROGRAM, _TENSORS, _BUNDLE = b"ET", b"FT", b"BP"
"""Identifiers, each followed by two digits."""
_TENSOR_HEADER, _TENSOR_HEADER_SIZE = b"FH01", 40
_BUNDLED = 2
_ALL_SEGMENTS, _NAMED = 1, 2
_HEADER, _HEADER_SIZE = b"eh00", 40
_SHOWN = 100
_MAX_NAME = 256
_MAX_FINDINGS = 50
# Fields of Program, ExecutionPlan, Chain and Instruction
_PLANS, _SEGMENTS = 1, 4
_VALUES, _CHAINS, _OPERATORS, _DELEGATES = 2, 5, 6, 7
_INSTRUCTIONS = 2
_KERNEL, _DELEGATE = 1, 2
"""Kinds of instructions that refer to an operator or a delegate by index."""
# Namespaces of operators that come with ExecuTorch and PyTorch
_NAMESPACES = frozenset(
    "aten prim executorch_prim et_vk dim_order_ops quantized_decomposed quantized torchao torchvision llama "
    "cadence cortex_m arm_vela _quantized".split()
)
_REFERENCE = "https://github.com/pytorch/executorch/blob/main/schema/program.fbs"

OUT_OF_RANGE = Rule(
    id="executorch/out-of-range",
    title="Reference to a part that does not exist",
    severity=Severity.WARNING,
    message="{subject} refers to {what} {index}, but there are {count}",
    why="The runtime uses such numbers as array indices and file offsets. Without a check it reads or calls whatever "
    "lies beyond.",
    fix="Export the program again. Do not run this file with a runtime that does not check it.",
    cwe=125,
    references=(_REFERENCE,),
)
CUSTOM = Rule(
    id="executorch/custom-operator",
    title="Operator from a custom library",
    severity=Severity.INFO,
    message="the program calls the operator {subject}",
    why="The operator is native code that must be linked into the program that runs the model. It is not part of this "
    "file.",
    fix="Make sure that you know which library provides it.",
    cwe=829,
    references=("https://docs.pytorch.org/executorch/stable/kernel-library-custom-aten-kernel.html",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the FlatBuffer's identifier is that of a program, of tensors or of a bundle."""
    return blob.head[4:6] in (_PROGRAM, _TENSORS, _BUNDLE) and blob.head[6:8].isdigit()


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what the program calls, and indices out of range; raises Malformed and Truncated."""
    from scanners.parsing.flatbuffer import FlatBuffer

    yield Fact("framework", NAME, blob.locator)
    root = FlatBuffer(blob.reader, context).root()
    parts = {_PROGRAM: _program, _TENSORS: _tensors, _BUNDLE: _bundle}.get(blob.head[4:6])
    if parts is None:
        raise Malformed("the bundle does not hold a program", 4)
    yield from parts(blob, root)


def _bundle(blob: Blob, bundle: Table) -> Iterator[Item]:
    """Yield the program of a bundle."""
    span = bundle.vector(_BUNDLED, 1)
    if not span.length:
        raise Malformed("the bundle has no program")
    yield blob.window("program", span.offset, span.length, NAME)


def _tensors(blob: Blob, tensors: Table) -> Iterator[Item]:
    """Yield the segments of tensors as raw bytes, and offsets out of range."""
    header = blob.reader.read(8, min(_TENSOR_HEADER_SIZE, blob.size - 8))
    if not header.startswith(_TENSOR_HEADER) or len(header) < _TENSOR_HEADER_SIZE:
        raise Malformed("the header of the tensors is missing", 8)
    base, length = (int.from_bytes(header[at : at + 8], "little") for at in (24, 32))
    if base + length > blob.size:
        raise Truncated(base, length, blob.size)
    count = tensors.count(_ALL_SEGMENTS)
    for number, segment in enumerate(tensors.tables(_ALL_SEGMENTS)):
        offset, size = segment.number(0, "Q"), segment.number(1, "Q")
        if offset + size > length:
            yield _finding(blob, f"segment {number}", "the byte", offset + size, length, segment)
        elif size:
            yield blob.window(f"segment {number}", base + offset, size, RAW)
    for entry in tensors.tables(_NAMED):
        index = entry.number(1, "I")
        if index >= count:
            name = f"tensor {printable(entry.text(0, _MAX_NAME), _SHOWN)}"
            yield _finding(blob, name, "segment", index, count, entry)
            return


def _program(blob: Blob, program: Table) -> Iterator[Item]:
    """Yield what a program calls, and indices out of range."""
    base = _extent(blob)
    wrong = 0
    for finding in _wrong(blob, program, base):
        yield finding
        wrong += isinstance(finding, Finding) and finding.rule is OUT_OF_RANGE
        if wrong >= _MAX_FINDINGS:
            break
    if not program.count(_PLANS):
        raise Malformed("the program has nothing to run")


def _extent(blob: Blob) -> int:
    """Return the offset of the segments, 0 if there are none; raises Truncated if they are incomplete."""
    header = blob.reader.read(8, min(_HEADER_SIZE, blob.size - 8))
    if not header.startswith(_HEADER):
        return 0
    length = int.from_bytes(header[4:8], "little")
    size, base = int.from_bytes(header[8:16], "little"), int.from_bytes(header[16:24], "little")
    data = int.from_bytes(header[24:32], "little") if length >= 32 else 0
    end = max(size, base + data if base else 0)
    if end > blob.size:
        raise Truncated(blob.size, end - blob.size, blob.size)
    return base


def _wrong(blob: Blob, program: Table, base: int) -> Iterator[Item]:
    available = max(blob.size - base, 0) if base else 0
    for number, segment in enumerate(program.tables(_SEGMENTS)):
        offset, length = segment.number(0, "Q"), segment.number(1, "Q")
        if offset + length > available:
            yield _finding(blob, f"segment {number}", "the byte", offset + length, available, segment)
    reported: set[str] = set()
    for plan in program.tables(_PLANS):
        yield from _plan(blob, plan, reported)


def _plan(blob: Blob, plan: Table, reported: set[str]) -> Iterator[Item]:
    for operator in plan.tables(_OPERATORS):
        name = operator.text(0, _MAX_NAME)
        namespace, separator, _ = name.partition("::")
        if separator and namespace not in _NAMESPACES and name not in reported:
            reported.add(name)
            yield Finding(CUSTOM, blob.locator, printable(name, _SHOWN), span=Span(operator.position))
    for delegate in plan.tables(_DELEGATES):
        name = printable(delegate.text(0, _MAX_NAME), _SHOWN)
        yield Fact("delegate", name, blob.locator, Span(delegate.position))
    counts = {_KERNEL: ("operator", plan.count(_OPERATORS)), _DELEGATE: ("delegate", plan.count(_DELEGATES))}
    values = plan.count(_VALUES)
    for chain in plan.tables(_CHAINS):
        for number, instruction in enumerate(chain.tables(_INSTRUCTIONS)):
            yield from _instruction(blob, f"instruction {number}", instruction, counts, values)


def _instruction(
    blob: Blob, subject: str, instruction: Table, counts: dict[int, tuple[str, int]], values: int
) -> Iterator[Finding]:
    kind, call = instruction.number(0, "B"), instruction.table(1)
    if kind not in counts or call is None:
        return
    what, count = counts[kind]
    index = call.number(0, "i")
    if not 0 <= index < count:
        yield _finding(blob, subject, what, index, count, call)
    for value in call.numbers(1):
        if not 0 <= value < values:
            yield _finding(blob, subject, "value", value, values, call)
            return


def _finding(blob: Blob, subject: str, what: str, index: int, count: int, table: Table) -> Finding:
    evidence: dict[str, Json] = {"what": what, "index": f"{index:,}", "count": f"{count:,}"}
    return Finding(OUT_OF_RANGE, blob.locator, subject, span=Span(table.position), evidence=evidence)


SCANNER = Scanner(
    name=NAME,
    title="ExecuTorch (.pte, .ptd, .bpte)",
    version=3,
    accepts=accepts,
    scan=scan,
    rules=(OUT_OF_RANGE, CUSTOM),
    suffixes=(".pte", ".ptd", ".bpte"),
    signs=Signs(at=((4, (_PROGRAM, _TENSORS, _BUNDLE)),)),
)
