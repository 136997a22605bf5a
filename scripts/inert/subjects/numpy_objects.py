"""Arrays, scalars, dtypes and random states of NumPy."""

# mypy: disable-error-code="import-not-found, import-untyped"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def makers() -> dict[str, Callable[[], Any]]:
    """Values by label; each is made when it is saved."""
    import numpy as np

    kinds = [
        "?",
        "b",
        "B",
        "h",
        "H",
        "i",
        "I",
        "l",
        "L",
        "e",
        "f",
        "d",
        "g",
        "F",
        "D",
        "O",
        "S3",
        "U3",
        "M8[ns]",
        "m8[s]",
    ]
    found: dict[str, Callable[[], Any]] = {
        f"array {kind}": lambda kind=kind: [np.zeros(3, kind), np.dtype(kind), np.zeros((2, 2), kind, order="F")]
        for kind in kinds
    }
    found |= {f"scalar {kind}": lambda kind=kind: np.zeros(1, kind)[0] for kind in kinds}
    found |= {f"type {kind}": lambda kind=kind: [np.dtype(kind).type, type(np.dtype(kind))] for kind in kinds}
    found |= {
        name: lambda name=name: np.random.Generator(getattr(np.random, name)(1))
        for name in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
    }
    return found | {
        "random": lambda: [np.random.RandomState(1), np.random.default_rng(1), np.random.SeedSequence(1)],
        "random state tuple": np.random.get_state,
        "structured": lambda: np.zeros(2, dtype=[("a", "i4"), ("b", "f8", (2,))]),
        "records": lambda: np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        "masked": lambda: [np.ma.array([1, 2], mask=[0, 1]), np.ma.masked],
        "matrix": lambda: np.matrix([[1]]),
        "chararray": lambda: np.char.array(["a"]),
        "poly": lambda: [np.poly1d([1, 2]), np.polynomial.Polynomial([1]), np.polynomial.Chebyshev([1])],
        "functions": lambda: [np.log1p, np.exp, np.mean, np.abs, np.add, np.sum, np.expm1, np.median],
        "constants": lambda: [
            np.float64(1),
            np.nan,
            np.bool_(True),
            np.str_("a"),
            np.bytes_(b"a"),
            np.datetime64("2020"),
        ],
        "strings": lambda: np.array(["a"], dtype=np.dtypes.StringDType()),
        "vectorized": lambda: np.vectorize(abs),
        "object": lambda: np.array([{"a": 1}, None, "x"], dtype=object),
        "ndenumerate": lambda: [np.finfo("f4"), np.iinfo("i4"), np.errstate(all="ignore")],
    }
