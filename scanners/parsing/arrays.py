"""Arrays of NumPy, CuPy or torch behind one small interface, with identical results.

Code over these arrays uses what the libraries share (operators, `view`, `reshape`, `sum`, `max`, indexing; see the
array API standard, https://data-apis.org/array-api/latest/); this module has only what they spell differently. Results
are integers, or floats that do not depend on the order of summation, so all backends agree to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelsweep.core.scanner import MissingDependency
from modelsweep.core.values import dataclass

_BITS = (7, 6, 5, 4, 3, 2, 1, 0)


@dataclass(frozen=True, slots=True)
class Arrays:
    """A backend: `xp` is its namespace, the other fields are functions that the namespaces do not share.

    `load(data, dtype)` returns bytes as an array, `cast(array, dtype)` converts numbers, `dump(array)` returns the
    bytes of an array, and `pack(array)` packs an array of bits into bytes, the first bit highest.
    """

    xp: Any
    load: Callable[[bytes, str], Any]
    cast: Callable[[Any, str], Any]
    dump: Callable[[Any], bytes]
    pack: Callable[[Any], bytes]


def arrays_of(backend: str) -> Arrays:
    """Return a backend by name; raises MissingDependency if it is not installed or has no device."""
    name, _, device = backend.partition(":")
    try:
        return _MAKERS[name](device or "cpu")
    except ImportError as error:
        raise MissingDependency(f"weights are not examined with {backend}: {error}") from None


def _numpy(_device: str) -> Arrays:
    import numpy

    return Arrays(
        xp=numpy,
        load=numpy.frombuffer,
        cast=lambda array, dtype: array.astype(dtype),
        dump=lambda array: array.tobytes(),
        pack=lambda bits: numpy.packbits(bits).tobytes(),
    )


def _cupy(_device: str) -> Arrays:
    import cupy  # type: ignore[import-not-found,unused-ignore]
    import numpy

    return Arrays(
        xp=cupy,
        load=lambda data, dtype: cupy.asarray(numpy.frombuffer(data, dtype)),
        cast=lambda array, dtype: array.astype(dtype),
        dump=lambda array: cupy.asnumpy(array).tobytes(),
        pack=lambda bits: cupy.asnumpy(cupy.packbits(bits)).tobytes(),
    )


def _torch(device: str) -> Arrays:
    import torch

    if device != "cpu" and not torch.cuda.is_available():
        raise MissingDependency(f"weights are not examined with torch: there is no device {device}")

    def dump(array: Any) -> bytes:
        return bytes(array.contiguous().cpu().numpy().tobytes())

    def pack(bits: Any) -> bytes:
        shifts = torch.tensor(_BITS, dtype=torch.uint8, device=bits.device)
        return dump((bits.reshape(-1, 8) << shifts).sum(axis=1, dtype=torch.uint8))

    return Arrays(
        xp=torch,
        load=lambda data, dtype: torch.frombuffer(bytearray(data), dtype=getattr(torch, dtype)).to(device),
        cast=lambda array, dtype: array.to(getattr(torch, dtype)),
        dump=dump,
        pack=pack,
    )


_MAKERS: dict[str, Callable[[str], Arrays]] = {"numpy": _numpy, "cupy": _cupy, "torch": _torch}
