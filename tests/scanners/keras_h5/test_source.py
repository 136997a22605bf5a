"""What stands between h5py and a file: no package, and structure that would fill the memory."""

from __future__ import annotations

import io
import json
import sys

import h5py
import pytest

from modelsweep.core.finding import ProblemKind
from modelsweep.core.limits import Limits
from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from modelsweep.core.units import MIB
from tests.scanners.case import examine_bytes
from tests.scanners.keras_h5.cases import file, weights


def test_without_h5py_a_file_is_not_clean_and_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = file(weights)()
    monkeypatch.setitem(sys.modules, "h5py", None)
    result = examine_bytes(data, "model.h5")
    assert result.verdict is Verdict.NOT_SCANNED
    (problem,) = result.problems
    assert problem.kind is ProblemKind.DEPENDENCY
    assert "h5py" in problem.detail


def test_an_attribute_larger_than_may_be_held_is_not_read() -> None:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as made:
        made.attrs["model_config"] = json.dumps({"class_name": "Model", "config": {}}) + " " * 4 * MIB
    result = examine_bytes(stream.getvalue(), "model.h5", Options(limits=Limits(parsed_bytes=1 * MIB)))
    assert result.verdict is Verdict.NOT_SCANNED
    assert {problem.kind for problem in result.problems} == {ProblemKind.LIMIT}
