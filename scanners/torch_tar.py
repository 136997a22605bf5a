"""The `storages` and `tensors` members of the tar checkpoints that PyTorch wrote before 0.1.10.

Format: torch/serialization.py `legacy_load`: a pickled count, then per storage a pickled (key, location, class), its
number of elements as int64 and its elements, at the end a pickled list of views; per tensor a pickled (key, storage,
class), int32 dimensions, four unused bytes, int64 sizes and strides, and an int64 offset. The tar scanner yields the
members; the object is their `pickle`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelsweep.core.reader import WindowReader
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs

if TYPE_CHECKING:
    from scanners.parsing.pickle_machine import Machine

NAME = "torch-tar"
COUNT_SIZE = 8
MAX_DIMENSIONS = 64
_MEMBERS = frozenset({"storages", "tensors"})


def accepts(blob: Blob) -> bool:
    """Return whether the member has one of the two names, and begins with a pickled count and another pickle."""
    from scanners.parsing.pickle_stream import begins_stream, has_header

    return blob.locator.name in _MEMBERS and has_header(blob.head) and begins_stream(blob.reader)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the pickles between the raw parts; raises Malformed if a part is missing or cut short."""
    from scanners.parsing.pickle_values import Values

    holds_storages = blob.locator.name == "storages"
    machine, position = _pickle(blob, 0, context)
    count = Values(machine).constant(machine.result) if not machine.result & 1 else None
    if not isinstance(count, int) or count < 0:
        raise Malformed("the number of parts is not a number", 0)
    for index in range(count):
        machine, end = _pickle(blob, position, context)
        if index:  # the pickle scanner has read on into the first one
            yield blob.window(f"{blob.locator.name}[{index}]", position, end - position, expect="pickle")
        position = end + (_storage_size if holds_storages else _tensor_size)(blob, end, machine)
        if position > blob.size:
            raise Malformed(f"part {index} of {count} is cut short", blob.size)
    if holds_storages and position == blob.size:
        raise Malformed("the list of views is missing", position)
    if holds_storages:
        yield blob.window("views", position, blob.size - position, expect="pickle")
    elif position < blob.size:
        raise Malformed(f"{blob.size - position} bytes after the last part", position)


def _pickle(blob: Blob, start: int, context: Context) -> tuple[Machine, int]:
    """Return the machine after the pickle at `start`, and the pickle's end offset."""
    from scanners.parsing.pickle_machine import Interests
    from scanners.parsing.pickle_stream import machine_of

    machine = machine_of(WindowReader(blob.reader, start, max(0, blob.size - start)), Interests(), context)
    if not machine.ended:
        raise Malformed(f"the pickle ends abruptly: {machine.fault}", start)
    return machine, start + machine.position


def _storage_size(blob: Blob, start: int, machine: Machine) -> int:
    from scanners.parsing.pickle_values import Values
    from scanners.parsing.torch_tensors import ITEM_SIZES

    values = Values(machine)
    items = values.arguments(machine.result)
    type_name = values.callee(items[2]).rpartition(".")[2] if len(items) > 2 else ""
    count = int.from_bytes(blob.reader.read(start, COUNT_SIZE), "little", signed=True)
    if type_name not in ITEM_SIZES or count < 0:
        raise Malformed(f"a storage of {count} elements of the class {type_name or 'unknown'}", start)
    return COUNT_SIZE + count * ITEM_SIZES[type_name]


def _tensor_size(blob: Blob, start: int, machine: Machine) -> int:
    dimensions = int.from_bytes(blob.reader.read(start, 4), "little", signed=True)
    if not 0 <= dimensions <= MAX_DIMENSIONS:
        raise Malformed(f"a tensor of {dimensions} dimensions", start)
    return 8 + 16 * dimensions + COUNT_SIZE


SCANNER = Scanner(
    name=NAME,
    title="PyTorch tar checkpoint",
    version=2,
    accepts=accepts,
    scan=scan,
    suffixes=(".tar",),
    signs=Signs(names=tuple(sorted(_MEMBERS))),
)
