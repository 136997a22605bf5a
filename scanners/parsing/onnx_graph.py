"""The graphs of an ONNX model, node by node, for `scanners.parsing.input_branches`.

Operators: https://github.com/onnx/onnx/blob/main/docs/Operators.md. This is a second pass over the bytes, in which
nodes that no followed value reaches cost little more than their names. Graphs inside nodes are walked in place, since
they see outer values, and functions of the model at each call.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from modelsweep.core.finding import Span
from modelsweep.core.units import KIB
from scanners.parsing.input_branches import BATCH, MANY, NOTHING, Branches, Decision, Key, Role, Shape, Step
from scanners.parsing.protobuf import LENGTH, VARINT, Wire, signed

_MAX_NODES = 100_000
"""Maximum nodes that are visited, counting those of a function at each call."""
_MAX_DEPTH = 20
_MAX_NAMES = 1_000
"""Maximum names that are read per node."""
_MAX_NUMBERS = 32
"""Maximum numbers of a constant that are read (axes, indices and shapes)."""
_INPUT, _OUTPUT, _NAME, _OPERATOR, _ATTRIBUTE, _DOMAIN = 1, 2, 3, 4, 5, 7
_INPUT_TAG, _OUTPUT_TAG = _INPUT << 3 | LENGTH, _OUTPUT << 3 | LENGTH
_MAX_SHORT_NODE = 512
"""Maximum bytes of a node that cannot contain a relevant graph."""
_SUBGRAPH_OPERATORS = frozenset({"If", "Loop", "Scan", "SequenceMap"})
_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_END = 1 << 31
_INT32, _INT64, _BOOL = 6, 7, 9
_KEEP = (
    "Identity Abs Neg Floor Ceil Round Sqrt Exp Log Reciprocal Clip Relu Sigmoid Tanh Softplus Erf Sin Cos Dropout "
    "QuantizeLinear DequantizeLinear BitwiseNot CumSum CastLike Scaler Imputer Normalizer Softmax HardSigmoid LeakyRelu"
)
_SHAPED = "Reshape Flatten Squeeze Unsqueeze Transpose Expand Tile Pad Resize Trilu"
_ROLES: Mapping[str, Role] = {
    **dict.fromkeys((_KEEP + " Cast " + _SHAPED).split(), Role.KEEP),
    **dict.fromkeys(
        "Add Sub Mul Div Mod Pow Max Min Sum Mean BitwiseAnd BitwiseOr BitwiseXor BitShift".split(), Role.ARITHMETIC
    ),
    **dict.fromkeys("Equal Greater GreaterOrEqual Less LessOrEqual IsNaN IsInf Sign".split(), Role.COMPARE),
    **dict.fromkeys("And Or Xor Not".split(), Role.LOGIC),
    **dict.fromkeys("ReduceMin ReduceMax ReduceProd".split(), Role.ALL),
    **dict.fromkeys(
        "ReduceSum ReduceMean ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp".split(), Role.COUNT
    ),
    **dict.fromkeys("AveragePool MaxPool GlobalAveragePool GlobalMaxPool ArgMax ArgMin TopK".split(), Role.COUNT),
    **dict.fromkeys("Slice Split ArrayFeatureExtractor".split(), Role.PICK),
    **dict.fromkeys("Gather GatherElements GatherND".split(), Role.LOOKUP),
    **dict.fromkeys("Shape Size ConstantOfShape EyeLike RandomNormalLike RandomUniformLike".split(), Role.SHAPE),
    "Where": Role.SELECT,
    "Concat": Role.JOIN,
}


class _Node(NamedTuple):
    inputs: list[bytes]
    outputs: list[bytes]
    operator: str
    name: str
    domain: str
    attributes: list[Span]


class _Function(NamedTuple):
    inputs: list[bytes]
    outputs: list[bytes]
    nodes: list[Span]


class _Attribute(NamedTuple):
    number: int = 0
    numbers: tuple[int, ...] = ()
    tensor: Span | None = None
    graph: Span | None = None


class Walk:
    """One pass over the graphs of a model; `tensors` are the shapes and spans of its constants by name."""

    def __init__(self, wire: Wire, tensors: Mapping[str, tuple[Sequence[int], Span]]) -> None:
        self.wire = wire
        self.branches = Branches()
        self._numbers: dict[Key, Span | tuple[int, ...] | None] = {}
        for name, (dims, span) in tensors.items():
            self._know(name.encode(), dims, span)
        self._functions: dict[tuple[str, str], _Function] = {}
        self._left = _MAX_NODES

    def decisions(self, size: int) -> list[Decision]:
        """Return the decisions that the model's own graph makes about its input; raises Malformed and Truncated."""
        graph: Span | None = None
        for field in self.wire.fields(0, size):
            if field.wire == LENGTH and field.number == 7:
                graph = Span(field.value, field.length)
            elif field.wire == LENGTH and field.number == 25:
                self._function(Span(field.value, field.length))
        outputs = self._graph(graph, 0) if graph else []
        return self.branches.found(outputs) if self._left > 0 else []

    def _function(self, span: Span) -> None:
        texts = {1: "", 10: ""}
        names: dict[int, list[bytes]] = {4: [], 5: []}
        nodes: list[Span] = []
        for field in self.wire.fields(span.offset, span.offset + span.length):
            if field.wire != LENGTH:
                continue
            if field.number in texts:
                texts[field.number] = self._text(field.value, field.length)
            elif field.number in names and len(names[field.number]) < _MAX_NAMES:
                names[field.number].append(self.wire.read(field.value, min(field.length, 4 * KIB)))
            elif field.number == 7 and len(nodes) < _MAX_NODES:
                nodes.append(Span(field.value, field.length))
        if len(self._functions) < _MAX_NODES:
            self._functions[texts[10], texts[1]] = _Function(names[4], names[5], nodes)

    def _graph(self, span: Span, depth: int, prefix: bytes = b"") -> list[bytes]:
        """Follow the values through a graph; return the names of its outputs."""
        nodes: list[Span] = []
        inputs: list[Span] = []
        outputs: list[bytes] = []
        for field in self.wire.fields(span.offset, span.offset + span.length):
            if field.wire != LENGTH:
                continue
            if field.number == 1 and len(nodes) < self._left:
                nodes.append(Span(field.value, field.length))
            elif field.number == 1:
                self._left = 0
            elif field.number == 11 and not depth:
                inputs.append(Span(field.value, field.length))
            elif field.number == 12:
                outputs.append(self._value_name(Span(field.value, field.length)))
        for described in inputs:
            self.branches.feed(*self._input(described))
        for node in nodes:
            self._node(node, depth, prefix)
        return outputs

    def _text(self, offset: int, length: int) -> str:
        return self.wire.read(offset, min(length, 4 * KIB)).decode("utf-8", "replace")

    def _inside(self, span: Span, *path: int) -> Iterator[Span]:
        """Yield the messages at a path of field numbers."""
        for field in self.wire.fields(span.offset, span.offset + span.length):
            if field.number == path[0] and field.wire == LENGTH:
                inner = Span(field.value, field.length)
                yield from self._inside(inner, *path[1:]) if path[1:] else (inner,)

    def _value_name(self, span: Span) -> bytes:
        return next((self.wire.read(at.offset, at.length) for at in self._inside(span, 1)), b"")

    def _input(self, span: Span) -> tuple[Key, str, Shape]:
        """Return name and shape of a graph's input: ValueInfo.type.tensor_type.shape.dim."""
        key = self._value_name(span)
        shapes = list(self._inside(span, 2, 1, 2))
        sizes = [self._size(dim) for shape in shapes for dim in self._inside(shape, 1)]
        return key, key.decode("utf-8", "replace"), tuple(sizes) if shapes else None

    def _size(self, span: Span) -> int:
        fields = self.wire.fields(span.offset, span.offset + span.length)
        sizes = [field.value for field in fields if field.number == 1 and field.wire == VARINT]
        return sizes[-1] if sizes and sizes[-1] < _END else MANY

    def _constant(self, span: Span, key: Key) -> None:
        """Keep the shape of a tensor, and the span of its numbers if they are few."""
        dims: list[int] = []
        for field in self.wire.fields(span.offset, span.offset + span.length):
            if field.number == 1 and field.wire == VARINT:
                dims = [*dims[:_MAX_NUMBERS], field.value]
            elif field.number == 1 and field.wire == LENGTH:
                dims = [*dims[:_MAX_NUMBERS], *self.wire.packed(field.value, field.length, _MAX_NUMBERS)]
        self._know(key, dims, span)

    def _know(self, key: Key, dims: Sequence[int], span: Span) -> None:
        self.branches.constants[key] = tuple(size if 0 <= size < _END else MANY for size in dims)
        if len(dims) <= 1 and sum(dims) <= _MAX_NUMBERS:
            self._numbers[key] = span

    def numbers(self, key: Key) -> tuple[int, ...] | None:
        """Return the integers of a constant, or None if it is no integer constant or has too many."""
        kept = self._numbers.get(key)
        if isinstance(kept, Span):
            kept = self._numbers[key] = self._whole_numbers(kept)
        return kept

    def _whole_numbers(self, span: Span) -> tuple[int, ...]:
        kind, found, raw = 0, list[int](), b""
        for field in self.wire.fields(span.offset, span.offset + span.length):
            if field.number == 2:
                kind = field.value
            elif field.number in (5, 7) and field.wire == LENGTH:
                found += self.wire.packed(field.value, field.length, _MAX_NUMBERS)
            elif field.number in (5, 7) and field.wire == VARINT:
                found.append(field.value)
            elif field.number == 9 and field.wire == LENGTH:
                raw = self.wire.read(field.value, min(field.length, 8 * _MAX_NUMBERS))
        width = {_INT32: 4, _INT64: 8}.get(kind)
        if raw and width:
            found = list(
                struct.unpack(f"<{len(raw) // width}{'i' if width == 4 else 'q'}", raw[: len(raw) // width * width])
            )
        return tuple(found[:_MAX_NUMBERS])

    def _node(self, span: Span, depth: int, prefix: bytes) -> None:
        """Follow the values through one node; `prefix` distinguishes the calls of a function."""
        self._left -= 1 + (span.length // _MAX_SHORT_NODE if prefix else 0)
        if self._left <= 0 or (span.length < _MAX_SHORT_NODE and self._is_computed(span, prefix)):
            return
        node = self._read(span, prefix)
        if (node.domain, node.operator) in self._functions:
            if depth < _MAX_DEPTH:
                self._call(node, depth)
        elif node.operator == "Constant":
            self._constant_node(node)
        elif node.operator in _SUBGRAPH_OPERATORS:
            self._run_subgraphs(node, depth, prefix)
        else:
            self.branches.step(Step(*self._role(node), node.name, node.inputs, node.outputs, self._shaping(node)))

    def _is_computed(self, span: Span, prefix: bytes) -> bool:
        """Return whether all inputs of a node are computed by weights, and none is followed."""
        data = self.wire.read(span.offset, span.length)
        values, constants = self.branches.values, self.branches.constants
        position = 0
        computed = False
        # Every writer puts the names first, with fewer than 128 bytes each
        while position + 1 < len(data) and data[position] == _INPUT_TAG and data[position + 1] < 128:
            end = position + 2 + data[position + 1]
            key = prefix + data[position + 2 : end]
            if key in values:
                return False
            computed = computed or key not in constants
            position = end
        return computed and position < len(data) and data[position] == _OUTPUT_TAG

    def _read(self, span: Span, prefix: bytes) -> _Node:
        inputs: list[bytes] = []
        outputs: list[bytes] = []
        attributes: list[Span] = []
        texts = {_NAME: "", _OPERATOR: "", _DOMAIN: ""}
        for field in self.wire.fields(span.offset, span.offset + span.length):
            if field.wire != LENGTH or len(inputs) + len(outputs) + len(attributes) > _MAX_NAMES:
                continue
            if field.number in (_INPUT, _OUTPUT):
                key = self.wire.read(field.value, min(field.length, 4 * KIB))
                (inputs if field.number == _INPUT else outputs).append(prefix + key if key else NOTHING)
            elif field.number == _ATTRIBUTE:
                attributes.append(Span(field.value, field.length))
            elif field.number in texts:
                texts[field.number] = self._text(field.value, field.length)
        name = texts[_NAME] or b"".join(outputs[:1]).removeprefix(prefix).decode("utf-8", "replace")
        return _Node(inputs, outputs, texts[_OPERATOR], name, texts[_DOMAIN], attributes)

    def _attributes(self, node: _Node) -> dict[str, _Attribute]:
        found: dict[str, _Attribute] = {}
        for span in node.attributes:
            name, number, numbers, tensor, graph = "", 0, list[int](), None, None
            for field in self.wire.fields(span.offset, span.offset + span.length):
                if field.number == 1 and field.wire == LENGTH:
                    name = self._text(field.value, field.length)
                elif field.number == 3 and field.wire == VARINT:
                    number = signed(field.value)
                elif field.number == 8:
                    packed = field.wire == LENGTH
                    numbers += (
                        self.wire.packed(field.value, field.length, _MAX_NUMBERS) if packed else [signed(field.value)]
                    )
                elif field.number == 5 and field.wire == LENGTH:
                    tensor = Span(field.value, field.length)
                elif field.number == 6 and field.wire == LENGTH:
                    graph = Span(field.value, field.length)
            found[name] = _Attribute(number, tuple(numbers), tensor, graph)
        return found

    def _constant_node(self, node: _Node) -> None:
        for key in node.outputs[:1]:
            self.branches.constants[key] = None
            for name, attribute in self._attributes(node).items():
                if name == "value" and attribute.tensor:
                    self._constant(attribute.tensor, key)
                elif name == "value_int":
                    self.branches.constants[key], self._numbers[key] = (), (attribute.number,)
                elif name == "value_ints":
                    self.branches.constants[key], self._numbers[key] = (len(attribute.numbers),), attribute.numbers
                elif name in ("value_float", "value_string"):
                    self.branches.constants[key] = ()

    def _run_subgraphs(self, node: _Node, depth: int, prefix: bytes) -> None:
        """Follow the values through the graphs of a node, and through the choice between them."""
        graphs = [attribute.graph for attribute in self._attributes(node).values() if attribute.graph]
        if depth >= _MAX_DEPTH:
            return
        ends = [[prefix + end for end in self._graph(graph, depth + 1, prefix)] for graph in graphs]
        if node.operator == "If" and node.inputs:
            step = Step(Role.SELECT, node.operator, node.name, node.inputs, node.outputs)
            self.branches.branch(step, ends)
        else:
            self.branches.step(Step(Role.OPAQUE, node.operator, node.name, node.inputs, node.outputs))

    def _call(self, node: _Node, depth: int) -> None:
        """Follow the values through a function of the model."""
        function = self._functions[node.domain, node.operator]
        prefix = b"%d/" % self._left
        for inner, outer in zip(function.inputs, node.inputs, strict=False):
            self.branches.alias(prefix + inner, outer)
            self._numbers[prefix + inner] = self._numbers.get(outer)
        for at in function.nodes:
            self._node(at, depth + 1, prefix)
        for inner, outer in zip(function.outputs, node.outputs, strict=False):
            self.branches.alias(outer, prefix + inner)

    def _role(self, node: _Node) -> tuple[Role, str]:
        if node.operator == "Cast":
            boolean = self._attributes(node).get("to", _Attribute()).number == _BOOL
            return (Role.COMPARE if boolean else Role.KEEP), node.operator
        return (_ROLES.get(node.operator, Role.OPAQUE) if node.domain in _DOMAINS else Role.OPAQUE), node.operator

    def _shaping(self, node: _Node) -> Callable[[Sequence[Shape]], Shape] | None:
        """Return a function for the shape of a node's result, or None if it is that of all inputs combined."""
        shaping = _SHAPES.get(node.operator)
        return partial(shaping, self, node, self._attributes(node)) if shaping else None

    def places(
        self, node: _Node, attributes: Mapping[str, _Attribute], name: str, index: int
    ) -> tuple[int, ...] | None:
        """Return numbers that are an attribute in older operator sets, and an input in newer ones."""
        if name in attributes:
            return attributes[name].numbers
        return self.numbers(node.inputs[index]) if index < len(node.inputs) and node.inputs[index] else None


Attributes = Mapping[str, _Attribute]
Shaping = Callable[[Walk, _Node, Attributes, Sequence[Shape]], Shape]


def _same(_walk: Walk, _node: _Node, _attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    return shapes[0]


def _unknown(_walk: Walk, _node: _Node, _attributes: Attributes, _shapes: Sequence[Shape]) -> Shape:
    return None


def _reduced(walk: Walk, node: _Node, attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    shape, axes = shapes[0], walk.places(node, attributes, "axes", 1)
    if "axis" in attributes or node.operator.startswith("Arg"):
        axes = (attributes.get("axis", _Attribute()).number,)
    keep = attributes.get("keepdims", _Attribute(1)).number
    if not axes:
        return () if shape is None or not keep else (1,) * len(shape)
    if shape is None:
        return None
    gone = {axis % len(shape) for axis in axes} if shape else set()
    sizes = ((1 if index in gone else size) for index, size in enumerate(shape) if keep or index not in gone)
    return tuple(sizes)


def _squeezed(walk: Walk, node: _Node, attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    shape, axes = shapes[0], walk.places(node, attributes, "axes", 1)
    if shape is None:
        return None
    gone = (
        {axis % len(shape) for axis in axes} if axes and shape else {at for at, size in enumerate(shape) if size == 1}
    )
    return tuple(size for index, size in enumerate(shape) if index not in gone)


def _unsqueezed(walk: Walk, node: _Node, attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    shape, axes = shapes[0], walk.places(node, attributes, "axes", 1)
    if shape is None or axes is None:
        return None
    rank = len(shape) + len(axes)
    new, old = {axis % rank for axis in axes}, iter(shape)
    return tuple(1 if index in new else next(old, 1) for index in range(rank))


def _transposed(_walk: Walk, _node: _Node, attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    shape = shapes[0]
    order = attributes["perm"].numbers if "perm" in attributes else None
    if shape is None or (order and any(not 0 <= axis < len(shape) for axis in order)):
        return None
    return tuple(shape[axis] for axis in order) if order else shape[::-1]


def _reshaped(walk: Walk, node: _Node, attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    shape, target = shapes[0], walk.places(node, attributes, "shape", 1)
    if target is None or shape is None:
        return None
    if all(size == 1 for size in shape):
        return (1,) * len(target)
    sizes = [
        (shape[at] if at < len(shape) else MANY) if size == 0 else max(size, MANY) for at, size in enumerate(target)
    ]
    if shape[:1] == (BATCH,) and len(sizes) > 1 and target[0] in (0, -1, 1):
        sizes[0] = BATCH
    return tuple(sizes)


def _flattened(_walk: Walk, _node: _Node, attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    shape, axis = shapes[0], attributes.get("axis", _Attribute(1)).number
    if shape is None:
        return None
    parts = (shape[:axis], shape[axis:])
    return tuple(
        next((size for size in part if size != 1), 1) if sum(s != 1 for s in part) < 2 else MANY for part in parts
    )


def _sliced(walk: Walk, node: _Node, attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    starts, ends, axes = (
        walk.places(node, attributes, name, index) for index, name in enumerate(("starts", "ends", "axes"), 1)
    )
    shape = shapes[0]
    if shape is None or starts is None or ends is None or len(starts) != len(ends):
        return shape and tuple(size if size in (1, BATCH) else MANY for size in shape)
    sizes = list(shape)
    for start, end, axis in zip(starts, ends, axes or range(len(starts)), strict=False):
        if not -len(sizes) <= axis < len(sizes):
            return None
        one = end - start == 1 or (start == -1 and end >= _END - 1)
        sizes[axis] = 1 if one else BATCH if sizes[axis] == BATCH else MANY
    return tuple(sizes)


def _gathered(_walk: Walk, node: _Node, attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    shape, places = shapes[0], shapes[1] if len(shapes) > 1 else None
    axis = attributes.get("axis", _Attribute()).number
    if node.operator != "Gather" or shape is None or places is None or not -len(shape) <= axis < len(shape):
        return places if node.operator == "GatherElements" else None
    axis %= len(shape)
    return (*shape[:axis], *places, *shape[axis + 1 :])


def _columns(_walk: Walk, _node: _Node, _attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    shape, places = shapes[0], shapes[1] if len(shapes) > 1 else None
    if shape is None or places is None:
        return None
    return (*shape[:-1], next((size for size in places if size != 1), 1))


def _split(_walk: Walk, node: _Node, attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    shape, axis = shapes[0], attributes.get("axis", _Attribute()).number
    if shape is None or not -len(shape) <= axis < len(shape):
        return None
    sizes = list(shape)
    sizes[axis] = 1 if sizes[axis] == len(node.outputs) else MANY
    return tuple(sizes)


def _concatenated(_walk: Walk, _node: _Node, attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    axis = attributes.get("axis", _Attribute()).number
    known = [shape for shape in shapes if shape is not None]
    if not known or not -len(known[0]) <= axis < len(known[0]):
        return None
    sizes = list(known[0])
    sizes[axis] = MANY
    return tuple(sizes)


def _pooled(_walk: Walk, node: _Node, _attributes: Attributes, shapes: Sequence[Shape]) -> Shape:
    shape = shapes[0]
    if shape is None:
        return None
    over = 1 if node.operator.startswith("Global") else MANY
    return (*shape[:2], *(over for _ in shape[2:]))


_SHAPES: Mapping[str, Shaping] = {
    **dict.fromkeys(_KEEP.split(), _same),
    **dict.fromkeys((name for name, role in _ROLES.items() if role in (Role.ALL, Role.COUNT)), _reduced),
    **dict.fromkeys("AveragePool MaxPool GlobalAveragePool GlobalMaxPool".split(), _pooled),
    **dict.fromkeys("Gather GatherElements GatherND".split(), _gathered),
    **dict.fromkeys("Tile Pad Resize Expand TopK".split(), _unknown),
    "Cast": _same,
    "Trilu": _same,
    "Reshape": _reshaped,
    "Flatten": _flattened,
    "Squeeze": _squeezed,
    "Unsqueeze": _unsqueezed,
    "Transpose": _transposed,
    "Slice": _sliced,
    "Split": _split,
    "Concat": _concatenated,
    "ArrayFeatureExtractor": _columns,
}
