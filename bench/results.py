"""What the runs of all tools over one workload came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

from bench.measure import Cost

Quantity = Literal["cpu", "wall", "peak", "tree"]


@dataclass(frozen=True, slots=True)
class Results:
    """The costs of each round by the tool's name; a tool that was too slow is in the first round only.

    `interpreter` is the memory in bytes of a Python that does nothing.
    """

    rounds: tuple[Mapping[str, Cost], ...]
    interpreter: int

    def of(self, tool: str) -> list[Cost]:
        """Return the costs of a tool's runs."""
        return [costs[tool] for costs in self.rounds if tool in costs]

    def median(self, tool: str, quantity: Quantity) -> float | None:
        """Return the median over the rounds, None where the tool did not run."""
        costs = self.of(tool)
        return median(getattr(cost, quantity) for cost in costs) if costs else None

    def ratio(self, tool: str, other: str, quantity: Quantity) -> float | None:
        """Return the median over the rounds of what `tool` took over what `other` took in the same round."""
        pairs = [(costs[tool], costs[other]) for costs in self.rounds if tool in costs and other in costs]
        return median(getattr(a, quantity) / getattr(b, quantity) for a, b in pairs) if pairs else None

    def answer(self, tool: str) -> int | None:
        """Return the exit code of the tool's first run, None where that was stopped."""
        return self.of(tool)[0].status
