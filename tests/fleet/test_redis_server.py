"""Where tests get their Redis from, with no engine of containers; and what we use of testcontainers."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import Any

import pytest

from modelsweep.fleet.private_redis import find_redis_server
from tests.fleet import redis_server
from tests.fleet.redis_server import GIVEN, connected, real_redis


@pytest.mark.skipif(find_redis_server() is None, reason="there is no server to fall back on")
def test_an_engine_that_does_not_answer_is_done_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(GIVEN, raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    with redis_server._container() as address:
        assert address == ""
    with real_redis() as url, connected(url) as client:
        assert url.startswith("redis+socket://")
        assert client.ping()


def test_a_container_is_asked_for_where_there_is_an_engine_and_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the engine is missing: the class is that of testcontainers, with what it would ask the engine left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        real = redis_server._redis_container()
    begun: list[str] = []

    class Engineless(real):  # type: ignore[misc, valid-type]
        def __init__(self, image: str, **more: Any) -> None:
            assert not inspect.signature(real.__init__).bind(self, image, **more).arguments.get("kwargs")
            begun.append(image)

        def start(self) -> Engineless:
            begun.append("started")
            return self

        def get_container_host_ip(self) -> str:
            return "192.0.2.1"

        def get_exposed_port(self, port: int) -> int:
            return port + 1

        def stop(self, force: bool = True, delete_volume: bool = True) -> None:
            begun.append("stopped")

    for name in ("get_container_host_ip", "get_exposed_port", "stop", "start"):
        ours, theirs = inspect.signature(getattr(Engineless, name)), inspect.signature(getattr(real, name))
        assert list(ours.parameters) == list(theirs.parameters), name
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    monkeypatch.setattr(redis_server, "_redis_container", lambda: Engineless)
    with redis_server._container() as address:
        assert begun == ["redis:7-alpine", "started"]
        assert address == "redis://192.0.2.1:6380/0"
    assert begun[-1] == "stopped"
