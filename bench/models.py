"""Models as they are shipped: a repository with shards, a SavedModel, an ONNX file; weights as training leaves them.

Random bytes would do for hashing, but the numbers of weights are looked at too: these are normally distributed, of
single precision or brain floats.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random

from bench.payloads import BLOCK, tensor_sizes
from scanners.parsing.protobuf_writer import data, varint

SHARDS = 2
WORDS = 50_000
"""Entries of the vocabulary of a tokenizer in full size."""
_ROW = 512
_SPREAD = 0.02
_BYTES = {"F32": 4, "BF16": 2}
_TABLE_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_TRAILER = 5
"""Bytes behind each block of a table: how it is compressed, and a checksum."""
_FLOAT = 1
"""The type of single precision, in ONNX and in TensorFlow alike."""


def _sizes(size: int) -> list[int]:
    """Return the sizes of tensors as `tensor_sizes` does, of whole rows of the widest type."""
    row = _ROW * max(_BYTES.values())
    return [max(row, length // row * row) for length in tensor_sizes(size)]


def weights(random: Random, dtype: str, size: int) -> Iterator[bytes]:
    """Yield `size` bytes of normally distributed numbers of `dtype`, F32 or BF16, in blocks."""
    import numpy as np

    generator = np.random.Generator(np.random.PCG64(random.getrandbits(64)))
    for start in range(0, size, BLOCK):
        count = min(BLOCK, size - start) // _BYTES[dtype]
        numbers = (generator.standard_normal(count, dtype=np.float32) * _SPREAD).astype("<f4")
        yield numbers.tobytes() if dtype == "F32" else (numbers.view("<u4") >> 16).astype("<u2").tobytes()


def write_repository(path: Path, size: int, scale: float, random: Random) -> None:
    """Write a folder as a model hub has it: configuration, tokenizer, and shards of about `size` bytes together."""
    path.mkdir()
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": _ROW, "vocab_size": WORDS}
    _write_json(path / "config.json", config)
    _write_json(path / "generation_config.json", {"do_sample": True, "temperature": 0.6, "top_p": 0.9})
    words = {f"token{number}": number for number in range(max(1, int(WORDS * scale)))}
    _write_json(path / "tokenizer.json", {"version": "1.0", "model": {"type": "BPE", "vocab": words, "merges": []}})
    template = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    _write_json(path / "tokenizer_config.json", {"chat_template": template, "model_max_length": 4096})
    (path / "README.md").write_text("---\nlicense: mit\n---\n# A model\n\nLoad it with `from_pretrained`.\n")
    names: dict[str, str] = {}
    for shard in range(1, SHARDS + 1):
        file = f"model-{shard:05d}-of-{SHARDS:05d}.safetensors"
        names |= dict.fromkeys(_write_shard(path / file, f"model.layers.{shard}", size // SHARDS, random), file)
    _write_json(path / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": names})


def _write_shard(path: Path, prefix: str, size: int, random: Random) -> list[str]:
    """Write a safetensors file of brain floats, and return the names of its tensors."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for index, length in enumerate(_sizes(size)):
        shape = [length // _BYTES["BF16"] // _ROW, _ROW]
        place = [offset, offset + length]
        header[f"{prefix}.{index}.weight"] = {"dtype": "BF16", "shape": shape, "data_offsets": place}
        offset += length
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.writelines(weights(random, "BF16", offset))
    return [name for name in header if name != "__metadata__"]


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2))


def write_saved_model(path: Path, size: int, random: Random) -> None:
    """Write a SavedModel: a graph of variables and products, and a shard of about `size` bytes with their values."""
    sizes = _sizes(size)
    (path / "variables").mkdir(parents=True)
    nodes = [_tensorflow_node("input", "Placeholder")]
    for index in range(len(sizes)):
        before = f"dense_{index - 1}/MatMul" if index else "input"
        nodes += [
            _tensorflow_node(f"dense_{index}/kernel", "VarHandleOp"),
            _tensorflow_node(f"dense_{index}/Read", "ReadVariableOp", f"dense_{index}/kernel"),
            _tensorflow_node(f"dense_{index}/MatMul", "MatMul", before, f"dense_{index}/Read"),
        ]
    graph = data(1, data(4, b"serve")) + data(2, *nodes)  # MetaGraphDef: the tags, and the graph
    (path / "saved_model.pb").write_bytes(varint(1 << 3) + varint(1) + data(2, graph))
    (path / "variables" / "variables.index").write_bytes(_table(64 * len(sizes)))
    with (path / "variables" / "variables.data-00000-of-00001").open("wb") as stream:
        stream.writelines(weights(random, "F32", sum(sizes)))


def _tensorflow_node(name: str, operator: str, *inputs: str) -> bytes:
    return data(1, data(1, name.encode()), data(2, operator.encode()), *(data(3, one.encode()) for one in inputs))


def _table(size: int) -> bytes:
    """Return a table as checkpoints have it beside their shards, with `size` bytes of entries."""
    block, metadata, index = bytes(size + _TRAILER), bytes(8 + _TRAILER), bytes(40 + _TRAILER)
    handles = varint(len(block)) + varint(8) + varint(len(block) + len(metadata)) + varint(40)
    return block + metadata + index + handles.ljust(40, b"\0") + _TABLE_MAGIC


def write_onnx(path: Path, size: int, random: Random) -> None:
    """Write an ONNX model of about `size` bytes: matrices of single precision that are multiplied in a row."""
    sizes = _sizes(size)
    with path.open("wb") as stream:
        operators = data(8, data(1, b""), varint(2 << 3) + varint(17))
        stream.write(varint(1 << 3) + varint(8) + operators)
        nodes = b"".join(
            data(1, data(1, b"x%d" % index), data(1, b"w%d" % index), data(2, b"x%d" % (index + 1)), data(4, b"MatMul"))
            for index in range(len(sizes))
        )
        heads = [_onnx_tensor(b"w%d" % index, length) for index, length in enumerate(sizes)]
        total = len(nodes) + sum(len(head) + length for head, length in zip(heads, sizes, strict=True))
        stream.write(varint(7 << 3 | 2) + varint(total) + nodes)
        for head, length in zip(heads, sizes, strict=True):
            stream.write(head)
            stream.writelines(weights(random, "F32", length))


def _onnx_tensor(name: bytes, length: int) -> bytes:
    """Return what stands before the numbers of an initializer: its field with all but the last of its own fields."""
    rows = length // _BYTES["F32"] // _ROW
    shape = varint(1 << 3) + varint(rows) + varint(1 << 3) + varint(_ROW)
    fields = shape + varint(2 << 3) + varint(_FLOAT) + data(8, name) + varint(9 << 3 | 2) + varint(length)
    return varint(5 << 3 | 2) + varint(len(fields) + length) + fields
