"""PyTorch checkpoints before 1.6: five pickles one after another, then the storages.

Format: torch/serialization.py `_legacy_save`: magic number, protocol version, system information, the object, the
storage keys in order; then per storage its number of elements as int64 and its elements.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner

NAME = "torch-legacy"
MAGIC = bytes.fromhex("8a0a6cfc9c46f920 6aa85019")
"""LONG1 of `MAGIC_NUMBER` 0x1950a86a20f9469cfc6c, behind the PROTO opcode."""
COUNT_SIZE = 8
OBJECT, KEYS = 3, 4
"""Ordinals of the pickles that hold the object and the storage keys."""


def accepts(blob: Blob) -> bool:
    """Recognise the pickled magic number."""
    return blob.head[2 : 2 + len(MAGIC)] == MAGIC


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield tensors beyond their storage; raises Malformed where pickles or storages are missing or cut short."""
    from scanners.parsing.pickle_stream import NONE, Streams
    from scanners.parsing.pickle_values import Values
    from scanners.parsing.torch_tensors import TorchPickle

    streams = Streams(blob.reader, NONE, context.operations.spend, context.operations.left)
    machines = list(streams)
    if len(machines) <= KEYS:
        raise Malformed(f"{len(machines)} of the five pickles of a legacy checkpoint", streams.position)
    pickle = TorchPickle(machines[OBJECT])
    yield from pickle.facts(blob.locator)
    yield from pickle.findings(blob.locator)
    values = Values(machines[KEYS])
    position = streams.position
    for value in machines[KEYS].items(machines[KEYS].result):
        storage = pickle.storages.get(values.string(value))
        if storage is None or storage.size < 0:
            return
        count = int.from_bytes(blob.reader.read(position, COUNT_SIZE), "little", signed=True)
        if count != storage.count:
            raise Malformed(f"storage {storage.key} has {count} elements, the pickle says {storage.count}", position)
        position += COUNT_SIZE + storage.size
        if position > blob.size:
            raise Malformed(f"storage {storage.key} is cut short", blob.size)


SCANNER = Scanner(
    name=NAME,
    title="PyTorch legacy checkpoint",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(".pt", ".pth", ".bin", ".ckpt"),
)
