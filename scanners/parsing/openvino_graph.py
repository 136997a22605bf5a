"""The layers of an OpenVINO graph, for `scanners.parsing.input_branches`: every port has its shape.

Operations: https://docs.openvino.ai/2025/documentation/openvino-ir-format/operation-sets.html. For bodies of `If`, only
whether they compute anything is determined; those of loops are not followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modelsweep.core.values import dataclass, field
from scanners.parsing.input_branches import BATCH, MANY, NOTHING, Branches, Decision, Key, Role, Shape, Step
from scanners.parsing.xml_events import Start, Text

_MAX_KEPT = 400_000
"""Maximum layers, ports, sizes and edges that are kept; larger graphs are not analysed."""
_MAX_LENGTH = 200
"""Maximum characters of a name or a number."""
_READ = frozenset("id name type from-layer from-port to-layer to-port".split())
_LAYER, _EDGE = ("net", "layers"), ("net", "edges")
_PLAIN_BODY = frozenset({"Const", "Result", "Convert", "Assign", "ReadValue"})
_ROLES: Mapping[str, Role] = {
    **dict.fromkeys(
        "Convert ConvertLike Abs Negative Floor Ceiling Round Sqrt Exp Log ReLU Sigmoid Tanh HSwish Clamp Cos Sin Gelu "
        "FakeQuantize SoftMax HardSigmoid CumSum Reshape Squeeze Unsqueeze Transpose Broadcast Tile Pad Interpolate "
        "BitwiseNot Elu PReLU Swish".split(),
        Role.KEEP,
    ),
    **dict.fromkeys(
        "Add Subtract Multiply Divide Maximum Minimum Power Mod FloorMod SquaredDifference BitwiseAnd "
        "BitwiseOr".split(),
        Role.ARITHMETIC,
    ),
    **dict.fromkeys(
        "Equal NotEqual Greater GreaterEqual Less LessEqual IsNaN IsInf IsFinite Sign".split(), Role.COMPARE
    ),
    **dict.fromkeys("LogicalAnd LogicalOr LogicalXor LogicalNot".split(), Role.LOGIC),
    **dict.fromkeys("ReduceLogicalAnd ReduceLogicalOr ReduceMin ReduceMax ReduceProd".split(), Role.ALL),
    **dict.fromkeys("ReduceSum ReduceMean ReduceL1 ReduceL2 TopK MaxPool AvgPool".split(), Role.COUNT),
    **dict.fromkeys("Slice StridedSlice Split VariadicSplit Reverse".split(), Role.PICK),
    **dict.fromkeys("Gather GatherElements GatherND".split(), Role.LOOKUP),
    **dict.fromkeys("ShapeOf Range".split(), Role.SHAPE),
    "Select": Role.SELECT,
    "Concat": Role.JOIN,
}


@dataclass(slots=True)
class _Layer:
    kind: str
    name: str
    ports: list[str] = field(default_factory=list)
    """Numbers of its input ports, in order."""
    shapes: dict[str, list[int]] = field(default_factory=dict)
    """Shapes of its outputs, by port."""
    bodies: list[int] = field(default_factory=list)
    """What each graph that it chooses between does: one of the three constants below."""


_CONSTANT, _PASSES_ON, _COMPUTES = range(3)


class Layers:
    """The layers of a graph and the edges between their ports, collected from XML events."""

    def __init__(self) -> None:
        self._layers: dict[str, _Layer] = {}
        self._fed: dict[tuple[str, str], Key] = {}
        self._layer: _Layer | None = None
        self._port: list[int] | None = None
        self._batch, self._left = 1, _MAX_KEPT
        self._in_body = False

    def take(self, event: Start | Text) -> None:
        """Process the next element, or the text of a `dim`."""
        if self._left <= 0:
            return
        if isinstance(event, Text):
            if self._port is not None:
                size = event.text.strip()
                self._port.append(int(size) if size.isascii() and size.isdecimal() and len(size) < 10 else MANY)
                self._left -= 1
            return
        within = event.within
        given = {key: value[:_MAX_LENGTH] for key, value in event.attributes.items() if key in _READ}
        if event.name == "layer":
            self._begun(given, within)
        elif event.name == "port":
            self._port_begun(given.get("id", ""), within)
        elif event.name in ("then_body", "else_body") and self._layer and not self._in_body:
            self._layer.bodies.append(_CONSTANT)
        elif event.name == "edge" and within == _EDGE:
            source = given.get("from-layer", ""), given.get("from-port", "")
            self._fed[given.get("to-layer", ""), given.get("to-port", "")] = source
            self._left -= 1

    def _begun(self, given: Mapping[str, str], within: tuple[str, ...]) -> None:
        self._port, self._in_body = None, within != _LAYER
        self._left -= 1
        kind = given.get("type", "")
        if not self._in_body:
            self._layer = _Layer(kind, given.get("name", ""))
            self._layers[given.get("id", "")] = self._layer
        elif self._layer and self._layer.bodies and kind not in _PLAIN_BODY:
            does = _PASSES_ON if kind in _ROLES or kind == "Parameter" else _COMPUTES
            self._layer.bodies[-1] = max(self._layer.bodies[-1], does)

    def _port_begun(self, number: str, within: tuple[str, ...]) -> None:
        self._port = None
        self._left -= 1
        if self._layer is None or self._in_body:
            return
        if within[-1] == "input":
            self._layer.ports.append(number)
        elif within[-1] == "output":
            self._port = self._layer.shapes.setdefault(number, [])

    def decisions(self) -> tuple[Branches, list[Decision]]:
        """Return the decisions that the graph makes about its input."""
        branches = Branches()
        ends: list[Key] = []
        if self._left <= 0:
            return branches, []
        inputs = [layer for layer in self._layers.values() if layer.kind == "Parameter"]
        sizes = [shape for layer in inputs for shape in layer.shapes.values() if len(shape) > 1]
        self._batch = sizes[0][0] if sizes else 1
        for number in self._order():
            layer = self._layers[number]
            made: list[Key] = [(number, port) for port in layer.shapes]
            given = [self._fed.get((number, port)) for port in layer.ports]
            if layer.kind == "Parameter":
                for key, shape in zip(made, layer.shapes.values(), strict=True):
                    branches.feed(key, layer.name, self._shape(shape))
            elif layer.kind == "Const":
                branches.constants.update(zip(made, map(self._shape, layer.shapes.values()), strict=True))
            elif layer.kind == "Result":
                ends += given
            else:
                self._step(branches, layer, given, made)
        return branches, branches.found(ends)

    def _step(self, branches: Branches, layer: _Layer, given: list[Key], made: list[Key]) -> None:
        shape = next(map(self._shape, layer.shapes.values()), None)
        step = Step(_ROLES.get(layer.kind, Role.OPAQUE), layer.kind, layer.name, given, made, shape)
        if layer.kind != "If" or not given:
            branches.step(step)
            return
        if _COMPUTES in layer.bodies:  # with its inputs
            branches.step(step._replace(role=Role.OPAQUE, inputs=given[1:], outputs=[]))
        ends: dict[int, Key] = {_CONSTANT: NOTHING, _PASSES_ON: next(iter(given[1:]), NOTHING), _COMPUTES: None}
        branches.branch(step, [[ends[does]] * len(made) for does in layer.bodies])

    def _shape(self, sizes: list[int]) -> Shape:
        is_batch = len(sizes) > 0 and self._batch != 1 and sizes[0] == self._batch
        return (BATCH, *sizes[1:]) if is_batch else tuple(sizes)

    def _order(self) -> Iterable[str]:
        """Return the layers in topological order."""
        done: dict[str, bool] = {}
        for first in self._layers:
            waiting = [(first, False)]
            while waiting:
                number, ready = waiting.pop()
                if ready:
                    yield number
                elif number in self._layers and number not in done:
                    done[number] = True
                    waiting.append((number, True))
                    sources = (self._fed.get((number, port)) for port in self._layers[number].ports)
                    waiting += [(source[0], False) for source in sources if isinstance(source, tuple)]
