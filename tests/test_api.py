"""The public API: what people write in their own programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import modelsweep
from modelsweep.api import JobOptions, scan_job
from modelsweep.core.finding import ProblemKind
from modelsweep.core.options import Options
from modelsweep.core.report import UnitResult, Verdict
from modelsweep.core.wire import dumps, encode_result
from tests.worker.conftest import PLUGIN, hostile

__all__ = ["hostile"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a text, something unknown, and an empty file."""
    models = tmp_path / "models"
    models.mkdir()
    (models / "LICENSE").write_text("A licence text.\n" * 20)
    (models / "unknown.bin").write_bytes(b"?!\x07\x01" * 256)
    (models / "empty.pt").write_bytes(b"")
    return models


def test_scan_takes_paths_texts_and_lists(folder: Path) -> None:
    one = modelsweep.scan(folder)
    for report in (modelsweep.scan(str(folder)), modelsweep.scan([folder]), modelsweep.scan([str(folder)], jobs=1)):
        assert _without_times(report) == _without_times(one)
    assert [result.unit.locator.name for result in one.results] == ["LICENSE", "empty.pt", "unknown.bin"]
    assert [result.verdict for result in one.results] == [Verdict.CLEAN, Verdict.NOT_SCANNED, Verdict.NOT_SCANNED]


def test_two_spellings_of_a_target_are_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    report = modelsweep.scan(["models/empty.pt", "./models", folder / "LICENSE", folder])
    assert report.targets == ("./models/empty.pt", "./models", "./models/LICENSE")
    assert len(report.results) == 3


def test_scan_says_what_was_used_and_read(folder: Path) -> None:
    report = modelsweep.scan(folder, timeout=600, allow_imports=["acme.*"], max_file_size=2**30)
    assert report.targets == (str(folder),)
    assert report.tool.version == modelsweep.__version__
    assert len(report.tool.ruleset) == 64
    assert "text" in report.tool.scanners
    assert report.bytes_read == sum(path.stat().st_size for path in folder.iterdir())
    assert report.options["timeout"] == 600
    assert report.options["allow_imports"] == ["acme.*"]
    assert report.options["max_file_size"] == 2**30
    assert report.run.start_time > 0
    assert report.run.duration > 0


def test_what_is_left_out_by_size_is_said(folder: Path) -> None:
    report = modelsweep.scan(folder, max_file_size=500)
    assert [(problem.kind, problem.locator.name) for problem in report.problems] == [
        (ProblemKind.SKIPPED, "unknown.bin")
    ]


def test_a_target_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    report = modelsweep.scan(tmp_path / "missing")
    assert not report.results
    assert [problem.kind for problem in report.problems] == [ProblemKind.SOURCE]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"blacklist": [""]}, "blacklist: an empty text"),
        ({"blacklist": ""}, "blacklist: an empty text"),
        ({"allow_imports": ["acme.*", ""]}, "allow_imports: an empty text"),
        ({"scanners": ["pickel"]}, "'pickel' is not a scanner: did you mean pickle"),
        ({"scanners": "nope"}, "'nope' is not a scanner"),
        ({"depth": "deep"}, "depth: 'deep' is not one of 'quick', 'full'"),
        ({"reuse": "all"}, "reuse: 'all' is not one of 'nothing', 'objects', 'files'"),
        ({"jobs": -1}, "jobs: -1 is not a number of 0 or more"),
        ({"timeout": 0}, "timeout: 0 seconds"),
        ({"timeout": float("nan")}, "timeout: nan is not a number of 0 or more"),
        ({"max_file_size": -1}, "max_file_size: -1 is not a number of 0 or more"),
    ],
)
def test_arguments_that_nobody_can_mean_are_refused(folder: Path, arguments: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        modelsweep.scan(folder, **arguments)


@pytest.mark.parametrize("arguments", [{"timeout": None}, {"max_total_size": "1GB"}, {"jobs": True}, {"include": [1]}])
def test_arguments_of_another_type_are_refused(folder: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=rf"^{next(iter(arguments))}: .* is not (a number|text)$"):
        modelsweep.scan(folder, **arguments)


def test_one_text_is_one_pattern_and_not_its_letters(folder: Path) -> None:
    report = modelsweep.scan(folder, include="*.pt", allow_imports="acme.*", blacklist="nothing-of-it", scanners="text")
    assert [result.unit.locator.name for result in report.results] == ["empty.pt"]
    assert report.options["allow_imports"] == ["acme.*"]
    assert report.options["blacklist"] == ["nothing-of-it"]
    assert report.options["scanners"] == ["text"]


def test_scanners_go_by_the_names_that_people_write(folder: Path) -> None:
    named = modelsweep.scan(folder, scanners=["PickleScanner", "TensorflowSavedModelScanner", "H5Scanner", "TEXT"])
    assert named.options["scanners"] == ["pickle", "keras-h5", "tensorflow", "text"]


def test_bytes_are_no_target() -> None:
    with pytest.raises(TypeError):
        modelsweep.scan(b"not a path")  # type: ignore[arg-type]


def test_progress_sees_every_result_once(folder: Path) -> None:
    seen: list[UnitResult] = []
    report = modelsweep.scan(folder, progress=seen.append)
    assert sorted(seen, key=lambda result: result.unit.index) == list(report.results)


def test_results_are_in_report_order_whatever_completes_first(hostile: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for number in range(12):
        action = "spool 20" if number % 4 == 0 else "segfault" if number % 4 == 1 else f"nothing {number}"
        (models / f"{number:02}").write_bytes(f"HOSTILE {action}\n".encode())
    options = JobOptions(Options(plugins=(PLUGIN,)), jobs=3)
    first, second = (_without_times(scan_job([str(models)], options)) for _ in range(2))
    assert first == second
    assert first == _without_times(scan_job([str(models)], JobOptions(Options(plugins=(PLUGIN,)), jobs=1)))


def _without_times(report: modelsweep.Report) -> list[bytes]:
    encoded = [{**encode_result(result), "duration": 0} for result in report.results]
    return [dumps(result) for result in encoded]


def test_nothing_varies_under_source_date_epoch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    first, second = modelsweep.scan(folder), modelsweep.scan(folder)
    assert first == second
    assert (first.run.start_time, first.run.duration) == (1_700_000_000.0, 0.0)
    assert {result.duration for result in first.results} == {0.0}


def test_this_process_parses_nothing(folder: Path) -> None:
    code = "import sys; from modelsweep import scan; scan(sys.argv[1]); print(*sorted(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(Path(modelsweep.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code, str(folder)], env=environment, capture_output=True, text=True)
    modules = done.stdout.split()
    assert "worker.supervisor" in modules
    heavy = "scanners click rich tempfile subprocess hyperscan numpy jinja2 importlib.metadata"
    assert not set(heavy.split()) & set(modules)
