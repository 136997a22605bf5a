"""Who is alive: workers report to Redis for the exporter, and touch a file for the probe of their own container.

`python -m modelsweep.fleet.liveness [SECONDS]` is that probe: it exits with 1 where the file was not touched in time.
It imports the standard library only, since it runs every few seconds.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis import Redis

SEEN_KEY = "ms:workers"
"""A sorted set of names by the second in which they were last heard of, by Redis' clock."""
ABOUT_KEY = "ms:workers:about"
"""A hash of what each of them is."""
FILE_VARIABLE = "MODELSWEEP_ALIVE"
BEAT_EVERY = 10
"""Seconds."""
BEAT_READING = 2
"""Seconds, while it reads files that take long: somebody may be watching."""
LOST_AFTER = 60
"""Seconds of silence after which a worker counts as dead: six beats."""
FORGOTTEN_AFTER = 3600
"""Seconds after which nothing more is said of a worker that fell silent."""
# Clocks of many machines differ; that of Redis is one.
_BEAT = """
local now = redis.call('TIME')[1]
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3], 'LIMIT', 0, 100)
for _, name in ipairs(gone) do
    redis.call('ZREM', KEYS[1], name)
    redis.call('HDEL', KEYS[2], name)
end
return #gone
"""


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker process: what it serves, how many chunks it examines at a time, seconds since it was heard of.

    `reading` is how many bytes of large files in hand it has read, by job.
    """

    name: str
    queues: tuple[str, ...]
    slots: int
    version: str
    silent: float = 0.0
    reading: Mapping[str, int] = field(default_factory=dict)

    @property
    def lives(self) -> bool:
        """Whether it was heard of lately."""
        return self.silent <= LOST_AFTER


def beat(client: Redis, worker: Worker) -> None:
    """Say that `worker` lives, and forget those of which nothing was heard for an hour; raises RedisError."""
    told = {"queues": worker.queues, "slots": worker.slots, "version": worker.version, "reading": worker.reading}
    about = json.dumps(told)
    client.eval(_BEAT, 2, SEEN_KEY, ABOUT_KEY, worker.name, about, FORGOTTEN_AFTER)


def leave(client: Redis, name: str) -> None:
    """Say that a worker stops in good order, so that nobody misses it; raises RedisError."""
    with client.pipeline() as pipeline:
        pipeline.zrem(SEEN_KEY, name)
        pipeline.hdel(ABOUT_KEY, name)
        pipeline.execute()


def workers(client: Redis) -> tuple[Worker, ...]:
    """Return the workers that did not leave, by name; raises RedisError."""
    with client.pipeline() as pipeline:
        pipeline.time()
        pipeline.zrange(SEEN_KEY, 0, -1, withscores=True)
        pipeline.hgetall(ABOUT_KEY)
        (seconds, _), seen, about = pipeline.execute()
    return tuple(sorted(_known(seconds, seen, about), key=lambda worker: worker.name))


def _known(now: int, seen: list[tuple[bytes | str, float]], about: dict[bytes | str, bytes | str]) -> Iterator[Worker]:
    for name, when in seen:
        told = _described(about.get(name, "{}"))
        queues, slots, version = told.get("queues"), told.get("slots"), told.get("version")
        reading = told.get("reading")
        yield Worker(
            name.decode("utf-8", "replace") if isinstance(name, bytes) else name,
            tuple(str(queue) for queue in queues) if isinstance(queues, list) else (),
            slots if isinstance(slots, int) else 0,
            version if isinstance(version, str) else "",
            max(0.0, now - when),
            {job: size for job, size in reading.items() if type(size) is int} if isinstance(reading, dict) else {},
        )


def _described(about: bytes | str) -> dict[str, Any]:
    """Return what a worker said of itself, or nothing where it cannot be read: it lives all the same."""
    try:
        told = json.loads(about)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def touch() -> None:
    """Touch the file that MODELSWEEP_ALIVE names; nothing where it names none. Raises OSError."""
    path = os.environ.get(FILE_VARIABLE)
    if path:
        Path(path).touch(mode=0o600)


def touched_within(path: str, seconds: float) -> bool:
    """Return whether the file was touched in the last `seconds`."""
    try:
        return time.time() - Path(path).stat().st_mtime <= seconds
    except OSError:
        return False


def main() -> int:
    """Probe the file of this container: 0 alive, 1 not."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else LOST_AFTER
    path = os.environ.get(FILE_VARIABLE, "")
    if path and touched_within(path, seconds):  # no path would be the working directory
        return 0
    sys.stderr.write(f"{path or FILE_VARIABLE + ' is not set'}: not touched for {seconds:g} s\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
