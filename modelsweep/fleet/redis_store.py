"""A store in Redis: an object is the string `ms:store:NAME`, and all names stand in one sorted set.

For jobs whose reports fit into its memory: an object has at most 512 MB (Redis' own `proto-max-bulk-len`).
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from modelsweep.core.text import printable
from modelsweep.fleet.store import LARGEST, PIECE, Absent, Pieces, StoreFault, Stretch, checked, checked_prefix, shown

if TYPE_CHECKING:
    import redis

_KEYS = "ms:store:"
_NAMES = "ms:store-names"
_DRAFTS = "ms:store-drafts:"
_DRAFT_SECONDS = 3600
"""How long the draft of a writer that died stays; every piece begins it anew."""
_BATCH = 1000
_TIMEOUT = 30.0
_Answer = TypeVar("_Answer")


class RedisStore:
    """Objects in the Redis that `client` speaks to; it must return bytes."""

    def __init__(self, client: redis.Redis) -> None:
        # redis-py types each call as perhaps awaitable
        self._client: Any = client

    @classmethod
    def at(cls, uri: str) -> RedisStore:
        """Return the store at a Redis URL, as redis-py or as kombu writes it (`redis+socket:///PATH`)."""
        import redis

        url = uri.replace("redis+socket://", "unix://", 1).replace("virtual_host=", "db=")
        try:
            client = redis.Redis.from_url(url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
        except ValueError as error:
            raise StoreFault(shown(uri), f"not the address of a Redis: {error}") from error
        return cls(client)

    def put(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Store `data` as a whole; raises StoreFault."""
        key = _KEYS + checked(name)
        self._ask(name, lambda: self._client.pipeline().set(key, data).zadd(_NAMES, {name: 0}).execute())

    def settle(self) -> None:
        """Return at once: what was put outlives this machine."""

    def get(self, name: str) -> bytes:
        """Return an object of at most `LARGEST` bytes; raises Absent, StoreFault."""
        key = _KEYS + checked(name)
        if self._size(name) > LARGEST:
            raise StoreFault(name, "more bytes than an object of the store may have")
        data: bytes | None = self._ask(name, lambda: self._client.get(key))
        if data is None:
            raise Absent(name)
        return data

    def exists(self, name: str) -> bool:
        """Return whether there is an object of that name; raises StoreFault."""
        key = _KEYS + checked(name)
        return bool(self._ask(name, lambda: self._client.exists(key)))

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the names at or below `prefix`, a thousand in memory at a time; raises StoreFault."""
        prefix = checked_prefix(prefix)
        if prefix and self.exists(prefix):
            yield prefix
        # "0" is the byte after "/": all names below the folder lie between the two.
        start, stop = (f"[{prefix}/", f"({prefix}0") if prefix else ("-", "+")
        while True:
            names = self._names(prefix, start, stop)
            yield from names
            if len(names) < _BATCH:
                return
            start = f"({names[-1]}"

    def delete(self, prefix: str) -> None:
        """Remove all objects at or below `prefix`; raises StoreFault."""
        names: list[str] = []
        for name in self.list(prefix):
            names.append(name)
            if len(names) == _BATCH:
                self._remove(prefix, names)
                names = []
        if names:
            self._remove(prefix, names)

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        """Open an object for writing; it appears when the block ends, and not at all where that raises."""
        key, draft = _KEYS + checked(name), _DRAFTS + secrets.token_hex(8)

        sent = 0

        def send(data: bytes | memoryview) -> None:
            nonlocal sent
            pipeline = self._client.pipeline().append(draft, data).expire(draft, _DRAFT_SECONDS)
            sent += len(data)
            # A piece that was sent again after an answer was lost stands there twice; a draft that expired begins anew.
            if self._ask(name, pipeline.execute)[0] != sent:
                raise StoreFault(name, "the connection to Redis failed while it was written")

        try:
            stream = Pieces(send)
            yield cast(BinaryIO, stream)
            stream.send_rest()
            if sent:
                self._publish(name, draft, key)
            else:
                self.put(name, b"")
        except BaseException:
            with suppress(StoreFault):
                self._ask(name, lambda: self._client.delete(draft))
            raise

    @contextmanager
    def reader(self, name: str) -> Iterator[BinaryIO]:
        """Open an object for reading; raises Absent, StoreFault."""
        size = self._size(name)
        if not size and not self.exists(name):
            raise Absent(name)

        def read(offset: int, length: int) -> bytes:
            data: bytes = self._ask(name, lambda: self._client.getrange(_KEYS + name, offset, offset + length - 1))
            return data

        with io.BufferedReader(Stretch(read, size), PIECE) as stream:
            yield cast(BinaryIO, stream)

    def _publish(self, name: str, draft: str, key: str) -> None:
        """Give the draft its name, in one step."""
        pipeline = self._client.pipeline().rename(draft, key).persist(key).zadd(_NAMES, {name: 0})
        self._ask(name, pipeline.execute)

    def _size(self, name: str) -> int:
        key = _KEYS + checked(name)
        return int(self._ask(name, lambda: self._client.strlen(key)))

    def _names(self, prefix: str, start: str, stop: str) -> Sequence[str]:
        found: Sequence[bytes] = self._ask(
            prefix, lambda: self._client.zrangebylex(_NAMES, start, stop, start=0, num=_BATCH)
        )
        return [name.decode("ascii", "replace") for name in found]

    def _remove(self, prefix: str, names: Sequence[str]) -> None:
        pipeline = self._client.pipeline().unlink(*(_KEYS + name for name in names)).zrem(_NAMES, *names)
        self._ask(prefix, pipeline.execute)

    def _ask(self, name: str, call: Callable[[], _Answer]) -> _Answer:
        """Return what `call` answers; raises StoreFault for whatever Redis or the way to it has against it."""
        import redis

        try:
            return call()
        except redis.OutOfMemoryError as error:
            raise StoreFault(name, "the store is full: Redis has no memory left") from error
        except redis.ResponseError as error:
            raise StoreFault(name, f"Redis refuses: {printable(str(error), 200)}") from error
        except (redis.RedisError, OSError) as error:
            raise StoreFault(name, f"Redis does not answer: {printable(str(error), 200)}") from error
