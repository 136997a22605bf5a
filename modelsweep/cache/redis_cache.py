"""The cache of a fleet in Redis: each entry a string of its own that expires, and one sorted set of when it was used.

    ms:cache:HEX    an entry, sealed with the fleet's key for this key: who can write to Redis can remove, not forge
    ms:cache-used   key and size of every entry, by the second it was last asked for
    ms:cache-bytes  the bytes of all entries

Bounded by ourselves: it may be the Redis of the ledger, which evicts nothing. Counting is not atomic, and a worker that
dies in between leaves it a little wrong; `cleanup`, in a worker of the fleet now and then, counts anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modelsweep.cache.backend import AGE, KEY, LARGEST, CacheFault, Stats
from modelsweep.core.installing import how_to_install
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from modelsweep.fleet.signature import Key

if TYPE_CHECKING:
    import redis

LIMIT = 256 * MIB
"""Bytes of all entries together."""
SHARE = 8
"""Part of Redis' memory, where that is limited, that they may have at most."""
ENTRY, USED, BYTES = "ms:cache:", "ms:cache-used", "ms:cache-bytes"
_SIZE = 4
"""Bytes of a size behind its key."""
_ROOM = 0.9
"""Part of the limit that is left after old entries had to go."""
_BATCH = 64
_PATIENCE = 5.0
"""Seconds that Redis has to answer: without the cache there is only more to do."""


class RedisCache:
    """Entries in the Redis that `client` speaks to; it must return bytes. `key` is needed to read and to write them."""

    def __init__(self, client: redis.Redis, key: Key | None, limit: int = 0) -> None:
        # redis-py types each call as perhaps awaitable
        self._client: Any = client
        self._key, self._limit = key, limit
        self._asked: dict[bytes, float] = {}
        """When entries were asked for, which is told to Redis from time to time."""

    @classmethod
    def at(cls, url: str, key: Key | None) -> RedisCache:
        """Return the cache at a Redis URL, as redis-py or as kombu writes it (`redis+socket:///PATH`)."""
        try:
            import redis
        except ImportError as error:
            raise CacheFault(f"a cache in Redis needs its client: {how_to_install('fleet')}") from error
        url = url.replace("redis+socket://", "unix://", 1).replace("virtual_host=", "db=")
        with _explained():
            return cls(redis.Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE), key)

    def get(self, key: bytes) -> bytes | None:
        """Return an entry, None where there is none; raises Forged where it was not sealed with our key."""
        with _explained():
            sealed: bytes | None = self._client.get(_name(key))
            if sealed is None or self._key is None:
                return None
            data = self._key.open(_purpose(key), sealed, "cache entry")
            self._asked[_member(key, sealed)] = time.time()
            if len(self._asked) >= _BATCH:
                self._tell()
            return data

    def put(self, key: bytes, data: bytes) -> None:
        """Keep an entry; those asked for least recently go where there are too many bytes."""
        if len(data) > LARGEST or self._key is None:
            return
        sealed = self._key.seal(_purpose(key), data)
        uses = {_member(key, sealed): time.time()}
        with _explained():
            _, is_new = self._client.pipeline().set(_name(key), sealed, ex=AGE).zadd(USED, uses).execute()
            if is_new and (total := self._client.incrby(BYTES, len(sealed))) > self._bound():
                self._shrink(total, int(self._bound() * _ROOM))

    def remove(self, key: bytes) -> None:
        """Forget an entry; that it is counted no more is for `cleanup`."""
        with _explained():
            self._client.unlink(_name(key))

    def stats(self) -> Stats:
        """Return what there is."""
        with _explained():
            entries, size = self._client.pipeline().zcard(USED).get(BYTES).execute()
            return Stats(entries, max(0, int(size or 0)), self._bound())

    def clear(self) -> None:
        """Forget everything, also what nobody counts any more."""
        self._asked.clear()
        with _explained():
            self._client.unlink(USED, BYTES)
            for names in _batches(self._client.scan_iter(match=f"{ENTRY}*", count=1000)):
                self._client.unlink(*names)

    def cleanup(self, limit: int | None = None) -> int:
        """Forget what is old or too much, and count anew; returns how many entries."""
        with _explained():
            self._tell()
            before = self._client.zcard(USED)
            for members in _batches(self._client.zrangebyscore(USED, "-inf", time.time() - AGE)):
                self._drop(members)
            total = self._counted()
            self._client.set(BYTES, total)
            self._shrink(total, self._bound() if limit is None else limit)
            return int(before - self._client.zcard(USED))

    def close(self) -> None:
        """Close the connection."""
        with _explained():
            try:
                self._tell()
            finally:
                self._client.close()

    def _tell(self) -> None:
        """Note in Redis which entries were asked for."""
        if self._asked:
            self._client.zadd(USED, self._asked, xx=True)
            self._asked.clear()

    def _bound(self) -> int:
        """Return how many bytes there may be: its own limit, and a part of Redis' memory."""
        if not self._limit:
            most = int(self._client.info("memory").get("maxmemory", 0))
            self._limit = min(LIMIT, most // SHARE) if most else LIMIT
        return self._limit

    def _counted(self) -> int:
        """Return the bytes of all entries that are there; those that Redis itself removed are counted no more."""
        total = 0
        for members in _batches(member for member, _ in self._client.zscan_iter(USED, count=1000)):
            pipeline = self._client.pipeline()
            for member in members:
                pipeline.strlen(_name(member[:KEY]))
            sizes = pipeline.execute()
            gone = [member for member, size in zip(members, sizes, strict=True) if not size]
            if gone:
                self._client.zrem(USED, *gone)
            total += sum(sizes)
        return total

    def _shrink(self, total: int, limit: int) -> None:
        """Remove the entries asked for least recently until the others have at most `limit` bytes."""
        while total > limit:
            popped = [member for member, _ in self._client.zpopmin(USED, _BATCH if total > 2 * limit else 1)]
            if not popped:
                self._client.set(BYTES, 0)
                return
            self._client.unlink(*(_name(member[:KEY]) for member in popped))
            total = self._client.decrby(BYTES, sum(int.from_bytes(member[KEY:], "big") for member in popped))

    def _drop(self, members: Sequence[bytes]) -> None:
        names = [_name(member[:KEY]) for member in members]
        self._client.pipeline().unlink(*names).zrem(USED, *members).execute()


def _name(key: bytes) -> str:
    return ENTRY + key.hex()


def _purpose(key: bytes) -> str:
    return f"cache {key.hex()}"


def _member(key: bytes, sealed: bytes) -> bytes:
    return key + len(sealed).to_bytes(_SIZE, "big")


def _batches(items: Iterator[bytes] | Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for item in items:
        batch.append(item)
        if len(batch) >= 1000:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def _explained() -> Iterator[None]:
    """Raise CacheFault for whatever Redis or the way to it has against what the block does."""
    import redis

    try:
        yield
    except (redis.RedisError, OSError, ValueError, OverflowError) as error:
        raise CacheFault(f"Redis does not answer: {printable(str(error), 200)}") from error
