"""The section of the fleet: its tables, and the goals that are held against them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from bench.finalizing import MEMORY_GOAL, RATE_GOAL, Finalizing
from bench.fleet import LEASE, FleetFigures, JobCost
from bench.local_fleet import Cpu
from bench.tables import table
from modelsweep.core.units import MIB

MESSAGES_GOAL, PRODUCER_GOAL = 1000, 3000
"""Messages per second of a core: of worker and Redis, of a producer."""
OVERHEAD_GOAL, REDIS_GOAL = 40, 10
"""Microseconds for each file, at 64 in a chunk."""
LEDGER_GOAL = 0.2
"""MB for a million units."""
RECOVERY_GOAL = 10
"""Seconds after the lease."""
_MOST = 64
_PARTS = ("producer", "worker", "redis", "examiners")
_HEADING = ("µs of CPU for each file", "producer", "worker", "Redis", "examining", "beyond `scan`")


def fleet_section(figures: FleetFigures, note: str) -> str:
    """Return all tables of the fleet with their goals, and `note`: when and how they were measured."""
    parts = ("### The fleet", *_jobs(figures), *_finalizing(figures), *_collection(figures), note)
    return "\n\n".join(parts)


def _jobs(figures: FleetFigures) -> Iterator[str]:
    costs = figures.jobs
    scanned = _each([cost.scan for cost in costs], costs[0].files)
    rows = [("plain `scan`, one process", "", *scanned[1:2], "", *scanned[3:], "")]
    for size in costs[0].jobs:
        cells = _each([cost.jobs[size] for cost in costs], costs[0].files)
        rows.append((f"job, {size} in a chunk", *cells, f"{_overhead(costs, size):,.0f}"))
    message = figures.messages.cpu.over(figures.messages.messages)
    ledger = figures.ledger
    yield (
        f"A job of {costs[0].files:,} tiny pickles from listing to its JSON report, with one worker of one slot that "
        "runs already, beside plain `scan` without its start; the last column leaves out the examining processes, "
        "which do the same in both."
    )
    yield table(_HEADING, rows)
    least = 1 / figures.messages.messages  # of a tiny run: what the kernel cannot count is less than a µs of all
    producing, serving = 1e6 / max(message.producer, least), 1e6 / max(message.worker + message.redis, least)
    memory = ledger.memory / ledger.units
    in_redis = median(cost.jobs[_MOST].redis for cost in costs) * 1e6 / costs[0].files
    yield "\n".join(
        (
            _goal("messages of a producer", "≥", PRODUCER_GOAL, producing, "/s per core"),
            _goal(
                "messages through Celery, our worker, Redis",
                "≥",
                MESSAGES_GOAL,
                serving,
                "/s per core",
            ),
            _goal(
                f"beyond `scan`, {_MOST} in a chunk", "≤", OVERHEAD_GOAL, _overhead(costs, _MOST), " µs for each file"
            ),
            _goal(f"all of Redis, {_MOST} in a chunk", "≤", REDIS_GOAL, in_redis, " µs for each file"),
            f"- of that, the ledger's scripts: {ledger.microseconds / ledger.units:.2g} µs for each file",
            _goal(f"ledger of {ledger.units:,} units", "≤", LEDGER_GOAL, memory, " MB for a million"),
        )
    )


def _finalizing(figures: FleetFigures) -> Iterator[str]:
    rows = [(f"{item.units:,} units, {_formats(item)}", *_rates(item)) for item in figures.finalizing]
    yield "Finalizing: simulated results are read from a folder, and their reports written."
    yield table(("", "units per CPU second", "units per second", "RSS MB", "all RSS MB"), rows)
    full = [item for item in figures.finalizing if item.units == figures.finalizing[-1].units]
    lines = [_goal(_formats(item), "≥", RATE_GOAL, item.wall_rate, " units per second") for item in full]
    lines += [_goal("RSS", "≤", MEMORY_GOAL, max(item.peak for item in full) / MIB, " MB")]
    yield "\n".join(lines)


def _formats(item: Finalizing) -> str:
    return ", ".join(item.formats) or "no report"


def _rates(item: Finalizing) -> tuple[str, ...]:
    memory = (f"{size / MIB:.0f}" for size in (item.peak, item.tree))
    return f"{item.rate:,.0f}", f"{item.wall_rate:,.0f}", *memory


def _collection(figures: FleetFigures) -> Iterator[str]:
    costs = figures.collection
    plain = costs["scan"]
    rows = []
    for name, cost in costs.items():
        ratios = (cost.cpu / plain.cpu, cost.wall / plain.wall, cost.tree / plain.tree)
        ended = {0: "clean", 1: "finding", None: "stopped"}.get(cost.status, "failed")
        cells = (f"{cost.cpu:.1f}", f"{cost.wall:.1f}", f"{cost.peak / MIB:.0f}", f"{cost.tree / MIB:.0f}")
        rows.append((f"{name} -j 2", *cells, *(f"{ratio:.2f}" for ratio in ratios), ended))
    worst = max(figures.recoveries)
    yield f"{figures.files:,} small files of twelve kinds, from start to JSON report; `audit` has a fleet of its own."
    heading = ("", "CPU s", "wall s", "RSS MB", "all RSS MB", "CPU / scan", "wall / scan", "all RSS / scan", "answer")
    yield table(heading, rows)
    yield (
        f"A worker and all its children are killed (-9) in the middle of a chunk, {len(figures.recoveries)} times "
        f"with a lease of {LEASE:g} s; another one of the fleet claims the chunk:"
    )
    yield _goal("claimed again after", "≤", LEASE + RECOVERY_GOAL, worst, " s at worst")


def _each(costs: Sequence[Cpu], files: int) -> tuple[str, ...]:
    return tuple(f"{median(getattr(cost.over(files), part) for cost in costs):,.0f}" for part in _PARTS)


def _overhead(costs: Sequence[JobCost], size: int) -> float:
    return median(cost.overhead(size) for cost in costs)


def _goal(title: str, relation: str, bound: float, figure: float, unit: str) -> str:
    met = figure <= bound if relation == "≤" else figure >= bound
    shown = f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"
    return f"- {title} {relation} {bound:,g}{unit}: {shown}, {'met' if met else '**missed**'}"
