"""Low-order planes of numbers: the bits and bytes of weights that can be exchanged without harm to a model.

EvilModel (arXiv 2107.08590) writes into the low bytes of floats, the attacks of arXiv 2310.01969 and their public tools
into the lowest bits, value after value. Where no key spreads the bits (MaleficNet, arXiv 2403.03593, does), reading a
plane in order gives back what was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from scanners.parsing.arrays import Arrays

MULTIPLE = 8
"""Numbers that are carved at a time: the lowest bits of eight make a byte."""
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
# Groups of bits of a number that are put together to bytes, and bytes of wide numbers, by the width of the number
_GROUPS = {2: (1, 2, 4), 4: (1, 2, 4), 8: (1, 2, 4)}
_BYTES = {2: (1,), 4: (1, 2, 3), 8: (1, 2, 3, 4, 6)}
_WHOLE = {1: (1,), 2: (), 4: (), 8: ()}
_NUMBERS = {1: "", 2: "two ", 3: "three ", 4: "four ", 6: "six "}


class Plane(NamedTuple):
    """Bytes that were put together from the lowest `bits` of each number; `title` says how."""

    title: str
    data: bytes


def planes(arrays: Arrays, values: Any, data: bytes, width: int, is_float: bool) -> Iterator[Plane]:
    """Yield the planes of `values`, which are the numbers of `width` bytes in `data`, eight or a multiple of them."""
    for bits in _GROUPS[width] if is_float else _WHOLE[width]:
        yield from _of_bits(arrays, values, bits)
    for count in _BYTES[width] if is_float else (1,) if width > 1 else ():
        yield from _of_bytes(data, width, count)


def _of_bits(arrays: Arrays, values: Any, bits: int) -> Iterator[Plane]:
    """Yield the lowest bits of each number with the first number highest in a byte, and lowest."""
    title = f"lowest {_NUMBERS[bits]}bit{'s' if bits > 1 else ''} of each number"
    low = arrays.cast(values & ((1 << bits) - 1), "uint8")
    if bits == 1:
        highest = arrays.pack(low)
        yield Plane(f"{title}, highest first", highest)
        yield Plane(f"{title}, lowest first", highest.translate(_MIRRORED))
        return
    groups = low.reshape(-1, 8 // bits)
    first = last = groups[:, 0]
    for place in range(1, 8 // bits):
        first = first << bits | groups[:, place]
        last = last | groups[:, place] << bits * place
    yield Plane(f"{title}, highest first", arrays.dump(first))
    yield Plane(f"{title}, lowest first", arrays.dump(last))


def _of_bytes(data: bytes, width: int, count: int) -> Iterator[Plane]:
    """Yield the lowest bytes of each number as they stand in memory, and the other way round."""
    if count == 1:
        yield Plane("lowest byte of each number", data[::width])
        return
    title = f"lowest {_NUMBERS[count]}bytes of each number"
    for order, places in ((", lowest first", range(count)), (", highest first", range(count - 1, -1, -1))):
        plane = bytearray(len(data) // width * count)
        for at, place in enumerate(places):
            plane[at::count] = data[place::width]
        yield Plane(title + order, bytes(plane))
