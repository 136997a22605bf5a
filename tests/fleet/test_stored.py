"""Stored results in report order, and the manifest that says all it takes to read them again."""

from __future__ import annotations

import dataclasses
import random
import threading
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.report import Artifact, Run, Tool, Unit, UnitResult
from modelsweep.fleet import stored
from modelsweep.fleet.directory_store import DirectoryStore
from modelsweep.fleet.packing import pack
from modelsweep.fleet.results import ChunkResults, digest_of, encode_chunk, results_name
from modelsweep.fleet.signature import Damaged, Forged, Key
from modelsweep.fleet.store import Absent, Store
from modelsweep.fleet.stored import Family, Manifest, ahead, open_manifest, pack_digests, report_of, seal_manifest
from tests.fleet.test_results import clean

KEY = Key(b"k" * 32)
JOB = "job-1"
TOOL = Tool("0.1.0", "f" * 64, ("pickle", "zip"))
Chunks = list[list[str]]
Tree = dict[tuple[int, int], list[int]]
PROBLEM = Problem(ProblemKind.SOURCE, Locator("gone\udcff"), "", "no such file")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty store."""
    return DirectoryStore(str(tmp_path), durable=False)


def named(index: int, name: str) -> UnitResult:
    """Return a result of the unit called `name`."""
    uri, *members = name.split("!")
    where = Locator(uri, tuple(members))
    return UnitResult(Unit(index, where, 1), (Artifact(where, 1, "", ()),), duration=1.5)


def put(store: Store, chunk: int, results: Sequence[UnitResult]) -> bytes:
    """Store the results of a chunk and return their digest."""
    blob = encode_chunk(TOOL, results)
    store.put(results_name(JOB, chunk, digest_of(blob)), blob)
    return digest_of(blob)


def manifest_of(digests: Sequence[bytes | None], *families: Family, units: int = 0) -> Manifest:
    """Return a manifest of these chunks."""
    run = Run(1.5, 2.5, ("audit", "x"), JOB)
    return Manifest(
        JOB, ("x", "y\udcff"), TOOL, {"depth": "full"}, run, units, pack_digests(digests), families, (PROBLEM,)
    )


def names(manifest: Manifest, store: Store) -> list[str]:
    """Return what the results of a report are about, in its order: members are in the results of their files."""
    found = list(report_of(manifest, store).results)
    files = [str(result.unit.locator) for result in found]
    assert len(files) == len(set(files))
    assert not [name for name in files if name.partition("!")[0] in files and "!" in name]
    return [str(artifact.locator) for result in found for artifact in result.artifacts]


def test_results_come_in_the_order_of_their_chunks(store: Store) -> None:
    chunks = [[named(index, f"{chunk}.{index}") for index in range(3)] for chunk in range(40)]
    manifest = manifest_of([put(store, number, chunk) for number, chunk in enumerate(chunks)], units=120)
    report = report_of(manifest, store)
    for _ in range(2):
        assert list(report.results) == [result for chunk in chunks for result in chunk]
    assert len(report.results) == 120
    assert report.results[100] == chunks[33][1]
    assert (report.tool, report.problems, report.targets) == (TOOL, (PROBLEM,), ("x", "y\udcff"))


def test_children_are_in_the_unit_they_were_found_in(store: Store) -> None:
    chunks = {
        0: ["a", "b", "c"],
        1: ["d"],
        2: ["a!1", "a!2"],
        3: ["c!1"],
        4: ["e"],
        5: ["f", "g"],
        6: ["c!1!x"],
        7: ["a!2!x"],
        8: ["a!1!x"],
    }
    families = [Family(3, 6, (0,)), Family(0, 2, (0, 2)), Family(2, 7, (1, 0))]
    digests = [put(store, number, [named(0, name) for name in chunk]) for number, chunk in chunks.items()]
    expected = ["a", "a!1", "a!1!x", "a!2", "a!2!x", "b", "c", "c!1", "c!1!x", "d", "e", "f", "g"]
    assert names(manifest_of(digests, *families), store) == expected
    lost = [None if number in (3, 4) else digest for number, digest in enumerate(digests)]
    expected.remove("c!1")
    expected.remove("e")
    assert names(manifest_of(lost, *families), store) == expected, "children of what has no results any more stay"


def test_any_tree_comes_out_depth_first(store: Store) -> None:
    """Against a plain recursion over trees made at random."""
    for seed in range(20):
        chance = random.Random(seed)
        chunks: Chunks = [[f"{number}.{at}" for at in range(chance.randint(1, 4))] for number in range(3)]
        tree: Tree = {}
        families = []
        for parent in range(60):
            if parent < len(chunks) < 60 and chance.random() < 0.4:
                first = len(chunks)
                positions = [chance.randrange(len(chunks[parent])) for _ in range(chance.randint(1, 3))]
                for place, position in enumerate(positions):
                    tree.setdefault((parent, position), []).append(first + place)
                    above = chunks[parent][position]
                    chunks.append([f"{above}!{first + place}.{at}" for at in range(chance.randint(1, 4))])
                families.append(Family(parent, first, tuple(positions)))
        found = {child for children in tree.values() for child in children}

        def below(number: int, chunks: Chunks = chunks, tree: Tree = tree) -> Iterator[str]:
            for position, name in enumerate(chunks[number]):
                yield name
                for child in tree.get((number, position), ()):
                    yield from below(child)

        digests = [put(store, number, [named(0, name) for name in chunk]) for number, chunk in enumerate(chunks)]
        chance.shuffle(families)
        expected = [name for root in range(len(chunks)) if root not in found for name in below(root)]
        assert names(manifest_of(digests, *families), store) == expected, seed


def test_a_reproducible_report_has_no_durations(store: Store) -> None:
    manifest = manifest_of([put(store, 0, [named(0, "a")])])
    assert [result.duration for result in report_of(manifest, store).results] == [1.5]
    without = dataclasses.replace(manifest, durations=False)
    assert [result.duration for result in report_of(without, store).results] == [0.0]


def test_lost_and_damaged_blobs_are_named(store: Store) -> None:
    digests = [put(store, number, [named(0, "a")]) for number in range(3)]
    name = results_name(JOB, 1, digests[1])
    store.put(name, b"garbage")
    with pytest.raises(Damaged, match=name):
        names(manifest_of(digests), store)
    store.delete(name)
    with pytest.raises(Absent, match=name):
        names(manifest_of(digests), store)


def test_a_pass_may_be_stopped(store: Store) -> None:
    digests = [put(store, number, [named(0, "a")]) for number in range(40)]
    calls = 0

    def watch(results: Iterable[UnitResult]) -> None:
        nonlocal calls
        assert isinstance(results, ChunkResults)
        calls += 1
        if calls > 3:
            raise KeyError("lost")

    results = iter(report_of(manifest_of(digests), store, watch).results)
    assert len([next(results) for _ in range(3)]) == 3
    with pytest.raises(KeyError, match="lost"):
        next(results)


def test_nobody_is_left_reading_when_a_pass_is_given_up(store: Store) -> None:
    digests = [put(store, number, [named(0, "a")]) for number in range(40)]
    results = iter(report_of(manifest_of(digests), store).results)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_memory_does_not_grow_with_the_results(store: Store) -> None:
    digest = put(store, 0, [clean(index) for index in range(64)])
    blob = store.get(results_name(JOB, 0, digest))
    for number in range(1, 100):
        store.put(results_name(JOB, number, digest), blob)
    manifest = manifest_of([digest] * 100, units=100 * 64)
    tracemalloc.start()
    try:
        assert sum(1 for _ in report_of(manifest, store).results) == 100 * 64
        assert tracemalloc.get_traced_memory()[1] < 3_000_000, "all results at once take 8 MB"
    finally:
        tracemalloc.stop()


class TestAhead:
    def test_answers_come_in_order(self) -> None:
        assert list(ahead(lambda item: item * 2, range(100))) == [item * 2 for item in range(100)]
        assert list(ahead(str, [])) == []

    def test_only_a_few_are_asked_for_ahead(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[int] = []

        def answer(item: int) -> int:
            asked.append(item)
            return item

        answers = ahead(answer, iter(range(1000)))
        next(answers)
        answers.close()
        assert len(asked) <= stored.AHEAD
        asked.clear()
        monkeypatch.setattr(stored, "HELD", 10)
        heavy = ahead(answer, iter(range(1000)), lambda _: 10)
        for expected in range(50):
            assert next(heavy) == expected
        heavy.close()
        assert len(asked) <= 50 + stored.AHEAD

    def test_what_an_answer_raises_is_raised_in_its_place(self) -> None:
        answers = ahead(lambda item: 1 // item, [1, 1, 0, 1])
        assert [next(answers), next(answers)] == [1, 1]
        with pytest.raises(ZeroDivisionError):
            next(answers)


class TestManifest:
    def test_it_comes_back_as_it_was(self) -> None:
        manifest = manifest_of([b"a" * 12, None, b"c" * 12], Family(0, 1, (0, 3)), units=7)
        sealed = seal_manifest(manifest, KEY)
        assert open_manifest(sealed, KEY, JOB) == manifest
        assert manifest.chunks == 3
        assert [manifest.digest(chunk) for chunk in range(3)] == [b"a" * 12, None, b"c" * 12]

    def test_it_is_small(self) -> None:
        """Sixteen bytes for each chunk of 64 units."""
        manifest = manifest_of([random.Random(chunk).randbytes(12) for chunk in range(5000)])
        assert len(seal_manifest(manifest, KEY)) < 17 * 5000

    def test_another_key_job_or_byte_is_noticed(self) -> None:
        sealed = seal_manifest(manifest_of([b"a" * 12]), KEY)
        for forged, key, job in ((sealed, Key(b"l" * 32), JOB), (sealed, KEY, "job-2"), (sealed[:-1], KEY, JOB)):
            with pytest.raises(Forged, match="reports/x"):
                open_manifest(forged, key, job, "reports/x")

    @pytest.mark.parametrize(
        "lines",
        [[], [b"{}"], [b"[]"], [b'{"protocol":2}'], [b'{"protocol":1}'], [b'{"protocol":1}', b"!", b"[]"], [b"x"]],
    )
    def test_what_is_none_is_damaged_though_it_is_signed(self, lines: list[bytes]) -> None:
        with pytest.raises(Damaged, match="reports/x"):
            open_manifest(KEY.seal(f"manifest {JOB}", pack(lines)), KEY, JOB, "reports/x")

    @pytest.mark.parametrize(
        "families",
        [[Family(5, 1, (0,))], [Family(0, 3, (0,))], [Family(-1, 1, (0,))], [Family(0, 1, (0, 0)), Family(0, 2, (0,))]],
    )
    def test_families_that_are_no_tree(self, families: list[Family], store: Store) -> None:
        with pytest.raises(Damaged, match="are none"):
            names(manifest_of([None] * 3, *families), store)
