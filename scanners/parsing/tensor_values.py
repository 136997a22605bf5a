"""Measurement of tensors in blocks: how many numbers are impossible, their extremes, and outlier rows.

All results are exact: floats are compared by their bits as integers, and summed as integers after scaling by a power of
two. So neither the order of summation nor the processor or library changes a result.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from modelsweep.core.values import dataclass
from scanners.parsing.arrays import Arrays


class FloatKind(NamedTuple):
    """A floating-point type as integers: `mask` removes the sign, `infinity` is the bit pattern of infinity.

    `extreme` is the smallest implausible magnitude of a weight, above times in nanoseconds and sentinels of 1e18.
    """

    integer: str
    mask: int
    infinity: int
    extreme: int


def _kind(integer: str, bits: int, infinity: int, extreme: int) -> FloatKind:
    return FloatKind(integer, (1 << bits - 1) - 1, infinity, extreme)


_1E20 = int.from_bytes(struct.pack(">f", 1e20))
FLOATS = {
    "F16": _kind("int16", 16, 0x7C00, 0x7C00),
    "BF16": _kind("int16", 16, 0x7F80, _1E20 >> 16),
    "F32": _kind("int32", 32, 0x7F80_0000, _1E20),
    "F64": _kind("int64", 64, 0x7FF0 << 48, int.from_bytes(struct.pack(">d", 1e30))),
}
INTEGERS = {
    "I8": "int8", "U8": "int8", "F8_E4M3": "int8", "F8_E5M2": "int8", "I16": "int16", "U16": "int16",
    "I32": "int32", "U32": "int32", "I64": "int64", "U64": "int64",
}  # fmt: skip
"""Types of which only the lowest bits are examined, with the integer types that they are read as."""
_NUMPY = "f[248]|[iu][1248]"
SCALE = 20
"""Bits of a number that are kept in sums, below the matrix's maximum: 2^22 squares of them fit into 64 bits."""
_EXPONENTS = 1000


def dtype_of(descr: object) -> str:
    """Return the safetensors name of a little-endian NumPy type, or "" for any other."""
    if not isinstance(descr, str) or descr[:1] not in ("<", "|") or not re.fullmatch(_NUMPY, descr[1:]):
        return ""
    return f"{descr[1].upper()}{int(descr[2]) * 8}"


def integer_type(dtype: str) -> str:
    """Return the signed integer type that numbers of a type are read as, or "" for an unknown type."""
    return FLOATS[dtype].integer if dtype in FLOATS else INTEGERS.get(dtype, "")


def width_of(dtype: str) -> int:
    """Return the bytes of one number of a known type."""
    return int(integer_type(dtype).removeprefix("int")) // 8


@dataclass(slots=True)
class Values:
    """Measurements of one tensor's numbers; magnitudes are bit patterns without the sign."""

    kind: FloatKind
    seen: int = 0
    largest: int = 0
    nan: int = 0
    infinite: int = 0
    negative_infinite: int = 0
    extreme: int = 0
    extremes: tuple[int, int] = (1 << 64, 0)
    """Smallest and largest finite magnitude among the extreme ones."""
    constant: int | None = None
    """The bits of the only number seen so far."""
    varied: bool = False

    def add(self, values: Any) -> None:
        """Add an array of numbers, given as integers."""
        kind = self.kind
        magnitudes = values & kind.mask
        largest = int(magnitudes.max())
        least, most = int(values.min()), int(values.max())
        if least != most or (self.seen and least != self.constant):
            self.varied = True
        self.constant = least
        self.seen += len(values)
        self.largest = max(self.largest, largest)
        if largest >= kind.extreme:
            self._add_extreme(values, magnitudes)

    def _add_extreme(self, values: Any, magnitudes: Any) -> None:
        kind = self.kind
        infinite = magnitudes == kind.infinity
        self.nan += int((magnitudes > kind.infinity).sum())
        self.infinite += int(infinite.sum())
        self.negative_infinite += int((infinite & (values < 0)).sum())
        finite = magnitudes[(magnitudes >= kind.extreme) & (magnitudes < kind.infinity)]
        if len(finite):
            self.extreme += len(finite)
            least, most = self.extremes
            self.extremes = min(least, int(finite.min())), max(most, int(finite.max()))


class Units(NamedTuple):
    """Sums of the numbers and of their squares for each unit of a matrix, in multiples of `step`."""

    step: float
    width: int
    sums: list[int]
    squares: list[int]

    def sizes(self) -> list[float]:
        """Return the root mean square of each unit."""
        return [self.step * math.sqrt(square / self.width) for square in self.squares]

    def shifts(self) -> list[float]:
        """Return the mean of each unit."""
        return [self.step * total / self.width for total in self.sums]


def units_of(arrays: Arrays, dtype: str, chunks: Iterator[Any], shape: tuple[int, int], axis: int) -> Units | None:
    """Return the sums of a matrix in `chunks` of whole rows; None if a number is not finite, or all are 0.

    The maximum magnitude determines the scale, so the chunks are kept until it is known.
    """
    parts = list(chunks)
    largest = max(int((part & FLOATS[dtype].mask).max()) for part in parts)
    if not 0 < largest < FLOATS[dtype].infinity:
        return None
    _, exponent = math.frexp(_number(largest, dtype))
    exponent = max(-_EXPONENTS, min(_EXPONENTS, exponent - SCALE))
    sums: list[int] = []
    squares: list[int] = []
    for part in parts:
        scaled = arrays.xp.round(floats(arrays, part, dtype) * 2.0**-exponent)
        numbers = arrays.cast(scaled, "int64").reshape(-1, shape[1])
        found = numbers.sum(axis=1 - axis).tolist(), (numbers * numbers).sum(axis=1 - axis).tolist()
        for kept, more in zip((sums, squares), found, strict=True):
            kept[:] = [*kept, *more] if axis == 0 else list(map(int.__add__, kept or [0] * len(more), more))
    return Units(2.0**exponent, shape[1 - axis], sums, squares)


def floats(arrays: Arrays, values: Any, dtype: str) -> Any:
    """Return numbers that are stored as integers as doubles."""
    if dtype == "BF16":
        values = arrays.cast(values, "int32") << 16
    view = {"F16": "float16", "BF16": "float32", "F32": "float32", "F64": "float64"}[dtype]
    return arrays.cast(values.view(getattr(arrays.xp, view)), "float64")


def _number(bits: int, dtype: str) -> float:
    """Return the non-negative number with the bit pattern `bits`."""
    code = {"F16": ">e", "BF16": ">f", "F32": ">f", "F64": ">d"}[dtype]
    data = bits.to_bytes(2, "big") + b"\0\0" if dtype == "BF16" else bits.to_bytes(width_of(dtype), "big")
    value: float = struct.unpack(code, data)[0]
    return value


class Outlier(NamedTuple):
    """The unit that is furthest above the others: its number, its distance from the median over the usual distance,
    and the same of the next one.
    """

    unit: int
    score: float
    next_score: float


def outlier(values: Sequence[float], least: float) -> Outlier:
    """Return the maximum of `values` relative to the median, in median absolute deviations of at least `least`."""
    middle = _median(values)
    spread = max(_median([abs(value - middle) for value in values]), least)
    order = sorted(range(len(values)), key=lambda index: (-values[index], index))
    first, second = ((values[index] - middle) / spread for index in order[:2])
    return Outlier(order[0], round(first, 1), round(second, 1))


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
