"""Who is alive: workers in Redis, by its own clock, and the file that a container's probe looks at."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import redis

from modelsweep.cli.job_progress import _Around
from modelsweep.fleet import liveness
from modelsweep.fleet.liveness import ABOUT_KEY, FORGOTTEN_AFTER, LOST_AFTER, SEEN_KEY, Worker, beat, leave, workers
from modelsweep.jobs import Fleet

ONE = Worker("one@node", ("scan.cpu", "control"), 4, "0.1.0")
TWO = Worker("two@node", ("scan.cpu.large",), 1, "0.2.0")


def silence(client: redis.Redis, name: str, seconds: float) -> None:
    """Let the last beat of a worker be `seconds` ago."""
    client.zadd(SEEN_KEY, {name: client.time()[0] - seconds})


def test_workers_that_beat_are_known_by_what_they_said(redis_client: redis.Redis) -> None:
    for worker in (TWO, ONE, ONE):
        beat(redis_client, worker)
    one, two = workers(redis_client)
    assert (one.name, one.queues, one.slots, one.version) == (ONE.name, ONE.queues, 4, "0.1.0")
    assert two.name == TWO.name
    assert one.lives
    assert two.lives


def test_it_is_said_how_far_large_files_were_read(redis_client: redis.Redis) -> None:
    beat(redis_client, replace(ONE, reading={"a-job": 5_000_000_000}))
    (worker,) = workers(redis_client)
    assert worker.reading == {"a-job": 5_000_000_000}


def test_who_watches_a_job_sees_what_its_workers_read(redis_client: redis.Redis) -> None:
    beat(redis_client, replace(ONE, reading={"a-job": 5, "another": 7}))
    beat(redis_client, replace(TWO, reading={"a-job": 6}))
    around = _Around(cast(Fleet, SimpleNamespace(client=redis_client)), "a-job")
    around.ask()
    assert around.reading == 11
    assert around.text == "0 queued, 2 workers"


def test_one_that_falls_silent_counts_as_dead_then_is_forgotten(redis_client: redis.Redis) -> None:
    for worker in (ONE, TWO):
        beat(redis_client, worker)
    silence(redis_client, TWO.name, LOST_AFTER + 5)
    assert [worker.lives for worker in workers(redis_client)] == [True, False]
    silence(redis_client, TWO.name, FORGOTTEN_AFTER + 5)
    beat(redis_client, ONE)
    assert [worker.name for worker in workers(redis_client)] == [ONE.name]
    assert redis_client.hkeys(ABOUT_KEY) == [ONE.name.encode()]


def test_one_that_leaves_is_missed_by_nobody(redis_client: redis.Redis) -> None:
    beat(redis_client, ONE)
    leave(redis_client, ONE.name)
    leave(redis_client, ONE.name)
    assert workers(redis_client) == ()
    assert redis_client.keys("*") == []


@pytest.mark.parametrize("about", [b"{", b"\xff", b"[]", b'{"queues": 3, "slots": "x", "version": null}', None])
def test_a_worker_with_a_damaged_description_lives_all_the_same(redis_client: redis.Redis, about: bytes | None) -> None:
    beat(redis_client, ONE)
    if about is None:
        redis_client.hdel(ABOUT_KEY, ONE.name)
    else:
        redis_client.hset(ABOUT_KEY, ONE.name, about)
    (worker,) = workers(redis_client)
    assert (worker.name, worker.queues, worker.slots, worker.version) == (ONE.name, (), 0, "")
    assert worker.lives


def probe(path: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the probe of a container."""
    environment = {name: value for name, value in os.environ.items() if name != liveness.FILE_VARIABLE}
    if path is not None:
        environment[liveness.FILE_VARIABLE] = str(path)
    command = [sys.executable, "-P", "-m", "modelsweep.fleet.liveness", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_the_probe_believes_a_file_that_was_just_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = tmp_path / "alive"
    monkeypatch.setenv(liveness.FILE_VARIABLE, str(alive))
    liveness.touch()
    assert alive.stat().st_mode & 0o777 == 0o600
    assert probe(alive).returncode == 0
    old = time.time() - LOST_AFTER - 5
    os.utime(alive, (old, old))
    assert (probe(alive).returncode, probe(alive, "600").returncode) == (1, 0)
    liveness.touch()
    assert probe(alive).returncode == 0


def test_the_probe_says_what_is_wrong(tmp_path: Path) -> None:
    missing = probe(tmp_path / "alive")
    assert (missing.returncode, missing.stderr) == (1, f"{tmp_path / 'alive'}: not touched for 60 s\n")
    unset = probe(None)
    assert (unset.returncode, unset.stderr) == (1, "MODELSWEEP_ALIVE is not set: not touched for 60 s\n")


@pytest.mark.parametrize("named", [None, ""])
def test_without_a_file_to_touch_nothing_happens(
    named: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(liveness.FILE_VARIABLE, raising=False)
    if named is not None:
        monkeypatch.setenv(liveness.FILE_VARIABLE, named)
    liveness.touch()
    assert list(tmp_path.iterdir()) == []


def test_the_probe_imports_no_redis() -> None:
    code = "import sys, modelsweep.fleet.liveness; print({'redis', 'celery', 'structlog'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "set()\n"
