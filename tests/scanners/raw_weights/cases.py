"""Weights that stand apart from their graph under the names of their writers, and what else may have such a name."""

from __future__ import annotations

import struct

import zstandard

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.payload import EVIL, noise
from tests.scanners.pickle.assembler import EVIL_PICKLE


def named(name: str, verdict: Verdict = Verdict.CLEAN) -> Case:
    """Return the case of numbers with a name; fewer of them are numbers as well."""
    return Case(lambda: noise(3_000), name, verdict, cut_is_clean=True)


def zstd(data: bytes) -> bytes:
    """Return data as zarr compresses a chunk."""
    return bytes(zstandard.ZstdCompressor().compress(data))


def shard(chunk: bytes, more: int = 0) -> bytes:
    """Return a shard of one chunk, which its index says to be `more` bytes longer than it is."""
    return chunk + struct.pack("<2QI", 0, len(chunk) + more, 0x44778685)


NAMES = {
    "onnx": "onnx/model.onnx_data",
    "onnx_part": "decoder_model_merged.onnx_data_1",
    "onnx_dotted": "model.onnx.data",
    "onnx_of_diffusers": "unet/weights.pb",
    "openvino": "openvino_text_embeddings_model.bin",
    "tensorflow_js": "group1-shard2of3.bin",
    "tensorflow_js_old": "group1-shard1of1",
    "ncnn": "yolo11n_ncnn_model/model.ncnn.bin",
    "mnn": "llm.mnn.weight",
    "mlc": "params_shard_12.bin",
    "faster_transformer": "model.layers.0.attention.dense.weight.0.bin",
    "chroma": "8a4a/data_level0.bin",
    "h2o": "trees/t00_012.bin",
    "faiss": "merged_index.ivfdata",
    "zarr": "params.Dense_0.kernel/0.12",
}
CASES = {
    **{f"benign_{key}": named(name) for key, name in NAMES.items()},
    "words": Case(lambda: b"the weights are elsewhere\n", "model.onnx_data", Verdict.NOT_SCANNED),
    "benign_chunk": Case(lambda: zstd(bytes(8) + noise(800)), "params.kernel/0.0", Verdict.CLEAN),
    "benign_chunk_of_one_dimension": Case(lambda: zstd(bytes(8) + noise(800)), "params.bias/0", Verdict.CLEAN),
    "benign_shard": Case(lambda: shard(zstd(noise(800))), "params.kernel/c/0/0", Verdict.CLEAN, cut_is_clean=True),
    "shard_with_more_behind": Case(
        lambda: shard(zstd(noise(800)), more=64), "kernel/c/0/0", Verdict.NOT_SCANNED, cut_is_clean=True
    ),
    "chunk_that_is_a_pickle": Case(lambda: zstd(EVIL_PICKLE), "params.kernel/0.0", Verdict.MALICIOUS),
    "chunk_of_blosc": Case(
        lambda: b"\2\1\1\4" + struct.pack("<3I", 900, 900, 316) + noise(300),
        "kernel/0.0",
        Verdict.NOT_SCANNED,
        cut_is_clean=True,
    ),
    "number_for_a_name": named("params.Dense_0.bias/0", Verdict.NOT_SCANNED),
    "another_name": named("weights.bin", Verdict.NOT_SCANNED),
    "pickle": Case(lambda: EVIL_PICKLE, "model.onnx_data", Verdict.MALICIOUS, cut_is_clean=True),
    "text_pickle": Case(lambda: EVIL, "openvino_model.bin", Verdict.MALICIOUS),
    "program": Case(lambda: noise(64) + elf() + bytes(64), "params_shard_0.bin", Verdict.MALICIOUS, cut_is_clean=True),
    "empty": Case(bytes, "model.onnx_data", Verdict.NOT_SCANNED),
}
