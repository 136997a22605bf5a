"""A bucket audited by a private fleet: workers read it with credentials from their environment, which show nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.counted_s3 import LISTING, OBJECT, CountedS3, counted_s3
from modelsweep.core.locator import Locator
from modelsweep.core.report import Unit
from modelsweep.fleet.job import JobSpec
from producer import submit
from producer.plan import BEGINNING, Cursor
from tests.fleet.survival.collection import objects
from tests.scanners.payload import EVIL
from tests.sources.buckets import SECRET, s3_environment, use
from worker.children import QUEUED

UNIT = Unit(0, Locator("s3://bucket/a"), 1)
AMOUNT = 210
PAGE = 50
"""Keys in an answer of a listing."""
AHEAD = 2 * (QUEUED + 2)
"""Objects that two children may have had fetched, and nothing kept of yet."""


@dataclass(frozen=True)
class Bucket:
    """A bucket of `AMOUNT` objects, the same as files in `folder`/tree, and who audits them with a cache there."""

    s3: CountedS3
    folder: Path
    size: int

    def start(self, target: str, name: str) -> subprocess.Popen[bytes]:
        """Start an audit that writes a JSON report called `name`."""
        command = [sys.executable, "-P", "-m", "modelsweep", "audit", target, "-j", "2", "--chunk-files", "8"]
        environment = {**os.environ, "MODELSWEEP_CACHE": f"{self.folder}/cache", "SOURCE_DATE_EPOCH": "0"}
        command += ["-f", f"json={name}"]
        return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=subprocess.DEVNULL)

    def audit(self, target: str) -> str:
        """Audit to the end; return the report."""
        assert self.start(target, "out.json").wait(110) == 1
        return (self.folder / "out.json").read_text()


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Return a bucket whose requests are counted."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(PAGE))
    content = objects(AMOUNT)
    for key, data in content.items():
        path = tmp_path / "tree" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with counted_s3() as s3:
        s3.fill("bucket", content)
        use(monkeypatch, s3_environment(s3.url))
        yield Bucket(s3, tmp_path, sum(map(len, content.values())))


def test_a_bucket_is_read_once_and_reported_as_the_same_tree_on_disk(counted: Bucket) -> None:
    first = counted.audit("s3://bucket")
    listings = -(-AMOUNT // PAGE)
    assert counted.s3.taken() == ({LISTING: listings, OBJECT: AMOUNT}, counted.size)
    assert counted.audit("s3://bucket") == first
    assert counted.s3.taken() == ({LISTING: listings}, 0)
    assert first.replace("s3://bucket", "tree") == counted.audit("tree")
    # one that is new, and one that is not what it was
    counted.s3.fill("bucket", {"0/new.pkl": EVIL, "1/0001.pkl": b"N."})
    counted.audit("s3://bucket")
    assert counted.s3.taken() == ({LISTING: listings, OBJECT: 2}, len(EVIL) + 2)


def test_what_a_killed_audit_read_is_not_read_again(counted: Bucket) -> None:
    enough = threading.Event()
    counted.s3.before = lambda kind: enough.set() if counted.s3.requests[OBJECT] > AMOUNT // 2 else None
    killed = counted.start("s3://bucket", "never.json")
    assert enough.wait(60)
    killed.kill()
    killed.wait()
    assert not (counted.folder / "never.json").exists()
    time.sleep(1.5)  # its workers end, too
    before = counted.s3.taken()[0][OBJECT]
    assert AMOUNT // 2 < before < AMOUNT
    report = counted.audit("s3://bucket")
    again = counted.s3.taken()[0][OBJECT]
    assert AMOUNT - before <= again <= AMOUNT - before + AHEAD
    assert report.replace("s3://bucket", "tree") == counted.audit("tree")


def test_a_bucket_is_audited_and_the_secret_stands_nowhere(bucket: Any, tmp_path: Path) -> None:
    for number in range(30):
        bucket.put_object(Bucket="bucket", Key=f"models/{number:02d}.pkl", Body=EVIL if number == 7 else b"N.")
    bucket.put_object(Bucket="bucket", Key="old/1.pkl", Body=EVIL)
    command = [sys.executable, "-P", "-m", "modelsweep", "audit", "s3://bucket", "--exclude", "old/*", "-j", "2"]
    command += ["-f", f"json={tmp_path}/out.json", "-f", f"sarif={tmp_path}/out.sarif", "-f", "text", "-v"]
    command += ["--connections", "3", "--no-cache"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=110, cwd=tmp_path, env=os.environ)
    assert ended.returncode == 1, ended.stderr
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["files_scanned"] == 30
    assert {issue["location"].partition(" ")[0] for issue in report["issues"] if issue["severity"] == "critical"} == {
        "s3://bucket/models/07.pkl"
    }
    said = ended.stdout + ended.stderr + "".join(path.read_text() for path in tmp_path.iterdir())
    assert "1 file left out" in said
    assert SECRET not in said
    assert "X-Amz-Signature" not in said


def test_a_listing_whose_first_answer_is_slow_makes_no_empty_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit, "PAGE_SECONDS", -1.0)
    monkeypatch.setattr(submit, "plan_after", lambda *_: iter([(UNIT, Cursor(index=1))]))
    producer = object.__new__(submit.Producer)
    producer._spec = JobSpec("a", ("s3://bucket",))
    producer._stop = threading.Event()
    pages = list(producer._filled(BEGINNING, []))
    assert [[chunk.units for chunk in chunks] for chunks, *_ in pages] == [[(UNIT,)]]
