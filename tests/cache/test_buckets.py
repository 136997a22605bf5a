"""A bucket that was audited before costs its listing: of what did not change no byte is asked for."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelsweep.api import JobOptions, scan_job
from modelsweep.core.options import Options
from modelsweep.core.report import Report, Unit
from producer.plan import plan
from tests.sources.buckets import client_of, emptied, real_s3, s3_environment, use
from worker.lending import Lent, lend

OBJECTS = 12
s3_server = pytest.fixture(scope="module")(real_s3)


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A client of a bucket of small models, and an empty cache."""
    environment = s3_environment(s3_server)
    use(monkeypatch, environment)
    monkeypatch.setenv("MODELSWEEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000")
    client = client_of(environment)
    emptied(client, "bucket")
    for number in range(OBJECTS):
        client.put_object(Bucket="bucket", Key=f"models/{number}.pkl", Body=pickle.dumps({"weights": number}))
    yield client
    client.close()


class Counted:
    """Counts ranges that are fetched of objects."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lent = 0

        def counting(opened: Any) -> Lent:
            self.lent += 1
            return lend(opened)

        monkeypatch.setattr("worker.tasks.lend", counting)


def scanned(target: str, **options: Any) -> Report:
    return scan_job([target], JobOptions(Options(**options), jobs=1))


def test_a_bucket_that_did_not_change_is_only_listed(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    first = scanned("s3://bucket")
    assert (counted.lent, len(first.results)) == (OBJECTS, OBJECTS)
    assert scanned("s3://bucket").to_dict() == first.to_dict()
    assert counted.lent == OBJECTS
    listed = scanned("s3://bucket", blacklist=("7.pkl",))
    assert counted.lent == OBJECTS
    assert [finding.locator.name for finding in listed.findings] == ["7.pkl"]
    bucket.put_object(Bucket="bucket", Key="models/3.pkl", Body=b"cos\nsystem\n(S'echo modelsweep-test'\ntR.")
    bucket.put_object(Bucket="bucket", Key="models/new.pkl", Body=b"N.")
    changed = scanned("s3://bucket")
    assert counted.lent == OBJECTS + 2
    assert [finding.locator.name for finding in changed.findings] == ["3.pkl"]
    assert scan_job(["s3://bucket"], JobOptions(jobs=1, reuse="nothing")).to_dict() == changed.to_dict()


def test_one_etag_of_two_contents_does_not_hide_the_second(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of two contents of one MD5: what was written later is another version."""

    def versions() -> list[str]:
        return [item.locator.version for item in plan(["s3://bucket/models/"]) if isinstance(item, Unit)]

    before = versions()
    assert versions() == before
    time.sleep(1.1)
    bucket.put_object(Bucket="bucket", Key="models/0.pkl", Body=pickle.dumps({"weights": 0}))
    after = versions()
    assert after[0] != before[0]
    assert after[0].partition(" ")[0] == before[0].partition(" ")[0]
    assert after[1:] == before[1:]
