"""Tensors and storages that a torch pickle refers to, as its opcodes state them.

Format: torch/serialization.py and torch/_utils.py of PyTorch 2.x. A storage is a persistent id
`("storage", type, key, location, numel)`, a tensor a call of `_rebuild_tensor_v2(storage, offset, size, stride, ...)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.text import printable
from scanners.parsing import pickle_kinds as kinds
from scanners.parsing.pickle_machine import Machine
from scanners.parsing.pickle_literals import Constant
from scanners.parsing.pickle_values import Values

ITEM_SIZES = {
    "DoubleStorage": 8, "LongStorage": 8, "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16, "FloatStorage": 4,
    "IntStorage": 4, "QInt32Storage": 4, "HalfStorage": 2, "BFloat16Storage": 2, "ShortStorage": 2, "CharStorage": 1,
    "ByteStorage": 1, "BoolStorage": 1, "QInt8Storage": 1, "QUInt8Storage": 1, "QUInt4x2Storage": 1,
    "QUInt2x4Storage": 1, "UntypedStorage": 1,
}  # fmt: skip
"""Bytes per element of each storage class (torch/storage.py)."""
_REBUILD = frozenset(
    f"torch._utils.{name}"
    for name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor")
)
MISMATCH = Rule(
    id="torch/storage-mismatch",
    title="A tensor reaches beyond its storage",
    severity=Severity.WARNING,
    message="{subject}",
    why="Sizes, strides and storages that contradict each other make loaders read or write outside of the tensor "
    "(CVE-2026-24747); a save by torch never holds them.",
    fix="Do not load the file with a PyTorch older than 2.10, and ask its author for a proper save.",
    cwe=787,
    references=("https://nvd.nist.gov/vuln/detail/CVE-2026-24747",),
)


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage as the pickle states it: its key, class, number of elements and, where known, bytes per element."""

    key: str
    type_name: str
    count: int
    item_size: int

    @property
    def size(self) -> int:
        """Bytes the storage takes, -1 where its class is not known."""
        return self.count * self.item_size if self.item_size else -1


class TorchPickle:
    """The storages and tensors that a machine saw in a pickle saved by torch."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self._values = machine, Values(machine)
        self.storages: dict[str, Storage] = {}
        self._by_value: dict[int, Storage] = {}
        for value in machine.nodes_of(kinds.PERSISTENT):
            storage = self._storage(machine.first(value))
            if storage:
                self.storages.setdefault(storage.key, storage)
                self._by_value[value] = storage

    def _storage(self, identifier: int) -> Storage | None:
        if identifier < 0 or self.machine.kind(identifier) != kinds.TUPLE:
            return None
        items = self.machine.items(identifier)
        if len(items) < 5 or self._values.string(items[0]) != "storage":
            return None
        type_name = self._values.callee(items[1]).rpartition(".")[2]
        count = self._number(items[4])
        key = self._key(items[2])
        return Storage(key, type_name, count, ITEM_SIZES.get(type_name, 0)) if count >= 0 else None

    def _key(self, value: int) -> str:
        constant = self._constant(value)
        return printable(str(constant), 80)

    def _constant(self, value: int) -> Constant:
        return None if value & 1 else self._values.constant(value)

    def _number(self, value: int) -> int:
        constant = self._constant(value)
        return constant if isinstance(constant, int) else -1

    def _numbers(self, value: int) -> list[int]:
        return [self._number(item) for item in self._values.arguments(value)]

    def tensors(self) -> Iterator[tuple[Storage, int, list[int], list[int]]]:
        """Yield storage, offset, sizes and strides (in elements) of every tensor whose parts are constants."""
        machine = self.machine
        for value in machine.nodes_of(kinds.CALL):
            callee = machine.first(value)
            if machine.kind(callee) != kinds.GLOBAL or ".".join(machine.name(callee)) not in _REBUILD:
                continue
            arguments = self._values.arguments(machine.second(value))
            storage = self._by_value.get(arguments[0]) if len(arguments) > 3 else None
            if storage:
                yield storage, self._number(arguments[1]), self._numbers(arguments[2]), self._numbers(arguments[3])

    def findings(self, locator: Locator) -> Iterator[Finding]:
        """Yield the tensors that reach beyond their storage."""
        told = set[str]()
        for storage, offset, sizes, strides in self.tensors():
            last = _last_element(offset, sizes, strides)
            if (last is None or last >= storage.count) and storage.key not in told:
                told.add(storage.key)
                subject = f"a tensor over storage {storage.key} reaches element {last} of {storage.count}"
                yield Finding(MISMATCH, locator, subject, path=f"storage/{storage.key}")

    def facts(self, locator: Locator) -> Iterator[Fact]:
        """Yield the framework, the tensors in sum, and whether `torch.load(weights_only=True)` admits the pickle."""
        yield Fact("framework", "pytorch", locator)
        elements: dict[str, int] = {}
        for storage in self.storages.values():
            elements[storage.type_name] = elements.get(storage.type_name, 0) + storage.count
        detail: dict[str, Json] = {"storages": len(self.storages), "elements": dict(sorted(elements.items()))}
        yield Fact("tensors", str(len(self.storages)), locator, None, detail)
        refused = sorted(self._refused())
        yield Fact("weights-only", "no" if refused else "yes", locator, None, {"refused": list(refused[:20])})

    def _refused(self) -> Iterator[str]:
        from scanners.judge.inert_names import WEIGHTS_ONLY

        for module, name in self.machine.names:
            if name not in WEIGHTS_ONLY.get(module, "").split():
                yield printable(f"{module}.{name}", 120)


def _last_element(offset: int, sizes: list[int], strides: list[int]) -> int | None:
    """Return the index of the last element a tensor reaches, None where a number is negative or missing."""
    if offset < 0 or len(sizes) != len(strides) or any(number < 0 for number in (*sizes, *strides)):
        return None
    if 0 in sizes:
        return -1
    return offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
