"""Runs the ledger's scripts in Redis: one, many in one exchange, or one whose answer is asked for later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import redis

from modelsweep.fleet.answers import LedgerFault
from modelsweep.fleet.redis_faults import explain, leave_replica
from modelsweep.fleet.scripts import load

Answered = Callable[[], Any]
"""Returns the answer of a script, waiting for it; raises LedgerFault."""


def run_script(client: redis.Redis, name: str, key: str, *arguments: str | bytes | int) -> Any:
    """Run scripts/NAME.lua over `key`; raises LedgerFault."""
    script = load(name)
    try:
        try:
            return client.evalsha(script.sha, 1, key, *arguments)
        except redis.exceptions.NoScriptError:  # a Redis that was started since
            return client.eval(script.source, 1, key, *arguments)  # type: ignore[arg-type]
    except redis.RedisError as error:
        raise _fault(client, error) from error


def run_scripts(client: redis.Redis, name: str, key: str, calls: Sequence[Sequence[str | bytes | int]]) -> list[Any]:
    """Run scripts/NAME.lua over `key` once for each of `calls`, its arguments, in one exchange; raises LedgerFault."""
    if len(calls) == 1:
        return [run_script(client, name, key, *calls[0])]
    sha = load(name).sha
    try:
        with client.pipeline(transaction=False) as pipeline:
            for arguments in calls:
                pipeline.evalsha(sha, 1, key, *arguments)
            answers = pipeline.execute(raise_on_error=False)
    except redis.RedisError as error:
        raise _fault(client, error) from error
    for place, answer in enumerate(answers):
        if isinstance(answer, redis.exceptions.NoScriptError):
            answers[place] = run_script(client, name, key, *calls[place])
        elif isinstance(answer, redis.RedisError):
            raise _fault(client, answer) from answer
    return answers


def _fault(client: redis.Redis, error: redis.RedisError) -> LedgerFault:
    """Return what went wrong."""
    leave_replica(client, error)
    return explain(error)


class Sender:
    """Sends scripts over a connection of its own, one at a time; belongs to one thread.

    A script that may not have got there, or whose answer was lost, is run again when its answer is asked for: so only
    those that may be run twice are to be sent.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._connection: redis.Connection | None = None

    def send(self, name: str, key: str, *arguments: str | bytes | int) -> Answered:
        """Send scripts/NAME.lua over `key`; what this returns is to be called before another one is sent."""
        try:
            if self._connection is None:
                self._connection = self._client.connection_pool.get_connection()
            self._connection.send_command(  # type: ignore[no-untyped-call]
                "EVALSHA", load(name).sha, 1, key, *arguments
            )
        except (redis.RedisError, OSError):
            self.close()
            return lambda: run_script(self._client, name, key, *arguments)
        return lambda: self._answer(name, key, *arguments)

    def _answer(self, name: str, key: str, *arguments: str | bytes | int) -> Any:
        assert self._connection
        try:
            return self._connection.read_response()
        except redis.exceptions.NoScriptError:  # a Redis that was started since
            return run_script(self._client, name, key, *arguments)
        except redis.ResponseError as error:
            self.close()
            raise _fault(self._client, error) from error
        except (redis.RedisError, OSError):
            self.close()
            return run_script(self._client, name, key, *arguments)

    def close(self) -> None:
        """Give the connection back; what was sent and not asked for is lost."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()  # type: ignore[no-untyped-call]
            self._client.connection_pool.release(connection)
