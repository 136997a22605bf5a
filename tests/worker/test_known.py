"""Units that are known are not read, and what a child that was taken over says of others is never kept."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from modelsweep.cache import identity, known
from modelsweep.cache.known import Known
from modelsweep.cache.sqlite_cache import SqliteCache
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options, Reuse
from modelsweep.core.report import Unit, UnitResult, Verdict
from modelsweep.core.units import MIB
from producer.plan import plan
from sources.opening import opener
from sources.source import Opened, OpenedObject
from tests.worker import hostile_scanner
from tests.worker.conftest import HOSTILE
from worker.supervisor import Supervisor
from worker.tasks import FETCHED


@dataclass
class Scene:
    """Files to be examined again and again with one cache; `read` are the names of those that were."""

    folder: Path
    words: list[str] = field(default_factory=list)
    answered: int = 0

    def write(self, name: str, action: str) -> Path:
        path = self.folder / "files" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(hostile_scanner.MARK + action.encode() + b"\n" + bytes(1000))
        return path

    def cache(self) -> SqliteCache:
        return SqliteCache(str(self.folder / "cache"), self.words.append)

    def examine(self, options: Options = HOSTILE, reuse: Reuse = "files", jobs: int = 1) -> dict[str, UnitResult]:
        targets = [str(self.folder / "files")]
        units = [item for item in plan(targets) if isinstance(item, Unit)]
        with Supervisor(options, jobs, Known(self.cache, options, reuse, self.words.append)) as supervisor:
            results = list(supervisor.examine(units, opener(targets)))
            self.answered = supervisor.answered
        return {result.unit.locator.name: replace(result, duration=0.0) for result in results}


@pytest.fixture
def scene(hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A place for files and a cache, which takes files of any size and age."""
    monkeypatch.setattr(known, "SMALLEST_FILE", 0)
    monkeypatch.setattr(identity, "SETTLED", -60.0)
    return Scene(tmp_path)


def test_what_is_known_is_not_examined_and_is_the_same(scene: Scene) -> None:
    for name in ("a", "b", "c"):
        scene.write(name, f"nothing {name}")
    first = scene.examine()
    assert scene.answered == 0
    assert [f.subject for f in first["a"].findings] == ["a"]
    for jobs in (1, 3):
        assert scene.examine(jobs=jobs) == first
        assert scene.answered == 3
    scene.write("b", "nothing new")
    assert [f.subject for f in scene.examine()["b"].findings] == ["new"]
    assert scene.answered == 2
    assert not scene.words


def test_nothing_local_is_taken_for_known_unasked(scene: Scene) -> None:
    scene.write("a", "nothing 1")
    for reuse in ("files", "objects", "nothing"):
        scene.examine(reuse=reuse)
        assert scene.answered == 0
    assert scene.cache().stats().entries == 1


def test_options_are_asked_anew_where_they_judge_and_read_anew_where_they_extract(scene: Scene) -> None:
    scene.write("a", "nothing 1")
    assert scene.examine()["a"].verdict is not Verdict.MALICIOUS
    listed = scene.examine(replace(HOSTILE, blacklist=("files/a",)))
    assert scene.answered == 1
    assert listed["a"].verdict is Verdict.MALICIOUS
    assert scene.examine()["a"].verdict is not Verdict.MALICIOUS, "a blacklist is not remembered"
    scene.examine(replace(HOSTILE, depth="quick"))
    assert scene.answered == 0


@pytest.mark.parametrize("action", ["segfault", "raise KeyError", "exit 0", "garbage text", "memory", "hang"])
def test_what_ends_a_child_is_tried_again_each_time(scene: Scene, action: str) -> None:
    scene.write("hostile", action)
    scene.write("other", "nothing 1")
    options = replace(
        HOSTILE, timeout=3 if action == "hang" else 30, limits=replace(HOSTILE.limits, memory=256 * 1024 * 1024)
    )
    for _ in range(2):
        results = scene.examine(options)
        assert results["hostile"].problems
    assert scene.answered == 1


def test_what_is_kept_comes_from_children_that_saw_nothing_else(scene: Scene) -> None:
    """Each file here tells by which process it was examined."""
    for name in ("a", "b", "c"):
        scene.write(name, "pid")
    first = scene.examine()
    assert len({result.findings[0].subject for result in first.values()}) == 3
    unkept = scene.examine(reuse="nothing")
    assert len({result.findings[0].subject for result in unkept.values()}) == 1


def test_children_that_are_made_often_are_made_beforehand_and_see_nothing_of_each_other(scene: Scene) -> None:
    for number in range(6):
        scene.write(f"{number}", f"nothing {number}")
    scene.write("7", "environment")
    results = scene.examine(jobs=2)
    assert [results[f"{number}"].findings[0].subject for number in range(6)] == list("012345")
    assert [fact.value for fact in results["7"].facts if fact.kind == "libc-environment"]
    assert "MODELSWEEP_CACHE" not in results["7"].facts[0].value


def test_a_lie_stays_with_the_file_that_told_it(scene: Scene) -> None:
    """A child that was taken over says that it saw other bytes, and that all files after its own are clean."""
    scene.write("honest", "nothing dangerous")
    expected = scene.examine()["honest"]
    scene.cache().clear()
    scene.write("a-liar", f"take-over {expected.digest}")
    expected = replace(expected, unit=replace(expected.unit, index=1))
    unkept = scene.examine(reuse="nothing")
    assert unkept["a-liar"].digest == expected.digest
    assert not unkept["honest"].findings, "where nothing is kept, a child lives on, and its lies with it"
    for answered in (0, 2):
        assert scene.examine()["honest"] == expected
        assert scene.answered == answered
    (scene.folder / "files" / "a-liar").unlink()
    assert scene.examine()["honest"].findings == expected.findings
    assert scene.answered == 1


def test_a_damaged_entry_is_read_anew_with_a_word(scene: Scene) -> None:
    scene.write("a", "nothing 1")
    first = scene.examine()
    cache = scene.cache()
    (key,) = [row[0] for row in cache._database.execute("SELECT key FROM entries")]
    cache.put(key, b"junk")
    cache.close()
    assert scene.examine() == first
    assert scene.answered == 0
    assert any("left out" in word for word in scene.words)
    for answered in (0, 1):
        assert scene.examine() == first
        assert scene.answered == answered


def test_a_cache_that_cannot_be_used_is_said_once_and_fails_nothing(scene: Scene) -> None:
    (scene.folder / "cache").write_bytes(b"no folder")
    for name in ("a", "b"):
        scene.write(name, f"nothing {name}")
    assert {name: result.findings[0].subject for name, result in scene.examine().items()} == {"a": "a", "b": "b"}
    assert len(scene.words) == 1
    assert "the cache is not used" in scene.words[0]


def test_a_file_that_changes_is_not_kept(scene: Scene) -> None:
    path = scene.write("a", "nothing 1")
    units = [item for item in plan([str(path)]) if isinstance(item, Unit)]
    open_file = opener([str(path)])

    def open_and_change(unit: Unit) -> Opened:
        opened = open_file(unit)
        os.utime(path, (1, 1))
        path.write_bytes(hostile_scanner.MARK + b"nothing 2\n" + bytes(1000))
        return opened

    with Supervisor(HOSTILE, 1, Known(scene.cache, HOSTILE, "files", scene.words.append)) as supervisor:
        list(supervisor.examine(units, open_and_change))
    scene.write("a", "nothing 3")
    assert [f.subject for f in scene.examine()["a"].findings] == ["3"]


class Store:
    """Remote objects that count how often a byte of them is asked for."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.reads = 0
        self.closed = 0

    def open_unit(self, unit: Unit) -> Opened:
        data = self.objects[unit.locator.uri]

        def fetch(offset: int, length: int) -> bytes:
            self.reads += 1
            return data[offset : offset + length]

        def close() -> None:
            self.closed += 1

        return OpenedObject(fetch, len(data), close)


Audit = Callable[[Sequence[Unit]], dict[str, UnitResult]]


@pytest.fixture
def store() -> Store:
    """An empty store."""
    return Store()


@pytest.fixture
def audit(scene: Scene, store: Store) -> Audit:
    """Return a function that examines objects of the store."""

    def run(units: Sequence[Unit], options: Options = Options()) -> dict[str, UnitResult]:
        with Supervisor(options, 2, Known(scene.cache, options, "objects", scene.words.append)) as supervisor:
            results = list(supervisor.examine(units, store.open_unit))
            scene.answered = supervisor.answered
        return {result.unit.locator.uri: replace(result, duration=0.0) for result in results}

    return run


def listed(store: Store, version: str = "", digest: str = "") -> list[Unit]:
    return [
        Unit(number, Locator(uri, (), version), len(data), digest)
        for number, (uri, data) in enumerate(store.objects.items())
    ]


def test_of_an_object_whose_version_is_known_no_byte_is_asked_for(scene: Scene, store: Store, audit: Audit) -> None:
    store.objects = {f"s3://b/{number}.pkl": pickle.dumps({"a": number}) for number in range(3)}
    first = audit(listed(store, "v1"))
    reads = store.reads
    assert reads
    assert audit(listed(store, "v1")) == first
    assert (store.reads, scene.answered, store.closed) == (reads, 3, 6)
    audit(listed(store, "v2"))
    assert store.reads > reads
    for _ in range(2):
        audit(listed(store))
        assert scene.answered == 0, "who tells nothing is read each time"


def test_content_that_its_store_vouches_for_is_known_under_another_address(
    scene: Scene, store: Store, audit: Audit
) -> None:
    data = pickle.dumps({"a": 1})
    digest = hashlib.sha256(data).hexdigest()
    store.objects = {"s3://b/one/m.pkl": data}
    first = audit(listed(store, digest=digest))["s3://b/one/m.pkl"]
    reads = store.reads
    store.objects = {"s3://b/two/m.pkl": data}
    again = audit(listed(store, digest=digest))["s3://b/two/m.pkl"]
    assert (store.reads, scene.answered) == (reads, 1)
    assert (again.digest, again.artifacts[0].scanners) == (first.digest, first.artifacts[0].scanners)
    assert again.artifacts[0].locator.uri == "s3://b/two/m.pkl"
    for stranger in ("s3://other/m.pkl", "s3://b/m.pt", "s3://b/tests/m.pkl"):
        store.objects = {stranger: data}
        audit(listed(store, digest=digest))
        assert scene.answered == 0


def test_a_digest_that_the_bytes_do_not_have_is_not_believed(scene: Scene, store: Store, audit: Audit) -> None:
    store.objects = {"s3://b/m.pkl": pickle.dumps({"a": 1})}
    for _ in range(2):
        audit(listed(store, digest="ab" * 32))
        assert scene.answered == 0
    assert scene.cache().stats().entries == 0


def test_an_archive_is_known_with_its_members(scene: Scene, store: Store, audit: Audit) -> None:
    """Those that are units of their own, too."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.bin", "b.bin"):
            archive.writestr(name, os.urandom(9 * MIB))
        archive.writestr("c.pkl", pickle.dumps({"a": 1}))
    store.objects = {"s3://b/m.zip": content.getvalue()}
    first = audit(listed(store, "v1"))
    reads, entries = store.reads, scene.cache().stats().entries
    assert scene.answered == 0
    assert audit(listed(store, "v1")) == first
    assert (store.reads, scene.answered) == (reads, 1)
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    assert audit(listed(store, "v1", digest)) == {uri: with_digest(result, digest) for uri, result in first.items()}
    assert scene.cache().stats().entries == 2 * entries
    assert entries == 3
    assert len(audit(listed(store, "v2", digest))["s3://b/m.zip"].problems) == len(first["s3://b/m.zip"].problems) == 2
    assert scene.answered == 1, "another version of the same content"


def test_objects_are_fetched_while_others_before_them_are_examined(scene: Scene, store: Store) -> None:
    store.objects = {f"s3://b/{number:02d}.pkl": pickle.dumps({"a": number}) for number in range(20)}
    begun: set[str] = set()
    enough = threading.Event()

    def open_unit(unit: Unit) -> OpenedObject:
        uri, opened = unit.locator.uri, store.open_unit(unit)
        assert isinstance(opened, OpenedObject)

        def fetch(offset: int, length: int) -> bytes:
            begun.add(uri)
            if len(begun) > FETCHED:
                enough.set()
            if uri == "s3://b/00.pkl":
                enough.wait(20)
            return opened.fetch(offset, length)

        return replace(opened, fetch=fetch)

    options = Options()
    with Supervisor(options, 1, Known(scene.cache, options, "objects", scene.words.append)) as supervisor:
        results = list(supervisor.examine(listed(store, "v1"), open_unit))
    assert enough.is_set()
    assert len({result.unit.locator.uri for result in results if result.digest}) == 20
    assert scene.cache().stats().entries == 20


def test_what_was_fetched_ahead_is_given_back_when_nobody_wants_it(scene: Scene, store: Store) -> None:
    store.objects = {f"s3://b/{number:02d}.pkl": pickle.dumps({"a": number}) for number in range(20)}
    opened: list[str] = []

    def open_unit(unit: Unit) -> Opened:
        opened.append(unit.locator.uri)
        return store.open_unit(unit)

    options = Options()
    with Supervisor(options, 1, Known(scene.cache, options, "objects", scene.words.append)) as supervisor:
        results = supervisor.examine(listed(store, "v1"), open_unit)
        next(results)
        results.close()  # type: ignore[attr-defined]
        assert 1 < len(opened) < 20
        deadline = time.monotonic() + 20
        while store.closed < len(opened) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert store.closed == len(opened)


def with_digest(result: UnitResult, digest: str) -> UnitResult:
    return replace(result, unit=replace(result.unit, digest=digest))
