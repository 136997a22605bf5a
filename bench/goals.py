"""The goals that are held against measured costs: ratios first, because machines and their load differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bench.peers import HASH, OURS, QUICK, START
from bench.results import Results
from modelsweep.core.units import MIB


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a figure of the results; the figure is None where what it needs did not run."""

    title: str
    figure: Callable[[Results], float | None]
    relation: Literal["≤", "≥"]
    bound: float
    unit: str = ""

    def verdict(self, results: Results) -> str:
        """Return the goal, the figure and whether it is met, in a line."""
        figure = self.figure(results)
        wanted = f"{self.title} {self.relation} {self.bound:g}{self.unit}"
        if figure is None:
            return f"{wanted}: not measured"
        met = figure <= self.bound if self.relation == "≤" else figure >= self.bound
        return f"{wanted}: {figure:.3g}{self.unit}, {'met' if met else '**missed**'}"


def cpu_at_most(seconds: float) -> Goal:
    """Return the goal of at most this much CPU."""
    return Goal("CPU", lambda results: results.median(OURS, "cpu"), "≤", seconds, " s")


def times_cpu(peer: str, factor: float) -> Goal:
    """Return the goal of at most `factor` times the CPU of a peer."""
    return Goal(f"CPU over {peer}'s", lambda results: results.ratio(OURS, peer, "cpu"), "≤", factor)


def fewer_cpu(peer: str, factor: float) -> Goal:
    """Return the goal that a peer takes at least `factor` times our CPU."""
    return Goal(f"{peer}'s CPU over ours", lambda results: results.ratio(peer, OURS, "cpu"), "≥", factor)


def memory_at_most(mebibytes: float) -> Goal:
    """Return the goal for the resident set of the largest process."""

    def figure(results: Results) -> float | None:
        peak = results.median(OURS, "peak")
        return None if peak is None else peak / MIB

    return Goal("RSS", figure, "≤", mebibytes, " MB")


def memory_above_interpreter(mebibytes: float) -> Goal:
    """Return the goal for the resident set of the largest process, above that of a Python that does nothing."""

    def figure(results: Results) -> float | None:
        peak = results.median(OURS, "peak")
        return None if peak is None else (peak - results.interpreter) / MIB

    return Goal("RSS above the interpreter", figure, "≤", mebibytes, " MB")


def times_hash(factor: float) -> Goal:
    """Return the goal of at most `factor` times the wall time of SHA-256."""
    return Goal("wall over SHA-256", lambda results: results.ratio(OURS, HASH, "wall"), "≤", factor)


def quick_after_start(milliseconds: float) -> Goal:
    """Return the goal for the wall time of quick depth, beyond that of scanning a tiny file."""

    def figure(results: Results) -> float | None:
        quick, start = results.median(QUICK, "wall"), results.median(START, "wall")
        return None if quick is None or start is None else (quick - start) * 1000

    return Goal("quick depth beyond start-up", figure, "≤", milliseconds, " ms")
