"""How tools hide bytes in weights: in the lowest bits of one number after the other, or in its lowest bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def low_bits(
    weights: Array, payload: bytes, *, bits: int = 1, start: int = 0, order: str = "big", turned: bool = False
) -> Array:
    """Return `weights` with `payload` in the lowest `bits` of each, from number `start`; `order` is that in a byte.

    The first of a number's bits is its highest in the order `big`, its lowest in `little`; the other one if `turned`.
    """
    unpacked = np.unpackbits(np.frombuffer(payload, np.uint8), bitorder=order)  # type: ignore[call-overload]
    groups = np.concatenate([unpacked, np.zeros(-len(unpacked) % bits, np.uint8)]).reshape(-1, bits)
    powers = 1 << np.arange(bits)
    values = (groups * (powers[::-1] if (order == "big") is not turned else powers)).sum(axis=1)
    numbers = integers(weights).copy()
    assert start + len(values) <= len(numbers)
    chosen = slice(start, start + len(values))
    numbers[chosen] = (numbers[chosen] >> bits << bits) | values.astype(numbers.dtype)
    return numbers.view(weights.dtype).reshape(weights.shape)


def low_bytes(weights: Array, payload: bytes, *, count: int = 1, start: int = 0, reverse: bool = False) -> Array:
    """Return `weights` with `payload` in the lowest `count` bytes of each, the other way round with `reverse`."""
    data = np.frombuffer(payload + bytes(-len(payload) % count), np.uint8).reshape(-1, count)
    numbers = weights.reshape(-1).view(np.uint8).reshape(-1, weights.itemsize).copy()
    numbers[start : start + len(data), :count] = data[:, ::-1] if reverse else data
    return numbers.reshape(-1).view(weights.dtype).reshape(weights.shape)


def integers(weights: Array) -> Array:
    """Return numbers as the unsigned integers that their bits are."""
    return weights.reshape(-1).view(f"u{weights.itemsize}")
