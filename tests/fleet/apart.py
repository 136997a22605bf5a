"""Reports of few results, put together by several processes as those of many are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import redis

from modelsweep.fleet.directory_store import DirectoryStore
from modelsweep.fleet.job import JobSpec
from tests.fleet.test_finalizer import EPOCH, Fleet
from tests.worker.processes import below
from worker import renderers


def divide_few(monkeypatch: pytest.MonkeyPatch, beginning: ModuleType) -> None:
    """Have two processes do what one would, a chunk at a time, where the module `beginning` decides on that."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    monkeypatch.setattr(beginning, "APART", 0)
    for module in (beginning, renderers):
        monkeypatch.setattr(module, "SECTION", 1)
    monkeypatch.setattr(beginning, "renderers", lambda: 2)


def fleet_for(client: redis.Redis, folder: Path, spec: JobSpec) -> Iterator[Fleet]:
    """Yield a job of which nothing is done; no process is left of it."""
    before = below(os.getpid())
    yield Fleet(client, DirectoryStore(str(folder), durable=False), folder, spec)
    assert below(os.getpid()) <= before
