"""Tensors and storages that a torch pickle refers to, according to its opcodes.

Format: torch/serialization.py and torch/_utils.py of PyTorch 2.x. A storage is a persistent id
`("storage", type, key, location, numel)`, a tensor a call of `_rebuild_tensor_v2(storage, offset, size, stride, ...)`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.scanner import Numbers
from modelsweep.core.text import printable
from scanners.parsing import pickle_kinds as kinds

if TYPE_CHECKING:
    from scanners.parsing.pickle_literals import Constant
    from scanners.parsing.pickle_machine import Machine

ITEM_SIZES = {
    "DoubleStorage": 8, "LongStorage": 8, "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16, "FloatStorage": 4,
    "IntStorage": 4, "QInt32Storage": 4, "HalfStorage": 2, "BFloat16Storage": 2, "ShortStorage": 2, "CharStorage": 1,
    "ByteStorage": 1, "BoolStorage": 1, "QInt8Storage": 1, "QUInt8Storage": 1, "QUInt4x2Storage": 1,
    "QUInt2x4Storage": 1, "UntypedStorage": 1,
}  # fmt: skip
"""Bytes per element of each storage class (torch/storage.py)."""
_DTYPES = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
    "QInt8Storage": "I8", "QUInt8Storage": "U8", "QInt32Storage": "I32", "UntypedStorage": "U8",
}  # fmt: skip
"""Safetensors names of the storage types."""
MAX_KEY = 80
"""Maximum characters of a storage's key that are kept."""
_ELEMENTS_PER_BYTE = {"QUInt4x2Storage": 2, "QUInt2x4Storage": 4}
"""Elements per byte, for packed types."""
_REBUILD = frozenset({"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor"})
_DTYPE_ARGUMENT = 6
"""Index of the dtype in the arguments of `_rebuild_tensor_v3`, whose storage counts bytes."""
_WIDE_DTYPES = {"uint16": 2, "uint32": 4, "uint64": 8, "complex32": 4}
STORAGE_MISMATCH = Rule(
    id="torch/storage-mismatch",
    title="Tensor or storage that contradicts the bytes that are there",
    severity=Severity.WARNING,
    message="{subject}",
    why="Sizes, strides and storages that contradict each other make loaders read or write outside the tensor "
    "(CVE-2026-24747). torch never saves them like this.",
    fix="Do not load the file with a PyTorch older than 2.10, and ask its author for a proper save.",
    cwe=787,
    references=("https://nvd.nist.gov/vuln/detail/CVE-2026-24747",),
)


class Storage(NamedTuple):
    """A storage as declared in the pickle: its key, class, and number of elements."""

    key: str
    type_name: str
    elements: int

    @property
    def size(self) -> int:
        """Bytes of the storage, or -1 if its class is unknown."""
        return self.elements * ITEM_SIZES[self.type_name] if self.type_name in ITEM_SIZES else -1

    def numbers(self, shapes: Mapping[Storage, tuple[int, ...]], offset: int, length: int) -> Numbers:
        """Return the storage at `offset` as a tensor, with its shape in `shapes` if that fills it."""
        width = ITEM_SIZES.get(self.type_name, 1)
        shape = shapes.get(self, ())
        if math.prod(shape) != self.elements or not shape:
            shape = (length // width,)
        return Numbers(f"storage {self.key}", _DTYPES.get(self.type_name, ""), shape, offset, length)


class Tensor(NamedTuple):
    """A view of a storage: offset, sizes and strides, in elements of `item_size` units of the storage."""

    storage: Storage
    item_size: int
    offset: int
    sizes: list[int]
    strides: list[int]

    @property
    def reach(self) -> int | None:
        """Units of the storage that the tensor needs, or None if a number is negative or missing."""
        sizes, strides = self.sizes, self.strides
        if len(sizes) != len(strides) or min((self.offset, *sizes, *strides)) < 0:
            return None
        if 0 in sizes:
            return 0
        last = self.offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
        return (last + 1) * self.item_size

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements are contiguous in memory, in row-major order."""
        expected = 1
        for size, stride in zip(reversed(self.sizes), reversed(self.strides), strict=False):
            if size < 0 or (size != 1 and stride != expected):
                return False
            expected *= size
        return len(self.sizes) == len(self.strides)


class TorchPickle:
    """The storages and tensors that the machine found in a torch pickle."""

    def __init__(self, machine: Machine) -> None:
        from scanners.parsing.pickle_values import Values

        self.machine, self._values = machine, Values(machine)
        self._by_value: dict[int, Storage] = {}
        self._class_names: dict[int, str] = {}
        for value in machine.nodes_of(kinds.PERSISTENT):
            storage = self._storage(machine.first(value))
            if storage:
                self._by_value[value] = storage
        self.storages = tuple(dict.fromkeys(self._by_value.values()))

    def _storage(self, identifier: int) -> Storage | None:
        if identifier < 0 or self.machine.kind(identifier) != kinds.TUPLE:
            return None
        items = self.machine.items(identifier)
        if len(items) < 5 or self._constant(items[0]) != "storage":
            return None
        count = self._number(items[4])
        return Storage(self._key(items[2]), self._last_name(items[1]), count) if count >= 0 else None

    def _last_name(self, value: int) -> str:
        name = self._class_names.get(value)
        if name is None:
            name = self._class_names[value] = self._values.callee(value).rpartition(".")[2]
        return name

    def _key(self, value: int) -> str:
        constant = self._constant(value)
        return printable(str(constant), MAX_KEY)

    def _constant(self, value: int) -> Constant:
        return None if value & 1 else self._values.constant(value)

    def _number(self, value: int) -> int:
        constant = self._constant(value)
        return constant if isinstance(constant, int) else -1

    def _numbers(self, value: int) -> list[int]:
        return [self._number(item) for item in self._values.arguments(value)]

    def tensors(self) -> Iterator[Tensor]:
        """Yield every tensor over a known storage."""
        machine = self.machine
        for value in machine.nodes_of(kinds.CALL):
            callee = machine.first(value)
            if machine.kind(callee) != kinds.GLOBAL:
                continue
            module, name = machine.name(callee)
            if name not in _REBUILD or module != "torch._utils":
                continue
            arguments = self._values.arguments(machine.second(value))
            storage = self._by_value.get(arguments[0]) if len(arguments) > 3 else None
            if storage:
                offset, sizes, strides = arguments[1:4]
                item_size = self._item_size(arguments[_DTYPE_ARGUMENT:], name)
                yield Tensor(storage, item_size, self._number(offset), self._numbers(sizes), self._numbers(strides))

    def shapes(self) -> dict[Storage, tuple[int, ...]]:
        """Return the shapes of those storages that are a single contiguous tensor."""
        shapes: dict[Storage, tuple[int, ...]] = {}
        for tensor in self.tensors():
            if tensor.is_contiguous and tensor.offset == 0:
                shapes.setdefault(tensor.storage, tuple(tensor.sizes))
        return shapes

    def _item_size(self, rest: list[int], rebuild: str) -> int:
        wide = rebuild == "_rebuild_tensor_v3" and rest
        return _WIDE_DTYPES.get(self._last_name(rest[0]), 1) if wide else 1

    def findings(self, locator: Locator) -> Iterator[Finding]:
        """Yield the storages with a tensor that reaches beyond them."""
        told = set[str]()
        for tensor in self.tensors():
            storage, reach = tensor.storage, tensor.reach
            room = storage.elements * _ELEMENTS_PER_BYTE.get(storage.type_name, 1)
            if (reach is None or reach > room) and storage.key not in told:
                told.add(storage.key)
                what = "has no valid shape" if reach is None else f"needs {reach} of {room} elements"
                subject = f"a tensor over storage {storage.key} {what}"
                yield Finding(STORAGE_MISMATCH, locator, subject, path=f"storage/{storage.key}")

    def facts(self, locator: Locator) -> Iterator[Fact]:
        """Yield the framework, a summary of the tensors, and whether `torch.load(weights_only=True)` accepts it."""
        yield Fact("framework", "pytorch", locator)
        elements: dict[str, int] = {}
        for storage in self.storages:
            elements[storage.type_name] = elements.get(storage.type_name, 0) + storage.elements
        detail: dict[str, Json] = {"storages": len(self.storages), "elements": dict(sorted(elements.items()))}
        yield Fact("tensors", str(len(self.storages)), locator, None, detail)
        refused = sorted(self._refused())
        yield Fact("weights-only", "no" if refused else "yes", locator, None, {"refused": list(refused[:20])})

    def _refused(self) -> Iterator[str]:
        from scanners.judge.inert_names import WEIGHTS_ONLY

        for module, name in self.machine.names:
            if name not in WEIGHTS_ONLY.get(module, "").split():
                yield printable(f"{module}.{name}", 120)
