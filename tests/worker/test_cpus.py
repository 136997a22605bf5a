"""As many children as there are processors for us, however many the machine has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from worker import cpus


@pytest.fixture
def quotas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend to be in the control group /pod/container, on 6 processors; return the folder of the control groups."""
    (tmp_path / "pod" / "container").mkdir(parents=True)
    monkeypatch.setattr(cpus, "_CGROUPS", str(tmp_path))
    monkeypatch.setattr(cpus, "_group", lambda: "/pod/container")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)))
    return tmp_path


@pytest.mark.parametrize(
    ("container", "pod", "jobs"),
    [
        ("max 100000", "max 100000", 6),
        ("200000 100000", "max 100000", 2),
        ("max 100000", "300000 100000", 3),
        ("10000 100000", "300000 100000", 1),
        ("250000 100000", "max 100000", 3),
        ("nonsense", "", 6),
    ],
)
def test_a_quota_of_any_group_above_counts(quotas: Path, container: str, pod: str, jobs: int) -> None:
    (quotas / "pod" / "container" / "cpu.max").write_text(container + "\n")
    (quotas / "pod" / "cpu.max").write_text(pod + "\n")
    assert cpus.default_jobs() == jobs


def test_there_are_never_more_than_pay(quotas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(256)))
    assert cpus.default_jobs() == cpus.MOST


def test_the_real_machine_has_at_least_one() -> None:
    assert 1 <= cpus.default_jobs() <= cpus.MOST
