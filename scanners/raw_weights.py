"""Tensors that stand apart from their graph: numbers without a structure, known by the names that their writers give.

External data of ONNX, weights of OpenVINO as optimum-intel names them, shards of TensorFlow.js, MLC and
FasterTransformer, weights of ncnn and MNN, the layers of an index as Chroma keeps them, the lists of FAISS, trees of
H2O, chunks of zarr and Orbax. A file of such a name is looked at as raw bytes, and by every scanner that knows its
beginning.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.scanner import NUMBERED, Blob, Context, Item, Scanner, Signs
from scanners import text
from scanners.parsing.zarr_chunks import is_blosc, is_chunk

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
_STORAGE = re.compile(r"(?:[^/]+/)+data/\d+")
"""Member of a zip that torch wrote: a tensor, which whoever packed the zip again has compressed."""


def accepts(blob: Blob) -> bool:
    """Return whether the blob is named as writers name weights alone, and is no text in their place."""
    named = _NAMED.fullmatch(blob.locator.name) is not None or _is_chunk(blob)
    return blob.size > 0 and named and not text.is_text(blob.head)


def _is_chunk(blob: Blob) -> bool:
    """Return whether the blob is a chunk of an array, a storage of torch, or what one of them was compressed from.

    Of one dimension it has a number for its name, as much else has: there, only what keeps its name is taken for one.
    """
    locator = blob.locator
    if not is_chunk(locator.name) or is_blosc(blob.head, blob.size):
        return False
    if blob.expanded and locator.members and _STORAGE.fullmatch(locator.members[-1]):
        return True
    return "." in locator.name or (bool(locator.members) and locator.container.name == locator.name)


def scan(_blob: Blob, _context: Context) -> Iterator[Item]:
    """Yield nothing: that the raw bytes were looked at is all there is to do."""
    return iter(())


SCANNER = Scanner(
    name="raw-weights",
    title="Weights beside their graph (ONNX external data, OpenVINO, TensorFlow.js, zarr, ncnn, MNN, MLC)",
    version=4,
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
        names=(NUMBERED, *(f"group1-shard{part}of{total}" for total in _SHARDS for part in range(1, total + 1))),
    ),
)
