"""Whether a graph of operators tests its own input to decide its output, for graphs of any format.

A network combines its input with weights. Logic planted in its graph (ShadowLogic,
https://hiddenlayer.com/innovation-hub/shadowlogic) compares elements of the input, or a number computed from all of
them, with constants, and if the comparison holds, replaces the network's result or adds to it. So values are followed
from the inputs until weights consume them, and a decision counts if it

- applies to the whole output: it is computed from one element of the input, or from all compared ones (masks decide
  about each element separately),
- depends on an input that the network computes with (a rate or a flag that only selects is a setting),
- meets a value that weights computed, or chooses between a constant and the input as the output. A value that replaces
  the compared value itself, or is divided by it, is a guard (`Where(x == 0, 1, x)`).

Triggers that weights compute, loops, and sums with weights are not followed. The cost is linear, and small for nodes
that no followed value reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from modelsweep.core.finding import Fact, Json
from modelsweep.core.scanner import Blob
from modelsweep.core.text import printable

Key = Hashable
NOTHING = b""
"""The key of an omitted input, and of a constant without a name."""
Shape = tuple[int, ...] | None
"""Relevant sizes of a value: one, BATCH, or MANY; None if even the number of dimensions is unknown."""
MANY, BATCH = 0, -1
SHAPE, PLAIN, TEST = range(3)
"""Kinds of values: computed from shapes only; from inputs without weights; a decision that compares such values."""
_MAX_DECISIONS = 10
"""Maximum decisions that are kept per graph."""
_DIVISIONS = frozenset({"Div", "DIV", "RealDiv", "DivNoNan", "Divide"})
_SHOWN, _SHOWN_INPUTS = 100, 5
_MAX_INPUTS = 512
"""Maximum inputs that are distinguished."""
_MAX_ROOTS = 64
"""Maximum compared values kept per decision, since chains of tests would need quadratic memory."""


class Role(Enum):
    """The effect of an operator on values; the results of all other operators are computed by weights."""

    KEEP = auto()
    ARITHMETIC = auto()
    COMPARE = auto()
    LOGIC = auto()
    JOIN = auto()
    ALL = auto()
    COUNT = auto()
    PICK = auto()
    LOOKUP = auto()
    SELECT = auto()
    SHAPE = auto()
    OPAQUE = auto()


class Value(NamedTuple):
    """A value that no weights computed; nothing is kept about others."""

    kind: int
    sources: int = 0
    """Bit mask of the inputs that it is computed from."""
    shape: Shape = None
    whole: bool = False
    """Whether it decides about the whole output at once."""
    roots: frozenset[Key] = frozenset()
    """The values that it represents or compares."""
    test: str = ""
    """The first operator that compared."""
    mark: int = -1
    """The decision that chose it."""


class Step(NamedTuple):
    """A node; `shape` computes the shape of its result from those of its inputs, or is that shape."""

    role: Role
    operator: str
    name: str
    inputs: Sequence[Key]
    outputs: Sequence[Key]
    shape: Callable[[Sequence[Shape]], Shape] | Shape = None


class Decision(NamedTuple):
    """A place where a test of the input affects the output."""

    operator: str
    name: str
    test: str
    sources: int


class Branches:
    """Follows values through one graph, in topological order."""

    __slots__ = ("_decided", "_fed", "_met", "constants", "divided", "inputs", "values")

    def __init__(self) -> None:
        self.values: dict[Key, Value] = {}
        self.constants: dict[Key, Shape] = {NOTHING: ()}
        self.divided: dict[Key, frozenset[Key]] = {}
        """Values computed by a division, with their divisors: a test of the divisor is a guard."""
        self.inputs: list[str] = []
        self._fed = 0
        self._decided: list[Decision] = []
        self._met: set[int] = set()

    def feed(self, key: Key, name: str, shape: Shape) -> None:
        """Add an input; the first of several sizes is the batch."""
        if len(self.inputs) < _MAX_INPUTS and key not in self.constants:
            known = (BATCH, *shape[1:]) if shape and len(shape) > 1 else shape
            self.values[key] = Value(PLAIN, 1 << len(self.inputs), known, _whole(known), frozenset({key}))
            self.inputs.append(name)

    def alias(self, key: Key, other: Key) -> None:
        """Make `key` the same value as `other`."""
        if other in self.values:
            self.values[key] = self.values[other]
        elif other in self.constants:
            self.constants[key] = self.constants[other]

    def step(self, step: Step) -> None:
        """Follow the values through one node."""
        given = [self.values.get(key) for key in step.inputs]
        live = [value for value in given if value is not None]
        if not live:
            if all(key in self.constants for key in step.inputs):
                self.constants.update(dict.fromkeys(step.outputs))
            return
        result = _RESULTS[step.role](self, step, given, live)
        if result is None:
            self._feed_on(live)
            return
        if result.kind == PLAIN and not result.roots:
            result = result._replace(roots=frozenset({step.outputs[0]}) if step.outputs else frozenset())
        self.values.update(dict.fromkeys(step.outputs, result))

    def branch(self, step: Step, outcomes: Sequence[Sequence[Key]]) -> None:
        """Follow the values out of a node that runs one of several graphs, chosen by its first input."""
        test = self.values.get(step.inputs[0])
        for index, output in enumerate(step.outputs):
            ends = [outcome[index] for outcome in outcomes if index < len(outcome)]
            given = [test and test._replace(whole=True), *(self.values.get(end) for end in ends)]
            live = [value for value in given if value is not None]
            merged = step._replace(role=Role.SELECT, inputs=[step.inputs[0], *ends], outputs=[output], shape=None)
            result = _selected(self, merged, given, live) if live else None
            if result is not None:
                self.values[output] = result
            else:
                self._feed_on(live)
                if not live and all(key in self.constants for key in merged.inputs):
                    self.constants[output] = None

    def found(self, outputs: Sequence[Key]) -> list[Decision]:
        """Return the decisions that reach the output and depend on inputs that the network computes with."""
        for value in filter(None, map(self.values.get, outputs)):
            if value.kind == PLAIN:
                self._fed |= value.sources
                if value.mark >= 0:
                    self._met.add(value.mark)
        kept = [self._decided[index] for index in sorted(self._met)]
        return [decision for decision in kept if decision.sources & self._fed][:_MAX_DECISIONS]

    def named(self, sources: int) -> list[str]:
        """Return the names of the inputs in a bit mask."""
        return [name for index, name in enumerate(self.inputs) if sources >> index & 1]

    def computed(self, step: Step, given: Sequence[Value | None]) -> bool:
        """Return whether one of the inputs was computed by weights."""
        return any(value is None and key not in self.constants for key, value in zip(step.inputs, given, strict=True))

    def decide(self, step: Step, test: Value) -> int:
        """Record a decision, and return its number."""
        if len(self._decided) < 100 * _MAX_DECISIONS:
            self._decided.append(Decision(step.operator, step.name, test.test, test.sources))
        return len(self._decided) - 1

    def meet(self, step: Step, tests: Sequence[Value]) -> None:
        """Record that tests meet a value that weights computed."""
        if tests:
            self._met.add(self.decide(step, tests[0]))

    def _feed_on(self, live: Sequence[Value]) -> None:
        for value in live:
            if value.kind == PLAIN:
                self._fed |= value.sources


def decision_facts(blob: Blob, branches: Branches, decisions: Sequence[Decision], framework: str) -> Iterator[Fact]:
    """Yield a fact for each decision, with the name of its node."""
    for decision in decisions:
        inputs: list[Json] = [printable(name, _SHOWN) for name in branches.named(decision.sources)[:_SHOWN_INPUTS]]
        detail: dict[str, Json] = {
            "framework": framework,
            "operator": decision.operator,
            "test": decision.test,
            "inputs": inputs,
        }
        yield Fact("input-branch", printable(decision.name, _SHOWN), blob.locator, detail=detail)


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """Return the shape of the result of an element-wise operator."""
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    rank = max(map(len, known), default=0)
    padded = [(1,) * (rank - len(shape)) + shape for shape in known]
    return tuple(next((size for size in sizes if size != 1), 1) for sizes in zip(*padded, strict=True))


def _whole(shape: Shape) -> bool:
    return shape is not None and all(size in (1, BATCH) for size in shape)


def _shape(branches: Branches, step: Step, given: Sequence[Value | None]) -> Shape:
    if not callable(step.shape):
        return step.shape
    shapes = [
        value.shape if value is not None else branches.constants.get(key)
        for key, value in zip(step.inputs, given, strict=True)
    ]
    return step.shape(shapes)


def _elementwise(branches: Branches, step: Step, given: Sequence[Value | None]) -> Shape:
    """Return the shape of the result; a constant of unknown shape counts as a single number."""
    if step.shape is not None:
        return _shape(branches, step, given)
    return broadcast(
        [
            value.shape if value is not None else branches.constants.get(key) or ()
            for key, value in zip(step.inputs, given, strict=True)
        ]
    )


def _merged(live: Sequence[Value], kind: int, shape: Shape) -> Value:
    sources, mark, test = 0, -1, ""
    for value in live:
        sources |= value.sources
        mark = max(mark, value.mark)
        test = test or value.test
    tests = [value for value in live if value.kind == TEST]
    whole = kind == TEST and (bool(tests) and all(value.whole for value in tests))
    return Value(kind, sources, shape, whole or _whole(shape), test=test, mark=mark)


def _roots(values: Sequence[Value]) -> frozenset[Key]:
    """Return the values that `values` represent or compare, up to `_MAX_ROOTS` of them."""
    roots: frozenset[Key] = frozenset()
    for value in values:
        both = roots | value.roots
        roots = both if len(both) <= _MAX_ROOTS else roots or value.roots
    return roots


def _tests(live: Sequence[Value]) -> list[Value]:
    return [value for value in live if value.kind == TEST and value.whole]


def _kept(branches: Branches, step: Step, given: Sequence[Value | None], live: Sequence[Value]) -> Value | None:
    """Return the first value in another form; the other inputs only control that."""
    first = given[0]
    if first is None:
        shapes_only = step.inputs[0] in branches.constants and all(value.kind == SHAPE for value in live)
        return Value(SHAPE) if shapes_only else None
    shape = _shape(branches, step, given)
    return first._replace(shape=shape, whole=first.whole or _whole(shape))


def _picked(branches: Branches, step: Step, given: Sequence[Value | None], live: Sequence[Value]) -> Value | None:
    """Return a part of the first value, or a number computed from it, as a new value."""
    kept = _kept(branches, step, given, live)
    return kept and kept._replace(roots=frozenset())


def _counted(branches: Branches, step: Step, given: Sequence[Value | None], live: Sequence[Value]) -> Value | None:
    """Return a number computed from the first value; for tests, how many hold."""
    picked = _picked(branches, step, given, live)
    counts = picked is not None and picked.kind == TEST and not (given[0] and given[0].whole)
    return picked._replace(kind=PLAIN) if picked and counts else picked


def _combined(branches: Branches, step: Step, given: Sequence[Value | None], live: Sequence[Value]) -> Value | None:
    """Return the result of arithmetic, and record a test that changes a value which weights computed."""
    tests = _tests(live)
    if branches.computed(step, given):
        branches.meet(step, tests)
        if step.operator in _DIVISIONS:
            branches.divided.update(dict.fromkeys(step.outputs, _roots(live)))
        return None
    kinds = {value.kind for value in live}
    result = _merged(live, PLAIN if PLAIN in kinds else max(kinds), _elementwise(branches, step, given))
    plain = [value for value in live if value.kind == PLAIN]
    if tests and plain and all(value.roots.isdisjoint(tests[0].roots) for value in plain):
        return result._replace(mark=branches.decide(step, tests[0]))
    if len(plain) == len(live) == 1:
        return result._replace(roots=plain[0].roots)
    return result


def _compared(branches: Branches, step: Step, given: Sequence[Value | None], live: Sequence[Value]) -> Value | None:
    if branches.computed(step, given):
        return None
    kinds = {value.kind for value in live}
    if kinds == {SHAPE}:
        return Value(SHAPE)
    shape = _elementwise(branches, step, given)
    made = _merged(live, TEST, shape)
    plain = [value for value in live if value.kind == PLAIN]
    roots = _roots(plain)
    whole = _whole(shape) or (not plain and made.whole)
    return made._replace(whole=whole, roots=roots, test=made.test or step.operator)


def _concatenated(branches: Branches, step: Step, given: Sequence[Value | None], live: Sequence[Value]) -> Value | None:
    if branches.computed(step, given):
        return None
    return _merged(live, max(value.kind for value in live), _shape(branches, step, given))


def _joined(branches: Branches, step: Step, given: Sequence[Value | None], live: Sequence[Value]) -> Value | None:
    """Return the result of logic on decisions, and record one that changes a decision of the network."""
    if branches.computed(step, given):
        branches.meet(step, _tests(live))
        return None
    kind = max(value.kind for value in live)
    shape = _elementwise(branches, step, given)
    made = _merged(live, kind, shape)
    plain = any(value.kind == PLAIN and not value.whole for value in live)
    roots = _roots(live)
    return made._replace(whole=_whole(shape) or (made.whole and not plain), roots=roots)


def _looked_up(branches: Branches, step: Step, given: Sequence[Value | None], _live: Sequence[Value]) -> Value | None:
    """Return elements of the first value at the indices in the second."""
    data, places = (*given, None, None)[:2]
    decides = [places] if places is not None and places.kind == TEST and places.whole else []
    if data is None:
        if step.inputs[0] not in branches.constants:
            branches.meet(step, decides)
            return None
        if places is None or places.kind == PLAIN or (places.kind == TEST and not decides):
            return None
        return places._replace(shape=None)
    result = data._replace(shape=_shape(branches, step, given), roots=frozenset())
    result = result._replace(whole=result.whole or _whole(result.shape))
    if decides and data.kind == PLAIN:
        return result._replace(mark=branches.decide(step, decides[0]))
    if places is not None:
        return result._replace(sources=data.sources | places.sources, shape=None)
    return result


def _selected(branches: Branches, step: Step, given: Sequence[Value | None], live: Sequence[Value]) -> Value | None:
    """Return one of the other inputs, chosen by the first."""
    test, *ends = given
    chosen = step._replace(inputs=step.inputs[1:])
    ways = [value for value in ends if value is not None]
    if test is None and step.inputs[0] not in branches.constants:
        return None
    decides = [test] if test is not None and test.kind == TEST and test.whole else []
    if branches.computed(chosen, ends):
        divisors = frozenset[Key]().union(*(branches.divided.get(key, ()) for key in chosen.inputs))
        branches.meet(step, [value for value in decides if value.roots.isdisjoint(divisors)])
        return None
    constant = len(ways) < len(ends) or any(value.kind == SHAPE for value in ways)
    plain = [value for value in ways if value.kind == PLAIN]
    if not plain:
        kind = max(value.kind for value in live)
        return _merged(live, kind, _elementwise(branches, step, given))._replace(roots=frozenset())
    result = _merged(ways, PLAIN, _elementwise(branches, step, given))
    if test is not None and constant and not any(value.roots.isdisjoint(test.roots) for value in plain):
        return result._replace(roots=_roots(plain))  # a guard, which represents what it guards
    if decides and constant and all(value.roots.isdisjoint(decides[0].roots) for value in plain):
        return result._replace(mark=branches.decide(step, decides[0]))
    return result


def _sized(_branches: Branches, _step: Step, _given: Sequence[Value | None], _live: Sequence[Value]) -> Value | None:
    return Value(SHAPE)


def _opaque(branches: Branches, step: Step, given: Sequence[Value | None], live: Sequence[Value]) -> Value | None:
    """Return nothing for values that weights consume; values computed from shapes only are kept."""
    shapes_only = all(value.kind == SHAPE for value in live) and not branches.computed(step, given)
    return Value(SHAPE) if shapes_only else None


_RESULTS: dict[Role, Callable[[Branches, Step, Sequence[Value | None], Sequence[Value]], Value | None]] = {
    Role.KEEP: _kept,
    Role.ARITHMETIC: _combined,
    Role.COMPARE: _compared,
    Role.LOGIC: _joined,
    Role.JOIN: _concatenated,
    Role.ALL: _picked,
    Role.COUNT: _counted,
    Role.PICK: _picked,
    Role.LOOKUP: _looked_up,
    Role.SELECT: _selected,
    Role.SHAPE: _sized,
    Role.OPAQUE: _opaque,
}
