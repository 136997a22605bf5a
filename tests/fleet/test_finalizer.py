"""The finalizer: one report, the same as of a plain scan, published once, whatever is lost or killed on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import redis

from modelsweep.core.finding import Finding, Problem, ProblemKind, Rule, Severity
from modelsweep.core.limits import Limits
from modelsweep.core.locator import Locator
from modelsweep.core.members import with_members
from modelsweep.core.options import Options
from modelsweep.core.report import Artifact, Report, Run, Tool, Unit, UnitResult, Verdict
from modelsweep.core.wire import shown_options
from modelsweep.fleet.answers import Allotment, JobState
from modelsweep.fleet.directory_store import DirectoryStore
from modelsweep.fleet.job import SIGNED_RESULTS, JobSpec, open_spec, seal_spec, spec_name
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.messages import Message
from modelsweep.fleet.pages import Chunk, Page, Pages
from modelsweep.fleet.problems import problems_name, seal_problems
from modelsweep.fleet.results import SEALED, digest_of, encode_chunk, results_name
from modelsweep.fleet.signature import Key
from modelsweep.fleet.signed_results import SignedResults, signing
from modelsweep.fleet.store import StoreFault
from modelsweep.fleet.stored import merged_tool, open_manifest, report_of
from reporting import WRITERS, View
from reporting.writer import fill
from tests.reporting.sample import sample_report
from worker import finalizer
from worker.finalizer import finalize
from worker.node import JobGone

KEY = Key(b"k" * 32)
JOB = "abcd-efgh-jkmn"
EPOCH = "1700000000"
GONE = Problem(ProblemKind.SOURCE, Locator("gone"), "", "no such file or directory")
SAMPLE = sample_report()


def plain(number: int) -> list[UnitResult]:
    """Return so many results without findings."""
    return [UnitResult(Unit(index, Locator(f"data/{index:04d}.npy"), 10), duration=0.5) for index in range(number)]


@dataclass
class Fleet:
    """A job, its ledger and its store, and everything done to them by hand."""

    client: redis.Redis
    store: DirectoryStore
    folder: Path
    spec: JobSpec = field(
        default_factory=lambda: JobSpec(JOB, SAMPLE.targets, root="/work", reports=tuple(w.name for w in WRITERS))
    )
    published: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.client, JOB)
        self.pages = Pages(self.store, KEY, JOB)
        self.store.put(spec_name(JOB), seal_spec(self.spec, KEY))
        self.ledger.create(seal_spec(self.spec, KEY))

    def allocate(self, chunks: Sequence[Sequence[UnitResult]]) -> int:
        """Allocate the units of results, and return their first chunk."""
        first = self.ledger.progress().allocated
        page = self.pages.put(Page(first, tuple(chunk_of(results) for results in chunks)))
        units = sum(map(len, chunks))
        self.ledger.alloc(first, bytes([1]) * len(chunks), page, b"%d" % first, units=units)
        return first

    def do(
        self,
        chunk: int,
        results: Sequence[UnitResult],
        children: Allotment | None = None,
        tool: Tool = SAMPLE.tool,
    ) -> int:
        """Examine a chunk, and return the first of its children, else -1."""
        claim = self.ledger.claim(chunk, self.ledger.progress().generation, "worker", 1000)
        assert claim.granted
        blob = encode_chunk(tool, results)
        signing(self.store, KEY, self.spec).put(results_name(JOB, chunk, digest_of(blob)), blob)
        done = self.ledger.done(chunk, claim.token, digest_of(blob), {"units": len(results)}, children=children)
        return -1 if done.first_child is None else done.first_child

    def seal(self, problems: Sequence[Problem] = (GONE,)) -> None:
        """Say that the listing is over."""
        self.store.put(problems_name(JOB), seal_problems(problems, KEY, JOB))
        self.ledger.seal(problems_name(JOB))

    def run(self, chunks: Sequence[Sequence[UnitResult]]) -> None:
        """Do a whole job."""
        first = self.allocate(chunks)
        self.seal()
        for place, results in enumerate(chunks):
            self.do(first + place, results)

    def finalize(self, worker: str = "worker", **more: Any) -> bool:
        """Write the reports."""
        return finalize(JOB, self.client, self.store, KEY, worker, self.published.extend, **more)

    @property
    def report(self) -> str:
        """The folder of the published report."""
        return self.ledger.progress().report

    def file(self, name: str) -> str:
        """Return a file of the published report."""
        return self.store.get(f"{self.report}/{name}").decode()

    def blobs(self) -> list[Path]:
        """Return the files with results."""
        return sorted((self.folder / "jobs" / JOB / "results").iterdir())


def chunk_of(results: Sequence[UnitResult], position: int = 0) -> Chunk:
    """Return the chunk whose results these are."""
    return Chunk("scan.cpu", tuple(result.unit for result in results), position)


@pytest.fixture(autouse=True)
def _reproducible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave times out of reports."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)


@pytest.fixture
def fleet(redis_client: redis.Redis, tmp_path: Path) -> Fleet:
    """Return a job of which nothing is done."""
    return Fleet(redis_client, DirectoryStore(str(tmp_path), durable=False), tmp_path)


def expected(results: Sequence[UnitResult], problems: Sequence[Problem] = (GONE,)) -> Report:
    """Return the report of a scan that had these results."""
    return Report(
        targets=SAMPLE.targets,
        tool=SAMPLE.tool,
        results=tuple(replace(result, duration=0.0) for result in results),
        problems=tuple(problems),
        run=Run(start_time=float(EPOCH)),
        options=shown_options(Options(), JobSpec(JOB, ()).selection),
    )


def documents(report: Report, folder: Path) -> dict[str, str]:
    """Return what all writers make of a report, by file name."""
    written = {}
    for writer in WRITERS:
        with (folder / "document").open("w+", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            writer.write(report, stream, View(root="/work"))
        written[f"report{writer.suffix}"] = (folder / "document").read_text("utf-8")
    return written


def assert_published(fleet: Fleet, report: Report) -> None:
    """Assert that what is published is `report` in every format, and nothing else lies there."""
    wanted = documents(report, fleet.folder)
    assert {name: fleet.file(name) for name in wanted} == wanted
    names = {name.rpartition("/")[2] for name in fleet.store.list(f"reports/{JOB}")}
    assert names == {*wanted, "summary.json", "manifest"}


def test_every_format_is_what_a_scan_writes(fleet: Fleet) -> None:
    results = [*SAMPLE.results, *plain(10)]
    fleet.run([results[:3], results[3:5], results[5:]])
    assert fleet.ledger.progress().state is JobState.FINALIZING
    assert fleet.finalize()
    assert fleet.ledger.progress().state is JobState.FINISHED
    assert_published(fleet, expected(results))


def test_what_was_attached_when_a_job_was_submitted_is_in_all_its_reports(
    redis_client: redis.Redis, tmp_path: Path
) -> None:
    formats = tuple(writer.name for writer in WRITERS)
    spec = JobSpec(JOB, SAMPLE.targets, root="/work", reports=formats, attachments=SAMPLE.attachments)
    fleet = Fleet(redis_client, DirectoryStore(str(tmp_path), durable=False), tmp_path, spec)
    fleet.run([SAMPLE.results])
    assert fleet.finalize()
    report = replace(expected(SAMPLE.results), attachments=SAMPLE.attachments)
    assert_published(fleet, report)
    manifest = open_manifest(fleet.store.get(f"{fleet.report}/manifest"), KEY, JOB)
    assert report_of(manifest, fleet.store).attachments == SAMPLE.attachments


def test_a_job_without_attachments_is_one_that_older_workers_know() -> None:
    spec = JobSpec(JOB, SAMPLE.targets)
    sealed = seal_spec(spec, KEY)
    assert b"attachments" not in sealed
    assert open_spec(JOB, sealed, KEY) == spec
    attaching = replace(spec, attachments=SAMPLE.attachments)
    assert open_spec(JOB, seal_spec(attaching, KEY), KEY) == attaching


def test_the_summary_says_what_an_exit_code_needs(fleet: Fleet) -> None:
    fleet.run([SAMPLE.results])
    assert fleet.finalize()
    summary = json.loads(fleet.file("summary.json"))
    totals = SAMPLE.totals
    assert summary["verdict"] == "malicious"
    assert summary["verdicts"] == {verdict.value: count for verdict, count in totals.verdicts.items()}
    assert summary["summary"]["critical"] == 3
    assert (summary["unexamined"], summary["failed"]) == (totals.unexamined, totals.failed)
    assert summary["target_problems"] == {"source": 1}
    assert summary["reports"]["sarif"] == "report.sarif"


def test_any_format_can_be_written_later_without_the_ledger(fleet: Fleet) -> None:
    fleet.run([SAMPLE.results])
    assert fleet.finalize()
    folder = fleet.report
    fleet.client.flushdb()
    manifest = open_manifest(fleet.store.get(f"{folder}/manifest"), KEY, JOB)
    assert documents(report_of(manifest, fleet.store), fleet.folder) == documents(
        expected(SAMPLE.results), fleet.folder
    )


def test_times_are_told_where_nobody_wants_them_left_out(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    fleet.run([plain(1)])
    assert fleet.finalize()
    manifest = open_manifest(fleet.store.get(f"{fleet.report}/manifest"), KEY, JOB)
    progress = fleet.ledger.progress()
    assert manifest.run.job == JOB
    assert manifest.run.start_time == progress.created
    assert 0 <= manifest.run.duration <= progress.ended - progress.created + 1
    assert report_of(manifest, fleet.store).results[0].duration == 0.5


def test_what_was_found_in_a_unit_is_in_its_result(fleet: Fleet) -> None:
    outer = plain(4)
    inner = [_member(outer[place], f"m{at}") for place, at in ((1, 0), (1, 1), (3, 0))]
    first = fleet.allocate([outer[:3], outer[3:]])
    fleet.seal()
    found = [inner[:1], inner[1:2]]
    page = fleet.pages.put(Page(0, tuple(chunk_of(results, 1) for results in found), parent=first))
    child = fleet.do(first, outer[:3], Allotment(b"\1\1", page))
    for place, results in enumerate(found):
        fleet.do(child + place, results)
    page = fleet.pages.put(Page(0, (chunk_of(inner[2:], 0),), parent=first + 1))
    fleet.do(fleet.do(first + 1, outer[3:], Allotment(b"\1", page)), inner[2:])
    assert fleet.finalize()
    whole = [with_members(outer[place], parts, Limits()) for place, parts in ((1, inner[:2]), (3, inner[2:]))]
    assert [result.verdict for result in whole] == [Verdict.REVIEW] * 2
    assert_published(fleet, expected([outer[0], whole[0], outer[2], whole[1]]))


def _member(archive: UnitResult, name: str) -> UnitResult:
    where = archive.unit.locator.member(name)
    rule = Rule("test/member", "A member", Severity.WARNING, "seen", "why", "fix")
    found = (Finding(rule, where), Finding(rule, archive.unit.locator, name))
    return UnitResult(Unit(0, where, 1, part=1), (Artifact(where, 1, "", ("zip",)),), findings=found)


def test_a_job_without_files_has_a_report(fleet: Fleet) -> None:
    fleet.seal()
    assert fleet.finalize()
    assert json.loads(fleet.file("summary.json"))["summary"]["files"] == 0
    assert json.loads(fleet.file("report.json"))["tool"]["version"]


def test_a_job_that_is_not_done_has_none(fleet: Fleet) -> None:
    fleet.allocate([plain(1), plain(1)])
    fleet.do(0, plain(1))
    assert not fleet.finalize()
    fleet.seal()
    assert not fleet.finalize()
    assert not list(fleet.store.list("reports"))


def test_unknown_and_forged_jobs(fleet: Fleet) -> None:
    with pytest.raises(JobGone, match="no job none"):
        finalize("none", fleet.client, fleet.store, KEY, "worker")
    with pytest.raises(JobGone, match="not signed"):
        finalize(JOB, fleet.client, fleet.store, Key(b"l" * 32), "worker")


def test_a_second_call_publishes_nothing(fleet: Fleet) -> None:
    fleet.run([plain(1)])
    assert fleet.finalize()
    report = fleet.report
    assert not fleet.finalize()
    assert fleet.report == report


# Lost results


def remove(path: Path) -> None:
    """Lose a blob."""
    path.unlink()


def damage(path: Path) -> None:
    """Flip a bit of a blob."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def replace_with_newer(path: Path) -> None:
    """Put the blob of another program in its place."""
    path.write_bytes(b"\x28\xb5\x2f\xfd")


@pytest.mark.parametrize("lose", [remove, damage, replace_with_newer])
def test_lost_results_are_made_again(fleet: Fleet, lose: Callable[[Path], None]) -> None:
    results = plain(6)
    chunks = [results[:2], results[2:4], results[4:]]
    fleet.run(chunks)
    for blob in fleet.blobs()[1:]:
        lose(blob)
    assert not fleet.finalize()
    assert fleet.ledger.progress().state is JobState.RUNNING
    assert [message.arguments for message in fleet.published] == [(JOB, 1, 1), (JOB, 2, 1)]
    assert {message.queue for message in fleet.published} == {"scan.cpu"}
    assert not fleet.finalize(), "not before they are done"
    for chunk in (2, 1):
        fleet.do(chunk, chunks[chunk])
    assert fleet.finalize()
    assert_published(fleet, expected(results))
    assert fleet.ledger.progress().units_done == 6


def test_results_that_are_lost_again_and_again_are_said(fleet: Fleet) -> None:
    results = plain(4)
    chunks = [results[:2], results[2:]]
    fleet.run(chunks)
    for _ in range(finalizer.REOPENED):
        damage(fleet.blobs()[0])
        assert not fleet.finalize()
        fleet.do(0, chunks[0])
    damage(fleet.blobs()[0])
    assert fleet.finalize()
    detail = "its result was lost from the store more than 3 times"
    said = [
        UnitResult(result.unit, problems=(Problem(ProblemKind.SOURCE, result.unit.locator, finalizer.SCANNER, detail),))
        for result in chunks[0]
    ]
    assert_published(fleet, expected([*said, *chunks[1]]))


def test_where_their_page_is_lost_too_the_chunk_is_said(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finalizer, "REOPENED", 0)
    fleet.run([plain(2)])
    damage(fleet.blobs()[0])
    fleet.store.delete(f"jobs/{JOB}/pages")
    assert fleet.finalize()
    document = json.loads(fleet.file("report.json"))
    assert document["files_scanned"] == 0
    (problem,) = [problem for problem in document["problems"] if problem["scanner"] == finalizer.SCANNER]
    assert problem["location"].endswith("!chunk 0")
    assert "nor can be read which files these were" in problem["message"]


def test_results_that_are_lost_while_they_are_written_are_made_again(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = plain(3)
    fleet.run([results[:1], results[1:2], results[2:]])

    def lose_and_fill(*arguments: Any) -> Report:
        fleet.blobs()[1].unlink()
        return fill(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(finalizer, "fill", lose_and_fill)
        assert not fleet.finalize()
    fleet.do(1, results[1:2])
    assert fleet.finalize()
    assert_published(fleet, expected(results))


def test_a_blob_that_is_none_though_its_digest_holds(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only a bug of ours would write does not keep a job from its report."""
    monkeypatch.setattr(finalizer, "REOPENED", 0)
    fleet.allocate([plain(1), plain(1)])
    fleet.seal()
    fleet.do(0, plain(1))
    with monkeypatch.context() as patched:
        patched.setattr("modelsweep.fleet.results._row", lambda *_: '["nonsense"]')
        fleet.do(1, plain(1))
    assert fleet.finalize()
    assert json.loads(fleet.file("summary.json"))["problems"] == {"source": 2}


def test_lost_problems_of_targets_are_said(fleet: Fleet) -> None:
    fleet.run([plain(1)])
    fleet.store.delete(problems_name(JOB))
    assert fleet.finalize()
    (problem,) = json.loads(fleet.file("report.json"))["problems"]
    assert "not known any more" in problem["message"]


def test_a_store_that_does_not_answer_leaves_the_job_to_another(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.run([plain(1)])
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", lambda *_, **__: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        with pytest.raises(StoreFault, match="Input/output error"):
            fleet.finalize(lease=0.01)
    assert fleet.ledger.progress().state is JobState.FINALIZING
    while not fleet.finalize():  # until that lease has run out
        pass
    assert_published(fleet, expected(plain(1)))


def test_a_full_store_says_so(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.run([plain(1)])
    monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StoreFault, match=r"report.*: the store is full"):
        fleet.finalize()
    assert not fleet.report


def test_digests_that_redis_threw_away_are_asked_for_again(fleet: Fleet) -> None:
    """It was told to evict after workers had looked; without its digest a result counts no more, and none is read."""
    fleet.run([plain(3), plain(2)])
    fleet.client.delete(f"ms:{{{JOB}}}:digests:0")
    assert not fleet.finalize()
    assert fleet.ledger.progress().state is JobState.RUNNING
    assert [message.arguments[1] for message in fleet.published] == [0, 1]
    fleet.do(0, plain(3))
    fleet.do(1, plain(2))
    assert fleet.finalize()
    assert_published(fleet, expected([*plain(3), *plain(2)]))


def test_a_worker_whose_store_is_another_one_writes_no_report(fleet: Fleet, tmp_path: Path) -> None:
    """Nothing of the job is there: it would publish that all of it is lost."""
    fleet.run([plain(3)])
    elsewhere = DirectoryStore(str(tmp_path / "not-mounted"), durable=False)
    with pytest.raises(StoreFault, match="the store of this worker knows nothing of it"):
        finalize(JOB, fleet.client, elsewhere, KEY, "worker")
    assert list(elsewhere.list()) == []
    assert not fleet.report
    assert fleet.finalize()
    assert_published(fleet, expected(plain(3)))


@pytest.mark.parametrize("forged", ["unsigned", "by another key", "of another chunk", "of another job"])
def test_results_that_nobody_with_the_key_has_written_are_made_again(fleet: Fleet, forged: str) -> None:
    """Whoever may write to Redis and to the store has a malicious file clean."""
    evil = list(SAMPLE.results)
    fleet.run([evil, plain(len(evil))])
    clean = [UnitResult(result.unit) for result in evil]
    blob = encode_chunk(SAMPLE.tool, clean)
    name = results_name(JOB, 0, digest_of(blob))
    if forged == "unsigned":
        fleet.store.put(name, blob)
    elif forged == "by another key":
        SignedResults(fleet.store, Key(b"x" * 32)).put(name, blob)
    else:
        place = results_name(JOB, 1, digest_of(blob)) if forged == "of another chunk" else name.replace(JOB, "other")
        SignedResults(fleet.store, KEY).put(place, blob)
        fleet.store.put(name, fleet.store.get(place))
    fleet.client.setrange(f"ms:{{{JOB}}}:digests:0", 0, digest_of(blob))
    assert not fleet.finalize()
    assert [message.arguments[1] for message in fleet.published] == [0]
    fleet.do(0, evil)
    assert fleet.finalize()
    assert_published(fleet, expected([*evil, *plain(len(evil))]))


def test_results_of_a_job_from_before_they_were_signed_are_read(fleet: Fleet) -> None:
    """A worker of before may have written them."""
    fleet.spec = replace(fleet.spec, protocol=SIGNED_RESULTS - 1)
    fleet.client.flushdb()
    fleet.ledger.create(seal_spec(fleet.spec, KEY))
    fleet.run([plain(3)])
    assert not fleet.blobs()[0].read_bytes().startswith(SEALED)
    assert fleet.finalize()
    assert_published(fleet, expected(plain(3)))


def test_attempts_that_fail_leave_nothing_that_takes_the_room_of_the_next(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.run([plain(3)])
    fleet.store.put(f"reports/{JOB}/of-one-that-was-killed/report.json", b"half of it")
    put, left = DirectoryStore.put, [0]

    def filling(store: DirectoryStore, name: str, data: bytes, *, durable: bool = True) -> None:
        if name.endswith("manifest") and left[0]:
            left[0] -= 1
            raise StoreFault(name, "the store is full")
        put(store, name, data, durable=durable)

    monkeypatch.setattr(DirectoryStore, "put", filling)
    left[0] = 2
    for _ in range(2):
        with pytest.raises(StoreFault, match="the store is full"):
            fleet.finalize()
        assert list(fleet.store.list(f"reports/{JOB}")) == []
        fleet.client.hset(f"ms:{{{JOB}}}:meta", "finalizer_until", 0)
    assert fleet.finalize()
    assert_published(fleet, expected(plain(3)))


# Cancelled jobs


def test_a_cancelled_job_has_a_report_of_what_is_done(fleet: Fleet) -> None:
    results = plain(4)
    fleet.allocate([results[:2], results[2:]])
    fleet.do(0, results[:2])
    fleet.ledger.cancel()
    assert fleet.finalize()
    detail = "the job was cancelled before it was examined"
    undone = [
        UnitResult(r.unit, problems=(Problem(ProblemKind.CANCELLED, r.unit.locator, finalizer.SCANNER, detail),))
        for r in results[2:]
    ]
    detail = "the job was cancelled before everything was listed"
    unlisted = [Problem(ProblemKind.CANCELLED, Locator(target), finalizer.SCANNER, detail) for target in SAMPLE.targets]
    assert_published(fleet, expected([*results[:2], *undone], unlisted))


def test_what_a_cancelled_job_has_lost_is_not_made_again(fleet: Fleet) -> None:
    fleet.run([plain(2), plain(1)])
    fleet.blobs()[0].unlink()
    fleet.ledger.cancel()
    assert fleet.finalize()
    assert json.loads(fleet.file("summary.json"))["problems"] == {"source": 3}
    assert fleet.published == []


# Two at once, and killed ones


def test_two_at_once_publish_one_report(fleet: Fleet) -> None:
    fleet.run([plain(60)] * 3)
    outcomes: list[bool] = []
    threads = [
        threading.Thread(target=lambda name: outcomes.append(fleet.finalize(name)), args=(f"worker-{number}",))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, False, False, True]
    assert_published(fleet, expected(plain(60) * 3))


def test_one_that_was_overtaken_publishes_nothing_and_stops(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """It slept beyond its lease, another wrote the report, and it wakes up in the middle of writing."""
    fleet.run([plain(3), plain(3)])
    inner: list[bool] = []

    def overtaken(*arguments: Any) -> Report:
        monkeypatch.setattr(finalizer, "fill", fill)
        key = f"ms:{{{JOB}}}:meta"
        fleet.client.hset(key, "finalizer_until", 0)
        inner.append(fleet.finalize("another"))
        return fill(*arguments)

    monkeypatch.setattr(finalizer, "fill", overtaken)
    assert not fleet.finalize()
    assert inner == [True]
    report = fleet.report
    assert_names_one_report(fleet, report)
    fleet.ledger.expire(1000)


def assert_names_one_report(fleet: Fleet, report: str) -> None:
    """Assert that the published report is whole, whatever lies beside it."""
    wanted = documents(expected(plain(3) * 2), fleet.folder)
    assert {name: fleet.store.get(f"{report}/{name}").decode() for name in wanted} == wanted


def test_a_retry_has_a_report_of_its_own_and_the_old_one_goes(fleet: Fleet) -> None:
    fleet.allocate([plain(1)])
    fleet.seal()
    claim = fleet.ledger.claim(0, 1, "worker", 1000)
    blob = encode_chunk(SAMPLE.tool, plain(1))
    signing(fleet.store, KEY, fleet.spec).put(results_name(JOB, 0, digest_of(blob)), blob)
    fleet.ledger.done(0, claim.token, digest_of(blob), {"units": 1}, retryable=True)
    assert fleet.finalize()
    first = fleet.report
    fleet.ledger.retry()
    fleet.do(0, plain(1))
    assert fleet.finalize()
    assert fleet.report != first
    assert_published(fleet, expected(plain(1)))


STEPS = ("_remove", "_collect", "_write", "put", "publish", "delete")
KILLED = """
import os, signal, sys
import redis
from modelsweep.fleet.directory_store import DirectoryStore
from modelsweep.fleet.ledger import Ledger
from modelsweep.fleet.signature import Key
from worker import finalizer

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

step, url, folder = sys.argv[1:]
owner = {"put": DirectoryStore, "delete": DirectoryStore, "publish": Ledger}.get(step, finalizer._Finalizer)
setattr(owner, step, killed)
client = redis.Redis.from_url(url)
finalizer.finalize("abcd-efgh-jkmn", client, DirectoryStore(folder), Key(b"k" * 32), "worker", lease=1.0)
"""


@pytest.mark.parametrize("step", STEPS)
def test_one_that_is_killed_does_no_harm_and_another_finishes(fleet: Fleet, redis_server_url: str, step: str) -> None:
    results = plain(6)
    fleet.run([results[:3], results[3:]])
    # An attempt from before, of which something is left to be deleted
    earlier = f"reports/{JOB}/0000000000000000"
    fleet.store.put(f"{earlier}/report.json", b"{}")
    if step == "delete":  # what was published is deleted behind the next one
        fleet.client.hset(f"ms:{{{JOB}}}:meta", "report", earlier)
    url = redis_server_url.replace("redis+socket", "unix")
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, step, url, str(fleet.folder)], timeout=60, capture_output=True, text=True
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    if step == "delete":
        assert fleet.report != earlier
        wanted = documents(expected(results), fleet.folder)
        assert {name: fleet.file(name) for name in wanted} == wanted
        return
    assert not fleet.report
    while not fleet.finalize():
        assert fleet.ledger.progress().state is JobState.FINALIZING
    assert_published(fleet, expected(results))


# Versions


def versions() -> Iterator[tuple[list[Tool], Tool | None]]:
    """Yield tools and what they come to."""
    old, new = Tool("0.1.0", "a" * 64, ("pickle", "zip")), Tool("0.2.0", "b" * 64, ("pickle", "onnx"))
    yield [], None
    yield [old, old], old
    yield [new, old, new], Tool("0.1.0, 0.2.0", "", ("pickle", "zip", "onnx"))


def test_workers_of_two_versions_make_one_report(fleet: Fleet) -> None:
    results = plain(4)
    newer = replace(SAMPLE.tool, version="9.0.0", scanners=(*SAMPLE.tool.scanners, "newest"))
    fleet.allocate([results[:2], results[2:]])
    fleet.seal()
    for chunk, tool in ((0, SAMPLE.tool), (1, newer)):
        fleet.do(chunk, results[2 * chunk : 2 * chunk + 2], tool=tool)
    assert fleet.finalize()
    both = replace(expected(results), tool=replace(newer, version=f"{SAMPLE.tool.version}, 9.0.0"))
    assert_published(fleet, both)


def test_also_where_results_of_one_of_them_are_lost(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finalizer, "REOPENED", 0)
    fleet.allocate([plain(1)] * 3)
    fleet.seal()
    for chunk in range(3):
        fleet.do(chunk, plain(1), tool=replace(SAMPLE.tool, version=f"{chunk}"))
    fleet.blobs()[0].unlink()
    assert fleet.finalize()
    document = json.loads(fleet.file("report.json"))
    assert document["tool"]["version"] == "1, 2"
    assert document["files_scanned"] == 3
    assert len(document["problems"]) == 2


@pytest.mark.parametrize(("tools", "merged"), list(versions()))
def test_tools_of_several_versions_are_all_named(tools: list[Tool], merged: Tool | None) -> None:
    found = merged_tool(tools)
    assert found == merged_tool(tools[::-1])
    if merged and found and not merged.ruleset:
        assert found.ruleset not in {tool.ruleset for tool in tools}
        found = replace(found, ruleset="")
    assert found == merged
