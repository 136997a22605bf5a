"""PyTorch checkpoints before 1.6: five pickles one after another, then the storages.

Format: torch/serialization.py `_legacy_save`: magic number, protocol version, system information, the object, the
storage keys in order; then per storage its number of elements as int64 and its elements.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from modelsweep.core.finding import Finding
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs, begins
from modelsweep.core.text import printable
from scanners.parsing.torch_tensors import MAX_KEY, STORAGE_MISMATCH

if TYPE_CHECKING:
    from scanners.parsing.pickle_machine import Machine
    from scanners.parsing.torch_tensors import Storage

NAME = "torch-legacy"
MAGIC = bytes.fromhex("8a0a6cfc9c46f920 6aa85019")
"""LONG1 of `MAGIC_NUMBER` 0x1950a86a20f9469cfc6c, behind the PROTO opcode."""
COUNT_SIZE = 8
PICKLES, OBJECT, KEYS = 5, 3, 4
"""Number of pickles, and ordinals of those that hold the object and the storage keys."""
_AHEAD = 24
"""Bytes within which the magic number must be, after a PROTO and possibly a FRAME."""


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the pickled magic number."""
    return blob.head.startswith(b"\x80") and MAGIC in blob.head[:_AHEAD]


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield tensors beyond their storage; raises Malformed if pickles or storages are missing or cut short."""
    from scanners.parsing.pickle_machine import Interests
    from scanners.parsing.pickle_stream import Streams
    from scanners.parsing.torch_tensors import TorchPickle

    streams = Streams(blob.reader, Interests(), context.operations.spend, context.operations.left)
    machines = list(islice(streams, PICKLES))  # numbers follow, which may look like another pickle
    if len(machines) < PICKLES or not machines[KEYS].ended:
        raise Malformed(f"fewer than the {PICKLES} pickles of a legacy checkpoint", streams.position)
    pickle = TorchPickle(machines[OBJECT])
    yield from pickle.facts(blob.locator)
    yield from pickle.findings(blob.locator)
    shapes = pickle.shapes()
    storages = {storage.key: storage for storage in pickle.storages}
    position = streams.position
    for key in _keys(machines[KEYS], storages):
        storage = storages.get(key)
        if storage is None or storage.size < 0:
            raise Malformed(f"the size of storage {key} is unknown: the rest was not compared", position)
        count = int.from_bytes(blob.reader.read(position, COUNT_SIZE), "little", signed=True)
        if count != storage.elements:
            subject = f"storage {key} has {count} elements, the pickle says {storage.elements}"
            yield Finding(STORAGE_MISMATCH, blob.locator, subject, path=f"storage/{key}")
            return
        position += COUNT_SIZE + storage.size
        if position > blob.size:
            raise Malformed(f"storage {key} is cut short", blob.size)
        yield storage.numbers(shapes, position - storage.size, storage.size)


def _keys(machine: Machine, storages: dict[str, Storage]) -> list[str]:
    """Return the storage keys in order; torch sorts them, so the first items that the machine keeps suffice."""
    from scanners.parsing.pickle_values import Values

    values = Values(machine)
    kept = [printable(values.string(value), MAX_KEY) for value in machine.items(machine.result)]
    return kept if len(kept) == machine.second(machine.result) else sorted(storages)


SCANNER = Scanner(
    name=NAME,
    title="PyTorch legacy checkpoint",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(STORAGE_MISMATCH,),
    suffixes=(".pt", ".pth", ".bin", ".ckpt"),
    signs=Signs(begins(b"\x80")),
)
