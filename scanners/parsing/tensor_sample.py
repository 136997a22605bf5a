"""Selection of the blocks of tensors that are read, by position only, so that it is reproducible.

Small models are read completely. Of large ones: the first block of every tensor (of as many as `CARVED` allows, evenly
spaced), where tools begin to write hidden data; then further blocks in order; and evenly spread blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from modelsweep.core.scanner import Numbers
from modelsweep.core.units import KIB
from scanners.parsing.tensor_values import integer_type, width_of

BLOCK = 32 * KIB
MIN_TENSOR = 1 * KIB
"""Minimum bytes of a tensor that is read: biases and scales are too small to hide anything in."""
CARVED = (64, 128, 256)
"""Blocks that are searched for hidden data: minimum, maximum, and otherwise one in this many."""
MEASURED = (128, 512, 64)
"""The same for blocks whose numbers are measured."""


class Block(NamedTuple):
    """A part of a tensor, `length` bytes from `start`; `carved` tells whether it is searched for hidden data."""

    tensor: int
    start: int
    length: int
    carved: bool


def usable(tensors: Sequence[Numbers], size: int) -> list[Numbers]:
    """Return the tensors of known types that lie within a blob of `size` bytes, in that order."""
    found = (tensor for tensor in tensors if integer_type(tensor.dtype) and _stands(tensor, size))
    return sorted(found, key=lambda tensor: (tensor.offset, tensor.length))


def _stands(tensor: Numbers, size: int) -> bool:
    elements = 1
    for count in tensor.shape:
        elements *= count
    inside = 0 <= tensor.offset <= size - tensor.length and tensor.length >= MIN_TENSOR
    return inside and elements * width_of(tensor.dtype) == tensor.length


def blocks_of(tensors: Sequence[Numbers]) -> Iterator[Block]:
    """Yield the blocks of `tensors` that are read, in order."""
    counts = [-(-tensor.length // BLOCK) for tensor in tensors]
    carved, measured = _carved(counts, _share(CARVED, sum(counts))), _share(MEASURED, sum(counts))
    before, total = 0, max(sum(counts), 1)
    for index, (tensor, count) in enumerate(zip(tensors, counts, strict=True)):
        # Every (total / measured)-th block, computed with integers, so that none is lost by rounding
        first, last = -(-before * measured // total), -(-(before + count) * measured // total)
        spread = {number * total // measured - before for number in range(first, last)}
        before += count
        for number in sorted(spread | carved.get(index, set())):
            length = min(BLOCK, tensor.length - number * BLOCK)
            yield Block(index, number * BLOCK, length, number in carved.get(index, ()))


def _share(bounds: tuple[int, int, int], blocks: int) -> int:
    least, most, every = bounds
    return min(blocks, max(least, min(most, blocks // every)))


def _carved(counts: Sequence[int], budget: int) -> dict[int, set[int]]:
    """Return the numbers of the carved blocks by tensor: first blocks first, then the rest in order."""
    heads = min(len(counts), budget)
    chosen = {number * len(counts) // heads: {0} for number in range(heads)}
    left = budget - heads
    for index in sorted(chosen):
        more = min(left, counts[index] - 1)
        chosen[index].update(range(1, 1 + more))
        left -= more
    return chosen
