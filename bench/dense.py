"""Pickles that are nearly all opcodes: every cost of an opcode shows, none of bytes."""

from __future__ import annotations

import pickle
from random import Random

OPERATIONS = 9_500_000
"""Opcodes of a full-size stream, about 44 MB of them."""


def numbers(count: int, random: Random) -> object:
    """Return dictionaries from integers to lists of integers: about `count` opcodes."""
    return {key: [random.randrange(1 << 20) for _ in range(30)] for key in range(count // 36)}


def words(count: int, random: Random) -> object:
    """Return a vocabulary, short strings to integers, which most strings are memoised for: about `count` opcodes."""
    return {f"w{random.randrange(1 << 30):x}": number for number in range(count // 3)}


def objects(count: int, random: Random) -> object:
    """Return instances with a few attributes, of an allow-listed class (NEWOBJ and BUILD): about `count` opcodes."""
    from sklearn.linear_model import LinearRegression  # here, because the harness has to stay small in memory

    models = [LinearRegression() for _ in range(count // 34)]
    for model in models:
        model.coef_, model.intercept_, model.rank_ = [random.random() for _ in range(4)], random.random(), 4
    return models


SHAPES = {"numbers": numbers, "words": words, "objects": objects}
PROTOCOLS = (2, 4)


def stream(shape: str, protocol: int, count: int, random: Random) -> bytes:
    """Return a pickle of one of `SHAPES` of about `count` opcodes."""
    return pickle.dumps(SHAPES[shape](count, random), protocol)


def mixture(protocol: int, count: int, random: Random) -> bytes:
    """Return a pickle of all shapes in equal parts, of about `count` opcodes."""
    return pickle.dumps([build(count // len(SHAPES), random) for build in SHAPES.values()], protocol)
