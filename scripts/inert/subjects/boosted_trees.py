"""Models and data sets of XGBoost, LightGBM and CatBoost."""

# mypy: disable-error-code="import-not-found, import-untyped"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def makers() -> dict[str, Callable[[], Any]]:
    """Fitted models by label; each is fitted when it is saved."""
    import numpy as np

    numbers = np.random.RandomState(0).rand(40, 3)
    classes = np.arange(40) % 2
    return {
        "xgboost": lambda: _xgboost(numbers, classes),
        "lightgbm": lambda: _lightgbm(numbers, classes),
        "catboost": lambda: _catboost(numbers, classes),
    }


def _xgboost(numbers: Any, classes: Any) -> Any:
    import xgboost

    kinds = (xgboost.XGBClassifier, xgboost.XGBRegressor, xgboost.XGBRFClassifier, xgboost.XGBRFRegressor)
    booster = xgboost.train({}, xgboost.DMatrix(numbers, classes), 2)
    callbacks = [xgboost.callback.EarlyStopping(2), xgboost.callback.EvaluationMonitor()]
    return [*(kind(n_estimators=2).fit(numbers, classes) for kind in kinds), booster, callbacks]


def _lightgbm(numbers: Any, classes: Any) -> Any:
    import lightgbm

    kinds = (lightgbm.LGBMClassifier, lightgbm.LGBMRegressor)
    booster = lightgbm.train({"verbose": -1}, lightgbm.Dataset(numbers, classes), 2)
    return [*(kind(n_estimators=2, verbose=-1).fit(numbers, classes) for kind in kinds), booster]


def _catboost(numbers: Any, classes: Any) -> Any:
    import catboost

    kinds = (catboost.CatBoostClassifier, catboost.CatBoostRegressor, catboost.CatBoost)
    return [
        kind({"iterations": 2, "allow_writing_files": False, "verbose": 0}).fit(numbers, classes) for kind in kinds[2:]
    ] + [kind(iterations=2, allow_writing_files=False, verbose=0).fit(numbers, classes) for kind in kinds[:2]]
