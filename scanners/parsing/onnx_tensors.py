"""Element types of ONNX tensors: their sizes, and their names elsewhere.

TensorProto.DataType: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; onnxruntime's own format has the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_DIMENSIONS = 1_024
# Bits per element, by TensorProto.DataType, except types whose packing the format leaves open
_BITS = {
    **dict.fromkeys((25, 26), 2),
    **dict.fromkeys((21, 22, 23), 4),
    **dict.fromkeys((2, 3, 9, 17, 18, 19, 20, 24), 8),
    **dict.fromkeys((4, 5, 10, 16), 16),
    **dict.fromkeys((1, 6, 12), 32),
    **dict.fromkeys((7, 11, 13, 14), 64),
    15: 128,
}
DTYPES = {1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 10: "F16", 11: "F64", 12: "U32"}
DTYPES |= {13: "U64", 16: "BF16"}
"""Names in safetensors of the types whose statistics are computed."""


def size_of(kind: int, dims: Sequence[int]) -> int | None:
    """Return the bytes that shape and type require, None if that is unknown, or -1 if the shape is impossible."""
    bits = _BITS.get(kind)
    if bits is None:
        return None
    if len(dims) > _DIMENSIONS or min(dims, default=0) < 0:
        return -1
    return (math.prod(dims) * bits + 7) // 8
