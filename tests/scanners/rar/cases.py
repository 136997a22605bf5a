"""RAR archives are never called clean."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import TEXT

CASES = {
    "rar5": Case(lambda: b"Rar!\x1a\x07\x01\x00" + bytes(64) + TEXT, "model.rar", Verdict.NOT_SCANNED),
    "rar4_named_otherwise": Case(lambda: b"Rar!\x1a\x07\x00" + bytes(64), "weights.bin", Verdict.NOT_SCANNED),
    "benign_text_about_rar": Case(lambda: b"Rar! is a format.\n" + TEXT, "notes.txt", Verdict.CLEAN, cut_is_clean=True),
}
