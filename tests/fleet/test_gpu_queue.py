"""Large weights wait for a GPU where a job asks for it, and for nobody who does not live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from modelsweep.core.locator import Locator
from modelsweep.core.report import Unit
from modelsweep.core.units import GIB
from modelsweep.core.version import VERSION
from modelsweep.fleet import messages
from modelsweep.fleet.job import JobSpec, new_id, open_spec, seal_spec
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.liveness import LOST_AFTER, Worker, beat
from modelsweep.fleet.messages import CPU, GPU, INTERACTIVE, LARGE, connect, queue_lengths, queue_of
from producer.submit import Producer
from tests.fleet.test_liveness import silence
from tests.fleet.test_node import KEY, Scene
from worker.sweeper import sweep

ONE = Worker("one@node", (GPU,), 1, VERSION)


def test_only_large_weights_of_jobs_that_ask_wait_for_a_gpu() -> None:
    large, small = 2 * GIB, 1000
    asking, plain = JobSpec(new_id(), (), gpu=True), JobSpec(new_id(), ())

    def queues(name: str, spec: JobSpec) -> list[str]:
        return [queue_of(Unit(0, Locator(name), size), spec) for size in (small, large)]

    assert queues("a.safetensors", asking) == [CPU, GPU]
    assert queues("a.safetensors", plain) == [CPU, LARGE]
    assert queues("a.tar", asking) == [CPU, LARGE]
    assert queues("a.safetensors", JobSpec(new_id(), (), gpu=True, interactive=True)) == [INTERACTIVE] * 2


def test_that_a_job_asks_is_signed_and_kept() -> None:
    spec = JobSpec(new_id(), ("models",), gpu=True)
    assert open_spec(spec.id, seal_spec(spec, KEY), KEY) == spec


class AskingScene(Scene):
    """A job whose four files all count as large weights, and that asks for a GPU."""

    def submit(self, reuse: object = "objects") -> None:
        for path in self.models.iterdir():
            path.rename(path.with_suffix(".pt"))
        self.spec = JobSpec(new_id(), (str(self.models),), self.options, chunk_files=1, gpu=True)
        self.ledger = Ledger(self.client, self.spec.id)
        with connect(self.url) as connection:
            producer = Producer(self.spec, self.client, connection, self.store, KEY)
            producer.create()
            producer.run()

    def waiting(self) -> tuple[int, int]:
        """Return how many messages wait for a GPU, and for those that examine large files without."""
        lengths = queue_lengths(self.client)
        return lengths[GPU], lengths[LARGE]

    def sweep(self) -> int:
        return sweep(self.client, self.node.publish, grace=0).again

    def take(self, queue: str) -> tuple[str, int, int]:
        """Return what the next message in a queue asks for, as Celery reads it."""
        with connect(self.url) as connection, connection.SimpleQueue(queue) as messages:
            message = messages.get(timeout=5)
            message.ack()
            (job, chunk, generation), _, _ = message.decode()
            return job, chunk, generation


@pytest.fixture
def scene(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AskingScene]:
    monkeypatch.setattr(messages, "LARGE_BYTES", 0)
    made = AskingScene(redis_client, redis_url, tmp_path)
    yield made
    made.node.close()


def test_what_a_living_worker_will_take_stays(scene: AskingScene) -> None:
    beat(scene.client, ONE)
    assert scene.waiting() == (4, 0)
    assert scene.sweep() == 0
    assert scene.waiting() == (4, 0)


@pytest.mark.parametrize("was_there", [False, True])
def test_without_a_living_worker_others_do_it_in_the_same_order(scene: AskingScene, was_there: bool) -> None:
    if was_there:
        beat(scene.client, ONE)
        silence(scene.client, ONE.name, LOST_AFTER + 5)
    assert scene.sweep() == 0
    assert scene.waiting() == (0, 4)
    assert scene.sweep() == 0, "nothing is lost: nothing is published twice"
    taken = [scene.take(LARGE) for _ in range(4)]
    assert [chunk for _, chunk, _ in taken] == [0, 1, 2, 3]
    assert [scene.node.scan(*message) for message in taken] == ["done"] * 4
    assert scene.ledger.progress().verdicts == {"clean": 3, "malicious": 1}


def test_a_message_that_was_lost_on_the_way_is_found(scene: AskingScene) -> None:
    scene.sweep()
    for _ in range(4):
        scene.take(LARGE)
    assert scene.sweep() == 4
    assert scene.waiting() == (4, 0)
    scene.sweep()
    assert scene.waiting() == (0, 4)
