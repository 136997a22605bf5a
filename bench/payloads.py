"""Writers of large model files, a block at a time: random weights in the layouts that the real writers make."""

from __future__ import annotations

import json
import math
import pickle
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import BinaryIO

from modelsweep.core.units import KIB, MIB

BLOCK = MIB
TENSORS = 200
"""Tensors in a large file, as a language model of some billion parameters has."""
SMALLEST = 8 * KIB
"""Bytes of a tensor in a small file."""
GGUF_ALIGNMENT = 32
VOCABULARY = 32_000
"""Tokens in a large GGUF file."""
TORCH_ALIGNMENT = 64
LOCAL_HEADER = 30
"""Bytes of a zip member's local header before its name (APPNOTE 4.3.7)."""
_F16_BYTES = 2
_ROW = 512
"""Elements in a row of a tensor."""
_GGUF_F16, _GGUF_UINT32, _GGUF_STRING, _GGUF_ARRAY = 1, 4, 8, 9


def noise(random: Random, size: int) -> Iterator[bytes]:
    """Yield `size` random bytes in blocks: zeros would flatter everything that compresses, skips or predicts."""
    for start in range(0, size, BLOCK):
        yield random.randbytes(min(BLOCK, size - start))


def tensor_sizes(size: int) -> list[int]:
    """Return the sizes in bytes of tensors that fill about `size` bytes, each of whole rows, and of 8 KiB at least."""
    row = _ROW * _F16_BYTES
    count = min(TENSORS, max(1, size // SMALLEST))
    return [max(row, size // count // row * row)] * count


def write_safetensors(path: Path, size: int, random: Random) -> None:
    """Write a safetensors file of about `size` bytes: header length, JSON header, data."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for index, length in enumerate(tensor_sizes(size)):
        shape = [length // _F16_BYTES // _ROW, _ROW]
        header[f"model.layers.{index}.weight"] = {
            "dtype": "F16",
            "shape": shape,
            "data_offsets": [offset, offset + length],
        }
        offset += length
    text = json.dumps(header).encode()
    text = text.ljust(math.ceil(len(text) / 8) * 8)
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.writelines(noise(random, offset))


def write_torch(path: Path, size: int, random: Random) -> None:
    """Write a checkpoint of about `size` bytes as torch.save does: a stored zip of data.pkl and aligned storages."""
    sizes = tensor_sizes(size)
    with path.open("wb") as stream, zipfile.ZipFile(stream, "w") as archive:
        _store(archive, stream, "data.pkl", iter([_state_dict(sizes)]))
        _store(archive, stream, "byteorder", iter([b"little"]))
        for index, length in enumerate(sizes):
            _store(archive, stream, f"data/{index}", noise(random, length))
        _store(archive, stream, "version", iter([b"3\n"]))
        _store(archive, stream, ".data/serialization_id", iter([b"0" * 40]))


def _store(archive: zipfile.ZipFile, stream: BinaryIO, name: str, chunks: Iterator[bytes]) -> None:
    """Add a member whose bytes begin at a multiple of 64, by an extra field as torch's own writer pads it."""
    member = zipfile.ZipInfo(f"archive/{name}")
    unpadded = stream.tell() + LOCAL_HEADER + len(member.filename) + 4
    padding = -unpadded % TORCH_ALIGNMENT
    member.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
    with archive.open(member, "w") as opened:
        for chunk in chunks:
            opened.write(chunk)
    member.extra = b""  # only the local header has it


def _state_dict(sizes: list[int]) -> bytes:
    """Return data.pkl: an OrderedDict of tensors of half precision, opcode by opcode, as torch itself is not needed."""
    parts = [b"\x80\x02ccollections\nOrderedDict\n)R("]
    for index, length in enumerate(sizes):
        count = length // _F16_BYTES
        parts += (
            _text(f"model.layers.{index}.weight"),
            b"ctorch._utils\n_rebuild_tensor_v2\n((",
            _text("storage") + b"ctorch\nHalfStorage\n" + _text(str(index)) + _text("cpu") + _integer(count),
            b"tQK\x00" + _integer(count // _ROW) + _integer(_ROW) + b"\x86" + _integer(_ROW) + b"K\x01\x86\x89",
            b"ccollections\nOrderedDict\n)RtR",
        )
    return b"".join([*parts, b"u."])


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def _integer(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def write_gguf(path: Path, size: int, random: Random) -> None:
    """Write a GGUF file (version 3) of about `size` bytes with a vocabulary, a chat template and aligned tensors."""
    sizes = tensor_sizes(size)
    keys = _gguf_keys(min(VOCABULARY, size // 100))
    parts = [b"GGUF" + struct.pack("<IQQ", 3, len(sizes), len(keys)), *keys]
    offset = 0
    for index, length in enumerate(sizes):
        shape = struct.pack("<IQQ", 2, _ROW, length // _F16_BYTES // _ROW)
        parts.append(_gguf_text(f"blk.{index}.weight") + shape + struct.pack("<IQ", _GGUF_F16, offset))
        offset += length
    header = b"".join(parts)
    with path.open("wb") as stream:
        stream.write(header + bytes(-len(header) % GGUF_ALIGNMENT))
        stream.writelines(noise(random, offset))


def _gguf_keys(words: int) -> list[bytes]:
    template = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    tokens = [_gguf_text(f"token{number}") for number in range(words)]
    return [
        _gguf_text("general.architecture") + struct.pack("<I", _GGUF_STRING) + _gguf_text("llama"),
        _gguf_text("general.alignment") + struct.pack("<II", _GGUF_UINT32, GGUF_ALIGNMENT),
        _gguf_text("tokenizer.chat_template") + struct.pack("<I", _GGUF_STRING) + _gguf_text(template),
        _gguf_text("tokenizer.ggml.tokens")
        + struct.pack("<IIQ", _GGUF_ARRAY, _GGUF_STRING, len(tokens))
        + b"".join(tokens),
    ]


def _gguf_text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def write_arrays(path: Path, size: int, each: int, random: Random) -> None:
    """Write a pickle (protocol 4) of about `size` bytes: a list of NumPy arrays of `each` bytes."""
    import numpy as np

    with path.open("wb") as stream:
        # An opening of its own, and no memo, so that no array outlives its turn.
        stream.write(pickle.PROTO + b"\x04" + pickle.EMPTY_LIST)
        for _ in range(max(1, size // each)):
            array = np.frombuffer(random.randbytes(each), np.uint8)
            opcodes = pickle.dumps(array, 4)
            assert opcodes[:2] == pickle.PROTO + b"\x04"
            stream.write(opcodes[2:-1] + pickle.APPEND)
        stream.write(pickle.STOP)
