"""Records as TensorFlow writes them; the checksums of their lengths were computed by it."""

from __future__ import annotations

import random

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import EVIL

HEADER = {30: "1e00000000000000d9dc1232", 200: "c800000000000000fdaa9078"}
"""Lengths of records, and what stands before each."""


def record(content: bytes) -> bytes:
    """Return a record; what stands behind it is its own checksum, which no scanner computes."""
    return bytes.fromhex(HEADER[len(content)]) + content + bytes(4)


CASES = {
    "benign": Case(
        lambda: record(b"abc" * 10) + record(random.Random(1).randbytes(200)),
        "a.tfrecord",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "pickle_inside": Case(lambda: record(EVIL.ljust(200, b"\0")), "a.tfrecord", Verdict.MALICIOUS),
    "wrong_length": Case(
        lambda: record(b"abc" * 10) + b"\x01" + record(b"x" * 30), "a.tfrecord", Verdict.NOT_SCANNED, cut_is_clean=True
    ),
    "cut": Case(lambda: record(bytes(range(200)))[:-20], "a.tfrecord", Verdict.NOT_SCANNED),
}
