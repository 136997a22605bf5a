"""Damaged models of XGBoost and LightGBM: those over which the library dies must not come out clean.

The library is asked in a child that may take some seconds of CPU. What it refuses, and LightGBM's own abort, which is
how it refuses, is no fault that we must see.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modelsweep.core.report import Verdict
from tests.scanners.case import examine_bytes
from tests.scanners.mutation import mutated

SECONDS = 3
"""Of CPU that loading and predicting may take; a whole model takes some milliseconds."""
READER = """
import os, resource, signal, sys
kind, seconds, paths = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
import numpy
table = numpy.array([[.1, .2, 1, .9], [.9, .8, 3, .1], [numpy.nan] * 4, [1e9, -1e9, 7, 0]])
module = __import__(kind)
for path in paths:
    child = os.fork()
    if not child:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1), os.dup2(silent, 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        try:
            if kind == "xgboost":
                booster = module.Booster({"nthread": 1})
                booster.load_model(path)
                booster.inplace_predict(table, validate_features=False)
            else:
                booster = module.Booster(model_file=path)
                booster.predict(table, num_threads=1, predict_disable_shape_check=True)
        except Exception:
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, flush=True)
"""
TRAINER = """
import sys
import numpy
kind, path = sys.argv[1:]
table = numpy.random.default_rng(1).random((80, 4))
table[:, 2] = (table[:, 2] * 9).astype(int)
labels = (table[:, 0] + table[:, 1] > 1).astype(int)
module = __import__(kind)
if kind == "xgboost":
    settings = {"max_depth": 3, "nthread": 1, "max_cat_to_onehot": 1}
    data = module.DMatrix(table, labels, feature_types=["q", "q", "c", "q"], enable_categorical=True)
    module.train(settings, data, 3).save_model(path)
else:
    settings = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2, "min_data_per_group": 1, "cat_smooth": 1}
    module.train(settings, module.Dataset(table, labels, categorical_feature=[2]), 3).save_model(path)
"""
_NUMBER = re.compile(rb"-?\d+")
_EXTREMES = (b"-1", b"0", b"1", b"2", b"99999", b"-7", b"2147483647", b"-2147483648", b"1000000")


def renumbered(data: bytes, rng: random.Random) -> bytes:
    """Return text with one or two of its numbers exchanged for others."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2))):
        match = rng.choice(list(_NUMBER.finditer(bytes(changed))))
        changed[match.start() : match.end()] = rng.choice(_EXTREMES)
    return bytes(changed)


def in_python(script: str, *arguments: str) -> str:
    """Return what a script prints, in a process of its own with one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True, env=environment).stdout


@pytest.mark.parametrize(
    ("library", "suffix"),
    [("xgboost", ".json"), ("xgboost", ".ubj"), ("lightgbm", ".txt")],
    ids=["xgboost-json", "xgboost-ubj", "lightgbm"],
)
@pytest.mark.parametrize("rounds", [12, pytest.param(400, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_models_over_which_the_library_dies_are_not_clean(
    library: str, suffix: str, rounds: int, tmp_path: Path
) -> None:
    pytest.importorskip(library)
    whole = tmp_path / f"whole{suffix}"
    in_python(TRAINER, library, str(whole))
    data, rng = whole.read_bytes(), random.Random(f"{library}{suffix}{rounds}")
    assert examine_bytes(data, whole.name).verdict is Verdict.CLEAN
    damaged = []
    for number in range(rounds):
        as_text = suffix != ".ubj" and rng.random() < 0.8
        damaged.append(tmp_path / f"{number}{suffix}")
        damaged[-1].write_bytes(renumbered(data, rng) if as_text else mutated(data, rng))
    said = in_python(READER, library, str(SECONDS), str(whole), *map(str, damaged)).split()
    assert len(said) == rounds + 1
    assert said[0] == "0", "the whole model does not load"
    for path, died in zip(damaged, said[1:], strict=True):
        if int(died) not in (0, signal.SIGABRT):
            result = examine_bytes(path.read_bytes(), path.name)
            assert result.verdict is not Verdict.CLEAN, f"signal {died} over {path.read_bytes()[:20_000]!r}"
