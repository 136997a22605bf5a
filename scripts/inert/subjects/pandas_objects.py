"""Frames, series, indexes, extension arrays, offsets and time values of pandas."""

# mypy: disable-error-code="import-not-found, import-untyped"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

OFFSETS = (
    "Day Hour Minute Second Milli Micro Nano MonthEnd MonthBegin BusinessDay BusinessMonthEnd QuarterEnd QuarterBegin "
    "YearEnd YearBegin Week WeekOfMonth LastWeekOfMonth BusinessHour CustomBusinessDay CustomBusinessHour Easter "
    "SemiMonthEnd SemiMonthBegin DateOffset BYearEnd BQuarterEnd FY5253 FY5253Quarter CustomBusinessMonthEnd"
).split()


def makers() -> dict[str, Callable[[], Any]]:
    """Values by label; each is made when it is saved."""
    import pandas as pd

    days = pd.date_range("2020-01-01", periods=3)
    columns: dict[str, Callable[[], Any]] = {
        "ints": lambda: [1, 2, 3],
        "floats": lambda: [1.0, None, 3.0],
        "strings": lambda: ["a", None, "c"],
        "objects": lambda: pd.Series(["a", 1, None], dtype=object),
        "days": lambda: days,
        "zoned": lambda: days.tz_localize("Europe/Paris"),
        "utc": lambda: days.tz_localize("UTC"),
        "spans": lambda: pd.to_timedelta([1, 2, 3], unit="h"),
        "periods": lambda: pd.period_range("2020-01", periods=3, freq="M"),
        "intervals": lambda: pd.interval_range(0, 3),
        "categories": lambda: pd.Categorical(["a", "b", "a"], ordered=True),
        "sparse": lambda: pd.arrays.SparseArray([0, 0, 1]),
        **{
            name: lambda name=name: pd.array([1, 0, None], dtype=name)
            for name in ("Int64", "Int8", "UInt16", "Float32", "Float64", "boolean")
        },
        "string dtype": lambda: pd.array(["a", None, "b"], dtype="string"),
        "python string": lambda: pd.array(["a", None, "b"], dtype="string[python]"),
    }
    found: dict[str, Callable[[], Any]] = {
        f"series {key}": lambda make=make: pd.Series(make()) for key, make in columns.items()
    }
    found |= {
        f"frame {key}": lambda make=make: pd.DataFrame({"x": make(), "n": [1, 2, 3]}) for key, make in columns.items()
    }
    found |= {f"index {key}": lambda make=make: pd.Index(make()) for key, make in columns.items()}
    found |= {f"array {key}": lambda make=make: pd.Series(make()).array for key, make in columns.items()}
    found |= {f"dtype {key}": lambda make=make: pd.Series(make()).dtype for key, make in columns.items()}
    found |= {f"offset {name}": lambda name=name: getattr(pd.offsets, name)() for name in OFFSETS}
    return found | {
        "range": lambda: pd.DataFrame({"a": range(3)}),
        "multi": lambda: pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, "a"), (2, "b")])),
        "mixed": lambda: pd.DataFrame({"a": [1], "b": ["x"], "c": [1.5], "d": [True], "e": pd.Timestamp("2020")}),
        "timestamps": lambda: [pd.Timestamp("2020-01-01"), pd.Timestamp("2020", tz="US/Eastern"), pd.Timedelta("1h")],
        "nothing": lambda: [pd.NaT, pd.NA],
        "spans": lambda: [pd.Period("2020-01"), pd.Interval(0, 1)],
        "frequency index": lambda: pd.DataFrame({"a": [1, 2, 3]}, index=days),
        "types": lambda: [pd.DataFrame, pd.Series, pd.to_datetime, pd.CategoricalDtype(["a"]), pd.UInt8Dtype()],
        "grouped": lambda: pd.DataFrame({"a": [1, 1], "b": [2, 3]}).groupby("a"),
        "flags": lambda: pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
        "slices": lambda: pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": [1.0, 2.0]})[["a", "c"]].iloc[::-1],
        "empty": lambda: [pd.DataFrame(), pd.Series(dtype=float), pd.Index([])],
        "rolling": lambda: pd.Series([1, 2]).rolling(2),
        "arrow": lambda: pd.Series(["a"], dtype="string[pyarrow]"),
        "zones": lambda: pd.DataFrame(
            {"t": pd.to_datetime(["2020"], utc=True), "u": [pd.Timestamp.now().to_period("D")]}
        ),
    }
