"""Models of CatBoost whose trees take splits that are not there."""

from __future__ import annotations

import struct
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.pickle.assembler import EVIL_PICKLE
from tests.scanners.tflite.flatbuffer import Number, Table, Vector, numbers, text, written

INFO = {"catboost_version_info": "1.2.10", "params": '{"verbose":false}'}

Fields = dict[int, Number | Vector | Table | list[Table]]
UNEVEN: Fields = {
    1: numbers(4, 0, 0, 2, 0, 0),
    10: numbers(1 | 2 << 16, 0, 0, 1 | 2 << 16, 0, 0, code="I"),
    11: numbers(0xFFFFFFFF, 0, 1, 0xFFFFFFFF, 2, 11, code="I"),
}
"""Two trees of three nodes, whose splits differ within a level."""


def uneven(**fields: Vector) -> bytes:
    """Return a model of such trees, with other steps or leaves."""
    changed = {{"steps": 10, "leaves": 11}[name]: vector for name, vector in fields.items()}
    return model((0, 3), (3, 3), fields={**UNEVEN, **changed})


def model(
    starts: tuple[int, ...] = (0, 2),
    sizes: tuple[int, ...] = (2, 3),
    version: str = "FlabuffersModel_v1",
    fields: Fields | None = None,
    **info: str,
) -> bytes:
    """Return a model of two trees that share five splits, by five borders of two features, with twelve leaves."""
    features = [Table({3: Vector(bytes(4 * borders), borders)}) for borders in (3, 2)]
    trees = Table(
        {
            0: Number(1, "i"),
            1: numbers(4, 2, 0, 1, 3),
            2: numbers(*sizes),
            3: numbers(*starts),
            5: features,
            8: Vector(bytes(8 * 12), 12),
            **(fields or {}),
        }
    )
    pairs = [Table({0: text(key), 1: text(value)}) for key, value in {**INFO, **info}.items()]
    core = written(Table({0: text(version), 1: trees, 2: pairs}), b"")
    return b"CBM1" + struct.pack("<I", len(core)) + core


def case(build: Callable[[], bytes], verdict: Verdict) -> Case:
    """Return the case of a model."""
    return Case(build, "model.cbm", verdict)


CASES = {
    "benign": case(model, Verdict.CLEAN),
    "benign_mention": case(lambda: model(note="never call os.system('echo')"), Verdict.CLEAN),
    "code_in_metadata": case(lambda: model(note="os.system('echo')"), Verdict.REVIEW),
    "split_out_of_range": case(lambda: model(starts=(0, 4_000_000)), Verdict.REVIEW),
    "negative_start": case(lambda: model(starts=(-5, 2)), Verdict.REVIEW),
    "benign_uneven": case(uneven, Verdict.CLEAN),
    "benign_texts": case(lambda: model(fields={1: numbers(9, 9, 9, 9, 9), 13: [Table({0: Number(1)})]}), Verdict.CLEAN),
    "split_that_is_not_there": case(lambda: model(fields={1: numbers(4, 2, 0, 1, 5)}), Verdict.REVIEW),
    "split_below_zero": case(lambda: model(fields={1: numbers(4, 2, 0, 1, -9)}), Verdict.REVIEW),
    "too_few_leaves": case(lambda: model(fields={8: Vector(bytes(8 * 11), 11)}), Verdict.REVIEW),
    "too_deep": case(lambda: model(sizes=(2, 3), fields={0: Number(1 << 20, "i")}), Verdict.REVIEW),
    "step_beyond": case(lambda: uneven(steps=numbers(1 | 9 << 16, 0, 0, 1 | 2 << 16, 0, 0, code="I")), Verdict.REVIEW),
    "leaf_beyond": case(lambda: uneven(leaves=numbers(0, 0, 1, 0, 2, 12, code="I")), Verdict.REVIEW),
    "node_without_leaf": case(lambda: uneven(leaves=numbers(0, 0, 1, code="I")), Verdict.REVIEW),
    "other_counts": case(lambda: model(starts=(0,)), Verdict.NOT_SCANNED),
    "other_version": case(lambda: model(version="FlabuffersModel_v9"), Verdict.NOT_SCANNED),
    "pickle_behind": Case(lambda: model() + EVIL_PICKLE, "model.cbm", Verdict.MALICIOUS, cut_is_clean=True),
    "claims_more": case(lambda: b"CBM1" + struct.pack("<I", 1 << 30) + model()[8:], Verdict.NOT_SCANNED),
}
