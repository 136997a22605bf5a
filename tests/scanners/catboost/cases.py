"""Models of CatBoost whose trees take splits that are not there."""

from __future__ import annotations

import struct
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.pickle.assembler import EVIL_PICKLE
from tests.scanners.tflite.flatbuffer import Number, Table, numbers, text, written

INFO = {"catboost_version_info": "1.2.10", "params": '{"verbose":false}'}


def model(
    starts: tuple[int, ...] = (0, 2), sizes: tuple[int, ...] = (2, 3), version: str = "FlabuffersModel_v1", **info: str
) -> bytes:
    """Return a model of two trees that share five splits."""
    trees = Table({0: Number(1, "i"), 1: numbers(4, 2, 0, 1, 3), 2: numbers(*sizes), 3: numbers(*starts)})
    pairs = [Table({0: text(key), 1: text(value)}) for key, value in {**INFO, **info}.items()]
    core = written(Table({0: text(version), 1: trees, 2: pairs}), b"")
    return b"CBM1" + struct.pack("<I", len(core)) + core


def case(build: Callable[[], bytes], verdict: Verdict) -> Case:
    """Return the case of a model."""
    return Case(build, "model.cbm", verdict)


CASES = {
    "benign": case(model, Verdict.CLEAN),
    "benign_mention": case(lambda: model(note="os.system('echo')"), Verdict.CLEAN),
    "split_out_of_range": case(lambda: model(starts=(0, 4_000_000)), Verdict.REVIEW),
    "negative_start": case(lambda: model(starts=(-5, 2)), Verdict.REVIEW),
    "other_counts": case(lambda: model(starts=(0,)), Verdict.NOT_SCANNED),
    "other_version": case(lambda: model(version="FlabuffersModel_v9"), Verdict.NOT_SCANNED),
    "pickle_behind": Case(lambda: model() + EVIL_PICKLE, "model.cbm", Verdict.MALICIOUS, cut_is_clean=True),
    "claims_more": case(lambda: b"CBM1" + struct.pack("<I", 1 << 30) + model()[8:], Verdict.NOT_SCANNED),
}
