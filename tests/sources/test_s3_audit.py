"""A bucket audited by a private fleet: workers read it with credentials from their environment, which show nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from modelsweep.core.locator import Locator
from modelsweep.core.report import Unit
from modelsweep.fleet.job import JobSpec
from producer import submit
from producer.plan import BEGINNING, Cursor
from tests.scanners.payload import EVIL
from tests.sources.buckets import SECRET

UNIT = Unit(0, Locator("s3://bucket/a"), 1)


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
    assert [[chunk.units for chunk in chunks] for chunks, _ in pages] == [[(UNIT,)]]
