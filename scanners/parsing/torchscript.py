"""Operators that TorchScript source calls, in the members of `code/` in an archive of torch.jit.save.

Format: torch/csrc/jit/serialization/python_print.cpp prints a subset of Python: builtin operators as `torch.NAME`, all
others as `ops.NAMESPACE.NAME`.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from modelsweep.core.units import KIB, MIB
from modelsweep.core.values import dataclass

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
MAX_SOURCE = 64 * MIB
"""Maximum bytes of one member that are examined."""
MAX_PARSED = 256 * KIB
"""Maximum source bytes parsed per archive: a tree takes 600 times the memory of its source, and 4 us a byte."""
_BUILTINS = frozenset("__import__ breakpoint compile eval exec execfile".split())
_MODULES = frozenset(
    "builtins ctypes importlib marshal nt os pickle posix pty runpy shutil socket subprocess sys".split()
)
_WAYS_OUT = frozenset("__builtins__ __globals__ __subclasses__".split())
_MAY_BE_PYTHON = re.compile(
    rb"^\s*(?:import|from)\s|\b(?:%s)\s*\(|\b(?:%s)\s*\.\s*\w|%s"
    % tuple("|".join(sorted(names)).encode() for names in (_BUILTINS, _MODULES, _WAYS_OUT)),
    re.MULTILINE,
)
_OWN = "__torch__"
# Called dotted names; Python's parser finds out whether they are in strings or comments
_GAP = r"[\s\\]*"
_CALL = re.compile(rf"\b((?:ops{_GAP}\.{_GAP}\w+|torch){_GAP}\.{_GAP}\w+){_GAP}\(")
_SPACE = re.compile(_GAP)


@dataclass(frozen=True, slots=True)
class Operator:
    """A called operator with its printed name, such as `ops.acme.attention`."""

    name: str

    @property
    def opens_files(self) -> bool:
        """Whether the operator reads or writes a file that the code names."""
        return self.name in _FILES

    @property
    def custom(self) -> bool:
        """Whether the operator comes from a library other than PyTorch's own."""
        return self.name.startswith("ops.") and self.name.split(".")[1] not in _NAMESPACES


def mentioned(source: bytes) -> set[str]:
    """Return the reportable operators with calls anywhere in the source, including comments and strings."""
    found = set(_CALL.findall(source.decode("utf-8", "replace")))
    return {name for name in (_SPACE.sub("", text) for text in found) if _is_reportable(name)}


def called(source: bytes) -> set[str] | None:
    """Return the reportable operators that the source calls, or None if Python's parser rejects it."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about invalid escapes in strings
            return set(filter(_is_reportable, _called(ast.parse(source))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def may_be_python(source: bytes) -> bool:
    """Return whether the source mentions anything that `python_of` might find."""
    return _MAY_BE_PYTHON.search(source) is not None


def python_of(source: bytes) -> str:
    """Return the first import, call or attribute in the source that TorchScript does not have, or ""."""
    try:
        with warnings.catch_warnings(action="ignore"):
            nodes = list(ast.walk(ast.parse(source)))
        bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        bound.update(node.arg for node in nodes if isinstance(node, ast.arg))
        return next(filter(None, (_python(node, bound) for node in nodes)), "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def _python(node: ast.AST, bound: set[str]) -> str:
    if isinstance(node, ast.Import):
        return next((one.name for one in node.names if one.name.partition(".")[0] != _OWN), "")
    if isinstance(node, ast.ImportFrom):
        module = node.module or "."
        return "" if module.partition(".")[0] == _OWN else module
    if isinstance(node, ast.Name) and node.id in _WAYS_OUT:
        return node.id
    if isinstance(node, ast.Attribute) and node.attr in _WAYS_OUT:
        return node.attr
    name = _dotted(node.func) if isinstance(node, ast.Call) else ""
    first, _, rest = name.partition(".")
    return name if name in _BUILTINS or (rest and first in _MODULES - bound) else ""


def _is_reportable(name: str) -> bool:
    return name.startswith("ops.") or name in _FILES


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
