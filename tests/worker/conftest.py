"""Installs the hostile test scanner as a plug-in, and runs it in a supervisor."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from modelsweep.core.options import Options
from modelsweep.core.report import Unit, UnitResult
from producer.plan import plan
from sources.opening import opener
from sources.source import Opened
from tests.worker import hostile_scanner
from worker.supervisor import Supervisor
from worker.tasks import OpenUnit

PLUGIN = "modelsweep-hostile"
HOSTILE = Options(plugins=(PLUGIN,), timeout=30)

Examine = Callable[..., dict[str, UnitResult]]


@pytest.fixture
def hostile(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the hostile scanner where this process finds modules; return the folder."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(hostile_scanner.__file__, folder / "modelsweep_hostile.py")
    metadata = folder / "modelsweep_hostile-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PLUGIN}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[modelsweep.scanners]\nhostile = modelsweep_hostile:SCANNER\n")
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def examine(hostile: Path, tmp_path: Path) -> Examine:
    """Return a function that writes files with what the hostile scanner is to do, and examines them."""

    def run(
        files: dict[str, str],
        jobs: int = 1,
        padding: int = 1000,
        opened: threading.Event | None = None,
        **options: object,
    ) -> dict[str, UnitResult]:
        for name, action in files.items():
            (tmp_path / name).write_bytes(hostile_scanner.MARK + action.encode() + b"\n" + bytes(padding))
        targets = [str(tmp_path / name) for name in files]
        units = [item for item in plan(targets) if isinstance(item, Unit)]
        with Supervisor(replace(HOSTILE, **options), jobs) as supervisor:  # type: ignore[arg-type]
            results = list(supervisor.examine(units, _telling(opener(targets), opened or threading.Event())))
        return {result.unit.locator.name: result for result in results}

    return run


def _telling(open_unit: OpenUnit, opened: threading.Event) -> OpenUnit:
    """Return what opens units as `open_unit` does, and sets `opened` when it has."""

    def open_and_tell(unit: Unit) -> Opened:
        file = open_unit(unit)
        opened.set()
        return file

    return open_and_tell
