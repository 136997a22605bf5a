"""Every scikit-learn estimator that fits small data, pipelines, searches, kernels, splitters and imbalanced-learn."""

# mypy: disable-error-code="import-not-found, import-untyped"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = {
    "n_estimators": 3, "max_iter": 5, "n_components": 2, "n_clusters": 2, "cv": 2, "n_neighbors": 3, "n_splits": 2,
    "max_depth": 2, "n_iter": 2, "min_samples": 2, "n_init": 1, "n_jobs": None, "n_quantiles": 5,
}  # fmt: skip


def makers() -> dict[str, Callable[[], Any]]:
    """Fitted estimators by label; each is fitted when it is saved."""
    from sklearn.utils import all_estimators

    found: dict[str, Callable[[], Any]] = {name: lambda kind=kind: _fitted(kind) for name, kind in all_estimators()}
    found |= _composed()
    found["splitters"] = _splitters
    found["kernels"] = _kernels
    found["trees and losses"] = _internals
    try:
        from imblearn.utils.testing import all_estimators as all_samplers
    except ImportError:
        return found
    return found | {f"imblearn {name}": lambda kind=kind: _fitted(kind) for name, kind in all_samplers()}


def _fitted(kind: Any) -> Any:
    """An estimator fitted on the first small data set it takes, or unfitted where it takes none."""
    import numpy as np
    from sklearn.base import clone

    rng = np.random.RandomState(0)
    numbers = rng.rand(30, 4)
    classes = np.arange(30) % 2
    inner = _inner(kind)
    model = kind(*inner)
    model.set_params(**{key: value for key, value in SMALL.items() if key in model.get_params(deep=False)})
    texts = ["one two", "three four", "five"] * 10
    trials = [(numbers, classes), (numbers, rng.rand(30)), (numbers, np.stack([classes, classes], 1)), (texts, classes)]
    trials += [
        ([{"a": 1.0, "b": "x"}] * 30, classes),
        (numbers[:, :1], rng.rand(30)),
        (classes, classes),
        (classes.astype(bool), numbers),
    ]
    for data, target in trials:
        try:
            return clone(model).fit(data, target)
        except Exception:  # noqa: BLE001 - the next data set is tried
            continue
    return model


def _inner(kind: Any) -> list[Any]:
    """What estimators built of others ask for in their constructor."""
    import inspect

    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeRegressor

    required = [
        name
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    given = {
        "estimators": [("a", LogisticRegression()), ("b", LogisticRegression(C=2))],
        "transformers": [("p", PCA(2), [0, 1])],
        "transformer_list": [("p", PCA(2))],
        "steps": [("s", PCA(2)), ("m", LogisticRegression())],
        "param_grid": {"C": [1, 2]},
        "param_distributions": {"C": [1, 2]},
        "estimator": DecisionTreeRegressor() if "Regressor" in kind.__name__ else LogisticRegression(),
        "base_estimator": LogisticRegression(),
        "regressor": DecisionTreeRegressor(),
    }
    return [given[name] for name in required]


def _composed() -> dict[str, Callable[[], Any]]:
    import numpy as np
    from scipy import stats
    from sklearn import (
        compose,
        ensemble,
        feature_extraction,
        linear_model,
        model_selection,
        pipeline,
        preprocessing,
        svm,
    )

    numbers = np.random.RandomState(0).rand(30, 3)
    classes = np.arange(30) % 2

    def columns() -> Any:
        import pandas as pd

        frame = pd.DataFrame({"a": range(30), "b": ["x", "y"] * 15})
        table = compose.ColumnTransformer(
            [
                ("n", preprocessing.StandardScaler(), compose.make_column_selector(dtype_include=np.number)),
                ("c", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["b"]),
            ],
            remainder="passthrough",
        )
        return pipeline.make_pipeline(table, ensemble.RandomForestClassifier(3)).fit(frame, classes)

    return {
        "column pipeline": columns,
        "random search": lambda: model_selection.RandomizedSearchCV(
            svm.SVC(probability=True), {"C": stats.uniform(0.1, 2), "gamma": stats.loguniform(1e-3, 1)}, n_iter=2, cv=2
        ).fit(numbers, classes),
        "grid search": lambda: model_selection.GridSearchCV(
            pipeline.Pipeline([("s", preprocessing.StandardScaler()), ("m", linear_model.LogisticRegression())]),
            {"m__C": [1, 2]},
            cv=2,
            scoring="accuracy",
        ).fit(numbers, classes),
        "functions": lambda: preprocessing.FunctionTransformer(np.log1p, inverse_func=np.expm1).fit(numbers),
        "texts": lambda: pipeline.make_pipeline(
            feature_extraction.text.TfidfVectorizer(), linear_model.SGDClassifier()
        ).fit(["a b", "c d"] * 15, classes),
        "boosted losses": lambda: [
            ensemble.HistGradientBoostingClassifier(max_iter=3).fit(numbers, classes),
            ensemble.HistGradientBoostingRegressor(max_iter=3, loss="poisson").fit(numbers, classes),
            ensemble.HistGradientBoostingRegressor(max_iter=3, loss="absolute_error").fit(numbers, classes),
            ensemble.GradientBoostingRegressor(n_estimators=2, loss="huber").fit(numbers, classes),
            ensemble.GradientBoostingClassifier(n_estimators=2).fit(numbers, classes),
        ],
        "linear losses": lambda: [
            linear_model.SGDClassifier(loss=loss).fit(numbers, classes)
            for loss in ("log_loss", "hinge", "modified_huber", "squared_hinge", "perceptron", "huber", "squared_error")
        ],
        "scorers": lambda: [
            __import__("sklearn.metrics").metrics.get_scorer(name) for name in ("accuracy", "roc_auc", "r2")
        ],
    }


def _splitters() -> Any:
    from sklearn import model_selection

    counted = ("KFold", "StratifiedKFold", "ShuffleSplit", "TimeSeriesSplit", "GroupKFold")
    searched = [model_selection.ParameterGrid({"a": [1]}), model_selection.ParameterSampler({"a": [1]}, 1)]
    splitters = [getattr(model_selection, name)(n_splits=2) for name in counted]
    return [*splitters, *searched, model_selection.LeaveOneOut(), model_selection.RepeatedKFold()]


def _kernels() -> Any:
    from sklearn.gaussian_process import kernels

    composed = kernels.RBF() + kernels.WhiteKernel() * kernels.ConstantKernel(2)
    plain = (kernels.Matern, kernels.ExpSineSquared, kernels.DotProduct, kernels.RationalQuadratic)
    return [composed, *(kind() for kind in plain)]


def _internals() -> Any:
    import numpy as np
    from sklearn import datasets, metrics, neighbors
    from sklearn.utils import Bunch

    points = np.random.RandomState(0).rand(30, 3)
    trees = [
        neighbors.KDTree(points),
        neighbors.BallTree(points),
        neighbors.BallTree(points, metric="haversine") if points.shape[1] == 2 else None,
    ]
    distances = [
        metrics.DistanceMetric.get_metric(name)
        for name in ("euclidean", "manhattan", "minkowski", "chebyshev", "hamming")
    ]
    return [*trees, *distances, datasets.load_iris(), Bunch(a=1)]
