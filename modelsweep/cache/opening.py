"""Which cache an address names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from modelsweep.cache.backend import Backend, CacheFault

if TYPE_CHECKING:
    from modelsweep.fleet.signature import Key

VARIABLE = "MODELSWEEP_CACHE"
"""Environment variable that names a folder or a Redis, or says `off`."""
OFF = "off"
_REDIS = re.compile(r"(redis|rediss|unix|redis\+socket)://.")


def is_redis(address: str) -> bool:
    """Return whether an address is that of a Redis, else of a folder."""
    return _REDIS.match(address) is not None


def cache_address(environment: Mapping[str, str] = os.environ) -> str:
    """Return where this user's cache is, nothing where there is none: no folder is named, or `off`."""
    named = environment.get(VARIABLE, "")
    if named:
        return "" if named == OFF else named if is_redis(named) else os.path.abspath(named)
    # A relative path is to be ignored: https://specifications.freedesktop.org/basedir-spec/latest/
    caches = environment.get("XDG_CACHE_HOME", "")
    home = environment.get("HOME", "")
    if os.path.isabs(caches):
        return os.path.join(caches, "modelsweep")
    return os.path.join(home, ".cache", "modelsweep") if os.path.isabs(home) else ""


def cache_folder() -> str:
    """Return the folder of this user's cache, nothing where there is none."""
    address = cache_address()
    return "" if is_redis(address) else address


def open_cache(address: str, say: Callable[[str], object], key: Key | None = None) -> Backend:
    """Return the cache at `address`, which belongs to one thread; raises CacheFault.

    `say` gets a sentence where something is wrong with it that is no fault. Without `key` that of the environment is
    used for what needs one.
    """
    if is_redis(address):
        from modelsweep.cache.redis_cache import RedisCache
        from modelsweep.fleet.signature import BadKey, Key

        try:
            return RedisCache.at(address, key or Key.from_environment())
        except BadKey as error:
            raise CacheFault(str(error)) from error
    from modelsweep.cache.sqlite_cache import SqliteCache

    return SqliteCache(address, say)
