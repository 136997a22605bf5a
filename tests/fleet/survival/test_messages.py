"""Messages are lost, doubled, or none of ours: the ledger alone decides what is done."""

from __future__ import annotations

import json
import uuid

import pytest

from modelsweep.fleet.messages import CONTROL, CPU, SCAN, Message, finalize_message, publish, scan_message
from tests.fleet.survival.scene import Scene, pop, until


def test_lost_messages_are_published_again(scene: Scene, expected: bytes):
    job = scene.submit()
    assert len(pop(scene, CPU, 20)) == 20
    scene.work(slots=2)
    progress = scene.settled(job, expected)
    assert progress.counts["published_again"] >= 20


def test_all_messages_are_lost(scene: Scene, expected: bytes):
    job = scene.submit()
    scene.redis.client().delete(CPU)
    scene.work(slots=2)
    scene.settled(job, expected)


def test_doubled_messages_are_done_once(scene: Scene, expected: bytes):
    job = scene.submit()
    client = scene.redis.client()
    client.lpush(CPU, *client.lrange(CPU, 0, -1), *client.lrange(CPU, 0, -1))
    publish(scene.fleet.connection, [finalize_message(job)] * 3)
    scene.work(slots=2)
    scene.work()
    scene.settled(job, expected)
    until(lambda: not client.llen(CPU))
    assert scene.progress(job).counts["claims_refused"] >= 50
    publish(scene.fleet.connection, [finalize_message(job)] * 3 + [scan_message(CPU, job, 0, 1)] * 3)
    until(lambda: not client.llen(CPU) + client.llen(CONTROL))
    scene.settled(job, expected)


GARBAGE = {
    "bytes": b"\xff\xfe garbage \x00",
    "text": b"hello",
    "empty": b"",
    "list": b"[]",
    "object": b"{}",
    "null": b"null",
    "no-properties": json.dumps({"body": "e30=", "headers": {}, "content-type": "application/json"}).encode(),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_in_a_queue_costs_nothing(scene: Scene, expected: bytes, name: str):
    client = scene.redis.client()
    worker = scene.work(slots=2)
    client.lpush(CPU, GARBAGE[name], GARBAGE[name])
    client.lpush(CONTROL, GARBAGE[name])
    job = scene.submit()
    client.lpush(CPU, GARBAGE[name])
    scene.settled(job, expected)
    until(lambda: not client.llen(CPU) + client.llen(CONTROL))
    assert worker.poll() is None


def _foreign(body: object, task: str = SCAN, **more: object) -> bytes:
    """Return a message of Celery's that no producer of ours sends."""
    text = json.dumps(body)
    return json.dumps(
        {
            "body": text,
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {"lang": "py", "task": task, "id": str(uuid.uuid4()), "argsrepr": "", "retries": 0},
            "properties": {
                "correlation_id": "1",
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": CPU},
                "priority": 0,
                "body_encoding": None,
                "delivery_tag": str(uuid.uuid4()),
            },
        }
        | more
    ).encode()


EMBEDDED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


def test_messages_of_other_versions_and_other_programs_cost_nothing(scene: Scene, expected: bytes):
    client = scene.redis.client()
    worker = scene.work(slots=2)
    bodies: list[object] = [[], [[], {}, EMBEDDED], [["x"], {}, EMBEDDED], [[1, 2, 3], {}, EMBEDDED], [{}, [], {}], 7]
    bodies += [[["x", -1, 1], {}, EMBEDDED], [["../x", 0, 1], {}, EMBEDDED], [["x", 1e400, 1], {}, EMBEDDED]]
    bodies += [[["k3tz-8qwe-f2mn", 2**80, 1], {}, EMBEDDED], [["k3tz-8qwe-f2mn", 0, 1, "more"], {}, EMBEDDED]]
    bodies += [{"task": SCAN, "id": "1", "args": ["x", 0, 1], "kwargs": {}}, [[], {"job": "x"}, EMBEDDED]]
    client.lpush(CPU, *(_foreign(body) for body in bodies))
    client.lpush(CPU, _foreign([[], {}, EMBEDDED], "other.task"))
    client.lpush(CPU, _foreign([[], {}, EMBEDDED], **{"content-type": "application/x-python-serialize"}))
    publish(scene.fleet.connection, [Message(CONTROL, "modelsweep.finalize", arguments) for arguments in ((), (1,))])
    job = scene.submit()
    publish(scene.fleet.connection, [scan_message(CPU, job, 10_000, 1), scan_message(CPU, job, 0, 99)])
    scene.settled(job, expected)
    until(lambda: not client.llen(CPU) + client.llen(CONTROL))
    assert worker.poll() is None
