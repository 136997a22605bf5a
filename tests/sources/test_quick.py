"""A quick look at objects of gigabytes: at most a mebibyte of each, and six requests, wherever they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from modelsweep import scan
from modelsweep.core.finding import ProblemKind
from modelsweep.core.units import GIB, MIB
from sources import mlflow
from tests.sources.buckets import listing_of, s3_environment, use
from tests.sources.double import Answering, Reply, Request, double, ranged
from tests.sources.gcs_double import Bucket
from tests.sources.hub import Hub
from tests.sources.registry import Registry
from tests.sources.sparse import Sparse, safetensors, torch_zip
from tests.sources.tracking import Tracking

REQUESTS = 6


@pytest.fixture
def objects() -> dict[str, Sparse]:
    """Two objects of 4 GB that take no room."""
    return {"model.pt": torch_zip(400, 10 * MIB), "model.safetensors": safetensors(80, 50 * MIB)}


def answering(place: str, objects: dict[str, Sparse]) -> Answering:
    """Return what a place answers that holds them."""
    held = cast(dict[str, bytes], objects)
    if place == "gcs":
        bucket = Bucket()
        bucket.objects = {name: (data, 1000) for name, data in held.items()}
        return bucket.answer
    if place == "huggingface":
        return Hub({"acme/large": held})
    if place == "mlflow":
        return Tracking({f"large/{name}": data for name, data in held.items()})
    if place == "registry":
        digests = {f"sha256:{number:064x}": name for number, name in enumerate(objects)}
        described = [
            {"digest": digest, "size": len(objects[name]), "annotations": {"org.opencontainers.image.title": name}}
            for digest, name in digests.items()
        ]
        registry = Registry({digest: held[name] for digest, name in digests.items()})
        registry.keep("v1", {"schemaVersion": 2, "layers": described})
        return registry

    def answer(request: Request) -> Reply:
        if "list-type" in request.query:
            sizes = {name: len(data) for name, data in objects.items()}
            return Reply(200, listing_of(sizes), {"Content-Type": "application/xml"})
        if "api/storage" in request.path:
            rows = [{"uri": f"/{name}", "size": len(data)} for name, data in objects.items()]
            return Reply(200, json.dumps({"files": rows, "children": []}).encode())
        data = held[request.path.rpartition("/")[2]]
        if request.method == "HEAD":
            return Reply(200, b"", {"ETag": '"1"'}, length=len(data))
        return ranged(data, request)

    return answer


PLACES = {
    "s3": "s3://bucket",
    "r2": "r2://bucket",
    "gcs": "gs://bucket",
    "huggingface": "hf://acme/large",
    "mlflow": "models:/large/1",
    "jfrog": "{url}/artifactory/libs",
    "registry": "oci://{host}/models/tiny:v1",
    "http": "{url}/model.pt {url}/model.safetensors",
}


@pytest.fixture(params=PLACES)
def target(
    request: pytest.FixtureRequest, objects: dict[str, Sparse], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[tuple[list[str], list[Request]]]:
    """A place that holds them, and what is asked of it."""
    with double(answering(request.param, objects)) as server:
        use(monkeypatch, s3_environment(server.url))
        named = {"gcs": "STORAGE_EMULATOR_HOST", "huggingface": "HF_ENDPOINT", "mlflow": "MLFLOW_TRACKING_URI"}
        if request.param in named:
            monkeypatch.setenv(named[request.param], server.url)
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        mlflow._root.cache_clear()
        written = PLACES[request.param].format(url=server.url, host=server.url.removeprefix("http://"))
        yield written.split(), server.requests


def test_a_quick_look_at_gigabytes_reads_little(
    target: tuple[list[str], list[Request]], objects: dict[str, Sparse]
) -> None:
    targets, asked = target
    report = scan(*targets, depth="quick", jobs=1)
    assert [result.unit.size > 3.5 * GIB for result in report.results] == [True, True]
    assert not [
        problem for result in report.results for problem in result.problems if problem.kind is ProblemKind.SOURCE
    ]
    for number, (name, data) in enumerate(objects.items()):
        ends = (name, f"{number:064x}")
        about = [request for request in asked if request.path.endswith(ends) and "api/storage" not in request.path]
        assert any("Range" in request.headers for request in about)
        assert 0 < len(about) <= REQUESTS
        assert 0 < data.given <= MIB
