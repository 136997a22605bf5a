"""PyTorch Mobile (.ptl, .ff): a module for phones as a FlatBuffer of bytecode, values and storages.

Schema: torch/csrc/jit/serialization/mobile_bytecode.fbs; torch/csrc/jit/mobile/flatbuffer_loader.cpp loads it.
Operators are called by name, those of `__setstate__` while the module is loaded; the interpreter does not check
indices. The scanner of PyTorch archives examines the older form, a zip.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, problem_of
from modelsweep.core.text import printable
from modelsweep.core.values import dataclass
from scanners.parsing.torch_tensors import STORAGE_MISMATCH
from scanners.torch import CUSTOM_OPERATOR, FILE_OPERATOR, operator_items

if TYPE_CHECKING:
    from scanners.parsing.flatbuffer import Table

NAME = "torch-mobile"
_IDENTIFIER = b"PTMF"
_INSTRUCTION = struct.Struct("<BxHi")
_SHOWN = 100
_MAX_TEXT = 256
_MAX_FINDINGS = 50
_MAX_DIMENSIONS = 64
_MAX_STORAGES = 1_000_000
"""Maximum storages whose sizes are held."""
_MAX_OPERATORS = 20_000
"""Maximum operators that are reported."""
# Fields of Module
_EXTRA, _METHODS, _STATE, _VALUES, _STORAGES, _TYPES, _SOURCES, _CONSTANTS = 1, 2, 3, 4, 6, 7, 8, 9
# Kinds of IValue that refer to others
_TENSOR, _LIST, _TUPLE, _DICT, _OBJECT, _ENUM, _FUNCTION = 5, 7, 8, 9, 10, 15, 16
_ELEMENTS = {6: 1, 11: 8, 12: 8, 13: 1, 14: 1}
"""Kinds that refer to no other values (strings, devices and lists of numbers), with the bytes per element."""
# Opcodes whose number X is a place in an array, by the name of the array
_INDEXED_OPCODES = {0: "operator", 1: "operator", 8: "constant", 20: "constant", 26: "type", 29: "type"}
_REGISTERS = frozenset({2, 3, 5, 7})
_STORE_MANY = 4
_JUMPS = frozenset({9, 10, 11})
# Bytes of one element by c10::ScalarType; those of less than a byte count as one half and a quarter of one
_WIDTHS = {
    **dict.fromkeys((0, 1, 11, 12, 13, 23, 24, 25, 26), 1.0),
    **dict.fromkeys((2, 5, 15, 27), 2.0),
    **dict.fromkeys((3, 6, 8, 14, 28), 4.0),
    **dict.fromkeys((4, 7, 9, 29), 8.0),
    10: 16.0,
    16: 0.5,
    17: 0.25,
}

OUT_OF_RANGE = Rule(
    id="torch-mobile/out-of-range",
    title="Mobile bytecode that refers to a part that does not exist",
    severity=Severity.WARNING,
    message="{subject} refers to {what} {index}, but there are {count}",
    why="The loader and its interpreter use such numbers as indices of functions and values. Without a check they call "
    "or read whatever lies beyond in memory.",
    fix="Export the module again. Do not load this file.",
    cwe=125,
    references=(
        "https://github.com/pytorch/pytorch/blob/main/torch/csrc/jit/mobile/interpreter.cpp",
        "https://github.com/pytorch/pytorch/blob/main/torch/csrc/jit/serialization/mobile_bytecode.fbs",
    ),
)


def accepts(blob: Blob) -> bool:
    """Return whether the identifier of the format follows the first offset."""
    return blob.head[4:8] == _IDENTIFIER


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what the module calls, files and code inside it, and indices out of range; raises Malformed."""
    from scanners.parsing.flatbuffer import FlatBuffer

    yield Fact("framework", "pytorch mobile", blob.locator)
    module = _Module(blob, FlatBuffer(blob.reader, context).root())
    found = 0
    for item in module.items():
        yield item
        found += isinstance(item, Finding) and item.rule in (OUT_OF_RANGE, STORAGE_MISMATCH)
        if found >= _MAX_FINDINGS:
            return


@dataclass(slots=True)
class _Code:
    """One function: how many items of each kind its instructions may refer to."""

    name: str
    counts: dict[str, int]
    registers: int
    length: int


class _Module:
    """A walk through the values of a module in order, which checks the references in them."""

    def __init__(self, blob: Blob, root: Table) -> None:
        self.blob, self.root = blob, root
        self.values, self.types = root.count(_VALUES), root.count(_TYPES)
        if root.count(_STORAGES) > _MAX_STORAGES:
            raise OverLimit(f"more than {_MAX_STORAGES:,} storages")
        self.storages = [table.vector(0, 1).length for table in root.tables(_STORAGES)]
        self.operators: set[str] = set()

    def items(self) -> Iterator[Item]:
        """Yield what the module contains."""
        if not self.values:
            raise Malformed("the module holds no values")
        yield from self._within("the module", "value", [self.root.number(_STATE, "I")])
        for slot, what in ((_METHODS, "a method"), (_CONSTANTS, "a constant of the code")):
            yield from self._within(what, "value", self.root.numbers(slot, "I"))
        for number, value in enumerate(self.root.tables(_VALUES)):
            yield from self._value(f"value {number}", value)
        for kind in self.root.tables(_TYPES):
            _pass_over(kind.text(0, _MAX_TEXT), kind.texts(2, _MAX_TEXT))
        yield from self._files()

    def _value(self, name: str, value: Table) -> Iterator[Item]:
        kind = value.number(0, "B")
        taker = _HANDLERS.get(kind)
        content = value.table(1) if taker or kind in _ELEMENTS else None
        if taker and content:
            yield from taker(self, name, content)
        elif content:
            content.vector(0, _ELEMENTS[kind])

    def _items(self, name: str, table: Table) -> Iterator[Item]:
        yield from self._within(name, "value", table.numbers(0, "I"))
        table.text(1, _MAX_TEXT)

    def _pairs(self, name: str, table: Table) -> Iterator[Item]:
        for slot in (0, 1):
            yield from self._within(name, "value", table.numbers(slot, "I"))
        table.text(2, _MAX_TEXT)

    def _enumeration(self, name: str, table: Table) -> Iterator[Item]:
        yield from self._within(name, "value", [table.number(1, "I")])
        table.text(0, _MAX_TEXT)

    def _object(self, name: str, table: Table) -> Iterator[Item]:
        kind = table.number(0, "I")
        yield from self._within(name, "type", [kind], self.types)
        numbers = chain((table.number(1, "I"), table.number(3, "I")), table.numbers(2, "I"))
        yield from self._within(name, "value", numbers)

    def _tensor(self, name: str, table: Table) -> Iterator[Item]:
        storage = table.number(0, "I")
        yield from self._within(name, "storage", [storage], len(self.storages))
        quantized = table.table(6)
        for scales in (quantized.table(3), quantized.table(4)) if quantized else ():
            if scales and not scales.table(6):
                yield from self._tensor(f"{name} (scales)", scales)
        width = _WIDTHS.get(table.number(1, "b"))
        if width is None or storage >= len(self.storages):
            return
        sizes, strides = (list(table.numbers(slot, "i", _MAX_DIMENSIONS)) for slot in (3, 4))
        reach = _reach(table.number(2, "i"), sizes, strides)
        held = self.storages[storage]
        if reach is None or reach * width > held:
            subject = f"{name} reaches beyond storage {storage}, which has {held:,} bytes"
            yield Finding(STORAGE_MISMATCH, self.blob.locator, subject, span=Span(table.position))

    def _function(self, name: str, table: Table) -> Iterator[Item]:
        name = printable(table.text(0, _MAX_TEXT), _SHOWN) or name
        yield from operator_items(self.blob.locator, self._new_operators(map(_printed, table.tables(2))))
        yield from self._within(name, "value", table.numbers(3, "I"))
        yield from self._within(name, "type", [table.number(8, "I")], max(self.types, 1))
        counts = {"operator": table.count(2), "constant": table.vector(3, 4).length // 4, "type": table.count(4)}
        self._check_signature(table)
        code = _Code(name, counts, table.number(5, "i"), table.vector(1, 8).length // 8)
        for place, (opcode, many, number) in enumerate(table.structs(1, _INSTRUCTION)):
            finding = self._instruction(code, place, opcode, many, number)
            if finding:
                yield finding
                return

    def _check_signature(self, table: Table) -> None:
        """Read the signature of a function; raises Malformed if a part of it is missing."""
        _pass_over(table.texts(4, _MAX_TEXT))
        schema, debugging = table.table(6), table.table(7)
        for argument in chain(schema.tables(0), schema.tables(1)) if schema else ():
            _pass_over(argument.text(0, _MAX_TEXT), argument.text(1, _MAX_TEXT))
        if debugging:
            debugging.vector(0, 8)

    def _new_operators(self, operators: Iterable[str]) -> Iterator[str]:
        for name in operators:
            if name not in self.operators:
                if len(self.operators) >= _MAX_OPERATORS:
                    raise OverLimit(f"more than {_MAX_OPERATORS:,} different operators")
                self.operators.add(name)
                yield name

    def _instruction(self, code: _Code, place: int, opcode: int, many: int, number: int) -> Finding | None:
        """Return what is wrong with an instruction, whose operands N and X are `many` and `number`."""
        what, least, count, last = _INDEXED_OPCODES.get(opcode, ""), 0, 0, number
        if what:
            count = code.counts[what]
        elif opcode in _REGISTERS or opcode == _STORE_MANY:
            # Registers are counted from 1
            what, least, count = "register", 1, code.registers + 1
            last = number + max(many - 1, 0) if opcode == _STORE_MANY else number
        elif opcode in _JUMPS:
            what, count, number = "instruction", code.length, place + number
            last = number
        if not what or (least <= number and last < count):
            return None
        return self._out_of_range(f"instruction {place} of {code.name}", what, number, count)

    def _files(self) -> Iterator[Item]:
        for slot, folder in ((_EXTRA, "extra"), (_SOURCES, "code")):
            for number, table in enumerate(self.root.tables(slot)):
                span = table.vector(1, 1)
                _pass_over(table.text(1, 1))
                name = printable(table.text(0, _MAX_TEXT), _SHOWN) or str(number)
                if slot == _SOURCES:
                    yield from self._source(span)
                if span.length:
                    yield self.blob.window(f"{folder}/{name}", span.offset, span.length)

    def _source(self, span: Span) -> Iterator[Item]:
        """Yield the operators that TorchScript code calls; torch.jit.load compiles it instead of the bytecode."""
        from scanners.parsing.torchscript import MAX_PARSED, MAX_SOURCE, called, mentioned

        if span.length > MAX_SOURCE:
            yield problem_of(OverLimit(f"more than {MAX_SOURCE:,} bytes of code"), self.blob.locator, NAME)
        source = self.blob.reader.read(span.offset, min(span.length, MAX_SOURCE))
        names = mentioned(source)
        exact = called(source) if names and len(source) <= MAX_PARSED else None
        yield from operator_items(self.blob.locator, self._new_operators(sorted(names if exact is None else exact)))

    def _within(self, subject: str, what: str, indices: Iterable[int], count: int | None = None) -> Iterator[Finding]:
        """Yield the first index that is not below `count`, by default the number of values."""
        count = self.values if count is None else count
        wrong = next((index for index in indices if index >= count), None)
        if wrong is not None:
            yield self._out_of_range(subject, what, wrong, count)

    def _out_of_range(self, subject: str, what: str, index: int, count: int) -> Finding:
        evidence: dict[str, Json] = {"what": what, "index": f"{index:,}", "count": f"{count:,}"}
        return Finding(OUT_OF_RANGE, self.blob.locator, subject, evidence=evidence)


def _pass_over(*read: Iterable[str]) -> None:
    """Read items only to check that they exist."""
    for each in read:
        deque(each, maxlen=0)


def _printed(operator: Table) -> str:
    """Return the name of an operator as TorchScript prints it."""
    operator.text(1, _MAX_TEXT)
    return f"ops.{operator.text(0, _MAX_TEXT).replace('::', '.')}"


def _reach(offset: int, sizes: list[int], strides: list[int]) -> int | None:
    """Return how many elements of its storage a tensor spans, or None if its numbers fit no tensor."""
    if offset < 0 or len(sizes) != len(strides) or any(size < 0 for size in (*sizes, *strides)):
        return None
    return (
        0 if 0 in sizes else offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True)) + 1
    )


_HANDLERS = {
    _TENSOR: _Module._tensor,
    _LIST: _Module._items,
    _TUPLE: _Module._items,
    _DICT: _Module._pairs,
    _OBJECT: _Module._object,
    _ENUM: _Module._enumeration,
    _FUNCTION: _Module._function,
}
SCANNER = Scanner(
    name=NAME,
    title="PyTorch Mobile (FlatBuffer of TorchScript's bytecode)",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(OUT_OF_RANGE, STORAGE_MISMATCH, FILE_OPERATOR, CUSTOM_OPERATOR),
    suffixes=(".ptl", ".ff"),
    signs=Signs(at=((4, (_IDENTIFIER,)),)),
)
