"""Files made to harm who reads them, through the real job: each is said, and costs neither memory nor the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelsweep.api import JobOptions, scan_job
from modelsweep.core.finding import ProblemKind
from modelsweep.core.limits import Limits
from modelsweep.core.options import Options
from modelsweep.core.report import Gate, Report, Verdict
from modelsweep.core.units import MIB
from tests.bombs import BOMBS, SLOW_BOMBS, Bomb
from tests.scanners.pickle.assembler import EVIL_PICKLE

MEMORY = 512 * MIB
SECONDS = 60.0
"""Far more than any of them takes: a limit on hanging, not a measurement."""
CLEAN = b"\x80\x02}."


def scanned(folder: Path) -> Report:
    """Return the report on a folder from children that may take `MEMORY` bytes."""
    options = Options(limits=Limits(memory=MEMORY), timeout=SECONDS)
    return scan_job([str(folder)], JobOptions(options, jobs=1))


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.name)
def test_bombs_are_said_and_harm_nobody(bomb: Bomb, tmp_path: Path) -> None:
    check(bomb, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("bomb", SLOW_BOMBS, ids=lambda bomb: bomb.name)
def test_large_bombs_are_said_and_harm_nobody(bomb: Bomb, tmp_path: Path) -> None:
    check(bomb, tmp_path)


def check(bomb: Bomb, folder: Path) -> None:
    """Scan a bomb between a clean and a malicious file, and assert what the report says of all three."""
    (folder / "a_clean.pkl").write_bytes(CLEAN)
    (folder / "z_evil.pkl").write_bytes(EVIL_PICKLE)
    with (folder / bomb.name).open("wb") as file:
        file.writelines(bomb.build())
    report = scanned(folder)
    verdicts = {result.unit.locator.name: result.verdict for result in report.results}
    assert verdicts == {"a_clean.pkl": Verdict.CLEAN, "z_evil.pkl": Verdict.MALICIOUS, bomb.name: bomb.verdict}
    result = next(result for result in report.results if result.unit.locator.name == bomb.name)
    failures = [problem for problem in result.problems if problem.kind in (ProblemKind.CRASH, ProblemKind.TIMEOUT)]
    assert not failures, failures
    said = [f"{problem.locator}: {problem.detail}" for problem in result.problems]
    assert not any("memory" in text for text in said), said
    said += [f"{finding.locator}: {finding.message}" for finding in result.findings]
    assert any(bomb.name in text and bomb.says in text for text in said), said
    assert Gate().exit_code(report) == 1
    (folder / "z_evil.pkl").unlink()


@pytest.mark.parametrize("bomb", [bomb for bomb in BOMBS if bomb.verdict is Verdict.NOT_SCANNED][:6])
def test_what_cannot_be_examined_fails_a_job_by_itself(bomb: Bomb, tmp_path: Path) -> None:
    (tmp_path / bomb.name).write_bytes(b"".join(bomb.build()))
    assert Gate().exit_code(scanned(tmp_path)) == 2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_folder_of_100_000_files(tmp_path: Path) -> None:
    for number in range(100_000):
        (tmp_path / f"{number:06}.pkl").write_bytes(CLEAN)
    (tmp_path / "099999.pkl").write_bytes(EVIL_PICKLE)
    report = scan_job([str(tmp_path)], JobOptions())
    assert report.verdicts() == {
        Verdict.MALICIOUS: 1,
        Verdict.REVIEW: 0,
        Verdict.NOT_SCANNED: 0,
        Verdict.CLEAN: 99_999,
    }
