"""A real Redis: one server for all tests, emptied for each, and servers that a test may kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import redis

from modelsweep.fleet.private_redis import PrivateRedis, find_redis_server
from tests.fleet.redis_server import MISSING, connected, real_redis
from tests.sources.conftest import bucket, gcs_bucket, s3_server  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def redis_server_url() -> Iterator[str]:
    """The URL of a Redis that all tests share; use `redis_url` or `redis_client`, which empty it first."""
    with real_redis() as url:
        yield url


@pytest.fixture
def redis_client(redis_server_url: str) -> Iterator[redis.Redis]:
    """A client of an empty Redis."""
    with connected(redis_server_url) as client:
        client.flushdb()
        yield client


@pytest.fixture
def redis_url(redis_server_url: str, redis_client: redis.Redis) -> str:
    """The URL of an empty Redis as kombu writes it: redis:// or redis+socket://."""
    assert redis_client.dbsize() == 0
    return redis_server_url


@pytest.fixture
def own_redis() -> Iterator[Callable[..., PrivateRedis]]:
    """Start a server of the test's own, to kill and restart: `own_redis(aof=True, maxmemory=...)`."""
    if find_redis_server() is None:
        pytest.skip(f"no server can be started to be killed: {MISSING}")
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(PrivateRedis(**options))
