"""Tensors that stand apart from their graph: numbers without a structure, known by the names that their writers give.

External data of ONNX, weights of OpenVINO as optimum-intel names them, shards of TensorFlow.js, MLC and
FasterTransformer, weights of ncnn and MNN, the layers of an index as Chroma keeps them, the lists of FAISS, trees of
H2O. A file of such a name is looked at as raw bytes, and by every scanner that knows its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from scanners import text

_PARTS = range(1, 100)
_SHARDS = range(1, 10)
_NAMED = re.compile(
    r"[^/]+\.onnx[._]data(?:_\d+)?|weights\.pb|onnx__[A-Z]\w*_\d+"
    r"|openvino_\w+\.bin"
    r"|group\d+-shard\d+of\d+(?:\.bin)?"
    r"|[^/]+\.ncnn\.bin|[^/]+\.mnn\.weight"
    r"|params_shard_\d+\.bin"
    r"|model(?:\.[A-Za-z0-9_]+)+\.(?:weight|bias)(?:\.\d+)?\.bin"
    r"|t\d{2,}_\d{3,}(?:_aux)?\.bin"
    r"|(?:data_level0|link_lists)\.bin|[^/]+\.ivfdata"
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is named as writers name weights alone, and is no text in their place."""
    return blob.size > 0 and _NAMED.fullmatch(blob.locator.name) is not None and not text.is_text(blob.head)


def scan(_blob: Blob, _context: Context) -> Iterator[Item]:
    """Yield nothing: that the raw bytes were looked at is all there is to do."""
    return iter(())


SCANNER = Scanner(
    name="raw-weights",
    title="Weights beside their graph (ONNX external data, OpenVINO, TensorFlow.js, ncnn, MNN, MLC)",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(".onnx_data", ".bin", ".weight"),
    signs=Signs(
        suffixes=(
            ".bin",
            ".pb",
            ".weight",
            ".data",
            ".ivfdata",
            ".onnx_data",
            *(f".onnx_data_{part}" for part in _PARTS),
        ),
        names=tuple(f"group1-shard{part}of{total}" for total in _SHARDS for part in range(1, total + 1)),
    ),
)
