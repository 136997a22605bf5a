"""Files that take a process with them, hang, or change while they wait: one verdict each, and nobody else suffers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelsweep.fleet.answers import JobState
from tests.fleet.survival.collection import POISON, clean, collection, malicious, poisoned
from tests.fleet.survival.scene import QUICK, Scene, scanned


def results(report: bytes) -> dict[str, tuple[Any, ...]]:
    """Return verdict, size and digest of each file of a report by its name."""
    return {
        Path(entry["path"]).name: (entry["verdict"], entry["size"], entry["digest"])
        for entry in json.loads(report.removesuffix(b",") + b"}" * report.endswith(b","))["verdicts"]
    }


def problems(report: bytes) -> dict[str, str]:
    """Return the problems of a report of opening and of dying, by the name of their file."""
    return {
        Path(problem["location"]).name: problem["message"]
        for problem in json.loads(report)["problems"]
        if problem["scanner"] in ("source", "supervisor", "child", "hostile")
    }


@pytest.fixture
def own(scene: Scene, tmp_path: Path) -> Path:
    """A collection of the test's own, which the workers of the scene may read."""
    scene.root = collection(tmp_path / "own", 40)
    return scene.root


@pytest.mark.parametrize("chunk_files", [1, 64], ids=["alone", "together"])
def test_poison_costs_one_problem_each(scene: Scene, own: Path, site: Path, tmp_path: Path, chunk_files: int):
    poisoned(own)
    scene.work(slots=2, lease=5)
    job = scene.submit(options=QUICK, chunk_files=chunk_files)
    progress = scene.settled(job, scanned(own, site, tmp_path, QUICK))
    assert "leases_lost" not in progress.counts
    found = problems(scene.report(job))
    assert {name for name in found if name.startswith("poison-")} == {f"poison-{name}.bin" for name in POISON}


def test_files_that_vanish_or_change_before_they_are_read(scene: Scene, own: Path, site: Path, tmp_path: Path):
    before = results(scanned(own, site, tmp_path))
    job = scene.submit()
    gone, grown, cut = own / "0" / "0000.pkl", own / "3" / "0008.pkl", own / "1" / "0001.pkl"
    gone.unlink()
    grown.write_bytes(malicious(8) + bytes(500))
    cut.write_bytes(malicious(1)[:12])
    after = results(scanned(own, site, tmp_path))
    scene.work(slots=2)
    scene.settled(job, None)
    report = scene.report(job)
    found = results(report)
    assert "vanished" in problems(report)[gone.name]
    changed = {gone.name, grown.name, cut.name}
    assert {name: found[name] for name in found.keys() - changed} == {
        name: before[name] for name in before.keys() - changed
    }
    for name in (grown.name, cut.name):
        assert found[name][0] == after[name][0] == "malicious" or name == cut.name
        assert found[name][2] == after[name][2]


def test_what_was_not_there_for_a_while_is_found_by_retry(scene: Scene, own: Path, site: Path, tmp_path: Path):
    expected = scanned(own, site, tmp_path)
    hidden = [own / "0" / "0000.pkl", own / "1" / "0001.pkl"]
    job = scene.submit()
    for path in hidden:
        path.rename(path.with_suffix(".away"))
    scene.work(slots=2)
    scene.settled(job, None)
    assert problems(scene.report(job)).keys() == {path.name for path in hidden}
    for path in hidden:
        path.with_suffix(".away").rename(path)
    retried = scene.fleet.retry(job)
    assert len(retried.again) == 2
    assert scene.progress(job).state is not JobState.LISTING
    scene.settled(job, expected, published=2)


def test_a_file_that_was_clean_when_it_was_listed(scene: Scene, own: Path):
    job = scene.submit()
    (own / "0" / "0000.pkl").write_bytes(malicious(0))
    (own / "1" / "0001.pkl").write_bytes(clean(1))
    scene.work()
    scene.settled(job, None)
    found = results(scene.report(job))
    assert (found["0000.pkl"][0], found["0001.pkl"][0]) == ("malicious", "clean")
