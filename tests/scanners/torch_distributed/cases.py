"""Archives in a row, as torch.distributed.checkpoint writes them, and rows that are none."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import noise
from tests.scanners.pickle.assembler import EVIL_PICKLE
from tests.scanners.torch.cases import checkpoint
from tests.scanners.zip.cases import with_zip64_end

NAME = "__0_0.distcp"
GOOD, EVIL = with_zip64_end(checkpoint()), with_zip64_end(checkpoint(EVIL_PICKLE, weights=None, bias=None))

CASES = {
    "benign": Case(lambda: GOOD * 3, NAME, Verdict.CLEAN, cut_is_clean=True),
    "benign_one": Case(lambda: GOOD, NAME, Verdict.CLEAN),
    "benign_without_zip64": Case(lambda: checkpoint() * 2, NAME, Verdict.CLEAN, cut_is_clean=True),
    "first_is_evil": Case(lambda: EVIL + GOOD + GOOD, NAME, Verdict.MALICIOUS, cut_is_clean=True),
    "middle_is_evil": Case(lambda: GOOD + EVIL + GOOD, NAME, Verdict.MALICIOUS, cut_is_clean=True),
    "last_is_evil": Case(lambda: GOOD + GOOD + EVIL, NAME, Verdict.MALICIOUS, cut_is_clean=True),
    "with_a_gap": Case(lambda: GOOD + noise(64) + GOOD, NAME, Verdict.REVIEW, cut_is_clean=True),
    "evil_with_a_gap": Case(lambda: EVIL + noise(64) + GOOD, NAME, Verdict.MALICIOUS, cut_is_clean=True),
    "under_another_name": Case(lambda: GOOD + GOOD, "model.pt", Verdict.REVIEW, cut_is_clean=True),
}
