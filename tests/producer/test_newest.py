"""What was written last is examined first, and chosen first where not all fits; reports keep the order of keys."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from modelsweep import scan
from modelsweep.api import JobOptions, scan_job
from modelsweep.core.finding import Problem
from modelsweep.core.options import Options, Selection
from modelsweep.core.report import Unit
from modelsweep.fleet.job import JobSpec
from producer import submit
from producer.plan import BEGINNING, plan, plan_after

AGES = {"a.pkl": 5, "b/c.pkl": 1, "b/d.pkl": 9, "e.pkl": 3, "f.pkl": 1}
"""Files by path, and how old they are; all have 100 bytes."""


@pytest.fixture
def models(tmp_path: Path) -> str:
    """A folder of files of different ages."""
    for name, age in AGES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"N.".ljust(100, b"\0"))
        os.utime(path, (2_000_000_000 - age, 2_000_000_000 - age))
    return str(tmp_path)


def names(models: str, selection: Selection) -> list[str]:
    """Return the paths that are planned, in order, and with a minus those that are left out."""
    return [
        ("-" if isinstance(item, Problem) else "") + item.locator.uri.removeprefix(f"{models}/")
        for item in plan([models], selection)
    ]


def test_the_newest_come_first_and_keep_their_numbers(models: str) -> None:
    assert names(models, Selection(newest_first=True)) == ["b/c.pkl", "f.pkl", "e.pkl", "a.pkl", "b/d.pkl"]
    indexes = [item.index for item in plan([models], Selection(newest_first=True)) if isinstance(item, Unit)]
    assert indexes == [1, 4, 3, 0, 2]


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (500, ["b/c.pkl", "f.pkl", "e.pkl", "a.pkl", "b/d.pkl"]),
        (499, ["b/c.pkl", "f.pkl", "e.pkl", "a.pkl", "-b/d.pkl"]),
        (250, ["b/c.pkl", "f.pkl", "-a.pkl", "-b/d.pkl", "-e.pkl"]),
        (100, ["b/c.pkl", "-a.pkl", "-b/d.pkl", "-e.pkl", "-f.pkl"]),
        (99, ["-a.pkl", "-b/c.pkl", "-b/d.pkl", "-e.pkl", "-f.pkl"]),
    ],
)
def test_the_newest_are_chosen_where_not_all_fit(models: str, most: int, expected: list[str]) -> None:
    assert names(models, Selection(max_total_size=most, newest_first=True)) == expected


def test_one_that_can_never_fit_keeps_none_out(models: str) -> None:
    Path(models, "huge.pkl").write_bytes(bytes(1000))
    found = names(models, Selection(max_total_size=400, newest_first=True))
    assert found == ["b/c.pkl", "f.pkl", "e.pkl", "a.pkl", "-b/d.pkl", "-huge.pkl"]


def test_why_a_file_is_left_out_is_said(models: str) -> None:
    (problem,) = [
        item for item in plan([models], Selection(max_total_size=400, newest_first=True)) if isinstance(item, Problem)
    ]
    assert problem.detail == "100 B: older than the 400 B that are examined in all"


def test_a_producer_goes_on_behind_any_cursor(models: str) -> None:
    selection = Selection(max_total_size=300, newest_first=True)
    whole = list(plan_after(BEGINNING, [models], selection))
    assert [item.locator.uri for item, _ in whole] == [f"{models}/{name}" for name in sorted(AGES)]
    for place, (item, cursor) in enumerate(whole):
        if isinstance(item, Unit):
            assert list(plan_after(cursor, [models], selection)) == whole[place + 1 :]


def test_the_report_is_the_same(models: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    examined: list[str] = []
    job = JobOptions(Options(), Selection(newest_first=True), jobs=1)
    report = scan_job([models], job, lambda result: examined.append(result.unit.locator.uri.removeprefix(f"{models}/")))
    assert examined == ["b/c.pkl", "f.pkl", "e.pkl", "a.pkl", "b/d.pkl"]
    assert report.results == scan(models).results
    assert report.options["newest_first"] is True
    assert scan(models, newest_first=True).results == report.results


@pytest.mark.parametrize("newest", [True, False])
def test_the_messages_of_a_page_go_out_with_the_newest_first(models: str, newest: bool) -> None:
    spec = JobSpec("a", (models,), selection=Selection(newest_first=newest), chunk_files=2)
    producer = object.__new__(submit.Producer)
    producer._spec, producer._stop = spec, threading.Event()
    ((chunks, _, _),) = producer._filled(BEGINNING, [])
    assert [[unit.locator.name for unit in chunk.units] for chunk in chunks] == [
        ["a.pkl", "c.pkl"],
        ["d.pkl", "e.pkl"],
        ["f.pkl"],
    ]
    assert [place for place, _ in producer._urgent(chunks)] == ([0, 2, 1] if newest else [0, 1, 2])
