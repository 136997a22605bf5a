"""The cache of a fleet: sealed, bounded, and no trouble to the Redis that it lies in."""

from __future__ import annotations

import os
import time

import pytest
import redis

from modelsweep.cache.backend import AGE, LARGEST, CacheFault
from modelsweep.cache.redis_cache import BYTES, ENTRY, USED, RedisCache
from modelsweep.core.units import KIB, MIB
from modelsweep.fleet.signature import Damaged, Key
from tests.fleet.redis_server import connected

SECRET = Key(b"k" * 32)


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.fixture
def cache(redis_client: redis.Redis) -> RedisCache:
    """An empty cache of 10 KiB."""
    return RedisCache(redis_client, SECRET, 10 * KIB)


def test_what_was_put_is_there_also_for_other_workers(cache: RedisCache, redis_client: redis.Redis) -> None:
    cache.put(key(1), b"one")
    cache.put(key(1), b"one")
    other = RedisCache(redis_client, SECRET)
    assert (other.get(key(1)), other.get(key(2))) == (b"one", None)
    assert (other.stats().entries, other.stats().size) == (1, 3 + 32)
    assert 0 < redis_client.ttl(ENTRY + key(1).hex()) <= AGE
    other.close()


def test_nobody_forges_or_moves_an_entry(cache: RedisCache, redis_client: redis.Redis) -> None:
    cache.put(key(1), b"one")
    sealed = redis_client.get(ENTRY + key(1).hex())
    assert isinstance(sealed, bytes)
    for forged in (sealed[:-1] + b"x", b"", b"x" * 10, Key(b"o" * 32).seal(f"cache {key(1).hex()}", b"one")):
        redis_client.set(ENTRY + key(1).hex(), forged)
        with pytest.raises(Damaged, match="not signed"):
            cache.get(key(1))
    redis_client.set(ENTRY + key(2).hex(), sealed)
    with pytest.raises(Damaged, match="not signed"):
        cache.get(key(2))


def test_those_asked_for_least_recently_go_first(cache: RedisCache, redis_client: redis.Redis) -> None:
    for number in range(9):
        cache.put(key(number), bytes(KIB))
        time.sleep(0.002)
    assert cache.get(key(0)) is not None
    cache._tell()
    cache.put(key(9), bytes(KIB))
    assert cache.stats().size <= 10 * KIB
    assert cache.get(key(0)) is not None
    assert cache.get(key(1)) is None
    cache.put(key(10), bytes(LARGEST + 1))
    assert cache.get(key(10)) is None
    assert redis_client.dbsize() == cache.stats().entries + 2


def test_cleanup_forgets_the_old_and_counts_anew(cache: RedisCache, redis_client: redis.Redis) -> None:
    for number in range(5):
        cache.put(key(number), bytes(100))
    size = cache.stats().size // 5
    (member,) = redis_client.zrange(USED, 0, 0)
    assert isinstance(member, bytes)
    redis_client.zadd(USED, {member: time.time() - AGE - 10})
    redis_client.delete(ENTRY + key(4).hex())
    redis_client.set(BYTES, 10**9)
    assert cache.cleanup() == 2
    assert (cache.stats().entries, cache.stats().size) == (3, 3 * size)
    assert cache.cleanup(2 * size) == 1
    redis_client.set("somebody:else", "1")
    redis_client.set(ENTRY + "orphan", "1")
    cache.clear()
    assert redis_client.keys("*") == [b"somebody:else"]


@pytest.mark.parametrize("garbage", [b"garbage", b"-5"])
def test_garbage_in_its_keys_fails_nothing_but_the_cache(
    cache: RedisCache, redis_client: redis.Redis, garbage: bytes
) -> None:
    redis_client.set(BYTES, garbage)
    redis_client.zadd(USED, {garbage: 1.0})
    try:
        cache.put(key(1), b"one")
        cache.stats()
    except CacheFault:
        pass
    cache.cleanup()
    assert cache.stats().entries == 1
    redis_client.delete(USED)
    redis_client.set(USED, "no set")
    with pytest.raises(CacheFault):
        cache.put(key(2), b"two")


def test_it_takes_a_part_of_a_small_redis_and_says_when_there_is_no_room(own_redis) -> None:
    with connected(own_redis(maxmemory=16 * MIB).url) as client:
        cache = RedisCache(client, SECRET)
        assert cache.stats().limit == 2 * MIB
        for number in range(100):
            cache.put(key(number), os.urandom(100 * KIB))
        assert cache.stats().size <= 2 * MIB
        for number in range(200):
            try:
                client.set(f"other:{number}", os.urandom(100 * KIB))
            except redis.OutOfMemoryError:
                break
        with pytest.raises(CacheFault, match="memory"):
            cache.put(key(1000), os.urandom(100 * KIB))


def test_a_redis_that_is_away_is_a_fault() -> None:
    with pytest.raises(CacheFault):
        RedisCache.at("redis://127.0.0.1:1/0", SECRET).get(key(1))
    with pytest.raises(CacheFault):
        RedisCache.at("redis://127.0.0.1:x/0", SECRET)
