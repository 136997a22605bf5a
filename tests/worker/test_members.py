"""Members of an archive that are units of their own: examined at once, and one result with their archive."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from modelsweep.api import JobOptions, scan_job
from modelsweep.core.finding import ProblemKind
from modelsweep.core.limits import Limits
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.report import Unit, UnitResult, Verdict
from sources.opening import opener
from tests.worker.conftest import HOSTILE
from worker.supervisor import Supervisor
from worker.tasks import OpenUnit

ALL = Limits(expanded_ratio=1 << 30)
"""With which every compressed member is a unit of its own."""
EVIL = b"cos\nsystem\n(S'echo modelsweep-test'\ntR."


def archive(path: Path, members: Mapping[str, bytes]) -> Unit:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return Unit(0, Locator(str(path)), path.stat().st_size)


def apart(supervisor: Supervisor, units: Iterable[Unit], open_unit: OpenUnit) -> list[UnitResult]:
    return [examined.result for examined in supervisor.examine_apart(units, open_unit)]


def examined(unit: Unit, jobs: int, options: Options) -> UnitResult:
    with Supervisor(options, jobs) as supervisor:
        (result,) = supervisor.examine([unit], opener([unit.locator.uri]))
    return result


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_one_member_does_to_its_process_costs_that_member(hostile: Path, tmp_path: Path, jobs: int) -> None:
    actions = {"0": "nothing 1", "1": "segfault", "2": "nothing 2", "3": "hang", "4": "impersonate", "5": "nothing 3"}
    members = {name: b"HOSTILE " + action.encode() + b"\n" for name, action in actions.items()}
    unit = archive(tmp_path / "x.zip", members)
    result = examined(unit, jobs, replace(HOSTILE, limits=ALL, timeout=2))
    assert [finding.subject for finding in result.findings] == ["1", "2", "3"]
    assert [(problem.locator.members, problem.kind) for problem in result.problems] == [
        (("1",), ProblemKind.CRASH),
        (("3",), ProblemKind.TIMEOUT),
        (("4",), ProblemKind.CRASH),
    ]
    assert [item.locator.members for item in result.artifacts] == [(), ("0",), ("2",), ("5",)]
    assert not result.members


def test_a_report_is_the_same_however_many_examine_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    for number in range(3):
        archive(tmp_path / f"{number}.zip", {f"{name}.pkl": EVIL if name == number else b"N." for name in range(6)})
    (tmp_path / "plain.pkl").write_bytes(b"N.")
    reports = [
        scan_job([str(tmp_path)], JobOptions(Options(limits=limits), jobs=jobs))
        for jobs, limits in ((1, ALL), (4, ALL), (2, replace(ALL, apart=0)))
    ]
    assert reports[0].results == reports[1].results == reports[2].results
    assert reports[0].totals == reports[2].totals
    assert [result.verdict for result in reports[0].results] == [*[Verdict.MALICIOUS] * 3, Verdict.CLEAN]
    assert reports[0].totals.files == 4


def test_whoever_wants_no_whole_results_is_told_the_members(tmp_path: Path) -> None:
    unit = archive(tmp_path / "x.zip", {"a.pkl": EVIL, "b.pkl": b"N."})
    with Supervisor(Options(limits=ALL), 1) as supervisor:
        open_unit = opener([unit.locator.uri])
        (result,) = apart(supervisor, [unit], open_unit)
        units = [member.unit for member in result.members]
        assert [found.locator.members for found in units] == [("a.pkl",), ("b.pkl",)]
        first, second = apart(supervisor, units, open_unit)
    assert not result.findings
    assert {first.verdict, second.verdict} == {Verdict.MALICIOUS, Verdict.CLEAN}


def _rewritten(path: Path) -> None:
    archive(path, {"a.pkl": b"N.", "b.pkl": EVIL * 3, "c.pkl": b"N."})


@pytest.mark.parametrize("change", [_rewritten, lambda path: path.write_bytes(b"N." * 50), Path.unlink])
def test_members_of_an_archive_that_changed_meanwhile_are_not_examined(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    path = tmp_path / "x.zip"
    unit = archive(path, {"a.pkl": EVIL, "b.pkl": b"N."})
    with Supervisor(Options(limits=ALL), 1) as supervisor:
        open_unit = opener([unit.locator.uri])
        (result,) = apart(supervisor, [unit], open_unit)
        change(path)
        results = apart(supervisor, [member.unit for member in result.members], open_unit)
    for part in results:
        assert [problem.kind for problem in part.problems] in ([ProblemKind.CHANGED], [ProblemKind.SOURCE])
        assert not part.findings
