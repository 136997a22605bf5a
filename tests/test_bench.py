"""The benchmark harness: a tiny run of everything of ours, and that what it measures is what a process took."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the harness measures on Linux only", allow_module_level=True)

from bench.__main__ import main
from bench.finalizing import CASES as FORMATS
from bench.fleet import CHUNK_FILES, LEASE, measure_fleet
from bench.fleet_tables import fleet_section
from bench.goals import cpu_at_most, fewer_cpu, quick_after_start, times_hash
from bench.measure import Cost, interpreter_peak, run
from bench.opcodes import PICKLETOOLS, PURE, measure_rates
from bench.peers import HASH, OURS
from bench.reports import CASES, measure_reports
from bench.results import Results
from bench.tables import fill, reports_section, table
from bench.workloads import WORKLOADS
from modelsweep.core.units import MIB
from modelsweep.fleet.private_redis import find_redis_server
from tests.fleet.redis_server import MISSING

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}
BUSY = """
import subprocess, sys, time
held = bytes(96 << 20).replace(b"\\0", b"x")
if len(sys.argv) > 1:
    subprocess.run([sys.executable, "-c", sys.argv[1]])
else:
    while time.process_time() < 0.3: pass
"""


# In a process of its own: what this one has in memory would count for the one that it starts.
MEASURE = """
import sys
from pathlib import Path
from bench.measure import run
cost = run([sys.executable, "-c", *sys.argv[1:]], {"PATH": "/usr/bin:/bin"}, Path("/"), 60)
print(cost.cpu, cost.wall, cost.peak, cost.tree, cost.status)
"""


def busy(*arguments: str) -> Cost:
    command = [sys.executable, "-c", MEASURE, BUSY, *arguments]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    cpu, wall, peak, tree, status = said.split()
    return Cost(float(cpu), float(wall), int(peak), int(tree), int(status))


def test_cpu_and_memory_of_a_child_and_its_child_count() -> None:
    alone, nested = busy(), busy(BUSY)
    for cost in (alone, nested):
        assert cost.status == 0
        assert 0.3 <= cost.cpu < 10
        assert cost.wall > 0.1
        assert 96 * MIB < cost.peak < 400 * MIB
    assert nested.tree > 1.7 * 96 * MIB, "parent and child together"


def test_a_run_is_stopped_at_the_time_limit_and_an_exit_status_is_kept() -> None:
    stopped = run([sys.executable, "-c", "import time; time.sleep(60)"], ENVIRONMENT, Path("/"), 0.3)
    assert stopped.status is None
    assert stopped.wall < 30
    assert run([sys.executable, "-c", "raise SystemExit(3)"], ENVIRONMENT, Path("/"), 60).status == 3


def test_an_interpreter_takes_some_megabytes() -> None:
    assert 4 * MIB < interpreter_peak() < 100 * MIB


def test_a_tiny_run_has_every_row_and_fills_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("nested.zip", "checkpoint.pt", "small")
    page = tmp_path / "page.md"
    page.write_text("".join(f"<!-- bench: {name} -->\nold\n<!-- end: {name} -->\n" for name in names))
    chosen = [argument for name in names for argument in ("--only", name)]
    folder = tmp_path / "files"
    assert (
        main(
            ["--peers", "", "--runs", "1", "--scale", "0.01", "--folder", str(folder), "--markdown", str(page), *chosen]
        )
        == 0
    )
    printed, written = capsys.readouterr().out, page.read_text()
    for workload in (workload for workload in WORKLOADS if workload.name in names):
        section = written.partition(f"### {workload.title}")[2].partition("<!-- end")[0]
        assert section
        assert section in printed + "\n\n"
        rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
        assert [row.split("|")[1].strip().rpartition(" ")[0] for row in rows] == list(workload.own)
        assert rows[0].split("|")[-2].strip() == ("finding" if workload.malicious else "clean")
        assert all(goal.title in section for goal in workload.goals)
    assert "old" not in written
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_a_workload_is_the_same_every_time(workload, tmp_path: Path) -> None:
    def content(path: Path) -> dict[str, bytes]:
        files = sorted(path.rglob("*")) if workload.folder else [path]
        return {str(file.relative_to(path)): file.read_bytes() for file in files if file.is_file()}

    first, second = tmp_path / "first", tmp_path / "second"
    # The containers that hold the time of writing differ in that alone
    workload.make(first, 0.001)
    workload.make(second, 0.001)
    ours, theirs = content(first), content(second)
    assert ours.keys() == theirs.keys()
    assert [len(data) for data in ours.values()] == pytest.approx([len(data) for data in theirs.values()], abs=8)


def test_rates_of_all_walkers_are_measured() -> None:
    rates = list(measure_rates(1, 0.001))
    assert {PURE, PICKLETOOLS} <= {rate.walker for rate in rates}
    assert all(0.01 < rate.millions < 10_000 for rate in rates)


def test_rates_of_reports_are_measured() -> None:
    rates = list(measure_reports(1, 0.001))
    assert [rate.formats for rate in rates] == list(CASES)
    assert all(rate.units == 1000 and rate.rate > 10 and rate.peak > 4 * MIB for rate in rates)
    assert "### Reports of 1,000 units" in reports_section(rates, "note")


def test_a_tiny_run_of_the_fleet_has_every_figure(tmp_path: Path) -> None:
    if find_redis_server() is None:
        pytest.skip(f"no fleet can be started: {MISSING}")
    folder = tmp_path / "fleet"
    figures = measure_fleet(folder, 1, 0.0001, 300.0)
    (job,) = figures.jobs
    assert (job.files, *job.jobs) == (64, *CHUNK_FILES)
    assert min(job.jobs[1].worker, job.jobs[1].examiners) > 0  # the others may be below what the kernel counts in
    assert figures.messages.cpu.worker > 0
    assert figures.ledger.microseconds > 0
    assert 0 < figures.ledger.memory < MIB
    assert [item.formats for item in figures.finalizing] == [*FORMATS, *FORMATS]
    assert all(item.rate > 10 and item.peak > 4 * MIB for item in figures.finalizing)
    assert all(seconds > 0.5 * LEASE for seconds in figures.recoveries)
    assert {name: cost.status for name, cost in figures.collection.items()} == {"scan": 0, "audit": 0}
    section = fleet_section(figures, "note")
    assert all(line in section for line in ("| job, 64 in a chunk", "claimed again after", "| audit -j 2", "note"))
    assert not folder.exists()


def test_ratios_are_taken_within_a_round() -> None:
    def costs(ours: float, other: float) -> dict[str, Cost]:
        return {OURS: Cost(ours, ours, MIB, MIB, 0), HASH: Cost(other, other, MIB, MIB, 0)}

    results = Results((costs(1, 2), costs(30, 60), costs(5, 9)), MIB)
    assert results.ratio(OURS, HASH, "wall") == 0.5
    assert times_hash(1.1).verdict(results) == "wall over SHA-256 ≤ 1.1: 0.5, met"
    assert cpu_at_most(0.15).verdict(results) == "CPU ≤ 0.15 s: 5 s, **missed**"
    assert fewer_cpu("picklescan", 10).verdict(results).endswith("not measured")
    assert quick_after_start(20).figure(results) is None


def test_tables_line_up() -> None:
    assert table(("a", "b"), [("x", "1.25")]).splitlines() == ["| a |    b |", "| - | ---: |", "| x | 1.25 |"]


def test_a_page_without_the_marker_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Benchmarks\n")
    with pytest.raises(ValueError, match="no <!-- bench: small -->"):
        fill(page, "small", "text")
