"""Bounds on what one unit may cost, counted in bytes and operations, never in seconds: verdicts stay deterministic."""

from __future__ import annotations

from modelsweep.core.units import GIB, MIB
from modelsweep.core.values import asdict, dataclass


class OverLimit(Exception):
    """A budget is spent: what is left of the unit goes unexamined, and that is said."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets of one unit with everything nested in it."""

    depth: int = 12
    """Containers inside containers."""
    members: int = 200_000
    """Members of all its archives together."""
    apart: int = 256
    """Members of an archive that are units of their own, 0 for none."""
    expanded_floor: int = 512 * MIB
    """Bytes that decompression may always produce."""
    expanded_ratio: int = 100
    """Bytes that decompression may produce per byte of the unit, where that is more than the floor."""
    operations: int = 2_000_000_000
    """Opcodes, nodes and records interpreted."""
    parsed_bytes: int = 256 * MIB
    """Bytes of structure (headers, JSON, code) that one parser may hold in memory at once."""
    facts: int = 50_000
    findings: int = 5_000
    problems: int = 1_000
    memory: int = 2 * GIB
    """Anonymous memory of the examining process, bytes."""

    def to_dict(self) -> dict[str, int]:
        """Return the limits by name."""
        return asdict(self)


class Budget:
    """What is left of one resource; overspending raises OverLimit with a sentence for people."""

    __slots__ = ("left", "limit", "what")

    def __init__(self, what: str, limit: int) -> None:
        self.what, self.limit, self.left = what, limit, limit

    def spend(self, amount: int = 1) -> None:
        """Take `amount` from the budget; raises OverLimit where it is not there."""
        self.left -= amount
        if self.left < 0:
            raise OverLimit(f"more than {self.limit:,} {self.what}")
