"""The image as an engine builds it, and its fleet in containers as docker-compose.yml describes them."""

from __future__ import annotations

import json
import os
import pickle
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import engine
from tests.deploy.compose import read as read_compose
from tests.deploy.dockerfile import read as read_dockerfile
from tests.deploy.engine import Fleet, docker
from tests.deploy.tools import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]
SERVICES = read_compose()["services"]
MODELS = 400
PATIENCE = 120


class Harmless:
    """What a victim would unpickle."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("echo modelsweep-test",)


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    engine.need_engine()
    with engine.built(read_dockerfile(ROOT / "Dockerfile")[0]["PYTHON_IMAGE"]) as image:
        yield image


@pytest.fixture
def fleet(image: str, tmp_path: Path) -> Iterator[Fleet]:
    engine.need_image(SERVICES["redis"]["image"])
    for folder in ("models", "reports"):
        (tmp_path / folder).mkdir()
    (tmp_path / "reports").chmod(0o777)
    for number in range(MODELS):
        (tmp_path / f"models/{number}.pkl").write_bytes(pickle.dumps({"number": number}))
    (tmp_path / "models/bad.pkl").write_bytes(pickle.dumps(Harmless()))
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)  # pytest's folders are for its user alone
    fleet = Fleet(SERVICES, image, tmp_path)
    try:
        yield fleet
    finally:
        fleet.close()


def test_the_sandbox_is_in_force_and_the_machine_compiled(image: str) -> None:
    said = docker("run", "--rm", "--read-only", "--cap-drop", "ALL", "--volume", "/spool", image, "doctor").stdout
    told = dict(line.strip().split("  ", 1) for line in said.splitlines() if "  " in line.strip())
    told = {part: what.strip() for part, what in told.items()}
    assert told["pickle machine"] == "compiled"
    assert told["matcher"] == "hyperscan"
    assert told["privileges"].startswith("given up")
    assert told["files"].startswith("out of reach")
    assert told["network"].startswith("out of reach")
    assert told["processes"].startswith("none can be started")


def test_a_fleet_of_containers_loses_nothing(fleet: Fleet, tmp_path: Path) -> None:
    for service in ("redis", "worker-large"):
        fleet.start(service)
    worker = fleet.start("worker-cpu")
    done = fleet.run("producer", PATIENCE)
    assert done.returncode == 1, done.stderr
    assert f"1 malicious, {MODELS} clean" in done.stdout
    report = json.loads((tmp_path / "reports/report.json").read_text())
    assert [issue["severity"] for issue in report["issues"]] == ["critical"]
    assert json.loads((tmp_path / "reports/report.sarif").read_text())["runs"][0]["results"]
    assert docker("exec", worker, "python", "-P", "-m", "modelsweep.fleet.liveness", "90").returncode == 0
    begun = time.monotonic()
    assert docker("stop", "--time", "90", worker, seconds=100).returncode == 0
    assert time.monotonic() - begun < 80, "it was killed, and did not drain"
    assert docker("inspect", "--format", "{{.State.ExitCode}}", worker).stdout.strip() == "0"
