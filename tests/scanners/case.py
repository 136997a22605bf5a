"""A scanner's test case: bytes built at run time, the name they are given, and how the result is compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.reader import MemoryReader
from modelsweep.core.report import Unit, UnitResult, Verdict
from scanners.engine import examine
from scanners.judge.repository.across import together
from tests.scanners.spool import memory_spool


@dataclass(frozen=True, slots=True)
class Case:
    """One file: `build` returns its bytes, `name` is the file's name, `verdict` what must come out.

    `cut_is_clean` tells the fuzz test that a shorter file may be complete in itself (text, concatenated streams).
    `package` is one that the result needs, see `./dev help`: without it the case is only damaged, and not compared.
    `compiled` says that the Python that runs the tests compiled some of the bytes: each has other sizes.
    """

    build: Callable[[], bytes]
    name: str
    verdict: Verdict
    options: Options = Options()
    cut_is_clean: bool = False
    compiled: bool = False
    package: str = ""


def examine_bytes(data: bytes, name: str, options: Options | None = None) -> UnitResult:
    """Examine `data` as the file `name`, in this process, and as the only file of a job."""
    unit = Unit(0, Locator(name), len(data))
    options = options or Options()
    (result,) = together([examine(unit, MemoryReader(data), options, memory_spool)], options)
    return result


def golden_form(result: UnitResult, *, compiled: bool = False) -> dict[str, object]:
    """Return what a golden file holds of a result, as JSON; no sizes of what is `compiled`."""
    return {
        "verdict": result.verdict.value,
        "findings": [
            {
                "rule": f.rule.id,
                "severity": f.severity.name,
                "at": str(f.locator),
                "subject": f.subject,
                "message": f.message,
            }
            for f in result.findings
        ],
        "problems": [f"{p.kind.value} {p.locator} [{p.scanner}] {p.detail}" for p in result.problems],
        "facts": sorted({f"{f.kind} {f.value}" for f in result.facts}),
        "artifacts": [f"{a.locator} {'?' if compiled else a.size} {','.join(a.scanners)}" for a in result.artifacts],
    }
