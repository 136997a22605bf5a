"""A bucket of a million objects is listed in bounded memory, and examined from its first page on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench.endless import COMMAND, PAGE, endless
from modelsweep.core.units import KIB, MIB
from tests.sources.buckets import s3_environment, use

GROWTH = 4 * MIB
"""Bytes that listing may take more from the ten-thousandth object on."""


@pytest.mark.skipif(sys.platform != "linux", reason="memory by /proc")
@pytest.mark.parametrize("amount", [30_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_bucket(amount: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with endless(amount) as bucket:
        use(monkeypatch, s3_environment(bucket.url))
        done = subprocess.run(COMMAND, env=os.environ, capture_output=True, text=True, check=True)
    found, *marks = done.stdout.split()
    assert int(found) == amount
    assert bucket.pages == amount // PAGE
    _, after_ten_pages, after_all = map(int, marks[1::2])
    assert (after_all - after_ten_pages) * KIB <= GROWTH


def test_the_first_object_is_read_long_before_the_last_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    with endless(1_000_000) as bucket:
        use(monkeypatch, s3_environment(bucket.url))
        command = [sys.executable, "-P", "-m", "modelsweep", "audit", "s3://bucket", "-j", "1", "--no-cache"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as audit:
            read = bucket.read.wait(100)
            audit.kill()
        assert read
        assert bucket.before_first_read < 500, "of a thousand pages"
