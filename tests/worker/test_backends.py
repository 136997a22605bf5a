"""Whatever the numbers of weights are computed with, in the sandboxed process: the same comes out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from modelsweep.core.options import Options
from modelsweep.core.report import Unit, UnitResult
from modelsweep.core.values import replace
from producer.plan import plan
from scanners import SCANNERS
from sources.opening import opener
from tests.scanners.test_weights import samples
from tests.worker import hostile_scanner
from tests.worker.conftest import PLUGIN
from worker import backends
from worker.backends import AUTO, CHOICES, NUMPY, BackendFault, computing_with, devices, environment, usable
from worker.ruleset import tool
from worker.supervisor import Supervisor

Examined = Callable[[str], list[UnitResult]]
NO_TORCH = "torch is not installed: see ./dev help"


@pytest.fixture
def examined(hostile: Path, tmp_path: Path) -> Examined:
    """Return what examines models in one child, and last a file that has torch imported, with a backend."""
    names = []
    for name, data in samples().items():
        names.append(str(tmp_path / f"{name}.safetensors"))
        Path(names[-1]).write_bytes(data)
    last = tmp_path / "z.hostile"
    last.write_bytes(hostile_scanner.MARK + b"import torch\n" + bytes(1000))
    targets = [*sorted(names), str(last)]
    units = [item for item in plan(targets) if isinstance(item, Unit)]

    def run(backend: str) -> list[UnitResult]:
        with Supervisor(Options(plugins=(PLUGIN,), timeout=120), 1, backend=backend) as supervisor:
            results = list(supervisor.examine(units, opener(targets)))
        return sorted(results, key=lambda result: result.unit.index)

    return run


def has_gpu() -> bool:
    """Return whether there is a device that a backend might find."""
    return set(devices("cupy")) != {os.devnull}


def without_times(results: list[UnitResult]) -> list[UnitResult]:
    """Return results as two runs have them in common."""
    return [replace(result, duration=0.0) for result in results]


def test_torch_in_the_sandbox_says_what_numpy_says(examined: Examined) -> None:
    pytest.importorskip("torch", reason=NO_TORCH)
    (*expected, before), (*found, after) = examined(NUMPY), examined("torch")
    assert without_times(found) == without_times(expected)
    assert any(result.findings for result in found)
    assert not any(result.problems for result in found)
    # The last file imports torch: it is there already, where else it is refused what it needs
    told = [[problem.detail.partition(":")[0] for problem in result.problems] for result in (before, after)]
    assert told == [["RuntimeError"], ["AssertionError"]]


def test_a_device_that_is_not_there_costs_no_result(examined: Examined) -> None:
    """As where a GPU goes away under a worker: NumPy computes the same."""
    if has_gpu():
        pytest.skip("there is a GPU")
    expected, found = examined(NUMPY)[:-1], examined("torch:cuda")[:-1]
    assert without_times(found) == without_times(expected)


@pytest.mark.parametrize("backend", [choice for choice in CHOICES if choice != AUTO])
def test_the_ruleset_does_not_tell_what_computes(backend: str) -> None:
    chosen = computing_with(SCANNERS, backend)
    assert tool(chosen) == tool(SCANNERS)
    assert [scanner.name for scanner in chosen] == [scanner.name for scanner in SCANNERS]
    assert (chosen == SCANNERS) == (backend == NUMPY)


def test_a_library_that_works_is_used() -> None:
    pytest.importorskip("torch", reason=NO_TORCH)
    assert usable("torch") == "torch"


def test_a_library_that_does_not_work_is_refused_with_the_reason() -> None:
    if has_gpu():
        pytest.skip("there is a GPU")
    with pytest.raises(BackendFault, match=r"weights cannot be computed with cupy: .+"):
        usable("cupy")


def test_without_a_gpu_numpy_is_chosen() -> None:
    if has_gpu():
        pytest.skip("there is a GPU")
    assert usable(AUTO) == usable(NUMPY) == NUMPY


def test_only_workers_with_a_gpu_let_devices_into_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nvidia0", "nvidiactl", "sda"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setattr(backends, "_DEVICES", (str(tmp_path / "nvidia*"),))
    given = {"CUDA_VISIBLE_DEVICES": "1", "AWS_SECRET_ACCESS_KEY": "x"}
    assert (devices(NUMPY), environment(NUMPY, given)) == ((), {})
    assert (devices("torch"), environment("torch", given)) == ((os.devnull,), {})
    for backend in ("cupy", "torch:cuda"):
        assert sorted(devices(backend)) == [os.devnull, str(tmp_path / "nvidia0"), str(tmp_path / "nvidiactl")]
        assert environment(backend, given)["CUDA_VISIBLE_DEVICES"] == "1"
        assert "AWS_SECRET_ACCESS_KEY" not in environment(backend, given)
