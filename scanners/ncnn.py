"""ncnn: a network of layers as text (.param), whose weights are concatenated in a file of raw bytes (.bin).

Format: https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure; what each layer reads: `load_model` of
https://github.com/Tencent/ncnn/tree/master/src/layer. Only the weights tell the width of a layer's numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.related import WEIGHTS
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.units import MIB

NAME = "ncnn"
_MAGIC = re.compile(rb"7767517[ \t]*\r?\n")
_COUNTS = re.compile(r"\s*(\d{1,9})\s+(\d{1,9})\s*")
_PARAMETER = re.compile(r"(\d{1,3})=(\d{1,12})")
_MAX_SIZE = 16 * MIB
_COST = 50
_TAG_BYTES = 4
"""Bytes of the tag before weights, which tells their width: one to four bytes, or one byte after a table."""
_TABLE_BYTES = 1_024
_FLOAT = 4
_MAX_PADDING = 3
"""Maximum bytes of padding after weights."""
_MAX_TOTAL = 1 << 40
_KINDS, _DEPTHS, _SIZES = ("Convolution", "Deconvolution"), ("", "DepthWise"), ("", "1D", "3D")


class _Layer:
    """The parameters of a layer by number; a missing one is 0."""

    def __init__(self, words: Sequence[str]) -> None:
        self._given = {int(found[1]): int(found[2]) for word in words if (found := _PARAMETER.fullmatch(word))}

    def __getitem__(self, number: int) -> int:
        return self._given.get(number, 0)

    def get(self, number: int, default: int) -> int:
        """Return a parameter, or `default` if it is missing."""
        return self._given.get(number, default)

    def product(self, *numbers: int) -> int:
        """Return the product of the parameters that are not 0, or 0 if all are."""
        given = [self[number] for number in numbers if self[number]]
        return prod(given) if given else 0


class _Weights(NamedTuple):
    """What a layer reads: arrays of numbers whose width the file tells, floats, and at most `scales` more floats."""

    arrays: tuple[int, ...] = ()
    floats: int = 0
    scales: int = 0


def _convolution(layer: _Layer) -> _Weights:
    return _Weights((layer[6],), layer[0] if layer[5] else 0, 2 * layer[0] + 4 if layer[8] else 0)


def _inner_product(layer: _Layer) -> _Weights:
    return _Weights((layer[2],), layer[0] if layer[1] else 0, layer[0] + 4 if layer[8] else 0)


def _recurrent(gates: int, biases: int) -> Callable[[_Layer], _Weights]:
    def read(layer: _Layer) -> _Weights:
        directions = 2 if layer[2] == 2 else 1
        outputs = layer[0] * directions
        return _Weights((layer[1], outputs * biases, outputs * layer[0] * gates), 0, 2 * outputs * gates)

    return read


def _attention(layer: _Layer) -> _Weights:
    width = layer[0]
    arrays = (layer[2], width * layer.get(3, width), width * layer.get(4, width), layer[2])
    return _Weights(arrays, 3 * width + layer[2] // max(width, 1), 3 * width + 1)


_LAYERS: dict[str, Callable[[_Layer], _Weights]] = {
    **dict.fromkeys((f"{kind}{depth}{size}" for kind in _KINDS for depth in _DEPTHS for size in _SIZES), _convolution),
    "DeformableConv2D": _convolution,
    "InnerProduct": _inner_product,
    "Embed": lambda layer: _Weights((layer[3],), layer[0] if layer[2] else 0, 4),
    "LSTM": _recurrent(4, 4),
    "GRU": _recurrent(3, 4),
    "RNN": _recurrent(1, 1),
    "MultiHeadAttention": _attention,
    "BatchNorm": lambda layer: _Weights(floats=4 * layer[0]),
    "Scale": lambda layer: _Weights(floats=layer[0] * (2 if layer[1] else 1)),
    "Bias": lambda layer: _Weights(floats=layer[0]),
    "PReLU": lambda layer: _Weights(floats=layer[0]),
    "Normalize": lambda layer: _Weights(floats=layer[3]),
    "InstanceNorm": lambda layer: _Weights(floats=2 * layer[0] * bool(layer.get(2, 1))),
    "LayerNorm": lambda layer: _Weights(floats=2 * layer[0] * bool(layer.get(2, 1))),
    "RMSNorm": lambda layer: _Weights(floats=layer[0] * bool(layer.get(2, 1))),
    "GroupNorm": lambda layer: _Weights(floats=2 * layer[1] * bool(layer.get(3, 1))),
    "MemoryData": lambda layer: _Weights(floats=layer.product(0, 1, 11, 2)),
}


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with a network of layers."""
    return _MAGIC.match(blob.head) is not None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield how many bytes the layers read from the file of weights; raises Malformed if layers are missing."""
    lines = iter(blob.reader.read(0, min(blob.size, _MAX_SIZE)).decode("utf-8", "replace").splitlines()[1:])
    counts = _COUNTS.fullmatch(next(lines, ""))
    if counts is None:
        raise Malformed("the numbers of layers and blobs are missing after the magic number")
    yield Fact("framework", "ncnn", blob.locator)
    least = most = layers = 0
    for line in lines:
        context.operations.spend(_COST)
        kind, *words = line.split() or ("",)
        layers += bool(kind)
        if kind in _LAYERS:
            weights = _LAYERS[kind](_Layer(words))
            least += _FLOAT * weights.floats + sum(_TAG_BYTES + size for size in weights.arrays)
            most += _FLOAT * (weights.floats + weights.scales) + sum(map(_widest, weights.arrays))
    if layers < int(counts[1]) and blob.size <= _MAX_SIZE:
        raise Malformed(f"the network has {layers:,} of {int(counts[1]):,} layers")
    if 0 < least <= most < _MAX_TOTAL:
        detail: dict[str, Json] = {"reach": least, "covered": least, "most": most}
        yield Fact(WEIGHTS, f"{blob.locator.name.rpartition('.')[0]}.bin", blob.locator, detail=detail)


def _widest(size: int) -> int:
    return _TAG_BYTES + max(_FLOAT * size, _TABLE_BYTES + size) + _MAX_PADDING


SCANNER = Scanner(
    name=NAME,
    title="ncnn (.param)",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(".param",),
    signs=Signs(b"7"),
)
