"""What is looked for: one file (or folder) per format; the tuple is the whole list, in order of running."""

from __future__ import annotations

from modelsweep.core.scanner import Scanner
from scanners import (
    compressed,
    executable,
    ggml,
    gguf,
    json_config,
    media,
    numpy_array,
    onnx,
    pickle,
    pointer,
    rar,
    safetensors,
    sevenzip,
    tar,
    tensorflow,
    tensorflow_checkpoint,
    text,
    torch,
    torch_legacy,
    torch_tar,
    yaml_config,
    zip,
)

SCANNERS: tuple[Scanner, ...] = (
    pickle.SCANNER,
    torch.SCANNER,
    torch_legacy.SCANNER,
    torch_tar.SCANNER,
    executable.SCANNER,
    safetensors.SCANNER,
    gguf.SCANNER,
    ggml.SCANNER,
    numpy_array.SCANNER,
    onnx.SCANNER,
    tensorflow.SCANNER,
    tensorflow_checkpoint.SCANNER,
    zip.SCANNER,
    tar.SCANNER,
    compressed.SCANNER,
    rar.SCANNER,
    sevenzip.SCANNER,
    json_config.SCANNER,
    yaml_config.SCANNER,
    text.SCANNER,
    media.SCANNER,
    pointer.SCANNER,
)
