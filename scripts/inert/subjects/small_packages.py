"""Configuration dictionaries, statsmodels fits and time zones."""

# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def makers() -> dict[str, Callable[[], Any]]:
    """Objects by label; each is made when it is saved."""
    return {
        "omegaconf": _omegaconf,
        "easydict": lambda: __import__("easydict").EasyDict(a=1, b={"c": 2}),
        "addict": lambda: __import__("addict").Dict(a=1, b={"c": 2}),
        "yacs": lambda: __import__("yacs.config").config.CfgNode({"a": 1, "b": {"c": 2}}),
        "pytz": lambda: [
            __import__("pytz").utc,
            __import__("pytz").timezone("Europe/Paris"),
            __import__("pytz").FixedOffset(60),
        ],
        "dateutil": _dateutil,
        "statsmodels": _statsmodels,
        "time series": _time_series,
        "networkx": lambda: __import__("networkx").path_graph(3),
        "sympy": lambda: __import__("sympy").symbols("x") ** 2,
        "joblib": lambda: [__import__("joblib").Memory(None), __import__("joblib").Parallel(2)],
        "tqdm": lambda: __import__("packaging.version").version.Version("1.0"),
        "tokenizers": _tokenizers,
    }


def _omegaconf() -> Any:
    from omegaconf import OmegaConf

    return OmegaConf.create({"a": 1, "b": [1, "${a}"], "c": {"d": None}, "e": 1.5, "f": True})


def _dateutil() -> Any:
    from dateutil import relativedelta, rrule, tz

    return [
        tz.tzutc(),
        tz.tzlocal(),
        tz.gettz("Europe/Paris"),
        tz.tzoffset("x", 60),
        relativedelta.relativedelta(days=1),
        rrule.MO,
    ]


def _statsmodels() -> Any:
    import numpy as np
    import statsmodels.api as sm
    import statsmodels.formula.api as smf

    numbers = np.random.RandomState(0).rand(30, 3)
    data = {"y": numbers[:, 0], "x": numbers[:, 1]}
    fits = [sm.OLS(numbers[:, 0], numbers[:, 1:]).fit(), sm.GLM(numbers[:, 0], numbers[:, 1:]).fit()]
    fits += [
        smf.ols("y ~ x + np.log(x + 1)", data).fit(),
        sm.Logit((numbers[:, 0] > 0.5).astype(int), numbers[:, 1:]).fit(disp=0),
    ]
    return fits


def _time_series() -> Any:
    import numpy as np
    from statsmodels.tsa.arima.model import ARIMA
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    series = np.random.RandomState(0).rand(40) + 1
    return [ARIMA(series, order=(1, 0, 0)).fit(), ExponentialSmoothing(series).fit()]


def _tokenizers() -> Any:
    import tokenizers

    model = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return [model, tokenizers.AddedToken("x"), tokenizers.models.BPE()]
