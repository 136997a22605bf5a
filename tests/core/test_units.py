"""Units as people read them."""

from __future__ import annotations

import pytest

from modelsweep.core.units import counted, format_seconds


@pytest.mark.parametrize(
    ("seconds", "shown"), [(1e-9, "1e-09 s"), (0.05, "0.05 s"), (1.0, "1 s"), (300.0, "300 s"), (1200.5, "1,200 s")]
)
def test_seconds(seconds: float, shown: str) -> None:
    assert format_seconds(seconds) == shown


@pytest.mark.parametrize(("number", "shown"), [(0, "0 files"), (1, "1 file"), (2_000, "2,000 files")])
def test_counts(number: int, shown: str) -> None:
    assert counted(number, "file") == shown
