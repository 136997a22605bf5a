"""Small files of ours that a zygote looks at once, so that no child does anew what the first file of a kind costs.

Each stands for a kind that is met often: modules that only it needs are imported, methods of its values compiled.
What kinds are worth it was measured: without, the first look at a zip took a fresh child 19 ms of CPU, at a GGUF 35,
at JSON 10, at a second file of the same kind 1 to 3.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator

from modelsweep.core.scanner import WEIGHED

_PICKLE = (  # {"a": a tensor as torch saves it, "b": an empty OrderedDict}
    b"\x80\x02}(X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n("
    b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02tQ"
    b"K\x00K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR"
    b"X\x01\x00\x00\x00bccollections\nOrderedDict\n)Ru."
)
_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
_CARD = b"---\nlicense: mit\ntags: [a]\n---\n# Ours\n"
_SCRIPT = b"import json\n\n\ndef main() -> None:\n    print(json.dumps(1))\n"
_GGUF_STRING = 8


def samples() -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of files, all of them harmless; those whose name ends with .npy hold weights."""
    yield "ours.pkl", _PICKLE
    yield "ours.npy", array()
    yield "ours.joblib", zlib.compress(_PICKLE)
    yield "ours.pt", _zip({"archive/data.pkl": _PICKLE, "archive/data/0": bytes(8), "archive/version": b"3\n"})
    yield "ours.zip", _zip({"a.pkl": _PICKLE, "a.txt": b"text " * 100})
    yield "ours.safetensors", _safetensors()
    yield "ours.gguf", _gguf()
    yield "config.json", json.dumps({"architectures": ["A"], "chat_template": _TEMPLATE}).encode()
    yield "README.md", _CARD
    yield "ours.py", _SCRIPT
    yield "ours.txt", b"loss 0.5\n" * 20


def array() -> bytes:
    """Return an array large enough for its numbers to be looked at."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({WEIGHED // 4},), }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(range(256)) * (WEIGHED // 256)


def _zip(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _safetensors() -> bytes:
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


def _gguf() -> bytes:
    pairs = {"general.architecture": "llama", "general.license": "mit", "tokenizer.chat_template": _TEMPLATE}
    body = b"".join(_text(key) + struct.pack("<I", _GGUF_STRING) + _text(value) for key, value in pairs.items())
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + body


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()
