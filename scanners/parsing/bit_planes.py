"""Low-order planes of numbers: the bits and bytes of weights that can be replaced without harm to a model.

EvilModel (arXiv 2107.08590) writes into the low bytes of floats, the attacks of arXiv 2310.01969 and their public tools
into the lowest bits, value after value. Reading a plane in order recovers the data, unless a key spreads the bits as in
MaleficNet (arXiv 2403.03593).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from scanners.parsing.arrays import Arrays

MULTIPLE = 8
"""Numbers are processed in multiples of this: the lowest bits of eight numbers form a byte."""
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _reversed_groups(bits: int) -> bytes:
    """Return a translation table that reverses each group of `bits` bits in a byte."""
    groups = range(0, 8, bits)
    return bytes(int("".join(f"{byte:08b}"[at : at + bits][::-1] for at in groups), 2) for byte in range(256))


_REVERSED_GROUPS = {bits: _reversed_groups(bits) for bits in (2, 4)}
# Numbers of bits, and of bytes, of a number that are combined, by the width of the number
_GROUPS = {2: (1, 2, 3, 4), 4: (1, 2, 3, 4), 8: (1, 2, 3, 4)}
_BYTES = {2: (1,), 4: (1, 2, 3), 8: (1, 2, 3, 4, 6)}
_WHOLE = {1: (1,), 2: (), 4: (), 8: ()}
_NUMBERS = {1: "", 2: "two ", 3: "three ", 4: "four ", 6: "six "}


class Plane(NamedTuple):
    """Bytes combined from the lowest bits of each number; `title` tells how.

    Data that does not begin with the first number of a byte becomes visible when the plane is shifted by one of
    `shifts` bits towards its start, where the first number has the highest (`big`) or lowest (`little`) bit.
    """

    title: str
    data: bytes
    order: Literal["big", "little"] = "big"
    shifts: tuple[int, ...] = ()


def planes(arrays: Arrays, values: Any, data: bytes, width: int, is_float: bool) -> Iterator[Plane]:
    """Yield the planes of `values`, the numbers of `width` bytes in `data`, whose count is a multiple of eight."""
    for bits in _GROUPS[width] if is_float else _WHOLE[width]:
        yield from _of_bits(arrays, values, bits)
    for count in _BYTES[width] if is_float else (1,) if width > 1 else ():
        yield from _of_bytes(data, width, count)


def _of_bits(arrays: Arrays, values: Any, bits: int) -> Iterator[Plane]:
    """Yield the planes of the lowest bits, with the first number highest in a byte, and lowest.

    Tools also differ in the order of several bits of a number, so both orders are yielded.
    """
    title = f"lowest {_NUMBERS[bits]}bit{'s' if bits > 1 else ''} of each number"
    low = arrays.cast(values & ((1 << bits) - 1), "uint8")
    # Three bits would need seven shifts per plane, and few tools use three
    shifts = tuple(range(bits, 8, bits)) if bits != 3 else ()
    if bits == 1:
        highest = arrays.pack(low)
        lowest = highest.translate(_REVERSED_BITS)
        turned = [b"", b""]
    elif bits == 3:
        other = (low & 1) << 2 | low & 2 | low >> 2
        highest, lowest = _packed(arrays, low), _packed(arrays, other).translate(_REVERSED_BITS)
        turned = [_packed(arrays, other), _packed(arrays, low).translate(_REVERSED_BITS)]
    else:
        groups = low.reshape(-1, 8 // bits)
        first = last = groups[:, 0]
        for place in range(1, 8 // bits):
            first = first << bits | groups[:, place]
            last = last | groups[:, place] << bits * place
        highest, lowest = arrays.dump(first), arrays.dump(last)
        turned = [plane.translate(_REVERSED_GROUPS[bits]) for plane in (highest, lowest)]
    yield Plane(f"{title}, highest first", highest, "big", shifts)
    yield Plane(f"{title}, lowest first", lowest, "little", shifts)
    if bits > 1:
        yield Plane(f"{title}, highest first and its bits turned round", turned[0])
        yield Plane(f"{title}, lowest first and its bits turned round", turned[1])


def _packed(arrays: Arrays, low: Any) -> bytes:
    """Pack three bits of each of eight numbers into three bytes, the first number highest."""
    one = low.reshape(-1, 8)
    plane = bytearray(3 * len(one))
    plane[0::3] = arrays.dump(one[:, 0] << 5 | one[:, 1] << 2 | one[:, 2] >> 1)
    plane[1::3] = arrays.dump(one[:, 2] << 7 | one[:, 3] << 4 | one[:, 4] << 1 | one[:, 5] >> 2)
    plane[2::3] = arrays.dump(one[:, 5] << 6 | one[:, 6] << 3 | one[:, 7])
    return bytes(plane)


def shifted(data: bytes, order: Literal["big", "little"], shift: int) -> bytes:
    """Return a plane without its first `shift` bits, one byte shorter."""
    number = int.from_bytes(data, order)
    length = len(data) - 1
    if order == "little":
        return (number >> shift & ((1 << 8 * length) - 1)).to_bytes(length, order)
    return (number >> (8 - shift) & ((1 << 8 * length) - 1)).to_bytes(length, order)


def _of_bytes(data: bytes, width: int, count: int) -> Iterator[Plane]:
    """Yield the planes of the lowest bytes of each number, in memory order and reversed."""
    if count == 1:
        yield Plane("lowest byte of each number", data[::width])
        return
    title = f"lowest {_NUMBERS[count]}bytes of each number"
    for order, places in ((", lowest first", range(count)), (", highest first", range(count - 1, -1, -1))):
        plane = bytearray(len(data) // width * count)
        for at, place in enumerate(places):
            plane[at::count] = data[place::width]
        yield Plane(title + order, bytes(plane))
