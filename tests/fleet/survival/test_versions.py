"""Workers of several versions side by side; jobs, pages and results that somebody forged."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from modelsweep.core.options import Options
from modelsweep.core.wire import encode_options
from modelsweep.fleet.job import PROTOCOL, seal_spec
from modelsweep.fleet.messages import CPU
from modelsweep.fleet.signature import Key
from tests.cli.conftest import ROOT
from tests.fleet.survival.scene import Scene, until
from tests.sources.double import double, ranged

NEWER = "import modelsweep.fleet.job as job; job.PROTOCOL += 1"
PACKAGES = ("modelsweep", "producer", "reporting", "scanners", "sources", "worker")
FOREIGN = Key(b"another key of thirty-two bytes!")
PATIENT = 10.0


def test_an_older_worker_leaves_a_newer_job_to_others(scene: Scene, expected: bytes):
    older = scene.work(slots=2)
    scene.await_workers()
    job = scene.submit(protocol=PROTOCOL + 1)
    until(lambda: "submitted by a newer version" in scene.logs())
    assert scene.progress(job).done == 0
    scene.work(before=NEWER)
    scene.settled(job, expected)
    assert older.poll() is None


def test_workers_of_two_versions_share_a_job(scene: Scene, expected: bytes, tmp_path: Path):
    """Of two protocols, both of which know the job's, and of two rulesets."""
    old = tmp_path / "old"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, old / package, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    _edit(old / "modelsweep" / "core" / "version.py", r'VERSION = "', 'VERSION = "0.0.9+older of ')
    _edit(old / "scanners" / "text.py", r"version=\d+,", "version=0,")
    _edit(old / "scanners" / "index.py", r"'name': 'text', 'version': \d+,", "'name': 'text', 'version': 0,")
    scene.work(before=NEWER)
    scene.work(before=f"import sys; sys.path.insert(0, {str(old)!r})")
    scene.await_workers()
    job = scene.submit()
    scene.settled(job, None)
    report, whole = json.loads(scene.report(job)), json.loads(expected.removesuffix(b",") + b"}")
    assert "0.0.9" in report["tool"]["version"]
    assert ", " in report["tool"]["version"]
    assert report["tool"]["ruleset"] != whole["tool"]["ruleset"], "one digest for the rulesets of both"
    for part in ("verdicts", "issues", "problems", "facts", "summary"):
        assert report[part] == whole[part]


BEFORE_RUNS = """
import worker.fleet as fleet
def scan(node, amount, job=None, chunk=None, generation=None, *more):
    if more or not (fleet._is_job(job) and fleet._is_number(chunk) and fleet._is_number(generation)):
        fleet._log.warning("a message that is none of ours was dropped", task="modelsweep.scan")
        return
    fleet._guarded(node, lambda: node.scan(job, chunk, generation))
fleet._scan = scan
"""
"""A worker as it was when each message was of one chunk: it looked at three arguments and at no header."""


def _several(scene: Scene) -> list[int]:
    """Return of how many chunks each message that waits is."""
    waiting = scene.redis.client().lrange(CPU, 0, -1)
    return [json.loads(message)["headers"].get("chunks", 1) for message in reversed(waiting)]


@pytest.mark.parametrize("newer", [0, 1], ids=["alone", "beside-todays"])
def test_a_worker_that_knows_messages_of_one_chunk_only_does_the_first(scene: Scene, expected: bytes, newer: int):
    job = scene.submit()
    amounts = _several(scene)
    assert max(amounts) > 1
    # Half of the lease is the grace of the sweeper, which on a busy machine is not to take what waits for lost
    scene.work(before=BEFORE_RUNS, slots=2, lease=PATIENT)
    for _ in range(newer):
        scene.work(lease=PATIENT)
    progress = scene.settled(job, expected)
    assert "dropped" not in scene.logs()
    assert progress.counts["claims"] == progress.allocated, "no chunk was taken twice"
    most = sum(amounts) - len(amounts)
    assert progress.counts["published_again"] == most if not newer else progress.counts["published_again"] <= most


def test_a_message_of_several_chunks_of_yesterday_is_understood(scene: Scene, expected: bytes):
    """It said how many by a fourth argument."""
    job = scene.submit()
    client = scene.redis.client()
    messages = [
        (message["headers"].pop("chunks", 1), message) for message in map(json.loads, client.lrange(CPU, 0, -1))
    ]
    client.delete(CPU)
    for amount, message in messages:
        body = json.loads(base64.b64decode(message["body"]))
        body[0] += [amount] if amount > 1 else []
        message["body"] = base64.b64encode(json.dumps(body).encode()).decode()
        client.rpush(CPU, json.dumps(message))
    scene.work(slots=2)
    progress = scene.settled(job, expected)
    further = sum(amount - 1 for amount, _ in messages)
    assert progress.counts.get("published_again", 0) < further, "else they were swept one by one"


def _edit(path: Path, pattern: str, new: str) -> None:
    text, times = re.subn(pattern, new, path.read_text())
    assert times == 1
    path.write_text(text)


def test_a_forged_job_is_not_read(scene: Scene, expected: bytes):
    forged = scene.submit()
    spec = scene.fleet.spec(forged)
    scene.redis.client().set(f"ms:{{{forged}}}:spec", seal_spec(spec, FOREIGN))
    scene.work()
    until(lambda: "not signed with the key" in scene.logs())
    honest = scene.submit()
    scene.settled(honest, expected)
    progress = scene.progress(forged)
    assert (progress.done, progress.leased) == (0, 0)
    assert '"a worker failed"' not in scene.logs()


def test_a_worker_without_a_plugin_leaves_the_job_to_others_and_goes_on(scene: Scene, expected: bytes, site: Path):
    lacking = scene.work(before=f"import sys; sys.path.remove({str(site)!r})", slots=2)
    scene.await_workers()
    job = scene.submit()
    until(lambda: f"job {job} is left to others: plug-in modelsweep-hostile is not installed" in scene.logs())
    other = scene.submit(options=Options())
    progress = scene.settled(other, None)
    assert progress.done
    assert scene.progress(job).done == 0
    scene.work(slots=2)
    scene.settled(job, expected)
    assert lacking.poll() is None
    assert scene.logs().count(f"job {job} is left to others") == 1, "said once, not for each message"


def test_a_worker_with_another_key_does_nothing_and_says_so_once(scene: Scene, expected: bytes):
    foreign = scene.work(before=f"import os; os.environ['MODELSWEEP_KEY'] = '{'11' * 32}'")
    scene.await_workers()
    job = scene.submit()
    until(lambda: "not signed with the key" in scene.logs())
    assert scene.progress(job).done == 0
    scene.work()
    scene.settled(job, expected)
    assert foreign.poll() is None
    complaints = [line for line in scene.logs().splitlines() if "not signed with the key" in line]
    assert [json.loads(line)["level"] for line in complaints] == ["warning"]


def _forged(sealed: bytes, job: str, key: Key) -> bytes:
    return FOREIGN.seal(f"page {job} 0", key.open(f"page {job} 0", sealed))


DAMAGE: dict[str, Callable[[bytes, str, Key], bytes]] = {
    "forged": _forged,
    "cut": lambda sealed, job, key: sealed[: len(sealed) // 2],
    "flipped": lambda sealed, job, key: sealed[:-9] + bytes([sealed[-9] ^ 1]) + sealed[-8:],
    "empty": lambda sealed, job, key: b"",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_page_that_is_not_ours_any_more_ends_with_a_problem_and_is_not_read(scene: Scene, damage: str):
    job = scene.submit()
    (extent,) = scene.fleet.ledger(job).extents()
    scene.fleet.store.put(extent.page, DAMAGE[damage](scene.fleet.store.get(extent.page), job, scene.key))
    scene.work(slots=2)
    progress = scene.await_end(job)
    assert progress.counts["reports_published"] == 1
    report = json.loads(scene.report(job))
    assert report["issues"] == []
    assert len(report["problems"]) == 50
    assert all("not signed with the key" in problem["message"] for problem in report["problems"])
    assert report["summary"]["not_scanned"] == len(report["verdicts"])


def test_nothing_outside_the_roots_of_a_worker_is_read(scene: Scene, tmp_path: Path):
    scene.root = tmp_path / "allowed"
    scene.root.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.pkl").write_bytes(b"cos\nsystem\n(S'echo modelsweep-test'\ntR.")
    (scene.root / "link.pkl").symlink_to(outside / "a.pkl")
    job = scene.submit(outside, scene.root)
    scene.work()
    scene.settled(job, None)
    report = json.loads(scene.report(job))
    assert report["issues"] == []
    assert {problem["message"] for problem in report["problems"]} >= {
        "outside the roots that may be read (modelsweep worker --root)"
    }


def test_no_source_outside_the_roots_of_a_worker_is_asked(scene: Scene):
    evil = b"cos\nsystem\n(S'echo modelsweep-test'\ntR."
    with double(lambda request: ranged(evil, request)) as server:
        job = scene.submit(f"{server.url}/a.pkl", chunk_files=1)
        listed = len(server.requests)
        assert listed
        scene.work()
        scene.settled(job, None)
        assert len(server.requests) == listed, "workers ask for nothing"
        report = json.loads(scene.report(job))
        (problem,) = report["problems"]
        assert "outside the roots" in problem["message"]
        assert report["issues"] == []
        scene.kill_tree(scene.workers[0])
        scene.work("--root", server.url)
        job = scene.submit(f"{server.url}/a.pkl", chunk_files=1)
        scene.settled(job, None)
        assert json.loads(scene.report(job))["summary"]["critical"] == 1


def test_options_of_a_job_that_this_version_does_not_know_end_it_with_a_word(scene: Scene, expected: bytes):
    """A specification that was signed with the right key, by a version that forgot to raise the protocol."""
    job = scene.submit()
    spec = scene.fleet.spec(job)
    value = json.loads(scene.key.open(f"job {job}", seal_spec(spec, scene.key)))
    value |= {"options": encode_options(spec.options) | {"invented": 1}, "more": True}
    scene.redis.client().set(f"ms:{{{job}}}:spec", scene.key.seal(f"job {job}", json.dumps(value).encode()))
    worker = scene.work()
    until(lambda: "dropped" in scene.logs())
    scene.settled(scene.submit(), expected)
    assert worker.poll() is None
    assert '"a worker failed"' not in scene.logs()
