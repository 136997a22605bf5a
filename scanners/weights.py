"""Weights of any format: numbers that no training produces, outlier units, and code in the lowest bits.

The scanners of the formats yield the positions of tensors; this one reads a sample of them
(`scanners.parsing.tensor_sample`) with NumPy, and does not run without it. The results are facts, which
`scanners.judge.weights` judges; a pickle in the lowest bits is also judged as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.scanner import Blob, Context, Item, MissingDependency, Numbers, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB

if TYPE_CHECKING:
    from scanners.parsing.arrays import Arrays
    from scanners.parsing.tensor_values import Units, Values

NAME = "weights"
NUMPY = "numpy"
_SHOWN = 100
_MAX_MATRIX = 16 * MIB
"""Maximum bytes of a last layer that is measured unit by unit."""
_ROWS = 1 * MIB
_UNITS = range(8, 4097)
"""Numbers of units of a last layer that are compared: few are no sample, and words of a vocabulary differ widely."""
_MIN_INPUTS = 16
_MAX_LAST_LAYERS = 4
_MIN_SPREAD = 0.05
"""Minimum spread of units relative to their size: if they are almost equal, any difference would be an outlier."""
_LAST_LAYER_NAME = re.compile(
    r"(?:^|[._/])(?:fc|classifier|classification_head|head|heads|score|logits|output|predictions|dense_out|cls_score)"
    r"(?:[._/](?:\d+|linear|dense|out_proj|weight|kernel))*$"
)


def weigh(backend: str, blob: Blob, tensors: Sequence[Numbers], context: Context) -> Iterator[Item]:
    """Yield what is notable in a sample of `tensors`; raises MissingDependency without NumPy.

    If another backend fails (out of memory, device lost), NumPy gives the same results.
    """
    from scanners.parsing.arrays import arrays_of

    arrays = _loaded(backend)
    if arrays:
        try:
            yield from list(_weighed(arrays, blob, tensors, context))
            return
        except RuntimeError:  # errors of their devices
            pass
    yield from _weighed(arrays_of(NUMPY), blob, tensors, context)


@cache
def _loaded(backend: str) -> Arrays | None:
    """Return a backend other than NumPy, or None if it fails to load; a partially loaded one is not tried again."""
    from scanners.parsing.arrays import arrays_of

    try:
        return None if backend == NUMPY else arrays_of(backend)
    except (MissingDependency, RuntimeError, OSError):
        return None


def _weighed(arrays: Arrays, blob: Blob, tensors: Sequence[Numbers], context: Context) -> Iterator[Item]:
    from scanners.parsing.hidden_data import Carver
    from scanners.parsing.tensor_sample import blocks_of, usable
    from scanners.parsing.tensor_values import FLOATS, Values, integer_type, width_of

    sound = usable(tensors, blob.size)
    carver = Carver(arrays, blob, context)
    measured: dict[int, Values] = {}
    for block in blocks_of(sound):
        tensor = sound[block.tensor]
        data = blob.reader.read(tensor.offset + block.start, block.length)
        values = arrays.load(data, integer_type(tensor.dtype))
        if tensor.dtype in FLOATS:
            measured.setdefault(block.tensor, Values(FLOATS[tensor.dtype])).add(values)
        if block.carved:
            yield from carver.take(tensor.name, values, data, width_of(tensor.dtype), tensor.dtype in FLOATS)
    yield from carver.rest()
    yield from _facts(blob, [(sound[index], values) for index, values in sorted(measured.items())])
    for tensor in _last_layers(sound):
        yield from _units(arrays, blob, tensor)


def _facts(blob: Blob, measured: list[tuple[Numbers, Values]]) -> Iterator[Item]:
    """Yield each tensor with unusual numbers, and the share of matrices that consist of a single number."""
    matrices = constant = 0
    first = ""
    for tensor, values in measured:
        if len(tensor.shape) > 1:
            matrices += tensor.length
            constant += 0 if values.varied else tensor.length
            first = first or ("" if values.varied else tensor.name)
        if values.nan or values.infinite or values.extreme:
            detail: dict[str, Json] = {
                "dtype": tensor.dtype,
                "seen": values.seen,
                "nan": values.nan,
                "infinite": values.infinite,
                "negative_infinite": values.negative_infinite,
                "extreme": values.extreme,
                "sentinel": values.extremes[0] == values.extremes[1],
                "data": tensor.units is None,
            }
            yield Fact("weights", "numbers", blob.locator, detail={**detail, "tensor": _name(tensor)})
    if constant:
        sizes: dict[str, Json] = {"matrices": matrices, "constant": constant}
        yield Fact("weights", "constant", blob.locator, detail={**sizes, "tensor": printable(first, _SHOWN)})


def _last_layers(tensors: Sequence[Numbers]) -> list[Numbers]:
    """Return the matrices with names of last layers, or else the last matrix of all."""
    from scanners.parsing.tensor_values import FLOATS

    matrices = [
        tensor
        for tensor in tensors
        if tensor.dtype in FLOATS
        and tensor.units is not None
        and len(tensor.shape) == 2
        and tensor.length <= _MAX_MATRIX
    ]
    named = [tensor for tensor in matrices if _LAST_LAYER_NAME.search(tensor.name)]
    return (named or matrices[-1:])[-_MAX_LAST_LAYERS:]


def _units(arrays: Arrays, blob: Blob, tensor: Numbers) -> Iterator[Item]:
    """Yield how far the most distant unit is from the others."""
    from scanners.parsing.tensor_values import integer_type, units_of

    rows, columns = tensor.shape
    axis = tensor.units or 0
    if tensor.shape[axis] not in _UNITS or tensor.shape[1 - axis] < _MIN_INPUTS:
        return
    stride = tensor.length // rows
    step = max(1, _ROWS // stride)
    chunks = (
        arrays.load(
            blob.reader.read(tensor.offset + row * stride, min(step, rows - row) * stride), integer_type(tensor.dtype)
        )
        for row in range(0, rows, step)
    )
    units = units_of(arrays, tensor.dtype, chunks, (rows, columns), axis)
    if units:
        yield Fact("weights", "units", blob.locator, detail={**_outliers(units), "tensor": _name(tensor)})


def _outliers(units: Units) -> dict[str, Json]:
    from scanners.parsing.tensor_values import outlier

    sizes = units.sizes()
    least = _MIN_SPREAD * sorted(sizes)[len(sizes) // 2]
    detail: dict[str, Json] = {"units": len(sizes)}
    if not least:
        return detail
    for what, values in (("size", sizes), ("shift", units.shifts())):
        found = outlier(values, least)
        detail[what] = {"unit": found.unit, "score": found.score, "next": found.next_score}
    return detail


def _name(tensor: Numbers) -> str:
    return printable(tensor.name, _SHOWN)


def scanner_with(backend: str) -> Scanner:
    """Return the scanner for a backend of `scanners.parsing.arrays`; all backends give the same results."""
    return Scanner(
        name=NAME,
        title="Weights: their numbers, and what their lowest bits hide",
        version=3,
        accepts=lambda _blob: False,
        scan=lambda _blob, _context: iter(()),
        needs=(NUMPY,),
        judged=False,
        weigh=partial(weigh, backend),
        signs=Signs(),
    )


SCANNER = scanner_with(NUMPY)
