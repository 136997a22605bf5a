"""Save and load objects of the frameworks of this environment, and print as JSON which globals their pickles name.

Run by the generator as `python -m scripts.inert.saves` with the interpreter of each environment. A framework that is
missing there is left out; an object that cannot be saved or loaded is listed under "failed".
"""

# mypy: disable-error-code="import-not-found, import-untyped, no-any-return, attr-defined"

from __future__ import annotations

import importlib
import io
import json
import pickle
import sys
import warnings
from functools import partial
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any

from scripts.inert.introspection import compiled_classes, weights_only_names
from scripts.inert.recording import recording_pickle, uses

if TYPE_CHECKING:
    from collections.abc import Callable

SUBJECTS = (
    "standard_library", "numpy_objects", "pandas_objects", "scipy_objects", "sklearn_objects", "boosted_trees",
    "torch_objects", "transformers_objects", "small_packages",
)  # fmt: skip
failed: dict[str, str] = {}


def save_and_load(label: str, saved: Any) -> None:
    """Send one object through pickle protocols 0 to 5, dill, cloudpickle and joblib."""
    for protocol in range(6):
        attempt(f"{label} protocol {protocol}", partial(_through_pickle, saved, protocol))
    for package in ("dill", "cloudpickle"):
        attempt(f"{label} {package}", partial(_through_package, saved, package))
    attempt(f"{label} joblib", partial(_through_joblib, saved))


def attempt(label: str, step: Callable[[], object]) -> None:
    """Run one save; what frameworks raise here is of every kind, and only reported."""
    try:
        step()
    except Exception as error:  # noqa: BLE001 - a save that fails is a line of the report, whatever the framework raised
        failed[label] = f"{type(error).__name__}: {error}"[:160]


def _through_pickle(saved: Any, protocol: int) -> Any:
    return recording_pickle.loads(pickle.dumps(saved, protocol))


def _through_package(saved: Any, package: str) -> Any:
    return recording_pickle.loads(importlib.import_module(package).dumps(saved))


def _through_joblib(saved: Any) -> Any:
    import joblib

    stream = io.BytesIO()
    joblib.dump(saved, stream)
    stream.seek(0)
    return joblib.load(stream)


def main() -> None:
    """Run every subject whose framework is here; print what was seen."""
    warnings.simplefilter("ignore")
    for subject in SUBJECTS:
        attempt(subject, partial(_run, subject))
    versions = {found.metadata["Name"]: found.version for found in distributions()}
    rows = [[module, name, sorted(roles)] for (module, name), roles in sorted(uses.items())]
    report = {"versions": versions, "uses": rows, "failed": failed}
    report |= {"compiled": compiled_classes(), "weights_only": weights_only_names()}
    json.dump(report, sys.stdout)


def _run(name: str) -> None:
    """Save every object of one subject, in the subject's own way if it has one."""
    subject = importlib.import_module(f"scripts.inert.subjects.{name}")
    save = getattr(subject, "save_and_load", save_and_load)
    for label, make in subject.makers().items():
        attempt(label, partial(_save_made, save, label, make))


def _save_made(save: Callable[[str, Any], object], label: str, make: Callable[[], Any]) -> None:
    save(label, make())


if __name__ == "__main__":
    main()
