"""What can be wrong with a Redis, in one sentence each."""

from __future__ import annotations

import re
from typing import cast

import redis
from redis import exceptions

from modelsweep.core.text import printable
from modelsweep.fleet.answers import LedgerFault

OLDEST = (6, 2)
_NEEDED = "6.2 or later is needed"
_BY_CODE = {
    "OOM": "Redis is full (maxmemory): raise the limit or free memory; nothing is lost, and work goes on then",
    "MISCONF": "Redis cannot write its files, so it takes no changes: look at its disk and its log",
    "READONLY": "this Redis is a read-only replica: name the primary",
    "LOADING": "Redis is still loading its files: try again in a moment",
    "MASTERDOWN": "this Redis is a replica without its primary",
    "BUSY": "Redis is busy with another script",
    "NOAUTH": "Redis wants a password, and none was given",
    "WRONGPASS": "Redis refuses the user name or the password",
    "NOPERM": "Redis does not allow this user what the ledger needs: scripts, and the keys ms:*",
    "CLUSTERDOWN": "this is a Redis Cluster, which Celery cannot use: name a single Redis",
    "MOVED": "this is a Redis Cluster, which Celery cannot use: name a single Redis",
    "CROSSSLOT": "this is a Redis Cluster, which Celery cannot use: name a single Redis",
}


def explain(error: redis.RedisError) -> LedgerFault:
    """Return what went wrong, in one sentence without addresses or passwords."""
    code = _code(error)
    if "unknown command" in str(error) and "HELLO" in str(error):  # how clients greet a server since Redis 6
        return LedgerFault(f"this Redis is too old: {_NEEDED}")
    if code in _BY_CODE:
        return LedgerFault(_BY_CODE[code])
    if isinstance(error, exceptions.AuthenticationError):
        return LedgerFault(_BY_CODE["WRONGPASS" if "invalid" in str(error) else "NOAUTH"])
    if isinstance(error, exceptions.TimeoutError):
        return LedgerFault("Redis does not answer in time")
    if isinstance(error, exceptions.ConnectionError):
        return LedgerFault(f"Redis cannot be reached: {printable(str(error), 200)}")
    return LedgerFault(f"Redis refuses: {printable(str(error), 200)}")


def leave_replica(client: redis.Redis, error: redis.RedisError) -> None:
    """Where a primary has become a replica, connect anew: its name may stand for another machine by now."""
    if _code(error) == "READONLY":
        client.connection_pool.disconnect(inuse_connections=False)


def is_refusal(fault: LedgerFault) -> bool:
    """Return whether Redis itself has refused something: it is there, and another job may have no such trouble."""
    return isinstance(fault.__cause__, redis.ResponseError)


def check_server(client: redis.Redis) -> None:
    """Raise LedgerFault where the ledger cannot rely on this Redis: unreachable, too old, a cluster, or evicting."""
    try:
        info = cast(dict[str, object], client.info())
    except redis.RedisError as error:
        raise explain(error) from error
    version = str(info.get("redis_version", ""))
    found = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if found < OLDEST:
        raise LedgerFault(f"Redis {printable(version, 20)} is too old: {_NEEDED}")
    if info.get("redis_mode") == "cluster":
        raise LedgerFault(_BY_CODE["MOVED"])
    if info.get("role") in ("slave", "replica"):
        raise LedgerFault(_BY_CODE["READONLY"])
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if info.get("maxmemory") and policy != "noeviction":
        raise LedgerFault(
            f"Redis deletes keys when it is full (maxmemory-policy {printable(policy, 30)}),"
            " and jobs with them: set it to noeviction"
        )


def _code(error: redis.RedisError) -> str:
    """Return the word that Redis' errors begin with.

    redis-py takes it off where it knows a class for it, and a script's error may stand behind a sentence of Redis 6.
    """
    by_class = {
        exceptions.OutOfMemoryError: "OOM",
        exceptions.ReadOnlyError: "READONLY",
        exceptions.BusyLoadingError: "LOADING",
        exceptions.MasterDownError: "MASTERDOWN",
        exceptions.NoPermissionError: "NOPERM",
        exceptions.ClusterDownError: "CLUSTERDOWN",
        exceptions.MovedError: "MOVED",
    }
    for kind, code in by_class.items():
        if isinstance(error, kind):
            return code
    text = str(error)
    words = re.findall(r"(?:^|[:@] -?)([A-Z]{3,12})\b", text)
    if "maxmemory" in text:
        return "OOM"
    return next((word for word in words if word in _BY_CODE), "")
