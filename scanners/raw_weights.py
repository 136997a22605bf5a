"""Tensors in files of their own: numbers without structure, recognised by the names that their writers use.

External data of ONNX, weights of OpenVINO as optimum-intel names them, shards of TensorFlow.js, MLC and
FasterTransformer, weights of ncnn and MNN, the layers of an index of Chroma, the lists of FAISS, trees of H2O, chunks
of zarr and Orbax. Such a file is searched as raw bytes, and examined by every scanner that knows its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.scanner import NUMBERED, Blob, Context, Item, Scanner, Signs
from scanners import text
from scanners.parsing.zarr_chunks import is_blosc, is_chunk

_PARTS = range(1, 100)
_SHARDS = range(1, 10)
_WEIGHTS_NAME = re.compile(
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
"""Path of a tensor in a zip of torch, which is compressed if the zip was repacked."""


def accepts(blob: Blob) -> bool:
    """Return whether the blob has a name that only weights have, and is not text."""
    named = _WEIGHTS_NAME.fullmatch(blob.locator.name) is not None or _is_chunk(blob)
    return blob.size > 0 and named and not text.is_text(blob.head)


def _is_chunk(blob: Blob) -> bool:
    """Return whether the blob is a chunk of an array or a storage of torch, possibly decompressed.

    A chunk of a one-dimensional array is named by a number, like many other files; so it only counts if decompression
    kept its name.
    """
    locator = blob.locator
    if not is_chunk(locator.name) or is_blosc(blob.head, blob.size):
        return False
    if blob.expanded and locator.members and _STORAGE.fullmatch(locator.members[-1]):
        return True
    return "." in locator.name or (bool(locator.members) and locator.container.name == locator.name)


def scan(_blob: Blob, _context: Context) -> Iterator[Item]:
    """Yield nothing: the search of the raw bytes is enough."""
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
