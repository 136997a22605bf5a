"""What XGBoost and LightGBM write themselves is recognised, and nothing is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest

from tests.benign import assert_benign
from tests.scanners.case import examine_bytes

pytestmark = pytest.mark.filterwarnings("ignore")
GROWN: dict[str, dict[str, object]] = {
    "gbdt": {},
    "dart": {"boosting": "dart"},
    "rf": {"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1},
    "linear": {"linear_tree": True},
    "classes": {"objective": "multiclass", "num_class": 3},
}


def example() -> tuple[Any, Any]:
    """Return a small table and its labels, the same every time."""
    chance = numpy.random.default_rng(7)
    return chance.random((60, 4)), numpy.arange(60) % 3


def check(path: Path, scanner: str) -> None:
    """Assert that a file is known to a scanner, and benign."""
    content = path.read_bytes()
    assert scanner in examine_bytes(content, path.name).artifacts[0].scanners
    assert_benign(content, path.name)


@pytest.mark.parametrize("suffix", [".json", ".ubj", ".model"])
@pytest.mark.parametrize("booster", ["gbtree", "dart", "gblinear"])
def test_models_of_xgboost(booster: str, suffix: str, tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    table, labels = example()
    settings = {"booster": booster, "objective": "multi:softprob", "num_class": 3}
    path = tmp_path / f"model{suffix}"
    xgboost.train(settings, xgboost.DMatrix(table, labels), 3).save_model(path)
    check(path, "xgboost")


@pytest.mark.parametrize("kind", GROWN)
def test_models_of_lightgbm(kind: str, tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    table, labels = example()
    settings = {"verbose": -1, "objective": "regression", "min_data_in_leaf": 2, "num_threads": 1, **GROWN[kind]}
    path = tmp_path / "model.txt"
    lightgbm.train(settings, lightgbm.Dataset(table, labels), 3).save_model(path)
    check(path, "lightgbm")
