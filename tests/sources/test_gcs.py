"""Buckets of Google Cloud Storage: what is listed of them, of which generation it is read, what is said of faults."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelsweep import scan
from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.reader import ContentChanged, SourceFault
from modelsweep.core.units import MIB
from sources import retrying
from sources.gcs import list_target, open_object
from sources.source import Listed, OpenedObject
from tests.scanners.payload import EVIL
from tests.sources.double import Double, Reply, double
from tests.sources.gcs_double import Bucket, as_json, problem
from tests.sources.test_s3 import ODD, mapped

DATA = random.Random(9).randbytes(2 * MIB + 5)
pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture
def bucket() -> Bucket:
    """An empty bucket."""
    return Bucket()


@pytest.fixture
def server(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    """What answers for the bucket."""
    with double(bucket.answer) as found:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", found.url)
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        yield found
        assert not bucket.refused


def keys(target: str) -> list[str]:
    return [
        item.locator.uri.partition("//bucket/")[2] + (f": {item.detail}" if isinstance(item, Problem) else "")
        for item in list_target(target)
    ]


def opened(listed: Listed | Problem, target: str) -> OpenedObject:
    assert isinstance(listed, Listed)
    found = open_object(listed, target)
    assert isinstance(found, OpenedObject)
    return found


def test_odd_names_are_listed_in_byte_order_and_read(server: Double, bucket: Bucket) -> None:
    bucket.page = 4
    for name in ODD:
        bucket.put(name, name.encode())
    assert keys("gs://bucket") == sorted(ODD, key=str.encode)
    for item in list_target("gs://bucket"):
        name = item.locator.uri.removeprefix("gs://bucket/")
        assert opened(item, "gs://bucket").fetch(0, len(name.encode())) == name.encode()


def test_a_name_is_what_stands_there_and_what_is_below(server: Double, bucket: Bucket) -> None:
    for name in ("models", "models-2/x", "models/", "models/a/b.pt", "models/c"):
        bucket.put(name, b"" if name.endswith("/") else b"x")
    assert keys("gs://bucket/models") == ["models", "models/a/b.pt", "models/c"]
    assert keys("gs://bucket/models/") == keys("gs://bucket/models/*") == ["models/a/b.pt", "models/c"]


def test_the_generation_that_was_listed_is_read(server: Double, bucket: Bucket) -> None:
    generation = bucket.put("m", DATA)
    (listed,) = list_target("gs://bucket/m")
    assert listed == Listed(Locator("gs://bucket/m", version=str(generation)), len(DATA), modified=1767323045.0)
    (pinned,) = list_target(f"gs://bucket/m#{generation}")
    found = opened(listed, "gs://bucket/m")
    assert found.fetch(MIB, 100) == DATA[MIB:][:100]
    assert opened(pinned, pinned.locator.uri).fetch(0, 9) == DATA[:9]
    bucket.put("m", DATA[::-1])
    with pytest.raises(ContentChanged):
        found.fetch(0, 9)
    with pytest.raises(SourceFault, match="no such"):
        list(list_target(f"gs://bucket/m#{generation}"))


def test_a_bucket_is_judged_like_the_same_folder(
    server: Double, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    for name, data in {"evil.pkl": EVIL, "big.bin": DATA, "ü.json": b"{}", "cut.pkl": EVIL[:9]}.items():
        (tmp_path / name).write_bytes(data)
        bucket.put(name, data)
    assert mapped(scan("gs://bucket"), "gs://bucket") == mapped(scan(tmp_path), str(tmp_path))


@pytest.mark.parametrize(
    ("status", "said"), [(401, "cannot be used"), (403, "access denied"), (404, "no such"), (418, "status 418")]
)
def test_what_a_listing_is_refused_with_is_one_sentence(server: Double, status: int, said: str) -> None:
    server.answer = lambda request: problem(status)
    (found,) = scan("gs://bucket").problems
    assert (found.kind, said in found.detail) == (ProblemKind.SOURCE, True)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_listing_that_may_go_through_is_asked_for_again(server: Double, bucket: Bucket, status: int) -> None:
    bucket.put("a", b"x")
    server.answer = lambda request: problem(status) if len(server.requests) < 3 else bucket.answer(request)
    assert keys("gs://bucket") == ["a"]
    server.answer = lambda request: problem(status)
    with pytest.raises(SourceFault, match=str(status)):
        keys("gs://bucket")
    assert retrying.TRIES <= len(server.requests) - 3 <= 2 * retrying.TRIES  # google-auth repeats some by itself


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"items": 3}', b'{"items": [{}]}', b'{"items":[{"name":"x"}]}']
)
def test_a_listing_that_is_none_is_a_fault(server: Double, body: bytes) -> None:
    server.answer = lambda request: Reply(200, body, {"Content-Type": "application/json"})
    assert [found.kind for found in scan("gs://bucket").problems] == [ProblemKind.SOURCE]


def test_a_listing_that_goes_in_a_circle_ends(server: Double) -> None:
    server.answer = lambda request: as_json({"items": [], "nextPageToken": "again"})
    with pytest.raises(SourceFault, match="circle"):
        keys("gs://bucket")


def test_one_object_that_is_refused_costs_one_problem(server: Double, bucket: Bucket) -> None:
    bucket.put("a", DATA)
    bucket.put("b", DATA)
    server.answer = lambda request: problem(403) if request.path.endswith("/o/a") else bucket.answer(request)
    first, second = scan("gs://bucket").results
    assert "access denied" in first.problems[0].detail
    assert second.digest == hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize(
    ("target", "said"), [("gs://bucket/none", "no object"), ("gs://bucket/none/", "no object"), ("gs://", "begin with")]
)
def test_what_is_not_there_is_one_sentence(server: Double, target: str, said: str) -> None:
    (found,) = scan(target).problems
    assert said in found.detail


def test_a_listing_goes_on_behind_a_name_without_asking_for_what_is_before(server: Double, bucket: Bucket) -> None:
    bucket.page = 3
    names = sorted([*ODD, "models/a", "models/b"], key=str.encode)
    for name in names:
        bucket.put(name, b"x")
    for place, name in enumerate(names):
        server.requests.clear()
        found = [item.locator.uri for item in list_target("gs://bucket", f"gs://bucket/{name}")]
        assert found == [f"gs://bucket/{other}" for other in names[place + 1 :]]
        assert {request.query["startOffset"] for request in server.requests} == {name}
        assert len(server.requests) == -(-(len(names) - place) // bucket.page)


def test_nothing_is_asked_but_what_is_needed(server: Double, bucket: Bucket) -> None:
    bucket.put("a", b"x")
    bucket.put("b/c", b"y")
    assert keys("gs://bucket") == ["a", "b/c"]
    assert server.asked() == ["/storage/v1/b/bucket/o"]
    server.requests.clear()
    (listed,) = list_target("gs://bucket/a")
    opened(listed, "gs://bucket/a").fetch(0, 1)
    assert server.asked() == [
        "/storage/v1/b/bucket/o/a",
        "/storage/v1/b/bucket/o",
        "/download/storage/v1/b/bucket/o/a",
    ]
