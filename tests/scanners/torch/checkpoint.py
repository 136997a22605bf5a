"""Pickles of torch put together by hand, so that neither the tests nor the samples need torch."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tests.scanners.pickle.assembler import (
    BUILD,
    EMPTY_DICT,
    EMPTY_TUPLE,
    REDUCE,
    SETITEM,
    STOP,
    call,
    global_,
    number,
    proto,
    text,
    tuple_,
)

FALSE = b"\x89"
PERSISTENT = b"Q"
WEIGHTS = struct.pack("<6f", 0.5, -1.25, 3.0, 0.125, -0.75, 2.0)
BIAS = struct.pack("<2f", 1.0, -1.0)
ORDERED_DICT = global_("collections", "OrderedDict") + EMPTY_TUPLE + REDUCE


def storage(key: str, count: int, kind: str = "FloatStorage", *more: bytes) -> bytes:
    """Return what pushes a storage of `count` elements."""
    return tuple_(text("storage"), global_("torch", kind), text(key), text("cpu"), number(count), *more) + PERSISTENT


def tensor(held: bytes, sizes: Sequence[int], strides: Sequence[int], offset: int = 0) -> bytes:
    """Return what pushes a tensor over the storage that `held` pushes."""
    shape, steps = tuple_(*map(number, sizes)), tuple_(*map(number, strides))
    return call(global_("torch._utils", "_rebuild_tensor_v2"), held, number(offset), shape, steps, FALSE, ORDERED_DICT)


def state(**tensors: bytes) -> bytes:
    """Return what pushes a state_dict, with the metadata that a module gives it."""
    items = b"".join(text(name.replace("__", ".")) + value + SETITEM for name, value in tensors.items())
    metadata = EMPTY_DICT + text("_metadata") + ORDERED_DICT + SETITEM
    return ORDERED_DICT + items + metadata + BUILD


def pickled(*parts: bytes) -> bytes:
    """Return a whole pickle."""
    return proto(2) + b"".join(parts) + STOP


WEIGHT_TENSOR = tensor(storage("0", 6), (2, 3), (3, 1))
BIAS_TENSOR = tensor(storage("1", 2), (2,), (1,))
STATE = state(l__weight=WEIGHT_TENSOR, l__bias=BIAS_TENSOR)
