"""The table and the shards of a checkpoint; a shard named like one that holds something else."""

from __future__ import annotations

import random

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.protobuf import varint

MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
TRAILER = 5


def table(index: int = 40) -> bytes:
    """Return a table of one block, with an `index` of that many bytes."""
    block, metadata = bytes(64 + TRAILER), bytes(8 + TRAILER)
    handles = varint(len(block)) + varint(8) + varint(len(block) + len(metadata)) + varint(index)
    return block + metadata + bytes(40 + TRAILER) + handles.ljust(40, b"\0") + MAGIC


CASES = {
    "benign_table": Case(table, "variables.index", Verdict.CLEAN),
    "benign_shard": Case(
        lambda: random.Random(1).randbytes(2_000), "variables.data-00000-of-00001", Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_shard_like_pickle": Case(
        lambda: b"\x83\x46\x08\x3d" + random.Random(2).randbytes(2_000),
        "variables.data-00000-of-00001",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "index_beyond_the_end": Case(lambda: table(4_000), "variables.index", Verdict.NOT_SCANNED),
    "bytes_behind_the_index": Case(lambda: table(20), "variables.index", Verdict.NOT_SCANNED),
}
