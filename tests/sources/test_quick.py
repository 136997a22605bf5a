"""A quick look at objects of gigabytes: at most a mebibyte of each, and six requests, wherever they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelsweep import scan
from modelsweep.core.finding import ProblemKind
from modelsweep.core.units import GIB, MIB
from tests.sources.buckets import listing_of, s3_environment, use
from tests.sources.double import Reply, Request, double, ranged
from tests.sources.gcs_double import Bucket
from tests.sources.sparse import Sparse, safetensors, torch_zip

REQUESTS = 6


@pytest.fixture
def objects() -> dict[str, Sparse]:
    """Two objects of 4 GB that take no room."""
    return {"model.pt": torch_zip(400, 10 * MIB), "model.safetensors": safetensors(80, 50 * MIB)}


@pytest.fixture(params=["s3", "gcs", "http"])
def target(
    request: pytest.FixtureRequest, objects: dict[str, Sparse], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[list[str], list[Request]]]:
    """A place that holds them, and what is asked of it."""
    bucket = Bucket()
    bucket.objects = {name: (data, 1000) for name, data in objects.items()}  # type: ignore[misc]

    def answer(request: Request) -> Reply:
        if "list-type" in request.query:
            return Reply(
                200,
                listing_of({name: len(data) for name, data in objects.items()}),
                {"Content-Type": "application/xml"},
            )
        if "/storage/v1/" in request.path:
            return bucket.answer(request)
        data = objects[request.path.rpartition("/")[2]]
        if request.method == "HEAD":
            return Reply(200, b"", {"ETag": '"1"'}, length=len(data))
        return ranged(data, request)  # type: ignore[arg-type]

    with double(answer) as server:
        use(monkeypatch, s3_environment(server.url))
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        targets = {"s3": ["s3://bucket"], "gcs": ["gs://bucket"], "http": [f"{server.url}/{name}" for name in objects]}
        yield targets[request.param], server.requests


def test_a_quick_look_at_gigabytes_reads_little(
    target: tuple[list[str], list[Request]], objects: dict[str, Sparse]
) -> None:
    targets, asked = target
    report = scan(*targets, depth="quick", jobs=1)
    assert [result.unit.size > 3.5 * GIB for result in report.results] == [True, True]
    assert not [
        problem for result in report.results for problem in result.problems if problem.kind is ProblemKind.SOURCE
    ]
    for name, data in objects.items():
        ranges = [request for request in asked if request.path.endswith(name) and "Range" in request.headers]
        assert 0 < len(ranges) <= REQUESTS
        assert 0 < data.given <= MIB
