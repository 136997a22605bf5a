"""What people do to a job in the middle of it: cancel, go on, repair."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modelsweep.fleet.answers import CancelStatus, JobState
from modelsweep.fleet.ledger import Ledger
from producer import submit
from tests.cli.conftest import ROOT, START
from tests.fleet.survival.scene import LONGEST, OPTIONS, PLUGINS, Scene, hit, until
from tests.worker.processes import below, command_line


def test_cancel_in_the_middle(scene: Scene, expected: bytes):
    scene.work(slots=2)
    job = scene.submit()
    scene.await_done(job, 10)
    assert scene.fleet.cancel(job) is CancelStatus.CANCELLED
    assert scene.fleet.cancel(job) is CancelStatus.ALREADY
    until(lambda: scene.progress(job).report, "a report of what was found")
    progress = scene.progress(job)
    assert (progress.state, progress.leased) == (JobState.CANCELLED, 0)
    assert 40 <= progress.units_done < 200
    report = json.loads(scene.report(job))
    whole = {entry["path"]: entry for entry in json.loads(expected.removesuffix(b",") + b"}")["verdicts"]}
    found = {entry["path"]: entry for entry in report["verdicts"]}
    assert len(report["verdicts"]) == len(found) == 200
    cancelled = {problem["location"] for problem in report["problems"] if problem["kind"] == "cancelled"}
    assert len(cancelled) == 200 - progress.units_done
    assert all(found[path] == whole[path] for path in found.keys() - cancelled)
    assert all(found[path]["verdict"] == "not scanned" for path in cancelled)
    assert progress.counts["reports_published"] == 1


def test_whoever_cancels_is_killed_at_once(scene: Scene):
    """Nobody asks for a report; and the first worker that would write it is killed over that."""
    job = scene.submit()
    dies = "from worker import finalizer, node\nimport os\nfinalizer._Finalizer.run = lambda self: os._exit(9)"
    first = scene.work("--queues", "control", before=dies)
    scene.fleet.ledger(job).cancel()
    assert first.wait(LONGEST) == 9
    scene.work()
    until(lambda: scene.progress(job).report)
    assert json.loads(scene.report(job))["summary"]["not_scanned"]


def test_cancel_while_it_is_listed(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(submit, "PAGE_CHUNKS", 5)
    scene.work()
    spec = scene.spec()
    producer = scene.producer(spec, lambda page: scene.fleet.cancel(spec.id) if page == 3 else None)
    producer.create()
    with pytest.raises(submit.Superseded, match="it was cancelled"):
        producer.run()
    until(lambda: scene.progress(spec.id).report)
    assert "before everything was listed" in scene.report(spec.id).decode()


@pytest.mark.parametrize("alive", [True, False], ids=["beside-workers", "alone"])
@pytest.mark.parametrize("chunks", [12, 50], ids=["in-the-middle", "at-the-end"])
def test_repair_after_redis_lost_everything(scene: Scene, expected: bytes, chunks: int, alive: bool):
    worker = scene.work(slots=2)
    job = scene.submit()
    if chunks == 50:
        scene.await_end(job)
    scene.await_done(job, chunks)
    if not alive:
        scene.kill_tree(worker)
    scene.redis.client().flushall()
    repaired = scene.fleet.repair(job)
    assert (repaired.chunks, repaired.sealed) == (50, True)
    if not alive:  # else workers may take up again what repair has not come to yet
        assert chunks <= repaired.done <= 50
        scene.work(slots=2)
    scene.settled(job, expected)


def test_repair_of_a_job_that_many_producers_listed(scene: Scene, expected: bytes, monkeypatch: pytest.MonkeyPatch):
    """All but one died with a page that was stored and never allocated, and each cut its pages elsewhere."""
    spec = scene.spec()
    producer = scene.fleet.producer(spec)
    producer.create()
    for size in (3, 4, 6, 7, 8, 9, 10):
        monkeypatch.setattr(submit, "PAGE_CHUNKS", size)
        _die_before_alloc(scene, spec.id, monkeypatch)
    assert len(list(scene.fleet.store.list(f"jobs/{spec.id}/pages"))) == 7
    monkeypatch.setattr(submit, "PAGE_CHUNKS", 5)
    producer.run()
    scene.work(slots=2)
    scene.settled(spec.id, expected)
    scene.redis.client().flushall()
    repaired = scene.fleet.repair(spec.id)
    assert (repaired.chunks, repaired.done, repaired.complete) == (50, 50, True)
    scene.settled(spec.id, expected)


def _die_before_alloc(scene: Scene, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object, **__: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "alloc", dies)
        with pytest.raises(InterruptedError):
            scene.fleet.producer(scene.fleet.spec(job)).run()


def test_retry_after_repair_still_knows_what_is_worth_another_try(scene: Scene, tmp_path: Path):
    scene.root = tmp_path / "own"
    scene.root.mkdir()
    for name in ("a", "b"):
        (scene.root / f"{name}.pkl").write_bytes(b"N.")
    job = scene.submit(chunk_files=1)
    (scene.root / "a.pkl").rename(tmp_path / "a.pkl")
    scene.work()
    scene.settled(job, None)
    scene.redis.client().flushall()
    assert scene.fleet.repair(job).complete
    scene.settled(job, None)
    (tmp_path / "a.pkl").rename(scene.root / "a.pkl")
    assert len(scene.fleet.retry(job).again) == 1
    scene.settled(job, None, published=2)
    assert b"vanished" not in scene.report(job)
    scene.redis.client().flushall()
    assert scene.fleet.repair(job).done == 2  # the better of two results of a chunk
    scene.settled(job, None)
    assert b"vanished" not in scene.report(job)


DIES = """
import os, signal
from producer import submit
submit.PAGE_CHUNKS = 5
def publish(connection, messages, publish=submit.publish, seen=[]):
    seen.append(messages)
    if len(seen) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    publish(connection, messages)
submit.publish = publish
"""
"""Kills a producer when a page is allocated, and its messages are about to be published."""


def test_a_producer_process_is_killed_and_resumed(scene: Scene, expected: bytes):
    scene.work(slots=2)
    plugins = [part for name in PLUGINS for part in ("--plugin", name)]
    command = ["submit", str(scene.root), *plugins, "--timeout", str(OPTIONS.timeout), "--chunk-files", "4"]
    killed = run(scene, *command, before=DIES)
    assert killed.returncode == -signal.SIGKILL
    job = killed.stdout.decode().strip()
    assert scene.progress(job).state is JobState.LISTING
    resumed = run(scene, "submit", "--resume", job)
    assert resumed.returncode == 0, resumed.stderr
    scene.settled(job, expected)


def test_workers_of_an_audit_of_its_own_are_killed(scene: Scene, expected: bytes, tmp_path: Path):
    out = tmp_path / "audit.json"
    plugins = [part for name in PLUGINS for part in ("--plugin", name)]
    command = [sys.executable, "-P", "-c", START, "audit", str(scene.root), *plugins, "-f", f"json={out}", "-j", "2"]
    environment = {name: value for name, value in scene.environment.items() if not name.startswith("MODELSWEEP_")}
    with subprocess.Popen([*command, "--timeout", str(OPTIONS.timeout)], env=environment) as audit:
        for _ in range(2):
            worker = until(lambda: next(_workers(audit.pid), 0), "a worker with a zygote")
            hit(worker)
        scene.seen.update(below(audit.pid))
        assert audit.wait() == 1
    assert out.read_bytes().partition(b'\n  "run": {')[0] == expected


def _private_audit(scene: Scene, **more: str) -> subprocess.Popen[bytes]:
    """Start an audit that brings its own fleet."""
    plugins = [part for name in PLUGINS for part in ("--plugin", name)]
    command = [sys.executable, "-P", "-c", START, "audit", str(scene.root), *plugins, "-j", "2", "--chunk-files", "4"]
    environment = {name: value for name, value in scene.environment.items() if not name.startswith("MODELSWEEP_")}
    return subprocess.Popen(command, env={**environment, **more}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_an_audit_of_its_own_ends_with_a_word_where_its_worker_can_examine_nothing(
    scene: Scene, site: Path, tmp_path: Path
):
    """A plug-in ends whatever would start an examining process, each time, and its worker gives up."""
    broken = tmp_path / "broken"
    shutil.copytree(site, broken)
    with (broken / "modelsweep_hostile.py").open("a") as file:
        file.write("\nimport os\nos.register_at_fork(before=lambda: os._exit(9))\n")
    (broken / "sitecustomize.py").write_text("import worker.supervisor as s\ns.RELAUNCHED = 1\n")
    with _private_audit(scene, PYTHONPATH=f"{broken}{os.pathsep}{ROOT}") as audit:
        until(lambda: _store_of(audit.pid))
        scene.seen.update(below(audit.pid))
        said, errors = audit.communicate(timeout=LONGEST)
    assert (audit.returncode, said) == (2, b"")
    *logs, last = errors.decode().splitlines()
    assert last.startswith("modelsweep: a worker ended with status 2: no file can be examined here: the process that")
    assert {json.loads(line)["event"] for line in logs} == {"left to be done again"}
    assert not list((scene.folder / "t").iterdir())


def test_an_audit_of_its_own_ends_with_a_word_where_its_store_vanishes(scene: Scene, tmp_path: Path):
    """As where its disk is full: nobody else would put that right."""
    with _private_audit(scene) as audit:
        store = until(lambda: _store_of(audit.pid))
        until(lambda: list(store.glob("jobs/*/results/*")))
        scene.seen.update(below(audit.pid))
        shutil.move(store, tmp_path / "away")
        said, errors = audit.communicate(timeout=60)
    assert (audit.returncode, said) == (2, b"")
    (line,) = errors.decode().splitlines()
    assert line.startswith("modelsweep: ")
    assert "the store's folder" in line
    assert "TMPDIR names another place" in line
    assert not store.parent.exists()
    assert not list((scene.folder / "t").iterdir())


def _store_of(audit: int) -> Path | None:
    """Return where the fleet of an audit keeps results, once it has a worker."""
    for process in below(audit):
        words = command_line(process)
        if b"--store" in words:
            return Path(words[words.index(b"--store") + 1].decode().removeprefix("temporary://"))
    return None


def _workers(audit: int):
    for process in below(audit):
        if b"--with-parent" in command_line(process) and below(process):
            yield process


def run(scene: Scene, *arguments: str, before: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run a command of the fleet as a process."""
    command = [sys.executable, "-P", "-c", f"{before}\n{START}", *arguments]
    return subprocess.run(command, env=scene.environment, capture_output=True, timeout=60)
