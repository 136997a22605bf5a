"""The generated tables of inert names: well-formed, free of what executes, and granting what real frameworks save."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from modelsweep.core.finding import Json
from scanners.judge import inert_names
from scanners.judge.inert import RULES, is_inert_call
from scanners.judge.inert_states import STATE_RULES, executed_text, is_inert_build
from scanners.judge.listed_names import is_call, is_class, is_inert_name
from scripts.inert.rules import RULES as STATEMENTS
from scripts.inert.tables import join_tables, present_tables

PRESENT = present_tables()
TABLES = {
    "CLASSES": PRESENT.classes,
    "ENUMS": PRESENT.enums,
    "CALLS": PRESENT.calls,
    "HELD": inert_names.HELD,
    "WEIGHTS_ONLY": inert_names.WEIGHTS_ONLY,
}
PRIMITIVES = re.compile(
    r"(os|posix|nt|subprocess|sys|socket|shutil|ctypes|importlib|imp|runpy|pty|code|codeop|pickle|marshal|shelve"
    r"|tempfile|urllib\.(request|robotparser)|http\.client|webbrowser|multiprocessing|threading|asyncio|numpy\.(testing|f2py|distutils)"
    r"|torch\.(hub|jit\._script|utils\.cpp_extension|_inductor|package|fx)|pandas\.io|joblib\.externals)(\..*)?"
)
EXECUTORS = frozenset(
    "eval exec compile open input breakpoint __import__ map filter getattr setattr delattr globals locals vars".split()
)
TEMPLATE = (
    "\ndef _parse_args(self, a, b,  loc=0, scale=1):\n    return (a, b, ), loc, scale\n"
    "\ndef _parse_args_rvs(self, a, b,  loc=0, scale=1, size=None):\n"
    "    return self._argcheck_rvs(a, b,  loc, scale, size=size)\n"
    "\ndef _parse_args_stats(self, a, b,  loc=0, scale=1, moments='mv'):\n    return (a, b, ), loc, scale, moments\n"
)


def listed(table: dict[str, str]) -> set[str]:
    return {f"{module}.{name}" for module, names in table.items() for name in names.split()}


@pytest.mark.parametrize("title", TABLES)
def test_a_table_is_sorted_and_says_nothing_twice(title: str) -> None:
    table = TABLES[title]
    assert list(table) == sorted(table)
    for module, names in table.items():
        words = names.split()
        assert words, module
        assert words == sorted(set(words)) or title == "HELD", module


def test_nothing_that_executes_may_be_called_or_made() -> None:
    granted = listed(PRESENT.calls) | listed(PRESENT.classes)
    assert not [name for name in granted if PRIMITIVES.fullmatch(name)]
    builtin = {name.rpartition(".")[2] for name in granted if name.startswith(("builtins.", "__builtin__."))}
    assert not builtin & EXECUTORS


def test_a_callable_with_a_rule_is_not_granted_without_it() -> None:
    assert not inert_names.ARGUMENT_RULES.keys() & listed(PRESENT.calls)
    assert not inert_names.STATE_RULES.keys() & listed(PRESENT.calls)


def test_wildcards_are_whole_packages_without_functions() -> None:
    for module, names in PRESENT.classes.items():
        assert ("*" in names) == module.endswith(".*"), module
    assert "*" not in " ".join(PRESENT.calls.values())


def test_every_rule_is_stated_and_implemented() -> None:
    used = {*inert_names.ARGUMENT_RULES.values(), *inert_names.STATE_RULES.values()}
    assert used == STATEMENTS.keys()
    assert set(inert_names.ARGUMENT_RULES.values()) <= RULES.keys() | {"same-package"}
    assert set(inert_names.STATE_RULES.values()) <= STATE_RULES.keys()
    assert inert_names.__doc__ is not None
    assert all(f"`{rule}`" in inert_names.__doc__ for rule in used)


def test_versions_are_recorded() -> None:
    assert {version.partition(".")[0] for version in inert_names.FRAMEWORKS["numpy"].split()} >= {"1", "2"}
    assert len(inert_names.FRAMEWORKS["scikit-learn"].split()) >= 4
    assert "torch" in inert_names.FRAMEWORKS


@pytest.mark.parametrize(
    "name",
    [
        "torch.nn.modules.linear.Linear", "torch.nn.modules.module.Module", "torch.nn.parameter.Parameter",
        "torch.optim.adamw.AdamW", "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble.forest.RandomForestClassifier", "sklearn.future_module.NewEstimator",
        "pandas.core.frame.DataFrame", "pandas.DataFrame", "pandas.core.indexes.base.Index",
        "scipy.sparse._csr.csr_matrix", "scipy.sparse.csr.csr_matrix", "argparse.Namespace",
        "collections.OrderedDict", "ultralytics.nn.tasks.DetectionModel",
        "transformers.training_args.TrainingArguments", "xgboost.core.Booster", "lightgbm.basic.Booster",
        "easydict.EasyDict", "omegaconf.dictconfig.DictConfig", "joblib.numpy_pickle.NumpyArrayWrapper",
    ],
)  # fmt: skip
def test_classes_of_real_saves_may_be_made(name: str) -> None:
    assert is_class(name)


@pytest.mark.parametrize(
    "name",
    [
        "os.system", "subprocess.Popen", "tempfile._TemporaryFileCloser",
        "sklearn.utils._TemporaryFileCloser", "numpy.memmap", "numpy.DataSource",
        "numpy.lib._datasource.DataSource", "torch_geometric.nn.conv.gcn_conv.GCNConv",
        "ultralytics.utils.JSONDict", "joblib.numpy_pickle.NumpyUnpickler", "sklearn.base.clone",
        "sklearn.base.__reduce__", "transformers.integrations.integration_utils.NeptuneCallback",
        "torch.nn.functional.relu", "acme.models.Net",
    ],
)  # fmt: skip
def test_other_names_may_not_be_made(name: str) -> None:
    assert not is_class(name)


@pytest.mark.parametrize(
    "name",
    [
        "torch._utils._rebuild_tensor_v2", "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray._reconstruct", "numpy.dtype", "collections.OrderedDict", "datetime.datetime",
        "pathlib.PosixPath", "uuid.UUID", "re._compile", "sklearn.tree._tree.Tree",
        "pandas._libs.internals._unpickle_block", "builtins.set", "torch.Size", "torch.device",
        "sklearn._loss._loss.__pyx_unpickle_CyHalfBinomialLoss",
        "transformers.modeling_outputs.BaseModelOutput",
    ],
)  # fmt: skip
def test_callables_of_real_saves_may_be_called(name: str) -> None:
    assert is_call(name)


@pytest.mark.parametrize(
    "name",
    [
        "collections.namedtuple", "types.new_class", "types.CodeType", "types.FunctionType", "builtins.type",
        "builtins.iter", "builtins.map", "functools.partial", "functools.reduce", "operator.methodcaller",
        "numpy.load", "torch.load", "torch.storage._load_from_bytes", "torch._tensor._rebuild_from_type_v2",
        "dill._dill._create_type", "dill._dill._eval_repr", "numpy.random._pickle.__randomstate_ctor",
        "numpy.core._ufunc_reconstruct", "torch.fx.graph_module.reduce_graph_module",
        "tempfile.NamedTemporaryFile", "logging.FileHandler", "numpy.ndarray",
        "sklearn.linear_model.LogisticRegression", "lightgbm.basic.Booster",
    ],
)  # fmt: skip
def test_other_names_may_not_be_called(name: str) -> None:
    assert not is_call(name)


def test_functions_of_data_may_be_held() -> None:
    for name in ("numpy.log1p", "torch.nn.functional.relu", "operator.add", "math.sqrt", "builtins.len", "typing.Any"):
        assert is_inert_name(name), name
    for name in ("os.system", "random._os.system", "builtins.eval", "numpy.load", "math._os", "acme.run"):
        assert not is_inert_name(name), name


def named(name: str) -> Json:
    return {"global": name}


SYSTEM = named("os.system")
NO_CONTEXT = named("contextlib.nullcontext")
CALLBACK: Json = {"call": named("torch._dynamo.convert_frame.CatchErrorsWrapper"), "args": {"tuple": []}}
CONTEXT: Json = {"call": named("torch._dynamo.eval_frame.OptimizeContext"), "args": {"tuple": [CALLBACK, NO_CONTEXT]}}
ENCODED: Json = {"call": named("_codecs.encode"), "args": {"tuple": ["\x01", "latin1"]}}
DECODED: Json = {"call": named("_codecs.encode"), "args": {"tuple": ["7069", "hex"]}}
NONE_TYPE: Json = {"call": named("dill._dill._load_type"), "args": {"tuple": ["NoneType"]}}
CASES: dict[str, tuple[str, list[Json], bool]] = {
    "partial of a builtin": ("functools.partial", [named("builtins.int")], True),
    "partial of os.system": ("functools.partial", [SYSTEM], False),
    "iter of a list": ("builtins.iter", [{"list": [1]}], True),
    "iter that calls": ("builtins.iter", [SYSTEM, None], False),
    "type of None": ("builtins.type", [None], True),
    "a class made": ("builtins.type", ["X", {"tuple": []}, {"dict": []}], False),
    "dill's Ellipsis": ("dill._dill._eval_repr", ["Ellipsis"], True),
    "dill's range": ("dill._dill._eval_repr", ["range(1, 10, -2)"], True),
    "dill's eval": ("dill._dill._eval_repr", ["range(1, 2) or print(1)"], False),
    "random state": ("numpy.random._pickle.__randomstate_ctor", ["MT19937"], True),
    "random state that calls": ("numpy.random._pickle.__randomstate_ctor", ["ls", SYSTEM], False),
    "rebuilt subclass": (
        "torch._tensor._rebuild_from_type_v2",
        [
            named("torch._utils._rebuild_tensor_v2"), named("torch.nn.parameter.Parameter"),
            {"tuple": [1]}, {"dict": ["note", "kept"]},
        ],
        True,
    ),
    "rebuilt nested tensor": (
        "torch._tensor._rebuild_from_type_v2",
        [
            named("torch._utils._rebuild_tensor_v2"), named("torch.nested._internal.nested_tensor.NestedTensor"),
            {"tuple": [1]}, {"dict": ["_values", 1, "_offsets", 2]},
        ],
        True,
    ),
    "rebuilt subclass with a setter": (
        "torch._tensor._rebuild_from_type_v2",
        [
            named("torch._utils._rebuild_tensor_v2"), named("torch.nn.parameter.Parameter"),
            {"tuple": [1]}, {"dict": ["_values", 1]},
        ],
        False,
    ),
    "rebuilt by os.system": (
        "torch._tensor._rebuild_from_type_v2",
        [SYSTEM, named("torch.Tensor"), {"tuple": ["ls"]}, {"dict": []}],
        False,
    ),
    "state that changes the class": (
        "torch._utils._rebuild_parameter_with_state", [1, True, None, {"dict": ["__class__", 1]}], False,
    ),
    "union of types": (
        "functools.reduce", [named("_operator.or_"), {"tuple": [named("builtins.int")]}], True,
    ),
    "reduce that calls": ("functools.reduce", [SYSTEM, {"tuple": ["a", "b"]}], False),
    "made without init": ("builtins.object.__new__", [named("subprocess.Popen")], False),
    "enum by value": ("transformers.trainer_utils.IntervalStrategy", ["no"], True),
    "enum made": ("transformers.trainer_utils.IntervalStrategy", ["X", "a b"], False),
    "class of another package": (
        "sklearn.neighbors._kd_tree.newObj", [named("scipy.stats._continuous_distns.norm_gen")], False,
    ),
    "context of a compiled module": ("torch._dynamo.eval_frame.OptimizeContext", [CALLBACK, NO_CONTEXT, True], True),
    "context that is entered": ("torch._dynamo.eval_frame.OptimizeContext", [CALLBACK, SYSTEM, True], False),
    "context with a function": ("torch._dynamo.eval_frame.OptimizeContext", [SYSTEM, NO_CONTEXT, True], False),
    "compiled module": ("torch._dynamo.eval_frame.OptimizedModule", [CALLBACK, CONTEXT], True),
    "compiled module that calls": ("torch._dynamo.eval_frame.OptimizedModule", [CALLBACK, SYSTEM], False),
    "compiled module that calls a call": ("torch._dynamo.eval_frame.OptimizedModule", [CALLBACK, CALLBACK], False),
    "file system of this machine": (
        "fsspec.spec.make_instance",
        [named("fsspec.implementations.local.LocalFileSystem"), {"tuple": []}, {"dict": []}],
        True,
    ),
    "file system of another": (
        "fsspec.spec.make_instance",
        [named("fsspec.implementations.sftp.SFTPFileSystem"), {"tuple": ["host"]}, {"dict": []}],
        False,
    ),
    "pattern of protocol 2": ("regex._regex.compile", ["a", 0, ENCODED], True),
    "pattern under another codec": ("regex._regex.compile", ["a", 0, DECODED], False),
    "union with dill's None": (
        "functools.reduce",
        [named("_operator.or_"), {"tuple": [named("builtins.int"), NONE_TYPE]}],
        True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("label", CASES)
def test_arguments_decide(label: str) -> None:
    name, arguments, expected = CASES[label]
    assert is_inert_call(name, "REDUCE", {"tuple": arguments}) is expected


NORMAL = "scipy.stats._continuous_distns.norm_gen"


def test_a_distribution_executes_only_the_template_of_scipy() -> None:
    evil = "__import__('os')"
    assert is_inert_build(NORMAL, {"dict": ["_parse_arg_template", TEMPLATE]})
    assert not is_inert_build(NORMAL, {"dict": ["_parse_arg_template", TEMPLATE + evil]})
    assert not is_inert_build(NORMAL, {"dict": ["_parse_arg_template", evil, "_parse_arg_template", TEMPLATE]})
    assert not is_inert_build(NORMAL, {"tuple": [{"tuple": ["_parse_arg_template", evil]}]})
    assert not is_inert_build(NORMAL, {"dict": [], "more": 1})
    assert executed_text(NORMAL, {"dict": ["_parse_arg_template", evil]}) == evil


MODEL = "statsmodels.base.data.PandasData"


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + np.log(z) + C(k)", "y ~ a*b + C(g) + np.log(abs(c)+1) + I(d**2)",
        "np.log(y) ~ bs(x, df=4, knots=[1,2])",
        "y ~ C(g, Treatment(reference='u')) + Q('a b') - 1", "y ~ {a/b} + (x + z)**2", "y ~ cr(x, df=3):standardize(z)",
    ],
)  # fmt: skip
def test_a_plain_formula_is_inert(formula: str) -> None:
    assert is_inert_build(MODEL, {"dict": ["formula", formula]})


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ open('x')", "y ~ __import__('os').system('x')", "y ~ (eval)(a)", "y ~ [f][0](x)", "y ~ np.load('x')",
        "y ~ (abs := eval)('1')", "y ~ C([abs('1') for abs in [eval]])", "y ~ f'{eval}'", "y ~ a.map(eval)",
        "y ~ np.f2py.compile('x')", "y ~ os.system('x')", "y ~ system('x')", "y ~ max(a, key=eval)",
    ],
)  # fmt: skip
def test_a_formula_that_may_run_anything_is_dangerous(formula: str) -> None:
    assert not is_inert_build(MODEL, {"dict": ["formula", formula]})
    assert executed_text(MODEL, {"dict": ["formula", formula]}) == formula


def test_a_formula_with_functions_of_its_script_is_for_review() -> None:
    for formula in ("y ~ my_spline(x)", "y ~ price.shift(1)"):
        assert not is_inert_build(MODEL, {"dict": ["formula", formula]})
        assert not executed_text(MODEL, {"dict": ["formula", formula]})


def test_a_handle_is_no_number() -> None:
    assert is_inert_build("lightgbm.basic.Booster", {"dict": ["_handle", "tree"]})
    assert not is_inert_build("lightgbm.basic.Booster", {"dict": ["_handle", 4096]})


SKORCH, DARTS = "skorch.classifier.NeuralNetClassifier", "darts.models.forecasting.nbeats.NBEATSModel"
STATES: dict[str, tuple[str, list[Json], bool]] = {
    "files in bytes": (SKORCH, ["__cuda_dependent_attributes__", {"bytes": "80"}], True),
    "files that are made": (SKORCH, ["__cuda_dependent_attributes__", CALLBACK], False),
    "files by name": (
        "e3nn.o3._linear.Linear", ["__codegen__", {"dict": ["main", {"tuple": ["fx", {"bytes": "80"}]}]}], True,
    ),
    "files by name, made": (
        "e3nn.o3._linear.Linear", ["__codegen__", {"dict": ["main", {"tuple": ["fx", CALLBACK]}]}], False,
    ),
    "not compiled": ("kornia.augmentation._2d.intensity.color_jitter.ColorJitter", ["_compile_kwargs", None], True),
    "compiled": (
        "kornia.augmentation._2d.intensity.color_jitter.ColorJitter",
        ["_compile_kwargs", {"dict": ["backend", SYSTEM]}],
        False,
    ),
    "folder": (DARTS, ["work_dir", "C:\\darts", "model_name", "a"], True),
    "folder of another machine": (DARTS, ["work_dir", "sftp://host/"], False),
    "folder that is made": (DARTS, ["work_dir", CALLBACK], False),
    "options of a context": ("torch._dynamo.eval_frame.OptimizeContext", ["export", False, "dynamic", None], True),
    "hooks of a context": ("torch._dynamo.eval_frame.OptimizeContext", ["enter_exit_hooks", {"list": [SYSTEM]}], False),
    "data under another name": ("torch._dynamo.eval_frame.OptimizeContext", ["callback", None], False),
}  # fmt: skip


@pytest.mark.parametrize("label", STATES)
def test_states_decide(label: str) -> None:
    name, pairs, expected = STATES[label]
    assert is_inert_build(name, {"dict": pairs}) is expected
    assert not is_inert_build(name, {"call": SYSTEM, "args": {"tuple": []}})


def test_packages_that_are_joined_take_nothing_away() -> None:
    known = present_tables()
    assert join_tables(known, known) == known
    ruled = next(iter(known.argument_rules))
    module, _, name = ruled.rpartition(".")
    found = replace(known, classes={"acme.nets": "Net"}, calls={module: name}, texts={**known.texts, "REFUSED": "Net"})
    joined = join_tables(known, found)
    assert joined.classes == {**known.classes, "acme.nets": "Net"}
    assert name not in joined.calls.get(module, "").split(), "a name under a rule is never harmless with any arguments"
    assert joined.texts["REFUSED"] == known.texts["REFUSED"]


@pytest.mark.parametrize(
    "name",
    [
        "ngboost.api.NGBRegressor",
        "boruta.boruta_py.BorutaPy",
        "crepes.base.WrapRegressor",
        "snorkel.labeling.model.label_model.LabelModel",
        "xarray.core.dataset.Dataset",
        "econml.tree._tree.Tree",
        "recbole.model.general_recommender.bpr.BPR",
    ],
)
def test_classes_that_were_read_are_inert(name: str) -> None:
    assert is_class(name)


@pytest.mark.parametrize(
    "name",
    [
        "sklearn_crfsuite._fileresource.FileResource",  # writes to a path, and removes one, that its state names
        "torch_geometric.nn.conv.gcn_conv.GCNConv",  # makes code of what its state says, and imports it
        "flaml.automl.automl.AutoML",  # asks a tracking server
    ],
)
def test_classes_whose_state_does_more_are_not(name: str) -> None:
    assert not is_class(name)
