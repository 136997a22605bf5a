"""Micro-benchmark: units per second of writing reports of a simulated job, and the memory that takes.

`python -m bench.reports UNITS [FORMAT...]` writes those reports to nowhere, in one pass, and prints CPU seconds, those
of making the units alone, and the peak of its resident set in bytes.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Report, Run, StoredResults, Tool, Unit, UnitResult
from reporting import WRITERS, View, fill

UNITS = 1_000_000
CASES = (("json",), ("sarif",), ("cyclonedx",), ("json", "sarif", "cyclonedx"))
"""Formats that are written together."""
RATE_GOAL = 100_000
"""Units per CPU second, of all formats together."""
MEMORY_GOAL = 100
"""MB."""
RARE = 100
"""One unit in so many has a finding, one a problem; the others are clean."""
_CALL = Rule(
    id="pickle/dangerous-call",
    title="The pickle runs a dangerous function when it is loaded",
    severity=Severity.CRITICAL,
    message="loading would run {subject}({arguments})",
    why="A pickle is a program. This one calls a function that runs commands, and no model needs that.",
    fix="Do not load the file. Ask its author how it was made, and prefer safetensors.",
    cwe=502,
)


@dataclass(frozen=True, slots=True)
class ReportRate:
    """Writing reports of these formats in one pass: units per CPU second (median), and memory in bytes (largest)."""

    formats: tuple[str, ...]
    units: int
    rate: float
    peak: int


def simulated(count: int) -> Report:
    """Return the report of a job over `count` units, which are made anew whenever somebody goes over them."""
    run = Run(1_700_000_000.0, 60.0, ("modelsweep", "audit", "s3://models"), "job")
    results = StoredResults(lambda: map(simulated_result, range(count)), count)
    return Report(("s3://models",), Tool("0.1.0", "f" * 64, ("pickle", "safetensors")), results, run=run)


def simulated_result(number: int) -> UnitResult:
    """Return what examining the unit of that number might yield."""
    where = Locator(f"s3://models/team-{number % 97}/model-{number:07d}/weights-{number % 7}.safetensors", (), "v1")
    digest = f"{(number - number % 3) * 0x9E3779B97F4A7C15 % (1 << 255):064x}"  # a third of the contents are distinct
    blob = Artifact(where, 4096 + number, digest, ("safetensors",))
    unit, facts = Unit(number, where, blob.size), (Fact("framework", "PyTorch", where),)
    if number % RARE == 0:
        findings = (Finding(_CALL, where, "os.system", evidence={"arguments": "'echo modelsweep-test'"}),)
        return UnitResult(unit, (blob,), facts, findings, bytes_read=4096)
    if number % RARE == 1:
        problem = Problem(ProblemKind.MALFORMED, where, "safetensors", "the header ends after 7 of 8 bytes")
        return UnitResult(unit, (blob,), problems=(problem,), bytes_read=4096)
    return UnitResult(unit, (blob,), facts, bytes_read=4096)


def measure_reports(rounds: int, scale: float) -> Iterator[ReportRate]:
    """Yield what writing each case takes, in a process of its own."""
    units = max(1000, int(UNITS * scale))
    for formats in CASES:
        taken = [_measured(units, formats) for _ in range(rounds)]
        rate = units / median(cpu - making for cpu, making, _ in taken)
        yield ReportRate(formats, units, rate, max(int(peak) for _, _, peak in taken))


def _measured(units: int, formats: Sequence[str]) -> tuple[float, float, float]:
    command = [sys.executable, "-m", "bench.reports", str(units), *formats]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    cpu, making, peak = map(float, answer)
    return cpu, making, peak


def write_simulated(units: int, formats: Sequence[str]) -> tuple[float, float, int]:
    """Write reports to nowhere; return CPU seconds, those that the units took, and peak memory in bytes."""
    report, view = simulated(units), View(root="/srv")
    started = time.process_time()
    deque(report.results, maxlen=0)
    made = time.process_time()
    drafts = [writer.draft(report, view) for writer in WRITERS if writer.name in formats]
    counted = fill(report, drafts)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        for draft in drafts:
            draft.finish(counted, nowhere)
    ended = time.process_time()
    return ended - made, made - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    print(*write_simulated(int(sys.argv[1]), sys.argv[2:]))
