"""Reports that several processes put together: the same to the byte as of one, and nothing left of the processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import pytest
import redis

from modelsweep.core.finding import Fact, Finding, Problem, ProblemKind
from modelsweep.core.limits import Limits
from modelsweep.core.locator import Locator
from modelsweep.core.members import with_members
from modelsweep.core.options import Options
from modelsweep.core.report import Plain, Report, Unit, UnitResult
from modelsweep.fleet.answers import Allotment
from modelsweep.fleet.job import REPORTS, JobSpec
from modelsweep.fleet.pages import Page
from modelsweep.fleet.store import StoreFault
from reporting import WRITERS, View
from reporting.writer import Later
from scanners.judge.repository.across import together
from tests.fleet.apart import divide_few, fleet_for
from tests.fleet.survival.scene import hit
from tests.fleet.test_finalizer import GONE, JOB, SAMPLE, Fleet, _member, chunk_of, damage, documents, expected
from tests.reporting.sample import CALL, URL
from tests.worker.processes import alive, below, command_line
from worker import finalizer, renderer, renderers

VIEW = View(root="/work")


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch) -> None:
    divide_few(monkeypatch, finalizer)


@pytest.fixture
def fleet(redis_client: redis.Redis, tmp_path: Path) -> Iterator[Fleet]:
    """Return a job of which nothing is done."""
    yield from fleet_for(
        redis_client, tmp_path, JobSpec(JOB, SAMPLE.targets, root="/work", reports=(*REPORTS, "spdx", "junit"))
    )


@pytest.fixture
def divided(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many results the processes told of, for each time that they filled all documents."""
    counts: list[int] = []

    def filled(*arguments: Any) -> Report:
        report = renderers.fill_apart(*arguments)
        counts.append(report.totals.files)
        return report

    monkeypatch.setattr(finalizer, "fill_apart", filled)
    monkeypatch.setattr(finalizer, "fill", None)
    return counts


def various(count: int) -> list[UnitResult]:
    """Return results of files, some of which have findings, problems, neighbours that are missing, or no digest."""
    results = []
    for number in range(count):
        where = Locator(f"models/m{number // 2:03d}/model-0000{1 + number % 2}-of-00003.safetensors", (), "v1")
        licence, spdx = (("MIT", True), ("Apache-2.0", True), ("a licence of our own", False))[number % 7 % 3]
        more: dict[str, Any] = {"facts": (Fact("licence", licence, where, detail={"spdx": spdx}),)}
        if number % 3 == 0:
            more["findings"] = (Finding(CALL, where, "os.system", evidence={"arguments": f"'{number}'"}),)
        if number % 5 == 0:
            more["findings"] = (*more.get("findings", ()), Finding(URL, where.member("x"), "https://x"))
        if number % 4 == 0:
            kind = ProblemKind.LIMIT if number % 8 else ProblemKind.UNSUPPORTED
            more["problems"] = (Problem(kind, where, "zip", "too deep"),)
        results.append(UnitResult(Unit(number, where, 10 + number), **more))
    return results


def assert_same(fleet: Fleet, results: Sequence[UnitResult], problems: Sequence[Problem] = (GONE,)) -> None:
    """Assert that what is published is what one process writes."""
    whole = expected(together(list(results), Options()), problems)
    wanted = {
        name: text for name, text in documents(whole, fleet.folder).items() if fleet.store.exists(of(fleet, name))
    }
    assert len(wanted) == len(fleet.spec.reports)
    for name, text in wanted.items():
        assert fleet.file(name).splitlines() == text.splitlines()
    assert {name: fleet.file(name) for name in wanted} == wanted


def of(fleet: Fleet, name: str) -> str:
    """Return where a published report lies."""
    return f"{fleet.report}/{name}"


def test_all_is_as_one_process_writes_it(fleet: Fleet, divided: list[int]) -> None:
    results = [*SAMPLE.results, *various(60)]
    fleet.run([results[start : start + 5] for start in range(0, len(results), 5)])
    assert fleet.finalize()
    assert divided == [len(results)]
    assert_same(fleet, results)


def test_limits_of_a_document_hold_across_sections(
    fleet: Fleet, divided: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, limit in (("RUN_RESULTS", 4), ("RUNS", 3), ("NOTIFICATIONS", 3), ("ARTIFACTS", 17)):
        monkeypatch.setattr(f"reporting.sarif.{name}", limit)
    results = various(60)
    fleet.run([results[start : start + 5] for start in range(0, len(results), 5)])
    assert fleet.finalize()
    assert divided == [len(results)]
    assert_same(fleet, results)


def test_what_was_found_in_a_unit_is_in_its_result(fleet: Fleet, divided: list[int]) -> None:
    outer = various(6)
    inner = [_member(outer[place], f"m{at}") for place, at in ((1, 0), (1, 1), (4, 0))]
    first = fleet.allocate([outer[:3], outer[3:]])
    fleet.seal()
    page = fleet.pages.put(Page(0, tuple(chunk_of([item], 1) for item in inner[:2]), parent=first))
    child = fleet.do(first, outer[:3], Allotment(b"\1\1", page))
    fleet.do(child, inner[:1])
    fleet.do(child + 1, inner[1:2])
    page = fleet.pages.put(Page(0, (chunk_of(inner[2:], 1),), parent=first + 1))
    fleet.do(fleet.do(first + 1, outer[3:], Allotment(b"\1", page)), inner[2:])
    assert fleet.finalize()
    whole = [*outer]
    for place, parts in ((1, inner[:2]), (4, inner[2:])):
        whole[place] = with_members(outer[place], parts, Limits())
    assert divided == [6]
    assert_same(fleet, whole)


def test_a_chunk_of_which_nothing_is_known_has_no_results(
    fleet: Fleet, divided: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finalizer, "REOPENED", 0)
    results = various(4)
    fleet.run([[result] for result in results])
    damage(fleet.blobs()[1])
    fleet.store.delete(f"jobs/{JOB}/pages")
    assert fleet.finalize()
    assert divided == [3]
    document = json.loads(fleet.file("report.json"))
    assert [item["path"] for item in document["verdicts"]] == [
        result.unit.locator.uri for number, result in enumerate(results) if number != 1
    ]
    assert any(problem["location"].endswith("!chunk 1") for problem in document["problems"])


def test_workers_of_two_versions(fleet: Fleet, divided: list[int]) -> None:
    results = various(4)
    newer = replace(SAMPLE.tool, version="9.0.0")
    fleet.allocate([results[:2], results[2:]])
    fleet.seal()
    for chunk, tool in ((0, SAMPLE.tool), (1, newer)):
        fleet.do(chunk, results[2 * chunk : 2 * chunk + 2], tool=tool)
    assert fleet.finalize()
    assert divided == [4, 4], "once more, with the merged tool"
    assert f'"version": "{SAMPLE.tool.version}, 9.0.0"' in fleet.file("report.json")


def test_results_that_are_damaged_or_lost_are_made_again(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that a renderer gets first, since they were whole before."""
    results = various(12)
    chunks = [results[start : start + 2] for start in range(0, 12, 2)]
    fleet.run(chunks)

    def fill(*arguments: Any) -> Report:
        blobs = fleet.blobs()
        damage(blobs[1])
        blobs[4].unlink()
        return renderers.fill_apart(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(finalizer, "fill_apart", fill)
        assert not fleet.finalize()
    again = [message.arguments[1] for message in fleet.published]
    assert again == [1, 4]
    for chunk in again:
        fleet.do(int(chunk), chunks[int(chunk)])
    assert fleet.finalize()
    assert_same(fleet, results)


@pytest.mark.parametrize("how", ["cannot start", "ends", "is killed"])
def test_where_a_process_fails_one_does_it_all(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    results = various(30)
    fleet.run([results[start : start + 3] for start in range(0, 30, 3)])
    if how == "cannot start":
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
    elif how == "ends":
        monkeypatch.setattr(renderers, "_START", "print()")
    else:
        end = renderers._Joining.end

        def killing(self: Any, section: int, said: Any) -> None:
            end(self, section, said)
            for process in below(os.getpid()):
                if any(b"worker.renderer" in word for word in command_line(process)):
                    hit(process)

        monkeypatch.setattr(renderers._Joining, "end", killing)
    assert fleet.finalize()
    assert_same(fleet, results)


def test_a_store_that_fails_meanwhile_leaves_no_process(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.run([various(4)[start : start + 1] for start in range(4)])

    def fill(*arguments: Any) -> Report:
        monkeypatch.setattr(fleet.store, "get", lambda name: (_ for _ in ()).throw(StoreFault(name, "away")))
        return renderers.fill_apart(*arguments)

    monkeypatch.setattr(finalizer, "fill_apart", fill)
    with pytest.raises(StoreFault, match="away"):
        fleet.finalize()


def test_one_that_was_overtaken_stops(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    results = various(20)
    fleet.run([results[start : start + 1] for start in range(20)])
    inner: list[bool] = []

    def overtaken(*arguments: Any) -> Report:
        monkeypatch.setattr(finalizer, "fill_apart", renderers.fill_apart)
        fleet.client.hset(f"ms:{{{JOB}}}:meta", "finalizer_until", 0)
        inner.append(fleet.finalize("another"))
        return renderers.fill_apart(*arguments)

    monkeypatch.setattr(finalizer, "fill_apart", overtaken)
    with suppress(StoreFault):  # or it misses the folder in which it was writing
        assert not fleet.finalize()
    assert inner == [True]
    assert_same(fleet, results)


KILLED = """
import os, signal, sys
import redis
from modelsweep.fleet.directory_store import DirectoryStore
from modelsweep.fleet.signature import Key
from worker import finalizer, renderers

finalizer.APART, finalizer.SECTION, renderers.SECTION = 0, 1, 1
finalizer.renderers = lambda: 2
end = renderers._Joining.end

def stopping(*arguments):
    end(*arguments)
    print("now", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)

renderers._Joining.end = stopping
client, store = redis.Redis.from_url(sys.argv[1]), DirectoryStore(sys.argv[2])
finalizer.finalize("abcd-efgh-jkmn", client, store, Key(b"k" * 32), "worker", lease=1.0)
"""


def test_one_that_is_killed_leaves_no_process_and_another_finishes(fleet: Fleet, redis_server_url: str) -> None:
    results = various(20)
    fleet.run([results[start : start + 1] for start in range(20)])
    url = redis_server_url.replace("redis+socket", "unix")
    with subprocess.Popen([sys.executable, "-c", KILLED, url, str(fleet.folder)], stdout=subprocess.PIPE) as first:
        assert first.stdout
        assert first.stdout.readline() == b"now\n"
        inner = below(first.pid)
        assert len(inner) == 2
        first.kill()
    deadline = time.monotonic() + 20
    while any(map(alive, inner)):
        assert time.monotonic() < deadline, "renderers outlive the finalizer"
        for process in inner:  # ours, where this process adopts orphans
            with suppress(ChildProcessError):
                os.waitpid(process, os.WNOHANG)
        time.sleep(0.02)
    while not fleet.finalize():
        pass
    assert_same(fleet, results)


def test_which_documents_can_be_divided() -> None:

    class Alone:
        def add(self, result: UnitResult) -> None:
            """Take a result."""

        def add_plain(self, files: Sequence[Plain]) -> None:
            """Take plain files."""

        def finish(self, report: Report, stream: TextIO) -> None:
            """Write nothing."""

    drafts = {writer.name: writer.draft(SAMPLE, VIEW) for writer in WRITERS}
    assert renderers.divisible(drafts.values())
    assert not renderers.divisible([*drafts.values(), Alone()])
    assert {name for name, draft in drafts.items() if isinstance(draft, Later)} >= {"text", "html", "junit"}
    assert renderers.renderers() <= renderers.MOST


def test_a_renderer_holds_a_piece_of_each_part_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has put together leaves it at once, whatever the size of a section."""
    sent: list[bytes] = []

    class Channel(renderer.Channel):
        def __init__(self) -> None:
            """Have no socket."""

        def send(self, data: bytes) -> None:
            """Note a message."""
            sent.append(data)

    part = WRITERS[1].section(SAMPLE, VIEW, None).parts[0]
    part.scratch = renderer._Outlet(Channel(), 1, 2)
    monkeypatch.setattr("reporting.scratch.PIECE", 2)
    for piece in "abcde":
        part.add(piece)
    assert len(sent) == 2
    part.settle()
    headers = [renderer.Header(*renderer.HEADER.unpack_from(data)) for data in sent]
    assert {(header.kind, header.document, header.part) for header in headers} == {(renderer.Kind.TEXT, 1, 2)}
    assert [header.length for header in headers] == [len(data) - renderer.HEADER.size for data in sent]


def test_threads_end(fleet: Fleet) -> None:
    fleet.run([various(3)])
    assert fleet.finalize()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith(("ahead", "report"))]
