"""PyTorch checkpoints before 1.6: five pickles and the storages behind them."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable

from modelsweep.core.report import Verdict
from scanners.torch_legacy import MAGIC
from tests.scanners.case import Case
from tests.scanners.pickle.assembler import EVIL, EVIL_PICKLE, STOP, proto
from tests.scanners.torch.checkpoint import BIAS, STATE, WEIGHTS, pickled, state, storage, tensor

NONE = b"N"
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
PLAIN = pickled(
    state(
        weight=tensor(storage("10", 6, "FloatStorage", NONE), (2, 3), (3, 1)),
        bias=tensor(storage("9", 2, "FloatStorage", NONE), (2,), (1,)),
    )
)
NO_STATE = pickled(state())


def checkpoint(obj: bytes = PLAIN, *storages: tuple[str, bytes], version: int = 2) -> bytes:
    """Return what torch.save wrote; each of `storages` is a key and its elements of four bytes."""
    storages = storages or (("10", WEIGHTS), ("9", BIAS))
    parts = [proto(version) + MAGIC + STOP, pickle.dumps(1001, version), pickle.dumps(SYSTEM, version), obj]
    parts.append(pickle.dumps([key for key, _ in storages], version))
    return b"".join(parts + [struct.pack("<q", len(data) // 4) + data for _, data in storages])


def many() -> bytes:
    """More storages than the machine keeps of a list, in the order of their keys as text."""
    keys = sorted(str(number) for number in range(300))
    tensors = {f"t{key}": tensor(storage(key, 1, "FloatStorage", NONE), (1,), (1,)) for key in keys}
    return checkpoint(pickled(state(**tensors)), *((key, bytes(4)) for key in keys))


def hidden_in_storage() -> bytes:
    data = EVIL_PICKLE + bytes(-len(EVIL_PICKLE) % 4)
    held = storage("0", len(data) // 4, "FloatStorage", NONE)
    return checkpoint(pickled(state(w=tensor(held, (1,), (1,)))), ("0", data))


def numbers_like_a_pickle() -> bytes:
    """The first number of elements, 11854, is written as `N.`: a pickle of None."""
    data = bytes(4 * 11854)
    return checkpoint(pickled(state(w=tensor(storage("0", 11854), (11854,), (1,)))), ("0", data))


def clean(build: Callable[[], bytes]) -> Case:
    return Case(build, "model.pth", Verdict.CLEAN)


def evil(build: Callable[[], bytes]) -> Case:
    return Case(build, "model.pth", Verdict.MALICIOUS)


def review(build: Callable[[], bytes]) -> Case:
    return Case(build, "model.pth", Verdict.REVIEW)


def unscanned(build: Callable[[], bytes]) -> Case:
    return Case(build, "model.pth", Verdict.NOT_SCANNED)


CASES = {
    "benign": clean(checkpoint),
    "benign_protocol_4": clean(lambda: checkpoint(version=4)),
    "benign_many_storages": clean(many),
    "benign_numbers_like_a_pickle": clean(numbers_like_a_pickle),
    "evil_object": evil(lambda: checkpoint(pickled(STATE, EVIL))),
    "evil_behind_cut_object": evil(lambda: checkpoint(pickled(EVIL))[:-40]),
    "evil_storage": evil(hidden_in_storage),
    "tensor_beyond_storage": review(
        lambda: checkpoint(pickled(state(w=tensor(storage("0", 2), (2, 3), (3, 1)))), ("0", BIAS))
    ),
    "storage_of_other_size": review(
        lambda: checkpoint(pickled(state(w=tensor(storage("0", 6), (2, 3), (3, 1)))), ("0", BIAS))
    ),
    "unknown_storage": unscanned(lambda: checkpoint(NO_STATE, ("7", BIAS))),
    "cut_in_storage": unscanned(lambda: checkpoint()[:-4]),
    "cut_before_storages": unscanned(lambda: checkpoint()[: -len(WEIGHTS) - len(BIAS) - 16]),
    "cut_in_object": unscanned(lambda: checkpoint()[:300]),
}
