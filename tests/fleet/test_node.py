"""One worker without Celery: what it does with chunks that it is granted, refused, loses, or cannot read."""

from __future__ import annotations

import base64
import json
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from modelsweep.api import JobOptions, scan_job
from modelsweep.cache import identity, known
from modelsweep.core.finding import ProblemKind
from modelsweep.core.limits import Limits
from modelsweep.core.options import Options, Reuse
from modelsweep.core.report import Report, Run, Tool, UnitResult
from modelsweep.fleet.answers import Done, JobState, LeaseStatus
from modelsweep.fleet.job import JobSpec, cursor_name, new_id, seal_spec
from modelsweep.fleet.ledger import Ledger, Settled
from modelsweep.fleet.messages import SCANS, connect, queue_lengths
from modelsweep.fleet.pages import Page, Pages
from modelsweep.fleet.repair import repair
from modelsweep.fleet.results import encode_chunk
from modelsweep.fleet.running import Sender
from modelsweep.fleet.signature import Key
from modelsweep.fleet.store import Store, StoreFault
from modelsweep.fleet.stored import fetch_results, open_manifest, report_of
from modelsweep.fleet.stores import open_store
from producer import submit
from producer.submit import Producer
from worker import settling
from worker.answer import Answer
from worker.children import Child
from worker.finalizer import finalize
from worker.node import PAGE_TRIES, JobGone, Node, WorkerSettings
from worker.settling import counted
from worker.stream import BLAMED, TRIES, Work
from worker.supervisor import Supervisor

KEY = Key(b"k" * 32)
EVIL = b"cos\nsystem\n(S'echo modelsweep-test'\ntR."


class Scene:
    """A job of two chunks over four small files, or over other ones, listed already, and a worker."""

    def __init__(
        self, client: redis.Redis, url: str, folder: Path, options: Options | None = None, chunk_files: int = 2
    ) -> None:
        self.client, self.url, self.folder = client, url, folder
        self.models = folder / "models"
        if not self.models.exists():
            self.models.mkdir()
            for number in range(4):
                (self.models / f"{number}.pkl").write_bytes(EVIL if number == 2 else b"N.")
        self.store: Store = open_store(str(folder / "store"))
        self.options, self.chunk_files = options or Options(), chunk_files
        self.submit()
        self.settings = WorkerSettings(url, str(folder / "store"), (), 1, (str(folder),), lease=30)
        self.node = Node(self.settings, client, self.store, KEY)

    def submit(self, reuse: Reuse = "objects") -> None:
        """List the files in a new job."""
        self.spec = JobSpec(new_id(), (str(self.models),), self.options, chunk_files=self.chunk_files, reuse=reuse)
        self.ledger = Ledger(self.client, self.spec.id)
        with connect(self.url) as connection:
            producer = Producer(self.spec, self.client, connection, self.store, KEY)
            producer.create()
            producer.run()

    def results(self, chunk: int) -> list[UnitResult]:
        (digest,) = self.ledger.digests(chunk, 1)
        assert digest
        return list(fetch_results(self.store, self.spec.id, chunk, digest))

    def damage(self, data: bytes | None) -> None:
        (extent,) = self.ledger.extents()
        if data is None:
            self.store.delete(extent.page)
        else:
            self.store.put(extent.page, data)


@pytest.fixture
def scene(redis_client: redis.Redis, redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    made = Scene(redis_client, redis_url, tmp_path)
    yield made
    made.node.close()


def test_chunks_are_done_once_and_the_last_one_asks_for_the_report(scene: Scene) -> None:
    job = scene.spec.id
    assert [scene.node.scan(job, chunk, 1) for chunk in (1, 0, 1)] == ["done", "done", "done"]
    progress = scene.ledger.progress()
    assert progress.state is JobState.FINALIZING
    assert (progress.counts["claims"], progress.counts["claims_refused"]) == (2, 1)
    assert (progress.verdicts, progress.findings) == ({"clean": 3, "malicious": 1}, {"critical": 1})
    assert [result.verdict for result in scene.results(1)] == ["malicious", "clean"]
    assert queue_lengths(scene.client)["control"] == 1


def test_a_job_of_another_key_a_newer_version_or_nobody_is_declined(scene: Scene) -> None:
    with pytest.raises(JobGone, match="no job"):
        scene.node.scan(new_id(), 0, 1)
    forged = replace(scene.spec, id=new_id())
    Ledger(scene.client, forged.id).create(seal_spec(forged, Key(b"x" * 32)))
    with pytest.raises(JobGone, match="not signed"):
        scene.node.scan(forged.id, 0, 1)
    newer = replace(scene.spec, id=new_id(), protocol=99)
    Ledger(scene.client, newer.id).create(seal_spec(newer, KEY))
    with pytest.raises(JobGone, match="newer version"):
        scene.node.scan(newer.id, 0, 1)


@pytest.mark.parametrize("data", [b"", b"garbage" * 50, b"\0" * 4000])
def test_a_page_that_is_no_page_any_more_is_said_and_ends_the_job(scene: Scene, data: bytes) -> None:
    scene.damage(data)
    assert [scene.node.scan(scene.spec.id, chunk, 1) for chunk in (0, 1)] == ["done", "done"]
    (result,) = scene.results(0)
    assert result.problems[0].kind is ProblemKind.SOURCE
    assert "which files these were cannot be read any more" in result.problems[0].detail
    assert scene.ledger.progress().state is JobState.FINALIZING


def test_a_page_that_is_missing_is_waited_for_and_then_given_up(scene: Scene) -> None:
    scene.damage(None)
    short = Node(replace(scene.settings, lease=0.001), scene.client, scene.store, KEY)
    outcomes: list[str] = []
    while outcomes[-1:] != ["done"]:
        outcome = short.scan(scene.spec.id, 0, 1)
        if outcome != "leased":  # for a moment still
            outcomes.append(outcome)
    assert outcomes == ["failed"] * PAGE_TRIES + ["done"]
    short.close()


def test_a_worker_whose_store_is_another_one_leaves_the_job_to_others(scene: Scene, tmp_path: Path) -> None:
    """The folder that all share is not mounted there, say: all pages are missing, and nothing is lost but time."""
    wrong = Node(scene.settings, scene.client, open_store(str(tmp_path / "not-mounted")), KEY)
    for _ in range(PAGE_TRIES + 1):
        with pytest.raises(JobGone, match="the store of this worker knows nothing of it"):
            wrong.scan(scene.spec.id, 0, 1)
    wrong.close()
    progress = scene.ledger.progress()
    assert (progress.leased, progress.counts["chunks_released"]) == (0, PAGE_TRIES + 1)
    assert "leases_lost" not in progress.counts
    assert [scene.node.scan(scene.spec.id, chunk, 1) for chunk in (0, 1)] == ["done", "done"]
    assert [result.verdict for result in scene.results(0)] == ["clean", "clean"]


def test_a_worker_that_is_to_end_gives_back_what_it_has_in_hand(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    before = queue_lengths(scene.client)["scan.cpu"]
    _stop_at_once(scene, monkeypatch, drain=True)
    assert scene.node.scan(scene.spec.id, 0, 1) == "stopped"
    assert queue_lengths(scene.client)["scan.cpu"] == before + 1
    other = Node(scene.settings, scene.client, scene.store, KEY)
    assert other.scan(scene.spec.id, 0, 1) == "done"
    assert "leases_lost" not in scene.ledger.progress().counts
    other.close()


def test_a_lease_that_was_lost_stops_the_examination(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    _stop_at_once(scene, monkeypatch, drain=False)
    assert scene.node.scan(scene.spec.id, 0, 1) == "stopped"
    assert not scene.ledger.progress().done


def _stop_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch, *, drain: bool) -> None:
    """Have the chunk stopped as soon as it is held: by the end of the worker, or by a cancelled job."""
    hold = scene.node.hold

    def stopping(work: object) -> None:
        hold(work)  # type: ignore[arg-type]
        if drain:
            scene.node.stop()
        else:
            scene.ledger.cancel()
            scene.node.renew()

    monkeypatch.setattr(scene.node, "hold", stopping)


def test_two_workers_share_a_job(scene: Scene) -> None:
    other = Node(scene.settings, scene.client, scene.store, KEY)
    outcomes: list[str] = []
    threads = [
        threading.Thread(target=lambda node=node, chunk=chunk: outcomes.append(node.scan(scene.spec.id, chunk, 1)))
        for node in (scene.node, other)
        for chunk in (0, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert sorted(outcomes)[:2] == ["done", "done"]
    assert set(outcomes) <= {"done", "leased"}
    assert scene.ledger.progress().counts["chunks_done"] == 2


@pytest.fixture
def files(redis_client: redis.Redis, redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    """A job of four chunks, a file each."""
    made = Scene(redis_client, redis_url, tmp_path, chunk_files=1)
    yield made
    made.node.close()


def test_chunks_of_one_message_are_done_as_each_alone(files: Scene) -> None:
    assert files.node.scan(files.spec.id, 0, 1, 4) == "done done done done"
    first, counts = files.spec.id, files.ledger.progress().counts
    told = [replace(result, duration=0.0) for chunk in range(4) for result in files.results(chunk)]
    assert files.ledger.progress().state is JobState.FINALIZING
    files.submit()
    assert [files.node.scan(files.spec.id, chunk, 1) for chunk in (3, 1, 0, 2)] == ["done"] * 4
    alone = [replace(result, duration=0.0) for chunk in range(4) for result in files.results(chunk)]
    assert told == alone
    assert first != files.spec.id
    runtimes = ("chunk_seconds", "runtime")

    def lasting(counts: Mapping[str, int]) -> dict[str, int]:
        return {name: number for name, number in counts.items() if not name.startswith(runtimes)}

    assert lasting(counts) == lasting(files.ledger.progress().counts)


def test_those_of_a_message_that_others_have_or_did_are_left_to_them(files: Scene) -> None:
    assert files.node.scan(files.spec.id, 1, 1) == "done"
    claim = files.ledger.claim(2, 1, "another", 30)
    assert files.node.scan(files.spec.id, 0, 1, 4) == "done done leased done"
    assert files.ledger.progress().counted("claims_refused") == {"done": 1, "leased": 1}
    assert files.ledger.release(2, claim.token) is LeaseStatus.OK
    assert files.node.scan(files.spec.id, 0, 1, 4) == "done done done done"
    assert files.ledger.progress().counts["chunks_done"] == 4


def test_a_result_that_cannot_be_stored_costs_its_own_chunk_a_second_try(
    files: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = files.store.put

    def full(name: str, data: bytes, *, durable: bool = True) -> None:
        if "/results/0000000001-" in name:
            raise StoreFault(name, "the store is full")
        put(name, data, durable=durable)

    with monkeypatch.context() as patch:
        patch.setattr(files.store, "put", full)
        assert files.node.scan(files.spec.id, 0, 1, 4) == "done failed done done"
    assert files.ledger.progress().leased == 1, "until its lease runs out"


def test_the_lease_of_a_chunk_that_is_done_keeps_none_from_going_on(
    files: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_done, renew_all, renewed = Ledger.send_done, Ledger.renew_all, Counter[int]()

    def renewing(self: Ledger, sender: Sender, settled: Settled) -> Callable[[], Done]:
        done = send_done(self, sender, settled)()
        files.node.renew()
        return lambda: done

    def noting(self: Ledger, held: Sequence[tuple[int, str]], lease_s: float) -> list[LeaseStatus]:
        renewed.update(chunk for chunk, _ in held)
        answers = renew_all(self, held, lease_s)
        assert [answer is LeaseStatus.OK for answer in answers] == [
            self.digests(chunk, 1) == [None] for chunk, _ in held
        ]
        return answers

    monkeypatch.setattr(Ledger, "send_done", renewing)
    monkeypatch.setattr(Ledger, "renew_all", noting)
    assert files.node.scan(files.spec.id, 0, 1, 4) == "done done done done"
    assert renewed == {0: 1, 1: 2, 2: 3, 3: 4}, "no longer than it is held"
    (slot,) = files.node._slots
    assert slot.supervisor
    assert slot.supervisor._spawned == 1, "its child went on"
    assert files.node.busy == 0


@pytest.mark.parametrize("stopped", [0, 1, 3])
def test_a_chunk_that_is_stopped_does_not_stop_the_others_of_its_message(
    files: Scene, monkeypatch: pytest.MonkeyPatch, stopped: int
) -> None:
    hold = files.node.hold

    def losing(work: Work) -> None:
        hold(work)
        if work.number == stopped:
            work.stop.set()

    monkeypatch.setattr(files.node, "hold", losing)
    expected = ["done"] * 4
    expected[stopped] = "stopped"
    assert files.node.scan(files.spec.id, 0, 1, 4).split() == expected
    assert [digest is None for digest in files.ledger.digests(0, 4)] == [number == stopped for number in range(4)]


def test_a_worker_that_is_to_end_gives_back_all_chunks_of_its_message(
    files: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = queue_lengths(files.client)["scan.cpu"]
    _stop_at_once(files, monkeypatch, drain=True)
    assert files.node.scan(files.spec.id, 0, 1, 4) == "stopped stopped stopped stopped"
    assert queue_lengths(files.client)["scan.cpu"] == before + 4
    assert files.ledger.progress().leased == 0


def test_one_of_a_message_over_which_a_worker_was_lost_is_examined_alone(
    files: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert files.ledger.claim(1, 1, "lost", 0).granted
    entered: list[tuple[int, int | None]] = []
    enter = Ledger.enter

    def noting(self: Ledger, chunk: int, token: str, position: int | None) -> LeaseStatus:
        entered.append((chunk, position))
        return enter(self, chunk, token, position)

    monkeypatch.setattr(Ledger, "enter", noting)
    assert files.node.scan(files.spec.id, 0, 1, 4) == "done done done done"
    assert entered == [(1, 0), (1, None)]
    assert files.ledger.progress().counts["leases_lost"] == 1


@pytest.mark.parametrize("when", ["sent", "answered", "forgotten"])
def test_a_done_whose_connection_or_script_is_lost_is_said_again(
    files: Scene, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Redis hangs up before the script is sent, or before its answer is read, or was started anew since."""
    send_done, client = Ledger.send_done, files.node.client

    def losing(self: Ledger, sender: Sender, settled: Settled) -> Callable[[], Done]:
        if settled.chunk != 1:
            return send_done(self, sender, settled)
        if when == "forgotten":
            client.script_flush()
        if when == "sent":
            client.client_kill_filter(skipme=True, _type="normal")
        answer = send_done(self, sender, settled)
        if when == "answered":
            client.client_kill_filter(skipme=True, _type="normal")
        return answer

    monkeypatch.setattr(Ledger, "send_done", losing)
    outcomes = files.node.scan(files.spec.id, 0, 1, 4).split()
    assert outcomes[0] == outcomes[2] == outcomes[3] == "done"
    assert outcomes[1] in ("done", "already")
    progress = files.ledger.progress()
    assert (progress.done, progress.units_done, progress.leased) == (4, 4, 0)
    assert [files.results(chunk)[0].verdict for chunk in range(4)] == ["clean", "clean", "malicious", "clean"]


def test_a_unit_that_many_workers_were_lost_over_is_not_tried_again(files: Scene) -> None:
    for _ in range(BLAMED):
        assert files.ledger.enter(2, files.ledger.claim(2, 1, "lost", 0).token, 0) is LeaseStatus.OK
    assert files.node.scan(files.spec.id, 0, 1, 4) == "done done done done"
    (result,) = files.results(2)
    assert [problem.detail for problem in result.problems] == [f"{BLAMED} workers were lost while they examined it"]
    assert not result.artifacts, "no child saw it"
    assert files.results(3)[0].verdict == "clean"


def test_a_result_that_cannot_be_written_is_said(files: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """That would be a fault of ours, and the job would never end."""

    def failing(tool: Tool, results: Sequence[UnitResult], tails: Sequence[str] = ()) -> bytes:
        if results[0].verdict == "malicious":
            raise ValueError("more than there can be")
        return encode_chunk(tool, results, tails)

    monkeypatch.setattr(settling, "encode_chunk", failing)
    assert files.node.scan(files.spec.id, 0, 1, 4) == "done done done done"
    (result,) = files.results(2)
    assert [(p.kind, p.detail) for p in result.problems] == [
        (ProblemKind.CRASH, "its result cannot be written: ValueError: more than there can be")
    ]
    assert files.ledger.progress().state is JobState.FINALIZING


def test_no_unit_is_to_blame_for_a_store_that_is_full(files: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time the lease of its chunk runs out, as if the worker had been lost."""
    put, is_full = files.store.put, True

    def full(name: str, data: bytes, *, durable: bool = True) -> None:
        if is_full:
            raise StoreFault(name, "the store is full")
        put(name, data, durable=durable)

    monkeypatch.setattr(files.store, "put", full)
    for _ in range(BLAMED + 2):
        assert files.node.scan(files.spec.id, 0, 1) == "failed"
        files.client.zadd(f"ms:{{{files.spec.id}}}:leases", {"0": 0})
    is_full = False
    assert files.node.scan(files.spec.id, 0, 1) == "done"
    assert [result.verdict for result in files.results(0)] == ["clean"]


def test_a_child_that_dies_over_one_chunk_is_no_matter_of_the_next(
    files: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks of one message share a child: the file that it dies over is tried again, and only that has a Problem."""
    finish, seen = Supervisor._finish, list[int]()

    def dying(self: Supervisor, child: Child, answer: Answer) -> None:
        if child.tasks[0].unit.locator.name == "1.pkl":
            seen.append(child.number)
            self._condemn(child, (ProblemKind.CRASH, "the examining process died of SIGSEGV"))
        else:
            finish(self, child, answer)

    monkeypatch.setattr(Supervisor, "_finish", dying)
    assert files.node.scan(files.spec.id, 0, 1, 4) == "done done done done"
    assert len(set(seen)) == len(seen) == TRIES
    verdicts = [files.results(chunk)[0].verdict for chunk in range(4)]
    assert verdicts == ["clean", "not scanned", "malicious", "clean"]
    (problem,) = files.results(1)[0].problems
    assert (problem.scanner, problem.kind) == ("supervisor", ProblemKind.CRASH)


ALL = Options(limits=Limits(expanded_ratio=1 << 30))
"""With which every compressed member is a unit of its own."""


def _archive(path: Path, members: Mapping[str, bytes]) -> None:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.fixture
def archives(redis_client: redis.Redis, redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    """A job of two chunks: two archives with members that are units, and a file."""
    _archive(tmp_path / "models" / "a.zip", {"1.pkl": EVIL, "2.pkl": b"N.", "3.pkl": b"I1\n."})
    _archive(tmp_path / "models" / "b.zip", {"1.pkl": b"N."})
    (tmp_path / "models" / "c.pkl").write_bytes(b"N.")
    made = Scene(redis_client, redis_url, tmp_path, ALL)
    yield made
    made.node.close()


def _report(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Return the report of a job that is complete, without what varies."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert finalize(scene.spec.id, scene.client, scene.store, KEY, "test")
    name = f"{scene.ledger.progress().report}/manifest"
    manifest = open_manifest(scene.store.get(name), KEY, scene.spec.id)
    return replace(report_of(manifest, scene.store), run=Run())


def _work_off(scene: Scene) -> list[int]:
    """Do all messages that wait, and return their chunks."""
    done = []
    while raw := scene.client.rpop("scan.cpu"):
        assert isinstance(raw, bytes)
        _, chunk, generation = json.loads(base64.b64decode(json.loads(raw)["body"]))[0]
        scene.node.scan(scene.spec.id, chunk, generation)
        done.append(chunk)
    return done


def test_members_are_tasks_of_their_own(archives: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert archives.node.scan(archives.spec.id, 0, 1) == "done"
    progress = archives.ledger.progress()
    assert (progress.allocated, progress.units) == (5, 3)  # two of a.zip share a chunk
    assert archives.ledger.children() == {0: 2}
    assert [result.unit.locator.members for result in archives.results(0)] == [(), ()]
    assert sorted(_work_off(archives)) == [0, 1, 2, 3, 4]
    progress = archives.ledger.progress()
    assert progress.state is JobState.FINALIZING
    assert (progress.units_done, progress.counts["members"], progress.bytes_done) == (3, 4, progress.bytes)
    assert [result.verdict for result in archives.results(2)] == ["malicious", "clean"]
    report = _report(archives, monkeypatch)
    plain = scan_job([str(archives.models)], JobOptions(ALL, jobs=1))
    assert list(report.results) == list(plain.results)
    assert report.totals == plain.totals
    assert report.to_dict() == replace(plain, run=Run()).to_dict()
    assert len(report.results) == 3


def test_whoever_does_an_archive_again_has_the_same_children(archives: Scene) -> None:
    other = Node(archives.settings, archives.client, archives.store, KEY)
    claims = [archives.ledger.claim(0, 1, name, 0.0) for name in ("one", "two")]
    assert [claim.granted for claim in claims] == [True, True], "the first lease ran out"
    assert other.scan(archives.spec.id, 0, 1) == "done"
    names = set(archives.store.list(f"jobs/{archives.spec.id}/pages"))
    archives.client.delete(archives.ledger._meta.replace("meta", "done"))
    assert archives.node.scan(archives.spec.id, 0, 1) in ("done", "leased")
    assert set(archives.store.list(f"jobs/{archives.spec.id}/pages")) == names
    assert archives.ledger.progress().allocated == 5
    other.close()


def test_members_that_no_page_holds_are_said(archives: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each address may be as long as all folders above the archive together."""

    def full(_self: Pages, _page: Page) -> str:
        raise ValueError("a page has at most so many bytes")

    with monkeypatch.context() as patch:
        patch.setattr(Pages, "put", full)
        assert archives.node.scan(archives.spec.id, 0, 1) == "done"
    assert archives.node.scan(archives.spec.id, 1, 1) == "done"
    assert archives.ledger.progress().state is JobState.FINALIZING
    report = _report(archives, monkeypatch)
    assert [result.verdict for result in report.results] == ["not scanned", "not scanned", "clean"]
    assert {p.detail for result in report.results for p in result.problems} == {"this member has no result"}


def test_members_of_a_cancelled_job_are_said(archives: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert archives.node.scan(archives.spec.id, 0, 1) == "done"
    assert archives.node.scan(archives.spec.id, 2, 1) == "done"
    archives.ledger.cancel()
    report = _report(archives, monkeypatch)
    first, second, third = report.results
    assert [result.verdict for result in (first, second, third)] == ["malicious", "not scanned", "not scanned"]
    assert [str(problem.locator)[-5:] for problem in first.problems] == ["3.pkl"]
    assert {problem.kind for result in report.results for problem in result.problems} == {ProblemKind.CANCELLED}


def test_members_of_an_archive_that_changed_are_said_not_to_be_examined(
    archives: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert archives.node.scan(archives.spec.id, 0, 1) == "done"
    _archive(archives.models / "a.zip", {f"{number}.pkl": b"N." for number in range(1, 9)})
    _work_off(archives)
    report = _report(archives, monkeypatch)
    assert [result.verdict for result in report.results] == ["not scanned", "clean", "clean"]
    assert [problem.kind for problem in report.results[0].problems] == [ProblemKind.CHANGED] * 3


def test_a_page_of_members_that_is_lost_costs_only_those(archives: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert archives.node.scan(archives.spec.id, 0, 1) == "done"
    (page,) = [name for name in archives.store.list(f"jobs/{archives.spec.id}/pages") if "children" in name]
    archives.store.put(page, b"garbage")
    other = Node(archives.settings, archives.client, archives.store, KEY)  # which has it not open yet
    for chunk in (1, 2, 3, 4):
        assert other.scan(archives.spec.id, chunk, 1) == "done"
    other.close()
    report = _report(archives, monkeypatch)
    verdicts = {result.unit.locator.name: result.verdict for result in report.results}
    assert (verdicts["a.zip"], verdicts["b.zip"], verdicts["c.pkl"]) == ("not scanned", "not scanned", "clean")


def _interleaved(redis_client: redis.Redis, redis_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Return a job whose archives are examined while it is listed: their members have numbers between pages."""
    for name in "abcdef":
        _archive(folder / "models" / f"{name}.zip", {f"{name}{number}.pkl": b"N." for number in range(3)})
    _archive(folder / "models" / "c.zip", {"evil.pkl": EVIL, "good.pkl": b"N."})
    (folder / "models" / "z.pkl").write_bytes(EVIL)
    monkeypatch.setattr(submit, "PAGE_CHUNKS", 3)
    pages = 0

    def work_meanwhile(producer: Producer) -> None:
        nonlocal pages
        pages += 1
        node = Node(WorkerSettings(redis_url, str(folder / "store"), (), 1, (str(folder),)), redis_client, store, KEY)
        if pages < 4:
            assert node.scan(producer._spec.id, (0, 1, 5)[pages - 1], 1) == "done"
        node.close()

    store = open_store(str(folder / "store"))
    monkeypatch.setattr(Producer, "_hold_back", work_meanwhile)
    return Scene(redis_client, redis_url, folder, ALL, chunk_files=1)


@pytest.mark.parametrize("examined", ["nothing more", "some", "all"])
def test_a_ledger_that_is_lost_is_made_anew_with_members(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examined: str
) -> None:
    scene = _interleaved(redis_client, redis_url, tmp_path, monkeypatch)
    extents = [extent.first for extent in scene.ledger.extents()]
    assert len(extents) > 5, "pages of the listing and of members"
    for chunk in {"nothing more": (), "some": (3, 2, 7, 8, 12), "all": range(40)}[examined]:
        scene.node.scan(scene.spec.id, chunk, 1)
    before = scene.ledger.progress()
    for again in range(2):
        scene.client.flushall()
        repaired = repair(scene.ledger, scene.store, KEY, lambda results: (counted(results), False), SCANS.index)
        assert repaired.sealed
        progress = scene.ledger.progress()
        assert (progress.units, progress.counts) == (7, {**progress.counts, "units": before.counts["units"]})
        assert repaired.done == before.done, again
        assert repaired.complete == (examined == "all")
    for chunk in range(60):
        scene.node.scan(scene.spec.id, chunk, 1)
    report = _report(scene, monkeypatch)
    assert list(report.results) == list(scan_job([str(scene.models)], JobOptions(ALL, jobs=1)).results)
    scene.node.close()


@pytest.mark.parametrize(("lost", "place"), [("page", 0), ("page", 3), ("damaged page", 1), ("cursor", 3)])
def test_a_ledger_is_not_made_complete_without_a_page_that_is_lost(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str, place: int
) -> None:
    """What stood on it and behind it is listed again: else the report would lack it, and say nothing of that."""
    monkeypatch.setattr(submit, "PAGE_CHUNKS", 2)
    scene = Scene(redis_client, redis_url, tmp_path, chunk_files=1)
    page = scene.ledger.extents()[place].page
    scene.client.flushall()
    if lost == "damaged page":
        scene.store.put(page, b"garbage" * 50)
    else:
        scene.store.delete(page if lost == "page" else cursor_name(page))
    repaired = repair(scene.ledger, scene.store, KEY, lambda results: (counted(results), False), SCANS.index)
    assert (repaired.sealed, repaired.chunks) == (False, place)
    assert scene.ledger.progress().state is JobState.LISTING
    with connect(redis_url) as connection:
        Producer(scene.spec, scene.client, connection, scene.store, KEY).run()
    assert [scene.node.scan(scene.spec.id, chunk, 1) for chunk in range(4)] == ["done"] * 4
    report = _report(scene, monkeypatch)
    assert list(report.results) == list(scan_job([str(scene.models)], JobOptions(jobs=1)).results)
    scene.node.close()


@pytest.mark.parametrize("place", ["redis", "folder"])
def test_what_a_worker_knows_is_not_read_again(scene: Scene, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Another worker knows it too, and the results are the same; a job that wants everything read gets it."""
    monkeypatch.setattr(known, "SMALLEST_FILE", 0)
    monkeypatch.setattr(identity, "SETTLED", -60.0)
    cache = scene.url if place == "redis" else str(scene.folder / "cache")
    told = []
    for reuse, answered in (("files", 0), ("files", 4), ("objects", 0), ("nothing", 0)):
        scene.submit(reuse)  # type: ignore[arg-type]
        worker = Node(replace(scene.settings, cache=cache), scene.client, scene.store, KEY)
        assert [worker.scan(scene.spec.id, chunk, 1) for chunk in (0, 1)] == ["done", "done"]
        worker.close()
        counts = dict(scene.ledger.progress().counts)
        assert counts.get("known", 0) == answered
        told.append([replace(result, duration=0.0) for chunk in (0, 1) for result in scene.results(chunk)])
    assert told[1:] == told[:1] * 3


def test_an_entry_that_somebody_forged_is_read_anew(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may write to Redis cannot have a file called clean."""
    monkeypatch.setattr(known, "SMALLEST_FILE", 0)
    monkeypatch.setattr(identity, "SETTLED", -60.0)
    for forge in (False, True):
        scene.submit("files")
        if forge:
            clean, evil = sorted(scene.client.keys("ms:cache:*"), key=scene.client.strlen)[::3]
            scene.client.set(evil, scene.client.get(clean) or b"")
        worker = Node(replace(scene.settings, cache=scene.url), scene.client, scene.store, KEY)
        for chunk in (0, 1):
            worker.scan(scene.spec.id, chunk, 1)
        worker.close()
        assert scene.ledger.progress().verdicts == {"clean": 3, "malicious": 1}
    assert scene.ledger.progress().counts["known"] == 3
