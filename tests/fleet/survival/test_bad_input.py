"""What people get wrong, or find broken: one line, exit code 2, and nothing is lost."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest

from modelsweep.fleet.answers import JobState
from tests.fleet.survival.scene import Scene, until
from tests.fleet.survival.test_people import run

FULL_DISK = """
import errno, os
from modelsweep.fleet import directory_store
def sending(name, descriptor):
    def send(data):
        with directory_store._faults(name):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return send
directory_store._sending = sending
"""
OLD = """
import redis
redis.Redis.info = lambda self, *more: {"redis_version": "6.0.16"}
"""


def said(scene: Scene, *arguments: str, before: str = "", code: int = 2) -> str:
    """Run a command, and return the one line that it says."""
    done = run(scene, *arguments, before=before)
    errors = done.stderr.decode()
    assert done.returncode == code, errors
    (line,) = errors.splitlines()
    assert line.startswith("modelsweep: ")
    assert "Traceback" not in errors
    return line


COMMANDS = [("audit", "."), ("submit", "."), ("jobs",), ("worker", "--root", "/"), ("sweep",)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_redis_that_is_not_there(scene: Scene, command: tuple[str, ...]):
    scene.redis.kill()
    assert "Redis cannot be reached" in said(scene, *command)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_redis_that_throws_keys_away(scene: Scene, command: tuple[str, ...]):
    client = scene.redis.client()
    client.config_set("maxmemory", 100_000_000)
    client.config_set("maxmemory-policy", "allkeys-lru")
    assert "deletes keys" in said(scene, *command)


def test_a_redis_that_is_too_old(scene: Scene):
    assert "Redis 6.0.16 is too old: 6.2 or later is needed" in said(scene, "jobs", before=OLD)


class _Ancient(socketserver.StreamRequestHandler):
    """A Redis of before version 6, which knows of no greeting."""

    refusal = b"unknown command 'HELLO'"
    answers: ClassVar[dict[bytes, bytes]] = {
        b"INFO": b"$47\r\nredis_version:4.0.14\r\nredis_mode:standalone\r\n\r\n\r\n",
        b"PING": b"+PONG\r\n",
    }

    def handle(self) -> None:
        while line := self.rfile.readline():
            words = [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]
            refusal = self.refusal if words[0] == b"HELLO" else b"unknown command"
            self.wfile.write(self.answers.get(words[0].upper(), b"-ERR " + refusal + b"\r\n"))


class _LessAncient(_Ancient):
    refusal = b"unknown command `HELLO`, with args beginning with: `3`, "


@pytest.mark.parametrize("kind", [_Ancient, _LessAncient], ids=["redis-4", "redis-5"])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_redis_that_is_so_old_that_it_knows_no_greeting(scene: Scene, command: tuple[str, ...], kind: type[_Ancient]):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), kind) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        line = said(scene, *command, "--broker", f"redis://127.0.0.1:{server.server_address[1]}/0")
        server.shutdown()
    assert line.endswith(" is too old: 6.2 or later is needed")


def test_a_wrong_password_and_none(scene: Scene):
    scene.redis.client().config_set("requirepass", "correct-horse")
    assert "Redis wants a password" in said(scene, "submit", ".")
    url = scene.redis.url.replace("socket://", "socket://:wrong-horse@")
    line = said(scene, "worker", "--root", "/", "--broker", url)
    assert "refuses the user name or the password" in line
    assert "horse" not in line


def test_a_full_disk_under_the_store(scene: Scene, expected: bytes):
    assert "the store is full" in said(scene, "submit", str(scene.root), before=FULL_DISK)
    full = scene.work(before=FULL_DISK)
    job = scene.submit()
    until(lambda: "the store is full" in scene.logs())
    assert (full.poll(), scene.progress(job).done) == (None, 0)
    scene.kill(full)
    scene.work(slots=2)
    scene.settled(job, expected)


@pytest.fixture
def small_disk(scene: Scene) -> Iterator[Path]:
    """A file system of its own under the store, of 4 MiB."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", scene.store], check=False)
    if mounted.returncode:
        pytest.skip("this user may mount nothing: the kernel's own refusal is tested in tests/fleet/test_store.py")
    yield scene.store
    subprocess.run(["umount", "--lazy", scene.store], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_disk_fills_up_under_the_store_in_the_middle(scene: Scene, expected: bytes, small_disk: Path):
    scene.work(slots=2)
    job = scene.submit()
    scene.await_done(job, 3)
    filler = small_disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
    until(lambda: "the store is full: No space left on device" in scene.logs())
    assert scene.progress(job).done < 50
    filler.unlink()
    scene.settled(job, expected)


def test_a_job_that_is_cancelled_twice_or_finished(scene: Scene):
    job = scene.submit()
    assert "cancelled" in said(scene, "cancel", job, code=0)
    assert "was cancelled before" in said(scene, "cancel", job)
    assert "was cancelled" in said(scene, "retry", job)
    assert scene.progress(job).state is JobState.CANCELLED


@pytest.mark.parametrize("command", ["status", "report", "cancel", "retry"])
def test_a_job_that_nobody_knows(scene: Scene, command: str):
    assert "no job k3tz-8qwe-f2mn" in said(scene, command, "k3tz-8qwe-f2mn")


def test_a_job_of_another_fleet(scene: Scene):
    job = scene.submit()
    line = said(scene, "submit", "--resume", job, before=f"import os; os.environ['MODELSWEEP_KEY'] = '{'11' * 32}'")
    assert "not signed with the key" in line


def test_a_report_that_was_damaged(scene: Scene, tmp_path: Path):
    scene.root = tmp_path / "own"
    scene.root.mkdir()
    (scene.root / "a.pkl").write_bytes(b"N.")
    scene.work()
    job = scene.submit()
    progress = scene.settled(job, None)
    out = tmp_path / "report.json"
    assert run(scene, "report", job, "-f", f"json={out}").returncode == 0
    assert len(json.loads(out.read_bytes())["verdicts"]) == 1
    (name,) = scene.fleet.store.list(f"jobs/{job}/results")
    scene.fleet.store.put(name, b"damaged")
    assert name in said(scene, "report", job, "-f", f"json={out}")
    scene.fleet.store.put(f"{progress.report}/manifest", b"damaged")
    assert "manifest" in said(scene, "report", job, "-f", f"json={out}")
