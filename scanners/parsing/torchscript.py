"""Operators that TorchScript source calls: the members of `code/` in an archive of torch.jit.save.

Format: torch/csrc/jit/serialization/python_print.cpp prints a subset of Python: builtin operators as `torch.NAME`, all
others as `ops.NAMESPACE.NAME`.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from modelsweep.core.text import printable
from modelsweep.core.units import MIB

# Namespaces of operators that come with PyTorch and its own domain libraries.
_NAMESPACES = frozenset(
    "aten prim prims quantized _quantized quantized_decomposed prepacked xnnpack mkldnn mkldnn_prepacked profiler "
    "torchvision image torchaudio torchtext inductor sparse static_runtime cuda rngprims c10d _c10d_functional "
    "metal metal_prepack vulkan vulkan_prepack onednn mkl fb quantization fbgemm "
    "caffe2 onnx export higher_order".split()
)
_FILES = frozenset(
    {"torch.save", "torch.from_file", "torch.load", "ops.aten.save", "ops.aten.from_file", "ops.aten.load"}
    | {"ops.image.read_file", "ops.image.write_file"}
)
SOURCE = 64 * MIB
"""Bytes of one member that are examined."""
_PARSED = 2 * MIB
"""Bytes up to which Python's parser is used: a tree takes a hundred times the memory of its source."""
# For source that Python's parser refuses: the same names wherever a call of them stands.
_CALL = re.compile(r"\b((?:ops\.\w+|torch)\.\w+)\s*\(")


@dataclass(frozen=True, slots=True)
class Operator:
    """A called operator by its printed name, such as `ops.acme.attention`."""

    name: str

    @property
    def opens_files(self) -> bool:
        """Whether the operator reads or writes a file that the code names."""
        return self.name in _FILES

    @property
    def custom(self) -> bool:
        """Whether the operator comes from a library other than PyTorch's own."""
        return self.name.startswith("ops.") and self.name.split(".")[1] not in _NAMESPACES


def operators(source: bytes) -> Iterator[Operator]:
    """Yield each operator that the source calls once, sorted by name; only builtin ones that open files are told."""
    names = _parsed(source) if len(source) <= _PARSED else None
    if names is None:
        names = set(_CALL.findall(source.decode("utf-8", "replace")))
    for name in sorted(names):
        if name.startswith("ops.") or name in _FILES:
            yield Operator(printable(name, 120))


def _parsed(source: bytes) -> set[str] | None:
    """Return what is called, None where Python's parser refuses the source."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of doubtful escapes in strings
            return set(_called(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _dotted(node.func)
            if name:
                yield name


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
