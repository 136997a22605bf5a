"""PyTorch checkpoints before 0.1.10: a tar of storages, tensors and the pickle that names them."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.pickle.assembler import EMPTY_LIST, EVIL, EVIL_PICKLE, SETITEM, global_, number, text, tuple_
from tests.scanners.tar.cases import entry, tar
from tests.scanners.torch.checkpoint import BIAS, ORDERED_DICT, PERSISTENT, WEIGHTS, pickled

OBJECT = pickled(ORDERED_DICT, text("weight"), tuple_(text("tensor"), number(1)) + PERSISTENT, SETITEM)
NO_VIEWS = pickled(EMPTY_LIST)


def storage(key: int, data: bytes, count: int | None = None, kind: str = "FloatStorage") -> bytes:
    """Return one storage: its pickle, number of elements, elements."""
    head = pickled(tuple_(number(key), text("cpu"), global_("torch", kind)))
    return head + struct.pack("<q", len(data) // 4 if count is None else count) + data


def tensor(key: int, held: int, sizes: tuple[int, ...], strides: tuple[int, ...], dimensions: int = -1) -> bytes:
    """Return one tensor: its pickle, number of dimensions, sizes, strides and offset."""
    head = pickled(tuple_(number(key), number(held), global_("torch", "FloatTensor")))
    count = len(sizes) if dimensions < 0 else dimensions
    return head + struct.pack(f"<i4x{2 * len(sizes)}qq", count, *sizes, *strides, 0)


def member(parts: tuple[bytes, ...], behind: bytes = b"") -> bytes:
    return pickle.dumps(len(parts), 2) + b"".join(parts) + behind


STORAGES = member((storage(1, WEIGHTS), storage(2, BIAS)), NO_VIEWS)
TENSORS = member((tensor(1, 1, (2, 3), (3, 1)), tensor(2, 2, (2,), (1,))))


def checkpoint(storages: bytes = STORAGES, tensors: bytes = TENSORS, obj: bytes = OBJECT) -> bytes:
    """Return what torch.save wrote."""
    members = (("sys_info", pickle.dumps({}, 2)), ("pickle", obj), ("tensors", tensors), ("storages", storages))
    return tar(*(entry(name, data) for name, data in members))


def case(build: Callable[[], bytes], verdict: Verdict) -> Case:
    return Case(build, "model.pth.tar", verdict, cut_is_clean=True)


def clean(build: Callable[[], bytes]) -> Case:
    return case(build, Verdict.CLEAN)


def evil(build: Callable[[], bytes]) -> Case:
    return case(build, Verdict.MALICIOUS)


def unscanned(build: Callable[[], bytes]) -> Case:
    return case(build, Verdict.NOT_SCANNED)


CASES = {
    "benign": clean(checkpoint),
    "benign_no_parts": clean(lambda: checkpoint(member((), NO_VIEWS), member(()))),
    "evil_object": evil(lambda: checkpoint(obj=pickled(ORDERED_DICT, EVIL))),
    "evil_count": evil(lambda: checkpoint(pickled(EVIL, b"0", number(0)))),
    "evil_first_storage": evil(lambda: checkpoint(member((EVIL_PICKLE + bytes(8),), NO_VIEWS))),
    "evil_second_storage": evil(lambda: checkpoint(member((storage(1, WEIGHTS), EVIL_PICKLE), NO_VIEWS))),
    "evil_views": evil(lambda: checkpoint(member((storage(1, WEIGHTS),), EVIL_PICKLE))),
    "evil_tensor": evil(lambda: checkpoint(tensors=member((tensor(1, 1, (2,), (1,)), EVIL_PICKLE)))),
    "evil_storage_bytes": evil(lambda: checkpoint(member((storage(1, EVIL_PICKLE + bytes(3)),), NO_VIEWS))),
    "storages_cut": unscanned(lambda: checkpoint(STORAGES[:-10])),
    "storages_without_views": unscanned(lambda: checkpoint(STORAGES[: -len(NO_VIEWS)])),
    "storages_huge_count": unscanned(lambda: checkpoint(member((storage(1, WEIGHTS, 1 << 62),), NO_VIEWS))),
    "storages_negative_count": unscanned(lambda: checkpoint(member((storage(1, WEIGHTS, -1),), NO_VIEWS))),
    "storages_unknown_class": unscanned(lambda: checkpoint(member((storage(1, WEIGHTS, kind="Thing"),), NO_VIEWS))),
    "storages_too_few": unscanned(lambda: checkpoint(pickle.dumps(9, 2) + storage(1, WEIGHTS))),
    "storages_uncounted": unscanned(lambda: checkpoint(pickle.dumps([1], 2) + storage(1, WEIGHTS))),
    "tensors_dimensions": unscanned(lambda: checkpoint(tensors=member((tensor(1, 1, (2,), (1,), 99),)))),
    "tensors_trailing": unscanned(lambda: checkpoint(tensors=TENSORS + b"more")),
}
