"""Results as Markdown, on the terminal and in docs/benchmarks.md, section by section."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.opcodes import GOALS, Rate
from bench.peers import ANSWERS, HASH, OURS, Tool
from bench.reports import MEMORY_GOAL, RATE_GOAL, ReportRate
from bench.results import Quantity, Results
from bench.workloads import Workload
from modelsweep.core.units import MIB

_HEADING = ("tool", "CPU s", "wall s", "RSS MB", "all RSS MB", "CPU / ours", "wall / SHA-256", "answer")


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, the first column to the left and the others to the right."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    rule = [
        ("-" if index == 0 else "") + "-" * (width - 1) + ("" if index == 0 else ":")
        for index, width in enumerate(widths)
    ]

    def line(cells: Sequence[str]) -> str:
        first, *others = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join([first, *others])} |"

    return "\n".join(map(line, [heading, rule, *rows]))


def workload_section(workload: Workload, tools: Sequence[Tool], results: Results, note: str) -> str:
    """Return the table of a workload, the goals held against it, and `note`: when and how it was measured."""
    shown = [tool for tool in tools if results.of(tool.name)]
    lines = [table(_HEADING, (_row(tool, results) for tool in shown))]
    if workload.malicious:
        lines.append("\nIt is malicious: `finding` is the right answer.")
    if workload.goals:
        lines.append("\n" + "\n".join(f"- {goal.verdict(results)}" for goal in workload.goals))
    return f"### {workload.title}\n\n" + "\n".join(lines) + f"\n\n{note}"


def _row(tool: Tool, results: Results) -> tuple[str, ...]:
    name = tool.name
    answer = ANSWERS.get(results.answer(name), "failed")
    more = ">" if results.answer(name) is None else ""
    return (
        f"{name} {tool.version}",
        more + _seconds(results.median(name, "cpu")),
        more + _seconds(results.median(name, "wall")),
        _mebibytes(results.median(name, "peak")),
        _mebibytes(results.median(name, "tree")),
        more + _ratio(results, name, OURS, "cpu"),
        more + _ratio(results, name, HASH, "wall"),
        answer if tool.judges else "",
    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if value < 1 else f"{value:.2f}"


def _mebibytes(value: float | None) -> str:
    return "" if value is None else f"{value / MIB:,.0f}"


def _ratio(results: Results, tool: str, other: str, quantity: Quantity) -> str:
    ratio = results.ratio(tool, other, quantity)
    return "" if ratio is None else f"{ratio:.3g}" if ratio < 100 else f"{ratio:,.0f}"


def rates_section(rates: Sequence[Rate], note: str) -> str:
    """Return the table of opcodes per second and the goals, which the slowest shape has to meet."""
    walkers = list(dict.fromkeys(rate.walker for rate in rates))
    rows: dict[str, dict[str, float]] = {}
    for rate in rates:
        rows.setdefault(f"{rate.shape}, protocol {rate.protocol}", {})[rate.walker] = rate.millions
    cells = ([label, *(f"{row[walker]:.1f}" for walker in walkers)] for label, row in rows.items())
    goals = []
    for walker, bound in GOALS.items():
        slowest = min((row[walker] for row in rows.values() if walker in row), default=None)
        wanted = f"- {walker}, slowest shape ≥ {bound:g}"
        if slowest is None:
            goals.append(f"{wanted}: not measured")
        else:
            goals.append(f"{wanted}: {slowest:.3g}, {'met' if slowest >= bound else '**missed**'}")
    body = table(("million opcodes per CPU second", *walkers), cells)
    return f"### Opcodes per second\n\n{body}\n\n" + "\n".join(goals) + f"\n\n{note}"


def reports_section(rates: Sequence[ReportRate], note: str) -> str:
    """Return the table of units per second and memory of writing reports, and the goals for all formats together."""
    cells = [(", ".join(item.formats), f"{item.rate:,.0f}", _mebibytes(item.peak)) for item in rates]
    body = table(("formats, in one pass", "units per CPU second", "RSS MB"), cells)
    together = rates[-1]
    peak = together.peak / MIB
    goals = (
        f"- together ≥ {RATE_GOAL:,} units/s: {together.rate:,.0f}, {_judged(together.rate >= RATE_GOAL)}",
        f"- RSS ≤ {MEMORY_GOAL} MB: {peak:.0f} MB, {_judged(peak <= MEMORY_GOAL)}",
    )
    return f"### Reports of {together.units:,} units\n\n{body}\n\n" + "\n".join(goals) + f"\n\n{note}"


def _judged(met: bool) -> str:
    return "met" if met else "**missed**"


def fill(path: Path, name: str, section: str) -> None:
    """Put `section` between the markers of `name` in a Markdown file; raises ValueError where it has none."""
    begin, end = f"<!-- bench: {name} -->", f"<!-- end: {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    text, found = pattern.subn(lambda _: f"{begin}\n\n{section}\n\n{end}", path.read_text())
    if not found:
        raise ValueError(f"{path} has no {begin} to fill")
    path.write_text(text)
