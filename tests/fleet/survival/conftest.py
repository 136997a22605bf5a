"""A collection of models with what plain `scan` says of it, and a fleet that a test may hurt in any way."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from modelsweep.fleet.private_redis import PrivateRedis
from tests.fleet.survival import slow_scanner
from tests.fleet.survival.collection import collection
from tests.fleet.survival.scene import Scene, scanned
from tests.worker import hostile_scanner

Start = Callable[..., PrivateRedis]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the path with two plug-ins: scanners that do what files ask for."""
    folder = tmp_path_factory.mktemp("site")
    for name, module in (("hostile", hostile_scanner), ("slow", slow_scanner)):
        assert module.__file__
        shutil.copy(module.__file__, folder / f"modelsweep_{name}.py")
        metadata = folder / f"modelsweep_{name}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: modelsweep-{name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[modelsweep.scanners]\n{name} = modelsweep_{name}:SCANNER\n")
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection that no test changes."""
    return collection(tmp_path_factory.mktemp("survival") / "models")


@pytest.fixture(scope="session")
def expected(models: Path, site: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What plain `scan` says of it."""
    return scanned(models, site, tmp_path_factory.mktemp("scan"))


@pytest.fixture
def scene(
    own_redis: Start, site: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """A fleet without workers whose Redis keeps each change; all its processes are gone after the test."""
    if sys.platform != "linux":
        pytest.skip("finds the processes of a fleet in /proc")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    monkeypatch.syspath_prepend(str(site))
    with ExitStack() as stack:
        scene = Scene(tmp_path, own_redis(aof="always"), site, models)
        stack.callback(scene.close)
        yield scene
