"""The subgraphs of a TensorFlow Lite model, operator by operator, for `scanners.parsing.input_branches`.

Operators are numbers of BuiltinOperator, and every tensor has its shape:
https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from scanners.parsing.flatbuffer import Table
from scanners.parsing.input_branches import BATCH, MANY, Branches, Decision, Key, Role, Shape, Step

_MAX_OPERATORS = 50_000
"""Maximum operators that are visited, counting those of a subgraph each time it runs."""
_TENSORS_PER_OPERATION = 4
"""Number of tensors that cost as much as an operator."""
_MAX_DEPTH = 10
_MAX_SUBGRAPHS = 1_000
_MAX_RANK = 16
_MAX_TENSORS = 64
"""Maximum tensors that are read per operator."""
_IF, _CALL, _CAST = 118, 31, 53
_BOOL = 6
"""TensorType of booleans."""
_NAMES = {
    71: "EQUAL",
    72: "NOT_EQUAL",
    61: "GREATER",
    62: "GREATER_EQUAL",
    58: "LESS",
    63: "LESS_EQUAL",
    158: "SIGN",
    64: "SELECT",
    123: "SELECT_V2",
    _IF: "IF",
    84: "LOGICAL_OR",
    86: "LOGICAL_AND",
    87: "LOGICAL_NOT",
    _CAST: "CAST",
    0: "ADD",
    18: "MUL",
    41: "SUB",
    42: "DIV",
    55: "MAXIMUM",
    57: "MINIMUM",
    78: "POW",
    36: "GATHER",
}
COMPARING = frozenset({71, 72, 61, 62, 58, 63, 158, _CAST})
"""Operators of which a graph needs one to make a decision."""
_ROLES: Mapping[int, Role] = {
    **dict.fromkeys(
        (6, 8, 14, 19, 20, 21, 28, 47, 59, 66, 73, 75, 76, 92, 98, 101, 104, 108, 114, 116, 128), Role.KEEP
    ),
    **dict.fromkeys((22, 34, 39, 43, 53, 60, 69, 70, 100, 130, 159), Role.KEEP),
    **dict.fromkeys((0, 18, 41, 42, 55, 57, 78, 90, 95, 99, 106, 160), Role.ARITHMETIC),
    **dict.fromkeys(COMPARING - {_CAST}, Role.COMPARE),
    **dict.fromkeys((84, 86, 87), Role.LOGIC),
    **dict.fromkeys((81, 82, 89, 91, 140), Role.ALL),
    **dict.fromkeys((1, 17, 40, 56, 74, 79, 48), Role.COUNT),
    **dict.fromkeys((45, 65, 49, 102, 88, 105), Role.PICK),
    **dict.fromkeys((36, 107), Role.LOOKUP),
    **dict.fromkeys((64, 123), Role.SELECT),
    **dict.fromkeys((77, 110, 93), Role.SHAPE),
    **dict.fromkeys((2, 83), Role.JOIN),
}
_PARAMETER_FIRST = frozenset({49})
"""Operators whose first input is a parameter, and whose second is the data."""


class Walk:
    """One pass over the subgraphs of a model, from the first one."""

    def __init__(self, root: Table, codes: Sequence[int], filled: Sequence[bool]) -> None:
        self.branches = Branches()
        self._subgraphs = list(islice(root.tables(2), _MAX_SUBGRAPHS))
        self._codes, self._filled = codes, filled
        self._left = _MAX_OPERATORS
        self._batch = 0

    def decisions(self) -> list[Decision]:
        """Return the decisions that the model makes about its input; raises Malformed."""
        if not self._subgraphs:
            return []
        inputs = list(self._subgraphs[0].numbers(1, limit=_MAX_TENSORS))
        tensors = list(islice(self._subgraphs[0].tables(0), _MAX_OPERATORS))
        self._batch = next((shape[0] for shape in map(_sizes, map(tensors.__getitem__, inputs)) if len(shape) > 1), 0)
        for index in inputs:
            self.branches.feed((0, index), tensors[index].text(3, 256), self._shape(tensors[index]))
        outputs = self._subgraph(0, 0, 0)
        return self.branches.found(outputs) if self._left > 0 else []

    def _shape(self, tensor: Table) -> Shape:
        sizes = _sizes(tensor)
        if self._batch != 1 and sizes[:1] == (self._batch,):
            return (BATCH, *sizes[1:])
        return sizes

    def _subgraph(self, ordinal: int, call: int, depth: int) -> list[Key]:
        """Follow the values through a subgraph; `call` distinguishes its runs."""
        table = self._subgraphs[ordinal]
        self._left -= table.count(0) // _TENSORS_PER_OPERATION
        if self._left <= 0:
            return []
        tensors = list(table.tables(0))
        shapes = [self._shape(tensor) for tensor in tensors]
        for index, tensor in enumerate(tensors):
            place = tensor.number(2, "I")
            if place < len(self._filled) and self._filled[place]:
                self.branches.constants[call, index] = shapes[index]
        for operator in table.tables(3):
            self._left -= 1
            if self._left > 0:
                self._operator(operator, tensors, shapes, call, depth)
        return [(call, index) for index in table.numbers(2)]

    def _operator(
        self, operator: Table, tensors: Sequence[Table], shapes: Sequence[Shape], call: int, depth: int
    ) -> None:
        number = operator.number(0, "I")
        code = self._codes[number] if number < len(self._codes) else -1
        inputs: list[Key] = [(call, index) for index in operator.numbers(1, limit=_MAX_TENSORS) if index >= 0]
        made = [index for index in operator.numbers(2, limit=_MAX_TENSORS) if 0 <= index < len(tensors)]
        outputs: list[Key] = [(call, index) for index in made]
        live = not self.branches.values.keys().isdisjoint(inputs)
        if not live and code not in (_IF, _CALL) and any(key not in self.branches.constants for key in inputs):
            return
        name = tensors[made[0]].text(3, 256) if made and live else ""
        role = _ROLES.get(code, Role.OPAQUE)
        if code == _CAST and made and tensors[made[0]].number(1, "b") == _BOOL:
            role = Role.COMPARE
        shape = shapes[made[0]] if made else None
        step = Step(
            role, _NAMES.get(code, ""), name, inputs[::-1] if code in _PARAMETER_FIRST else inputs, outputs, shape
        )
        if code in (_IF, _CALL) and inputs:
            self._running(code, operator, step, depth)
        else:
            self.branches.step(step)

    def _running(self, code: int, operator: Table, step: Step, depth: int) -> None:
        """Follow the values through the subgraphs that an operator runs."""
        options = operator.table(4)
        slots = (0, 1) if code == _IF else (0,)
        given = step.inputs[1:] if code == _IF else step.inputs
        outcomes: list[list[Key]] = []
        for slot in slots if options and depth < _MAX_DEPTH and self._left > 0 else ():
            ordinal = options.number(slot, "i") if options else 0
            if not 0 < ordinal < len(self._subgraphs):
                continue
            call = self._left * 2 + slot
            for index, outer in zip(self._subgraphs[ordinal].numbers(1), given, strict=False):
                self.branches.alias((call, index), outer)
            outcomes.append(self._subgraph(ordinal, call, depth + 1))
            self._left -= 1
        if code == _IF:
            self.branches.branch(step, outcomes)
        else:
            for inner, outer in zip(outcomes[0] if outcomes else (), step.outputs, strict=False):
                self.branches.alias(outer, inner)


def _sizes(tensor: Table) -> tuple[int, ...]:
    """Return the sizes of a tensor, with MANY for variable ones."""
    sizes = list(tensor.numbers(0, limit=_MAX_RANK))
    for index, size in enumerate(tensor.numbers(7, limit=_MAX_RANK)):
        if size < 0 and index < len(sizes):
            sizes[index] = MANY
    return tuple(sizes)
