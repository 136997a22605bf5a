"""What people save with pickle, joblib, dill and cloudpickle is clean: values, arrays, frames and fitted estimators."""

from __future__ import annotations

import argparse
import array
import calendar
import collections
import configparser
import datetime
import decimal
import enum
import fractions
import functools
import inspect
import io
import ipaddress
import json
import logging
import operator
import pathlib
import pickle
import random
import statistics
import subprocess
import sys
import time
import types
import urllib.parse
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any

import cloudpickle
import dill
import joblib
import lightgbm
import networkx
import numpy
import pandas
import pyarrow
import pyarrow.dataset
import pyarrow.fs
import pytest
import scipy.interpolate
import scipy.sparse
import scipy.spatial
import scipy.stats
import sklearn
import sympy
import xgboost
from sklearn.datasets import make_classification
from sklearn.pipeline import make_pipeline
from sklearn.utils import all_estimators

from modelsweep.core.report import Verdict
from tests.benign import assert_benign
from tests.scanners.case import examine_bytes

pytestmark = pytest.mark.filterwarnings("ignore")
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
KINDS = "? b B h H i I q Q e f d g F D G S5 U5 V3 M8[ns] m8[s]".split()


def arrays() -> dict[str, Any]:
    kept = {kind: numpy.zeros(3, kind) for kind in KINDS}
    objects = numpy.array([{"a": 1}, "text", None], dtype=object)
    table = numpy.zeros(2, dtype=[("x", "<f4"), ("y", "U3"), ("z", "i4", (2,))])
    mapped = numpy.ones(2, ">f8").view(numpy.memmap)
    shapes = {
        "big_endian": numpy.ones(2, ">f8"),
        "scalar": numpy.array(1.5),
        "empty": numpy.zeros((0, 3)),
        "fortran": numpy.ones((2, 3), order="F"),
    }
    masked = numpy.ma.array([1, 2, 3], mask=[False, True, False])
    return {**kept, **shapes, "objects": objects, "table": table, "masked": masked, "mapped": mapped}


def generators() -> list[Any]:
    bits = [numpy.random.PCG64(1), numpy.random.MT19937(1), numpy.random.Philox(1), numpy.random.SFC64(1)]
    return [*bits, *map(numpy.random.Generator, bits), numpy.random.RandomState(1), numpy.random.SeedSequence(1)]


def frames() -> dict[str, Any]:
    frame = pandas.DataFrame({"number": [1, 2], "text": ["a", None], "flag": [True, False], "real": [0.5, 1.5]})
    return {
        "frame": frame,
        "series": frame["number"],
        "category": frame["text"].astype("category"),
        "times": pandas.Series(pandas.date_range("2024-01-01", periods=3, tz="UTC")),
        "spans": pandas.Series(pandas.timedelta_range("1h", periods=3)),
        "nullable": pandas.Series([1, None], dtype="Int64"),
        "multi": frame.set_index(["number", "text"]),
        "periods": pandas.period_range("2024-01", periods=3, freq="M"),
        "intervals": pandas.interval_range(0, 3),
        "stamp": pandas.Timestamp("2024-01-01"),
        "missing": pandas.NA,
        "sparse": pandas.arrays.SparseArray([0, 0, 1]),
        "arrow": pandas.array([1, 2], dtype="int64[pyarrow]"),
        "arrow_text": pandas.array(["a", None], dtype="string[pyarrow]"),
        "offsets": [pandas.offsets.BDay(), pandas.DateOffset(days=3)],
        "columns": pandas.DataFrame(numpy.eye(2), columns=pandas.MultiIndex.from_tuples([(1, 2), (3, 4)])),
    }


def tables() -> list[Any]:
    columns = pyarrow.table({"a": [1, 2], "b": ["x", None]})
    schema = pyarrow.schema([("a", pyarrow.list_(pyarrow.int8()))], metadata={"k": "v"})
    return [
        columns,
        schema,
        pyarrow.array(["a"]).dictionary_encode(),
        pyarrow.scalar(1),
        pyarrow.timestamp("ns", "UTC"),
    ]


def matrices() -> list[Any]:
    forms = "csr csc coo bsr dia lil dok".split()
    made = [getattr(scipy.sparse, f"{form}_{kind}")(numpy.eye(3)) for form in forms for kind in ("matrix", "array")]
    return [*made, scipy.spatial.transform.Rotation.from_euler("x", 1)]


def distributions() -> list[Any]:
    stats = scipy.stats
    frozen = [stats.norm(), stats.gamma(1), stats.poisson(1), stats.binom(3, 0.5), stats.loguniform(1, 2)]
    return [*frozen, stats.norm, stats.randint, stats.gaussian_kde([1.0, 2.0, 4.0])]


def interpolators() -> list[Any]:
    x = [1.0, 2.0, 3.0, 4.0]
    interpolate = scipy.interpolate
    return [interpolate.interp1d(x, x), interpolate.CubicSpline(x, x), interpolate.make_interp_spline(x, x)]


def parsed() -> list[Any]:
    parser = configparser.ConfigParser()
    parser.read_string("[train]\nrate = 0.1\n")
    address = urllib.parse.urlparse("https://example.org/model?x=1")
    signature = inspect.Signature([inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY, annotation=int)])
    return [parser, address, signature, time.localtime(0), calendar.TextCalendar(), json.JSONEncoder()]


def records() -> list[Any]:
    record = logging.LogRecord("train", logging.INFO, "train.py", 1, "epoch %d", (1,), None)
    return [record, logging.Formatter("%(message)s"), logging.getLogger("train"), statistics.NormalDist(0, 1)]


def boosted(module: Any, prefix: str) -> list[Any]:
    """Return fitted estimators of XGBoost or LightGBM."""
    quiet = {"verbose": -1} if prefix == "LGBM" else {"verbosity": 0}
    return [
        getattr(module, f"{prefix}{kind}")(n_estimators=2, **quiet).fit(*example())
        for kind in ("Classifier", "Regressor")
    ]


def clocks() -> list[Any]:
    berlin = zoneinfo.ZoneInfo("UTC")
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
    offset = datetime.timezone(datetime.timedelta(hours=2), "CEST")
    return [moment, moment.date(), moment.time(), moment.astimezone(offset), datetime.timedelta(1, 2, 3), berlin]


def containers() -> list[Any]:
    counted = collections.Counter("abca")
    grouped: collections.defaultdict[str, list[int]] = collections.defaultdict(list, a=[1])
    chained = collections.ChainMap({"a": 1}, {"b": 2})
    queue = collections.deque([1, 2], maxlen=3)
    named = types.SimpleNamespace(a=1), argparse.Namespace(lr=0.1)
    return [counted, grouped, chained, queue, collections.OrderedDict(a=1), frozenset({1}), *named, slice(1, 2), ...]


def expressions() -> list[Any]:
    x, y = sympy.symbols("x y", positive=True)
    made = [sympy.sin(x) ** 2 + y / 3, sympy.Eq(x, y + 1), sympy.Integral(sympy.exp(-x), x)]
    made += [sympy.Rational(1, 3), sympy.Float("1.25"), sympy.pi * sympy.I, sympy.oo, sympy.Interval(0, 1)]
    return [*made, sympy.Piecewise((x, x > 1), (0, True)), sympy.Matrix([[x, 1]]), sympy.Poly(x**2 + 1), sympy.Add]


def filesystems() -> list[Any]:
    return [pyarrow.fs.LocalFileSystem(), pyarrow.dataset.field("a") > 1, pyarrow.dataset.ParquetFileFormat()]


VALUES: dict[str, Callable[[], Any]] = {
    "expressions": expressions,
    "filesystems": filesystems,
    "plain": lambda: {"list": [1, -1.5, 2**100, "größe", None, True], "tuple": (1, (2,)), "bytes": b"\x00", "set": {1}},
    "numbers": lambda: [decimal.Decimal("1.5"), fractions.Fraction(1, 3), complex(1, 2), float("inf")],
    "paths": lambda: [pathlib.PurePosixPath("a/b"), pathlib.Path("model.pt"), pathlib.PureWindowsPath("c:/a")],
    "identities": lambda: [uuid.UUID(int=5), ipaddress.ip_address("127.0.0.1"), ipaddress.ip_network("10.0.0.0/8")],
    "enumerations": lambda: [enum.Enum, uuid.SafeUUID.safe, pickle.HIGHEST_PROTOCOL],
    "functions": lambda: [len, sum, operator.itemgetter(1), functools.partial(sorted, reverse=True), int, dict],
    "arrays_of_numbers": lambda: [array.array("d", [1.0, 2.0]), bytearray(b"abc"), range(1, 10, 2)],
    "random": lambda: random.Random(1),
    "exceptions": lambda: [ValueError("too small"), KeyError("a")],
    "clocks": clocks,
    "containers": containers,
    "numpy_arrays": arrays,
    "numpy_scalars": lambda: [numpy.zeros((), kind)[()] for kind in KINDS],
    "numpy_types": lambda: [numpy.float32, numpy.dtype("i4"), numpy.dtype([("a", "f4")]), numpy.ndarray, numpy.sum],
    "numpy_generators": generators,
    "numpy_polynomial": lambda: [numpy.poly1d([1, 2]), numpy.polynomial.Polynomial([1, 2])],
    "pandas": frames,
    "pyarrow": tables,
    "scipy_matrices": matrices,
    "scipy_distributions": distributions,
    "scipy_interpolators": interpolators,
    "configurations": parsed,
    "records": records,
    "tree": lambda: scipy.spatial.KDTree(numpy.eye(3)),
    "graphs": lambda: [networkx.path_graph(3), networkx.DiGraph([(1, 2)])],
    "xgboost": lambda: boosted(xgboost, "XGB"),
    "lightgbm": lambda: boosted(lightgbm, "LGBM"),
    "types": lambda: [list[int], int | str, Any, collections.abc.Mapping],
}
SAVERS: dict[str, Callable[[Any], bytes]] = {
    **{f"pickle_{protocol}": functools.partial(pickle.dumps, protocol=protocol) for protocol in PROTOCOLS},
    "dill": dill.dumps,
    "cloudpickle": cloudpickle.dumps,
}


def with_joblib(value: object, **options: Any) -> bytes:
    """Return what joblib.dump writes."""
    stream = io.BytesIO()
    joblib.dump(value, stream, **options)
    return stream.getvalue()


SAVERS["joblib"] = with_joblib


@pytest.mark.parametrize("saver", SAVERS)
@pytest.mark.parametrize("name", VALUES)
def test_saved_values_are_clean(name: str, saver: str) -> None:
    value = VALUES[name]()
    try:
        data = SAVERS[saver](value)
    except (pickle.PicklingError, TypeError, NotImplementedError) as error:
        pytest.skip(f"{saver} refuses it: {error}")
    assert_benign(data, "values.pkl")


@pytest.mark.parametrize("compress", [("zlib", 3), ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3), ("lz4", 3), 9])
@pytest.mark.parametrize("name", ["numpy_arrays", "pandas", "containers"])
def test_every_compressor_of_joblib_is_clean(name: str, compress: object) -> None:
    assert_benign(with_joblib(VALUES[name](), compress=compress), "values.joblib")


@pytest.mark.parametrize("saver", [numpy.savez, numpy.savez_compressed], ids=lambda saver: saver.__name__)
def test_archives_of_arrays_are_clean(saver: Callable[..., None]) -> None:
    stream = io.BytesIO()
    saver(stream, **{str(number): value for number, value in enumerate(arrays().values())})
    assert_benign(stream.getvalue(), "arrays.npz")


@functools.cache
def example() -> tuple[Any, Any]:
    """Return a tiny problem of two classes without negative numbers."""
    features, labels = make_classification(40, 5, random_state=1)
    return abs(features), labels


ESTIMATORS = {name: maker for name, maker in all_estimators() if not name.startswith("_")}
# Arguments that estimators made of other estimators want.
ARGUMENTS: dict[str, Callable[[], Any]] = {
    "estimator": ESTIMATORS["LogisticRegression"],
    "estimators": lambda: [("tree", ESTIMATORS["DecisionTreeClassifier"](max_depth=2))],
    "steps": lambda: [("scale", ESTIMATORS["StandardScaler"]()), ("model", ESTIMATORS["Ridge"]())],
    "transformers": lambda: [("scale", ESTIMATORS["MinMaxScaler"](), [0, 1])],
    "transformer_list": lambda: [("scale", ESTIMATORS["MinMaxScaler"]()), ("pca", ESTIMATORS["PCA"](2))],
    "param_grid": lambda: {"C": [0.1, 1.0]},
    "param_distributions": lambda: {"C": [0.1, 1.0], "tol": [1e-3, 1e-4, 1e-2, 1e-5, 1e-6]},
    "dictionary": lambda: numpy.eye(5),
}
OF_REGRESSORS = frozenset({"MultiOutputRegressor", "StackingRegressor", "VotingRegressor", "RegressorChain"})


def made(name: str) -> Any:
    """Return an estimator with its defaults."""
    maker = ESTIMATORS[name]
    wanted = [
        parameter.name
        for parameter in inspect.signature(maker).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL
    ]
    given = {key: ARGUMENTS[key]() for key in wanted}
    if name in OF_REGRESSORS:
        tree = ESTIMATORS["DecisionTreeRegressor"](max_depth=2)
        given = {key: [("tree", tree)] if key == "estimators" else tree for key in wanted}
    return maker(**given)


def fitted(name: str) -> Any:
    """Return an estimator after learning; one that cannot learn from the example as it was made."""
    estimator = made(name)
    features, labels = example()
    try:
        return estimator.fit(features, labels)
    except (ValueError, TypeError, AttributeError, IndexError, NotImplementedError):
        return made(name)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_are_clean(name: str) -> None:
    estimator = fitted(name)
    assert_benign(pickle.dumps(estimator), "model.pkl")
    assert_benign(pickle.dumps(estimator, 2), "model.pkl")
    assert_benign(with_joblib(estimator, compress=3), "model.joblib")


def test_a_pipeline_is_clean_by_every_way_of_saving() -> None:
    chosen = ("StandardScaler", "PCA", "RandomForestClassifier")
    pipeline = make_pipeline(*(ESTIMATORS[name]() for name in chosen)).fit(*example())
    for save in SAVERS.values():
        assert_benign(save(pipeline), f"sklearn-{sklearn.__version__}.pkl")


@pytest.mark.parametrize("compression", ["gzip", "bz2", "xz", "zip", "tar", "zstd"])
def test_every_compression_of_pandas_is_clean(compression: str, tmp_path: pathlib.Path) -> None:
    frames()["frame"].to_pickle(tmp_path / "frame.pkl", compression=compression)
    assert_benign((tmp_path / "frame.pkl").read_bytes(), "frame.pkl")


@pytest.mark.parametrize("name", ["model.json", "model.ubj"])
def test_native_saves_of_xgboost_are_clean(name: str, tmp_path: pathlib.Path) -> None:
    model = boosted(xgboost, "XGB")[0]
    model.save_model(tmp_path / name)
    assert_benign((tmp_path / name).read_bytes(), name)


def test_native_saves_of_lightgbm_are_clean(tmp_path: pathlib.Path) -> None:
    booster = boosted(lightgbm, "LGBM")[0].booster_
    booster.save_model(tmp_path / "model.txt")
    assert_benign((tmp_path / "model.txt").read_bytes(), "model.txt")
    assert_benign(json.dumps(booster.dump_model()).encode(), "model.json")


SCRIPT = """
import sys, {saver}
def scaled_by(factor):
    return lambda value: factor * value
class Model:
    def predict(self, values):
        return [value * 2 for value in values]
mean = lambda values: sum(values) / len(values)
sys.stdout.buffer.write({saver}.dumps([scaled_by(3), mean, Model(), {{"weights": [0.5]}}]))
"""


CLASSES_BY_VALUE = """
import abc, collections, dataclasses, enum, sys, types, typing, cloudpickle
@dataclasses.dataclass
class Config:
    rate: float = 0.1
    names: list = dataclasses.field(default_factory=list)
class Color(enum.Enum):
    RED = 1
class Word(str, enum.Enum):
    NO = "no"
class Modes(enum.IntFlag):
    READ = 1
class Named(typing.NamedTuple):
    x: int
    y: str = "a"
Pair = collections.namedtuple("Pair", "a b")
class Base(abc.ABC):
    @abc.abstractmethod
    def run(self): ...
class Kept(Base):
    def run(self): return 1
T = typing.TypeVar("T")
class Holder(typing.Generic[T]):
    def __init__(self, held): self.held = held
class Keys(typing.TypedDict):
    a: int
class Runs(typing.Protocol):
    def run(self) -> int: ...
kept = [Keys, Config(), Color.RED, Word.NO, Modes.READ, Named(1), Pair(1, 2), Kept(), Holder(1), Runs]
sys.stdout.buffer.write(cloudpickle.dumps([*kept, types.MappingProxyType({"a": 1})]))
"""


def test_classes_of_all_kinds_stored_by_value_are_no_alarm() -> None:
    run = subprocess.run([sys.executable, "-c", CLASSES_BY_VALUE], capture_output=True, check=True)
    assert_benign(run.stdout, "model.pkl")


CLASSES_OF_DILL = """
import enum, sys, typing, dill
class Color(enum.Enum):
    RED = 1
class Word(str, enum.Enum):
    NO = "no"
class Modes(enum.IntFlag):
    READ = 1
class Keys(typing.TypedDict):
    a: int
T = typing.TypeVar("T")
class Holder(typing.Generic[T]):
    def __init__(self, held): self.held = held
class Whole(Holder[int]):
    def twice(self): return self.held * 2
sys.stdout.buffer.write(dill.dumps([Color.RED, Word.NO, Modes.READ, Keys, Holder(1), Whole(1)]))
"""


def test_generic_classes_and_enumerations_of_dill_are_no_alarm() -> None:
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", CLASSES_OF_DILL], capture_output=True, check=True)
    assert_benign(run.stdout, "model.pkl")


CLASSES_OF_ATTRS = """
import sys, attrs, {saver}
@attrs.define
class Options:
    size: int = 1
@attrs.frozen
class Fixed:
    names: list = attrs.field(factory=list)
sys.stdout.buffer.write({saver}.dumps([Options(), Fixed()]))
"""


@pytest.mark.parametrize("saver", ["dill", "cloudpickle"])
def test_classes_of_attrs_are_a_review_and_no_attack(saver: str) -> None:
    source = CLASSES_OF_ATTRS.format(saver=saver)
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", source], capture_output=True, check=True)
    assert examine_bytes(run.stdout, "model.pkl").verdict is Verdict.REVIEW


@pytest.mark.parametrize("saver", ["dill", "cloudpickle"])
def test_functions_and_classes_of_a_script_are_no_alarm(saver: str) -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT.format(saver=saver)], capture_output=True, check=True)
    assert_benign(run.stdout, "model.pkl")


@pytest.mark.parametrize("saver", ["dill", "cloudpickle"])
def test_functions_of_a_script_in_a_file_are_no_alarm(saver: str, tmp_path: pathlib.Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(saver=saver))
    run = subprocess.run([sys.executable, str(script)], capture_output=True, check=True)
    assert_benign(run.stdout, "model.pkl")
