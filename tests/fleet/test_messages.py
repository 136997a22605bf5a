"""Messages lie in Redis as kombu puts them there, in order, and many are put there at once."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from redis import Redis

from modelsweep.fleet import messages
from modelsweep.fleet.messages import CONTROL, CPU, BrokerFault, connect, finalize_message, publish, scan_message
from modelsweep.fleet.private_redis import PrivateRedis

JOB = "k3tz-8qwe-f2mn"


def waiting(client: Redis, queue: str) -> list[dict[str, Any]]:
    """Return the messages of a queue, the next one first."""
    return [json.loads(line) for line in reversed(client.lrange(queue, 0, -1))]


def body_of(message: Mapping[str, Any]) -> Any:
    return json.loads(base64.b64decode(message["body"]))


def test_a_message_is_what_kombu_makes_of_it() -> None:
    with PrivateRedis() as redis:
        connection, client = connect(redis.url), redis.client()
        assert publish(connection, [scan_message(CPU, JOB, 7, 2)]) == 1
        (ours,) = waiting(client, CPU)
        client.delete(CPU)
        number = ours["headers"]["id"]
        connection.Producer(serializer="json").publish(
            body_of(ours), routing_key=CPU, headers=ours["headers"], correlation_id=number, delivery_mode=2, retry=False
        )
        (theirs,) = waiting(client, CPU)
        connection.release()
    assert (body_of(ours), body_of(theirs)) == (body_of(theirs), body_of(ours))
    assert body_of(ours)[:2] == [[JOB, 7, 2], {}]
    for message in (ours, theirs):
        del message["body"]  # with spaces or without
        assert isinstance(message["properties"].pop("delivery_tag"), str)
    assert ours == theirs


def test_one_of_several_chunks_says_how_many_where_only_who_knows_looks() -> None:
    with PrivateRedis() as redis:
        connection, client = connect(redis.url), redis.client()
        publish(connection, [scan_message(CPU, JOB, 7, 2), scan_message(CPU, JOB, 8, 2, 3)])
        one, three = waiting(client, CPU)
        connection.release()
    assert [body_of(message)[0] for message in (one, three)] == [[JOB, 7, 2], [JOB, 8, 2]]
    assert three["headers"].keys() - one["headers"].keys() == {"chunks"}
    assert three["headers"]["chunks"] == 3


def test_many_keep_their_order_and_have_ids_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_TOGETHER", 10)
    chunks = [scan_message(CPU, JOB, chunk, 1) for chunk in range(25)]
    with PrivateRedis() as redis:
        connection, client = connect(redis.url), redis.client()
        assert publish(connection, [*chunks[:13], finalize_message(JOB), *chunks[13:]]) == 26
        assert publish(connection, []) == 0
        found = waiting(client, CPU)
        assert [body_of(message)[0][1] for message in found] == [*range(25)]
        found += waiting(client, CONTROL)
        connection.release()
    for where in ("id", "root_id"):
        assert len({message["headers"][where] for message in found}) == 26
    assert len({message["properties"]["delivery_tag"] for message in found}) == 26


def test_a_broker_that_is_gone_is_said() -> None:
    redis = PrivateRedis()
    connection = connect(redis.url)
    assert publish(connection, [finalize_message(JOB)]) == 1
    redis.close()
    with pytest.raises(BrokerFault, match="does not accept messages"):
        publish(connection, [finalize_message(JOB)])
