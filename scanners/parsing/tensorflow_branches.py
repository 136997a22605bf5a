"""The graphs of TensorFlow, node by node, for `scanners.parsing.input_branches`.

Messages as in `scanners.parsing.tensorflow_graph`. Functions of the library are followed at each call from the main
graph: `PartitionedCall`, and the branches of `If`. All outputs of any other node count as one value.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

from modelsweep.core.finding import Span
from modelsweep.core.units import KIB
from scanners.parsing.input_branches import BATCH, MANY, Branches, Decision, Key, Role, Shape, Step
from scanners.parsing.protobuf import LENGTH, VARINT, Wire, signed

_MAX_NODES = 50_000
"""Maximum nodes that are visited, counting those of a function at each call."""
_MAX_DEPTH = 20
_NAMES, _FEW = 256, 8
_ARGUMENTS = 10_000
_NUMBERS = 32
_MAX_ATTRIBUTE = 64 * KIB
"""Maximum bytes of an attribute that is parsed."""
_OUTPUTS = 32
_BOOL, _INT32, _INT64 = 10, 3, 9
_END = 1 << 31
_KEEP = (
    "Identity IdentityN StopGradient PreventGradient Snapshot Cast Abs Neg Floor Ceil Round Rint Sqrt Rsqrt Square Exp "
    "Log Log1p Relu Relu6 Sigmoid Tanh Softplus Erf Sin Cos Reciprocal Inv ClipByValue Invert Cumsum CheckNumerics "
    "FakeQuantWithMinMaxVars EnsureShape Softmax"
)
_ROLES: Mapping[str, Role] = {
    **dict.fromkeys(_KEEP.split(), Role.KEEP),
    **dict.fromkeys("Reshape Squeeze ExpandDims Transpose Tile BroadcastTo Pad PadV2 Bitcast".split(), Role.KEEP),
    **dict.fromkeys(
        "Add AddV2 AddN Sub Mul MulNoNan Div RealDiv DivNoNan FloorDiv Mod FloorMod TruncateMod Pow Maximum Minimum "
        "SquaredDifference BitwiseAnd BitwiseOr BitwiseXor".split(),
        Role.ARITHMETIC,
    ),
    **dict.fromkeys(
        "Equal NotEqual Greater GreaterEqual Less LessEqual ApproximateEqual IsNan IsInf IsFinite Sign".split(),
        Role.COMPARE,
    ),
    **dict.fromkeys("LogicalAnd LogicalOr LogicalNot".split(), Role.LOGIC),
    **dict.fromkeys("All Any Min Max Prod".split(), Role.ALL),
    **dict.fromkeys("Sum Mean EuclideanNorm L2Loss ArgMax ArgMin TopKV2 AvgPool MaxPool".split(), Role.COUNT),
    **dict.fromkeys("StridedSlice Slice Split SplitV Unpack ReverseV2".split(), Role.PICK),
    **dict.fromkeys("Gather GatherV2 GatherNd".split(), Role.LOOKUP),
    **dict.fromkeys("Shape ShapeN Size Rank ZerosLike OnesLike Fill Range".split(), Role.SHAPE),
    **dict.fromkeys("SelectV2 Select".split(), Role.SELECT),
    **dict.fromkeys("ConcatV2 Concat Pack".split(), Role.JOIN),
}
ROOTS: Mapping[str, tuple[int, ...]] = {"SavedModel": (2, 2), "MetaGraph": (2,), "Graph": ()}
"""Field numbers that lead to the graph in each message."""
COMPARING = frozenset(name for name, role in _ROLES.items() if role is Role.COMPARE) | {"Cast"}
"""Operators of which a graph needs one to make a decision."""
_PARAMETER_FIRST = frozenset({"Split", "Concat"})
"""Operators whose first input is a parameter."""
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall", "XlaLaunch", "RemoteCall"})
_BRANCHES = frozenset({"If", "StatelessIf", "Case", "StatelessCase"})
_FED = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})


class _Node(NamedTuple):
    name: str
    operator: str
    inputs: list[str]
    attributes: list[Span]


class _Function(NamedTuple):
    inputs: list[str]
    results: list[str]
    nodes: dict[str, _Node]


Prefix = tuple[int, ...]


class Walk:
    """One pass over the graphs below a message."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.branches = Branches()
        self._library: dict[str, Span] = {}
        self._functions: dict[str, _Function] = {}
        self._constants: dict[Key, _Node] = {}
        self._numbers: dict[Key, tuple[int, ...] | None] = {}
        self._left = _MAX_NODES

    def decisions(self, root: str, size: int) -> list[Decision]:
        """Return the decisions that the graph makes about its input; raises Malformed and Truncated."""
        graph = next(self._inside(Span(0, size), *ROOTS[root]), None)
        if graph is None:
            return []
        for function in islice(self._inside(graph, 2, 1), _MAX_NODES):
            names = self._inside(function, 1, 1)
            self._library[next((self._text(at) for at in names), "")] = function
        nodes = self._nodes(graph, 1)
        self._follow(nodes, (), 0)
        used = {_producer(entry) for node in nodes.values() for entry in node.inputs}
        ends: list[Key] = []
        for name in nodes.keys() - used:
            ends += [((), name), *(((), name, index) for index in range(_OUTPUTS))]
        return self.branches.found(ends) if self._left > 0 else []

    def _inside(self, span: Span, *path: int) -> Iterator[Span]:
        """Yield the messages at a path of field numbers."""
        if not path:
            yield span
            return
        for field in self.wire.fields(span.offset, span.offset + span.length):
            if field.number == path[0] and field.wire == LENGTH:
                yield from self._inside(Span(field.value, field.length), *path[1:])

    def _text(self, span: Span) -> str:
        return self.wire.read(span.offset, min(span.length, 4 * KIB)).decode("utf-8", "replace")

    def _nodes(self, span: Span, number: int) -> dict[str, _Node]:
        """Return the nodes in a field of a message, up to the limit."""
        found: dict[str, _Node] = {}
        for at in self._inside(span, number):
            self._left -= 1
            if self._left <= 0:
                break
            name, operator, inputs, attributes = "", "", list[str](), list[Span]()
            for field in self.wire.fields(at.offset, at.offset + at.length):
                if field.wire != LENGTH or len(inputs) + len(attributes) > _NAMES:
                    continue
                inner = Span(field.value, field.length)
                if field.number == 1:
                    name = self._text(inner)
                elif field.number == 2:
                    operator = self._text(inner)
                elif field.number == 3:
                    entry = self._text(inner)
                    inputs += [] if entry.startswith("^") else [entry]
                elif field.number == 5:
                    attributes.append(inner)
            self._left -= len(inputs) // _FEW
            found[name] = _Node(name, operator, inputs, attributes)
        return found

    def _function(self, name: str) -> _Function | None:
        if name not in self._functions and name in self._library:
            span = self._library[name]
            inputs = [self._text(at) for at in islice(self._inside(span, 1, 2, 1), _ARGUMENTS)]
            results = [self._text(at) for at in islice(self._inside(span, 1, 3, 1), _ARGUMENTS)]
            ends = {
                self._text(next(self._inside(at, 1), Span(0, 0))): self._text(next(self._inside(at, 2), Span(0, 0)))
                for at in islice(self._inside(span, 4), _ARGUMENTS)
            }
            self._functions[name] = _Function(inputs, [ends.get(key, "") for key in results], self._nodes(span, 3))
        return self._functions.get(name)

    def _follow(self, nodes: Mapping[str, _Node], prefix: Prefix, depth: int) -> None:
        """Follow the values through nodes in topological order."""
        done: set[str] = set()
        for first in nodes:
            waiting = [(first, False)]
            while waiting:
                name, ready = waiting.pop()
                if name not in nodes or (name in done and not ready):
                    continue
                if ready:
                    self._node(nodes[name], prefix, depth)
                    continue
                done.add(name)
                waiting.append((name, True))
                waiting += [(_producer(entry), False) for entry in reversed(nodes[name].inputs)]

    def _key(self, entry: str, prefix: Prefix) -> Key:
        """Return the key of a node's input; each output of a call is a separate value."""
        name, _, rest = entry.partition(":")
        index = rest.rpartition(":")[2]
        key = (prefix, name, int(index) if index.isascii() and index.isdecimal() and len(index) < 5 else 0)
        apart = key in self.branches.values or key in self.branches.constants
        return key if apart else (prefix, name)

    def _node(self, node: _Node, prefix: Prefix, depth: int) -> None:
        self._left -= 1
        if self._left <= 0:
            return
        key = (prefix, node.name)
        if node.operator in _FED and not depth:
            self.branches.feed(key, node.name, self._declared(node))
            return
        if not node.inputs:
            self.branches.constants[key] = None
            self._constants[key] = node
            return
        inputs = [self._key(entry, prefix) for entry in node.inputs]
        live = not self.branches.values.keys().isdisjoint(inputs)
        if not live and any(given not in self.branches.constants for given in inputs):
            return
        if live:
            for given in inputs:
                self._describe(given)
        step = Step(self._role(node), node.operator, node.name, inputs, [key])
        if node.operator in _BRANCHES:
            self._branch(node, step, prefix, depth)
        elif node.operator in _CALLS or node.operator in self._library:
            self._call(self._called(node) or [node.operator], node.name, inputs, prefix, depth)
        else:
            self.branches.step(self._shaped(node, step))

    def _role(self, node: _Node) -> Role:
        if node.operator == "Cast" and self._number(node, "DstT", 6) == _BOOL != self._number(node, "SrcT", 6):
            return Role.COMPARE
        return _ROLES.get(node.operator, Role.OPAQUE)

    def _shaped(self, node: _Node, step: Step) -> Step:
        late = node.operator in _PARAMETER_FIRST
        inputs = [*step.inputs[1:], step.inputs[0]] if late else step.inputs
        if node.operator == "ConcatV2":
            inputs = step.inputs[:-1]
        elif node.operator in ("Pad", "PadV2", "ClipByValue"):
            inputs = step.inputs[:1]
        shaping = _SHAPES.get(node.operator)
        return step._replace(inputs=inputs, shape=partial(shaping, self, node, step) if shaping else None)

    def _called(self, node: _Node) -> list[str]:
        """Return the functions that the attributes of a node name, singly or in a list."""
        values = [value for _, value in self._attributes(node)]
        single = [self._text(at) for value in values for at in self._inside(value, 10, 1)]
        return single or [self._text(at) for value in values for at in self._inside(value, 1, 9, 1)]

    def _branch(self, node: _Node, step: Step, prefix: Prefix, depth: int) -> None:
        outcomes = [self._inner(name, step.inputs[1:], depth) for name in self._called(node)]
        outputs: list[Key] = [(prefix, node.name, index) for index in range(max(map(len, outcomes), default=0))]
        self.branches.branch(step._replace(outputs=outputs), outcomes)

    def _call(self, called: Sequence[str], name: str, given: Sequence[Key], prefix: Prefix, depth: int) -> None:
        for index, inner in enumerate(self._inner(called[0], given, depth)[:_OUTPUTS]):
            self.branches.alias((prefix, name, index), inner)

    def _inner(self, name: str, given: Sequence[Key], depth: int) -> list[Key]:
        """Follow the values through a function, and return its outputs."""
        function = self._function(name) if depth < _MAX_DEPTH else None
        if function is None or self._left <= 0:
            return []
        prefix = (self._left,)
        for inner, outer in zip(function.inputs, given, strict=False):
            self.branches.alias((prefix, inner), outer)
            self._numbers[prefix, inner] = self._numbers.get(outer)
        self._follow(function.nodes, prefix, depth + 1)
        return [self._key(result, prefix) for result in function.results]

    def _attributes(self, node: _Node) -> Iterator[tuple[str, Span]]:
        for entry in node.attributes:
            if entry.length < _MAX_ATTRIBUTE:
                name = next((self._text(at) for at in self._inside(entry, 1)), "")
                yield from ((name, value) for value in self._inside(entry, 2))

    def _number(self, node: _Node, wanted: str, field_number: int) -> int:
        """Return a number, a boolean or a type among the attributes, or 0 if it is absent."""
        for name, value in self._attributes(node):
            if name == wanted:
                for field in self.wire.fields(value.offset, value.offset + value.length):
                    if field.number == field_number and field.wire == VARINT:
                        return signed(field.value)
        return 0

    def numbers_listed(self, node: _Node, wanted: str) -> tuple[int, ...]:
        """Return the numbers of a list attribute."""
        found: list[int] = []
        for name, value in self._attributes(node):
            for listed in self._inside(value, 1) if name == wanted else ():
                found += self._whole(listed, 3)
        return tuple(found)

    def _whole(self, span: Span, number: int) -> list[int]:
        found: list[int] = []
        for field in self.wire.fields(span.offset, span.offset + span.length):
            if field.number == number and field.wire == VARINT:
                found.append(signed(field.value))
            elif field.number == number and field.wire == LENGTH:
                found += self.wire.packed(field.value, field.length, _NUMBERS)
        return found[:_NUMBERS]

    def _declared(self, node: _Node) -> Shape:
        shapes = [at for name, value in self._attributes(node) if name == "shape" for at in self._inside(value, 7)]
        return self._sizes(shapes[0]) if shapes else None

    def _sizes(self, shape: Span) -> Shape:
        for field in self.wire.fields(shape.offset, shape.offset + shape.length):
            if field.number == 3 and field.value:
                return None
        sizes = [(self._whole(dim, 1) or [0])[0] for dim in self._inside(shape, 2)]
        return tuple(size if 0 < size < _END else MANY for size in sizes)

    def _describe(self, key: Key) -> None:
        """Read the shape of a constant that meets a followed value, and its numbers if they are few integers."""
        node = self._constants.pop(key, None)
        if node is None or node.operator != "Const":
            return
        for name, value in self._attributes(node):
            for tensor in self._inside(value, 8) if name == "value" else ():
                shapes = list(self._inside(tensor, 2))
                self.branches.constants[key] = self._sizes(shapes[0]) if shapes else ()
                self._numbers[key] = self._tensor_numbers(tensor, self.branches.constants[key])

    def _tensor_numbers(self, tensor: Span, shape: Shape) -> tuple[int, ...] | None:
        kind = (self._whole(tensor, 1) or [0])[0]
        if kind not in (_INT32, _INT64) or shape is None or len(shape) > 1 or sum(shape) > _NUMBERS:
            return None
        width, count = (4, "i") if kind == _INT32 else (8, "q"), shape[0] if shape else 1
        for content in self._inside(tensor, 4):
            raw = self.wire.read(content.offset, min(content.length, width[0] * count))
            return struct.unpack(f"<{len(raw) // width[0]}{width[1]}", raw[: len(raw) // width[0] * width[0]])
        listed = self._whole(tensor, 7 if kind == _INT32 else 10) or [0]
        return tuple(listed + listed[-1:] * (count - len(listed)))

    def numbers(self, step: Step, index: int) -> tuple[int, ...] | None:
        """Return the integers of a constant input of a node."""
        return self._numbers.get(step.inputs[index]) if index < len(step.inputs) else None

    def number(self, node: _Node, name: str, *, truth: bool = False) -> int:
        """Return a numeric attribute of a node."""
        return self._number(node, name, 5 if truth else 3)


def _producer(entry: str) -> str:
    return entry.partition(":")[0]


Shaping = Callable[[Walk, _Node, Step, Sequence[Shape]], Shape]


def _same(_walk: Walk, _node: _Node, _step: Step, shapes: Sequence[Shape]) -> Shape:
    return shapes[0]


def _unknown(_walk: Walk, _node: _Node, _step: Step, _shapes: Sequence[Shape]) -> Shape:
    return None


def _reduced(walk: Walk, node: _Node, step: Step, shapes: Sequence[Shape]) -> Shape:
    shape, axes = shapes[0], walk.numbers(step, 1)
    keep = bool(walk.number(node, "keep_dims", truth=True))
    if axes is None or shape is None:
        return None if axes is not None else ()
    gone = {axis % len(shape) for axis in axes} if shape else set[int]()
    return tuple(1 if at in gone else size for at, size in enumerate(shape) if keep or at not in gone)


def _squeezed(walk: Walk, node: _Node, _step: Step, shapes: Sequence[Shape]) -> Shape:
    shape, axes = shapes[0], walk.numbers_listed(node, "squeeze_dims")
    if not shape:
        return shape
    gone = {axis % len(shape) for axis in axes} if axes else {at for at, size in enumerate(shape) if size == 1}
    return tuple(size for at, size in enumerate(shape) if at not in gone)


def _expanded(walk: Walk, _node: _Node, step: Step, shapes: Sequence[Shape]) -> Shape:
    shape, axis = shapes[0], walk.numbers(step, 1)
    if shape is None or not axis:
        return None
    at = axis[0] % (len(shape) + 1)
    return (*shape[:at], 1, *shape[at:])


def _reshaped(walk: Walk, _node: _Node, step: Step, shapes: Sequence[Shape]) -> Shape:
    shape, target = shapes[0], walk.numbers(step, 1)
    if target is None or shape is None:
        return None
    if all(size == 1 for size in shape):
        return (1,) * len(target)
    batch = shape[:1] == (BATCH,) and len(target) > 1 and target[0] in (-1, 1)
    return tuple(BATCH if batch and not at else max(size, MANY) for at, size in enumerate(target))


def _transposed(walk: Walk, _node: _Node, step: Step, shapes: Sequence[Shape]) -> Shape:
    shape, order = shapes[0], walk.numbers(step, 1)
    if shape is None or order is None or any(not 0 <= axis < len(shape) for axis in order):
        return None
    return tuple(shape[axis] for axis in order)


def _sliced(walk: Walk, _node: _Node, step: Step, shapes: Sequence[Shape]) -> Shape:
    shape, sizes = shapes[0], walk.numbers(step, 2)
    if shape is None or sizes is None or len(sizes) != len(shape):
        return None
    return tuple(1 if size == 1 else old if old in (1, BATCH) else MANY for old, size in zip(shape, sizes, strict=True))


def _strided(walk: Walk, node: _Node, step: Step, shapes: Sequence[Shape]) -> Shape:
    shape, begins, ends = shapes[0], walk.numbers(step, 1), walk.numbers(step, 2)
    if shape is None or begins is None or ends is None or len(begins) != len(ends):
        return None
    names = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    from_start, to_end, ellipsis, new, shrunk = (walk.number(node, name) for name in names)
    rest, made = list(shape), list[int]()
    for index, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        bit = 1 << index
        if ellipsis & bit:
            later = sum(1 for at in range(index + 1, len(begins)) if not new >> at & 1)
            kept = max(len(rest) - later, 0)
            made += rest[:kept]
            del rest[:kept]
        elif new & bit:
            made.append(1)
        elif rest:
            size = rest.pop(0)
            one = (end - begin == 1 and not from_start & bit and not to_end & bit) or (begin == -1 and to_end & bit)
            one = one or (end == 1 and from_start & bit and not to_end & bit)
            whole = from_start & bit and to_end & bit
            if not shrunk & bit:
                made.append(1 if one else size if whole or size in (1, BATCH) else MANY)
    return (*made, *rest)


def _gathered(walk: Walk, node: _Node, step: Step, shapes: Sequence[Shape]) -> Shape:
    shape, places = shapes[0], shapes[1] if len(shapes) > 1 else None
    axis = (walk.numbers(step, 2) or (0,))[0]
    if node.operator == "GatherNd" or shape is None or places is None or not -len(shape) <= axis < len(shape):
        return None
    axis %= len(shape)
    return (*shape[:axis], *places, *shape[axis + 1 :])


def _joined(walk: Walk, node: _Node, step: Step, shapes: Sequence[Shape]) -> Shape:
    known = [shape for shape in shapes if shape is not None]
    if not known:
        return None
    sizes = list(known[0])
    if node.operator == "Pack":
        sizes.insert(walk.number(node, "axis") % (len(sizes) + 1), MANY)
        return tuple(sizes)
    axis = (walk.numbers(step, len(step.inputs) - 1) or (0,))[0]
    if -len(sizes) <= axis < len(sizes):
        sizes[axis] = MANY
    return tuple(sizes)


_SHAPES: Mapping[str, Shaping] = {
    **dict.fromkeys(_KEEP.split(), _same),
    **dict.fromkeys("All Any Min Max Prod Sum Mean EuclideanNorm ArgMax ArgMin".split(), _reduced),
    **dict.fromkeys(
        "Tile BroadcastTo Split SplitV Unpack TopKV2 AvgPool MaxPool L2Loss GatherNd Bitcast".split(), _unknown
    ),
    **dict.fromkeys("Pad PadV2 ReverseV2".split(), _same),
    **dict.fromkeys("ConcatV2 Concat Pack".split(), _joined),
    **dict.fromkeys("Gather GatherV2".split(), _gathered),
    "Squeeze": _squeezed,
    "ExpandDims": _expanded,
    "Reshape": _reshaped,
    "Transpose": _transposed,
    "Slice": _sliced,
    "StridedSlice": _strided,
}
