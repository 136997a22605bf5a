"""Models that mlflow itself saved, as folders: they are quiet, and what loading them runs is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import modelsweep
from modelsweep.core.finding import Severity
from modelsweep.core.report import Report

pytest.importorskip("mlflow")
# In a process of its own: mlflow starts threads, and warns
SAVE = """
import sys
sys.path.insert(0, "source")
import mlflow.pyfunc, mlflow.sklearn
from sklearn.linear_model import LogisticRegression

model = LogisticRegression().fit([[0], [1]], [0, 1])
packages = dict(pip_requirements=["scikit-learn"], code_paths=["source/acme"])
mlflow.sklearn.save_model(model, "pickled", serialization_format="cloudpickle", **packages)
mlflow.sklearn.save_model(model, "skops", serialization_format="skops", skops_trusted_types=["numpy.dtype"], **packages)
mlflow.pyfunc.save_model("loader", loader_module="myloader", code_paths=["source/myloader.py"])
mlflow.pyfunc.save_model("from_code", python_model="source/script.py", pip_requirements=["mlflow"])


class Net(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input


mlflow.pyfunc.save_model("by_value", python_model=Net(), pip_requirements=["mlflow"])
"""
SCRIPT = """import mlflow


class Net(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input


mlflow.models.set_model(Net())
"""
LOADER = "import helper\n\n\ndef _load_pyfunc(path):\n    return helper\n"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models."""
    folder = tmp_path_factory.mktemp("mlflow")
    (folder / "source" / "acme").mkdir(parents=True)
    (folder / "source" / "acme" / "__init__.py").write_text("")
    (folder / "source" / "script.py").write_text(SCRIPT)
    (folder / "source" / "myloader.py").write_text(LOADER)
    (folder / "source" / "helper.py").write_text("")
    done = subprocess.run([sys.executable, "-c", SAVE], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def said(report: Report, least: Severity = Severity.INFO) -> list[tuple[str, str]]:
    """Return rule and file of findings."""
    return [(f.rule.id, f.locator.name) for f in report.findings if f.severity >= least]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pickled", []),
        ("skops", []),
        ("by_value", [("pickle/code-object", "python_model.pkl")]),
        ("loader", [("repository/loaded-code", "myloader.py")]),
        ("from_code", [("repository/loaded-code", "script.py")]),
    ],
)
def test_what_mlflow_saves_is_quiet(saved: Path, name: str, expected: list[tuple[str, str]]) -> None:
    report = modelsweep.scan(saved / name)
    assert said(report) == expected
    assert report.all_problems == ()


def test_a_loader_that_runs_a_command_and_one_that_imports_it(saved: Path) -> None:
    code = saved / "loader" / "code"
    loader = code / "myloader.py"
    before = loader.read_text()
    try:
        loader.write_text(before.replace("return", "import os; os.system('echo modelsweep-test'); return"))
        (code / "helper.py").write_text("import os\nos.system('echo modelsweep-test')\n")
        assert said(modelsweep.scan(saved / "loader"), Severity.WARNING) == [
            ("repository/dangerous-code", "helper.py"),
            ("python/command-on-import", "helper.py"),
            ("python/execution-in-model", "myloader.py"),
        ]
    finally:
        loader.write_text(before)
        (code / "helper.py").unlink()
