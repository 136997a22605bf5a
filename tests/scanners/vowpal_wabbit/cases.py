"""Models of Vowpal Wabbit: what their options make whoever loads them do."""

from __future__ import annotations

import struct

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.native_code import elf
from tests.scanners.payload import noise

KEPT = " --interactions abc --quadratic ab --hash_seed 0 --link identity"


def counted(data: bytes) -> bytes:
    """Return bytes behind their number."""
    return struct.pack("<I", len(data)) + data


def model(
    options: str = KEPT,
    *,
    version: bytes = b"9.11.9",
    weights: bytes = bytes(120),
    letter: bytes = b"m",
    name: bytes = b"",
) -> bytes:
    """Return a model as release 9 saves it."""
    numbers = struct.pack("<ffII", 0.0, 1.0, 18, 0) + struct.pack("<I", 1) + b"f2\0" + bytes(4)
    header = counted(version + b"\0") + counted(name + b"\0") + letter + numbers + counted(options.encode() + b"\0")
    return header + counted(b"\xf7\x08\x7a\x92") + weights


def case(options: str, verdict: Verdict) -> Case:
    """Return the case of a model with `options`, whose weights may end anywhere."""
    return Case(lambda: model(options), "model.vw", verdict, cut_is_clean=True)


CASES = {
    "benign": case(KEPT, Verdict.CLEAN),
    "benign_named_otherwise": Case(model, "predictor.bin", Verdict.CLEAN, cut_is_clean=True),
    "benign_alike": case(" --l1 1e-6 --power_t 0.5 --keep p --ignore d --ngram f2", Verdict.CLEAN),
    "benign_text": Case(lambda: b"\t9.11.9 --final_regressor x\n" * 9, "notes.txt", Verdict.CLEAN, cut_is_clean=True),
    "overwrites_file": case(KEPT + " --final_regressor /home/user/.bashrc", Verdict.MALICIOUS),
    "writes_predictions": case(" --predictions=/etc/cron.d/x" + KEPT, Verdict.MALICIOUS),
    "hides_in_identifier": Case(
        lambda: model(name=b"x --final_regressor /home/user/.bashrc"),
        "model.vw",
        Verdict.MALICIOUS,
        cut_is_clean=True,
    ),
    "older_that_writes": Case(
        lambda: model(" --final_regressor /home/user/.bashrc", version=b"7.10.1"), "model.vw", Verdict.MALICIOUS
    ),
    "listens": case(KEPT + " --daemon --port 26542", Verdict.MALICIOUS),
    "benign_dictionary": case(KEPT + " --dictionary w:words.txt", Verdict.CLEAN),
    "dictionary_elsewhere": case(KEPT + " --dictionary w:/etc/passwd", Verdict.REVIEW),
    "reads_mask": case(KEPT + " --feature_mask mask.vw", Verdict.REVIEW),
    "program_in_weights": Case(
        lambda: model(weights=noise(64) + elf() + bytes(64)), "model.vw", Verdict.MALICIOUS, cut_is_clean=True
    ),
    "older": Case(lambda: model(version=b"7.10.1"), "model.vw", Verdict.NOT_SCANNED),
    "no_model": Case(lambda: model(letter=b"x"), "model.vw", Verdict.NOT_SCANNED),
    "options_beyond_the_end": Case(
        lambda: model().replace(struct.pack("<I", len(KEPT) + 1), struct.pack("<I", 90_000)),
        "model.vw",
        Verdict.NOT_SCANNED,
    ),
    "options_without_end": Case(
        lambda: model().replace(struct.pack("<I", len(KEPT) + 1), struct.pack("<I", 1 << 31)),
        "model.vw",
        Verdict.NOT_SCANNED,
    ),
}
