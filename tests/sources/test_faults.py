"""Every fault at every source: one object that cannot be read is one sentence, and the rest of the job is done.

`FAULTS` times `PLACES` is the whole table; docs/sources.md names the faults, with what comes of each. A place is a
source with its double: two objects, `bad.bin` and `good.pkl`, and which requests are for the bytes of the bad one.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import pickle
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from modelsweep import scan
from modelsweep.core.finding import ProblemKind
from modelsweep.core.report import Gate, Report
from modelsweep.core.units import MIB
from sources import connections, oci, web
from sources import mlflow as mlflow_source
from sources.source import DVC_SUFFIX
from tests.sources.buckets import SECRET, listing_of, s3_environment, use
from tests.sources.double import Answering, Double, Reply, Request, double, ranged
from tests.sources.gcs_double import Bucket
from tests.sources.hub import Hub
from tests.sources.registry import Registry
from tests.sources.test_jfrog import Artifactory
from tests.sources.tracking import PROXY, Tracking

BAD, GOOD = "bad.bin", "good.pkl"
FILES = {BAD: random.Random(5).randbytes(MIB + MIB // 3), GOOD: pickle.dumps({"a": 1})}
TOKEN = "no-real-" + "token"
pytestmark = pytest.mark.usefixtures("hasty")


@dataclass
class Place:
    """A source with its double: `targets` to scan, and what tells requests for bytes of the bad object, or listings."""

    server: Double
    targets: list[str]
    is_bytes: Callable[[Request], bool]
    is_listing: Callable[[Request], bool]
    good: Answering = field(init=False)
    asked: list[Request] = field(default_factory=list)
    """Requests for bytes of the bad object."""

    def __post_init__(self) -> None:
        self.good = self.server.answer

    def spoil(self, spoilt: Callable[[Request, Answering, int], Reply]) -> None:
        """Have requests for the bad object answered by `spoilt`, which is told how many there were before."""

        def answer(request: Request) -> Reply:
            if not self.is_bytes(request):
                return self.good(request)
            self.asked.append(request)
            return spoilt(request, self.good, len(self.asked) - 1)

        self.server.answer = answer


@pytest.fixture
def http(double_of: Callable[[Answering], Double]) -> Place:
    server = double_of(lambda request: ranged(FILES.get(request.path.strip("/"), b""), request))
    targets = [f"{server.url}/{name}" for name in FILES]
    return Place(server, targets, lambda request: _gets(request, f"/{BAD}"), lambda request: request.method == "HEAD")


@pytest.fixture
def s3(double_of: Callable[[Answering], Double], monkeypatch: pytest.MonkeyPatch) -> Place:
    def answer(request: Request) -> Reply:
        if "list-type" in request.query:
            return Reply(
                200, listing_of({name: len(data) for name, data in FILES.items()}), {"Content-Type": "application/xml"}
            )
        return ranged(FILES[request.path.removeprefix("/bucket/")], request)

    server = double_of(answer)
    use(monkeypatch, s3_environment(server.url))
    return Place(
        server,
        ["s3://bucket"],
        lambda request: _gets(request, f"/bucket/{BAD}"),
        lambda request: "list-type" in request.query,
    )


@pytest.fixture
def r2(s3: Place) -> Place:
    return replace(s3, targets=["r2://bucket"])


@pytest.fixture
def mlflow(double_of: Callable[[Answering], Double], monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    server = double_of(Tracking({f"tiny/{name}": data for name, data in FILES.items()}))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    mlflow_source._root.cache_clear()
    yield Place(
        server,
        ["models:/tiny/1"],
        lambda request: _gets(request, f"{PROXY}/tiny/{BAD}") and request.headers.get("Range") != "bytes=0-0",
        lambda request: "/mlflow/" in request.path or request.path == PROXY,
    )
    mlflow_source._root.cache_clear()


@pytest.fixture
def dvc(double_of: Callable[[Answering], Double], tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two pointers whose data stands at a remote by http, as DVC 3 names it there."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / ".dvc").mkdir()
    keys = {name: hashlib.md5(data, usedforsecurity=False).hexdigest() for name, data in FILES.items()}
    objects = {f"/store/files/md5/{key[:2]}/{key[2:]}": FILES[name] for name, key in keys.items()}
    server = double_of(lambda request: ranged(objects.get(request.path, b""), request))
    (folder / ".dvc" / "config").write_text(
        f"[core]\n    remote = main\n['remote \"main\"']\n    url = {server.url}/store\n"
    )
    for name, key in keys.items():
        (folder / f"{name}.dvc").write_text(f"outs:\n- md5: {key}\n  hash: md5\n  path: {name}\n")
    return Place(
        server,
        [str(folder / f"{name}.dvc") for name in FILES],
        lambda request: request.method == "GET" and objects.get(request.path) is FILES[BAD],
        lambda request: request.method == "HEAD",
    )


@pytest.fixture
def gcs(double_of: Callable[[Answering], Double], monkeypatch: pytest.MonkeyPatch) -> Place:
    bucket = Bucket()
    for name, data in FILES.items():
        bucket.put(name, data)
    server = double_of(bucket.answer)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    return Place(
        server,
        ["gs://bucket"],
        lambda request: request.query.get("alt") == "media" and request.path.endswith(f"/{BAD}"),
        lambda request: request.path.strip("/").endswith("/o"),
    )


@pytest.fixture
def huggingface(double_of: Callable[[Answering], Double], monkeypatch: pytest.MonkeyPatch) -> Place:
    hub = Hub({"acme/tiny": FILES}, token=TOKEN)
    server = double_of(hub)
    hub.url = server.url
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return Place(
        server,
        ["hf://acme/tiny"],
        lambda request: "resolve" in request.path and request.path.endswith(BAD),
        lambda request: request.path.startswith("/api/"),
    )


@pytest.fixture
def jfrog(double_of: Callable[[Answering], Double], monkeypatch: pytest.MonkeyPatch) -> Place:
    server = double_of(Artifactory({f"libs/{name}": data for name, data in FILES.items()}))
    monkeypatch.setenv("JFROG_URL", server.url)
    monkeypatch.setenv("JFROG_ACCESS_TOKEN", TOKEN)
    return Place(
        server,
        [f"{server.url}/artifactory/libs"],
        lambda request: request.path.endswith(f"/libs/{BAD}") and "api/storage" not in request.path,
        lambda request: "api/storage" in request.path,
    )


@pytest.fixture
def registry(double_of: Callable[[Answering], Double], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    monkeypatch.setattr(oci, "_tokens", {})
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    found = Registry()
    server = double_of(found)
    found.url = server.url
    found.add("v1", *FILES.values(), titles=dict(enumerate(FILES)))
    return Place(
        server,
        [f"oci://{server.url.removeprefix('http://')}/models/tiny:v1"],
        lambda request: request.path.endswith(hashlib.sha256(FILES[BAD]).hexdigest()) and "/blobs/" in request.path,
        lambda request: "/manifests/" in request.path,
    )


PLACES = ("http", "s3", "r2", "gcs", "huggingface", "mlflow", "jfrog", "registry", "dvc")


@pytest.fixture
def double_of() -> Iterator[Callable[[Answering], Double]]:
    """Make servers that are gone after the test."""
    servers: list[Double] = []

    def make(answer: Answering) -> Double:
        servers.append(Double(answer))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the places."""
    found: Place = request.getfixturevalue(request.param)
    return found


def _gets(request: Request, path: str) -> bool:
    return request.method == "GET" and request.path == path


Spoilt = Callable[[Request, Answering, int], Reply]


@dataclass(frozen=True)
class Fault:
    """What a server does wrong, and what is said of it; nothing where the object is read all the same."""

    spoilt: Spoilt
    said: str = ""
    kind: ProblemKind = ProblemKind.SOURCE


def _status(status: int, said: str) -> Fault:
    return Fault(lambda request, good, before: Reply(status), said)


def _cut(at: Callable[[int], int], *, always: bool = False) -> Fault:
    """Hang up within a body: the first one, or each of them."""

    def spoilt(request: Request, good: Answering, before: int) -> Reply:
        reply = good(request)
        return reply if before and not always else replace(reply, cut=at(len(reply.body)))

    return Fault(spoilt, "broke off" if always else "")


def _length(wrong: int, said: str) -> Fault:
    def spoilt(request: Request, good: Answering, before: int) -> Reply:
        reply = good(request)
        size = max(len(reply.body) + wrong, 0)
        return replace(reply, length=size, cut=min(size, len(reply.body)))

    return Fault(spoilt, said)


def _ignored(request: Request, good: Answering, before: int) -> Reply:
    reply = good(request)
    return Reply(200, FILES[BAD], {"ETag": reply.headers.get("ETag", "")})


def _another(request: Request, good: Answering, before: int) -> Reply:
    reply = good(request)
    return replace(
        reply, headers={**reply.headers, "Content-Range": f"bytes 7-{6 + len(reply.body)}/{len(FILES[BAD])}"}
    )


def _to(location: str) -> Spoilt:
    return lambda request, good, before: Reply(302, b"", {"Location": location})


PRIVATE = "http://private.invalid"
"""Stands for a server on loopback that has not been named."""


FAULTS: dict[str, Fault] = {
    "403": _status(403, "403|denied"),
    "404": _status(404, "404|no such"),
    "429": _status(429, "429"),
    "500": _status(500, "500"),
    "cut before the first byte": _cut(lambda size: 0),
    "cut behind the first byte": _cut(lambda size: 1),
    "cut at a block": _cut(lambda size: min(size, 128 * 1024)),
    "cut before the last byte": _cut(lambda size: size - 1),
    "cut each time": _cut(lambda size: 0, always=True),
    "slow drip": Fault(lambda request, good, before: replace(good(request), drip=0.02), "gives less than"),
    "Content-Length too large": _length(+10, ""),
    "Content-Length too small": _length(-10, "gave|broke off"),
    "range ignored": Fault(_ignored),
    "another range": Fault(_another, "another range"),
    "endless redirects": Fault(
        lambda request, good, before: Reply(
            302, b"", {"Location": f"{request.raw_path}?{urlencode(dict(request.query))}"}
        ),
        "redirects more than",
    ),
    "redirect to a file": Fault(_to("file:///etc/passwd"), "not followed"),
    "redirect to a private address": Fault(_to(f"{PRIVATE}/x"), "not a public address"),
    "redirect to link-local": Fault(_to("http://169.254.169.254/latest/meta-data"), "not a public address|unreachable"),
}


def examined(place: Place) -> Report:
    return scan(*place.targets, jobs=1)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_one_object_is_one_sentence_and_the_rest_is_done(
    place: Place, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = FAULTS[name]
    if name == "slow drip":  # whatever else is wrong, a busy machine is not to be taken for a slow server
        monkeypatch.setattr(web, "PATIENCE", 0.1)
    with double(lambda request: Reply(200, b"for nobody")) as private:

        def spoilt(request: Request, good: Answering, before: int) -> Reply:
            reply = fault.spoilt(request, good, before)
            headers = {name: value.replace(PRIVATE, private.url) for name, value in reply.headers.items()}
            return replace(reply, headers=headers)

        place.spoil(spoilt)
        report = examined(place)
        assert private.requests == []
    digests = {result.unit.size: result for result in report.results}
    assert digests[len(FILES[GOOD])].digest == hashlib.sha256(FILES[GOOD]).hexdigest()
    bad = digests[len(FILES[BAD])]
    assert place.asked
    if not fault.said:
        assert bad.digest == hashlib.sha256(FILES[BAD]).hexdigest()
        assert ProblemKind.SOURCE not in [problem.kind for problem in bad.problems]
        return
    (problem,) = bad.problems
    assert problem.kind is fault.kind
    assert re.search(fault.said, problem.detail), problem.detail
    assert "\n" not in problem.detail
    assert not any(secret in problem.detail for secret in (TOKEN, SECRET, "Signature"))
    assert Gate().exit_code(report) == 2


@pytest.mark.parametrize("name", PLACES)
def test_an_object_that_is_replaced_between_two_reads_is_said(name: str, request: pytest.FixtureRequest) -> None:
    place: Place = request.getfixturevalue(name)

    def spoilt(asked: Request, good: Answering, before: int) -> Reply:
        if not before:
            return good(asked)
        if "ifGenerationMatch" in asked.query:
            return Reply(412)
        other = FILES[BAD][::-1]
        reply = ranged(other, asked, '"2"')
        # Who pins by address, a commit or a digest, has no versions to tell
        return (
            replace(reply, headers={n: v for n, v in reply.headers.items() if n != "ETag"}) if name in PINNED else reply
        )

    place.spoil(spoilt)
    bad = next(result for result in examined(place).results if result.unit.size == len(FILES[BAD]))
    assert len(place.asked) > 1
    if name in PINNED:
        # The bytes are not those that the store vouched for, or may be: a commit or a digest names one content
        assert bad.digest != hashlib.sha256(FILES[BAD]).hexdigest()
        return
    assert ProblemKind.CHANGED in [problem.kind for problem in bad.problems]


PINNED = ("huggingface", "registry")


def test_no_credentials_go_along_to_another_host(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(connections.ALLOW_PRIVATE, "1")

    def answer(request: Request) -> Reply:
        reply = ranged(FILES[BAD], request)
        return replace(reply, headers={name: value for name, value in reply.headers.items() if name != "ETag"})

    with double(answer) as elsewhere:
        place.spoil(_to(f"{elsewhere.url}/signed"))
        bad = next(result for result in examined(place).results if result.unit.size == len(FILES[BAD]))
        assert bad.digest == hashlib.sha256(FILES[BAD]).hexdigest()
        assert elsewhere.requests
        for request in elsewhere.requests:
            sent = json.dumps([dict(request.headers), dict(request.query)])
            assert not any(word in sent for word in (TOKEN, SECRET, "Authorization", "X-JFrog", "Signature"))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "403|denied|refuses|gated|access"),
        (404, "404|no such|there is no|not found|does not exist"),
        (429, "429|[Tt]oo [Mm]any"),
        (500, "500"),
    ],
)
def test_a_listing_that_is_refused_is_one_sentence_and_the_rest_is_done(
    place: Place, tmp_path: Path, status: int, said: str
) -> None:
    (tmp_path / "other.pkl").write_bytes(FILES[GOOD])
    place.server.answer = lambda request: (
        Reply(status) if place.is_listing(request) or request.method == "HEAD" else place.good(request)
    )
    if place.targets[0].endswith((BAD, BAD + DVC_SUFFIX)):  # a server that refuses HEAD is asked for the file itself
        place.server.answer = lambda request: Reply(status)
    report = scan(*place.targets, tmp_path)
    read = [result.unit.locator.name for result in report.results if not result.problems]
    assert [name for name in read if not name.endswith(DVC_SUFFIX)] == ["other.pkl"]
    problems = [*report.problems, *(problem for result in report.results for problem in result.problems)]
    assert len(problems) == len(place.targets)
    for problem in problems:
        assert problem.kind is ProblemKind.SOURCE
        assert re.search(said, problem.detail), problem.detail
        assert "\n" not in problem.detail
    assert Gate().exit_code(report) == 2


LISTINGS = {
    "nested a million deep": Reply(200, b'{"files":' + b"[" * 1_000_000),
    "larger than any listing": Reply(200, b" " * (2 * MIB)),
    "expanded a thousandfold": Reply(200, gzip.compress(b" " * (2 * MIB)), {"Content-Encoding": "gzip"}),
    "entities of entities": Reply(
        200,
        b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">'
        + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 20) for n in range(8))
        + b"]><ListBucketResult><Name>&i;</Name></ListBucketResult>",
        {"Content-Type": "application/xml"},
    ),
}


@pytest.mark.parametrize("name", LISTINGS)
def test_a_hostile_listing_is_one_sentence_and_the_rest_is_done(
    place: Place, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if len(place.targets) > 1:
        pytest.skip("nothing is listed there")
    monkeypatch.setattr(web, "DOCUMENT", MIB)
    (tmp_path / "other.pkl").write_bytes(FILES[GOOD])
    place.server.answer = lambda request: LISTINGS[name] if place.is_listing(request) else place.good(request)
    report = scan(*place.targets, tmp_path, jobs=1)
    assert [result.unit.locator.name for result in report.results if not result.problems] == ["other.pkl"]
    (problem,) = report.problems
    assert problem.kind is ProblemKind.SOURCE
    assert "\n" not in problem.detail
    assert not any(secret in problem.detail for secret in (TOKEN, SECRET, "Signature"))


def test_the_documentation_names_every_fault() -> None:
    text = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
    _, _, section = text.partition("## Faults")
    rows = re.findall(r"^\| ([^|]+) \|", section.partition("\n## ")[0], re.MULTILINE)
    named = {name.strip() for row in rows[2:] for name in row.split(", ")}
    assert named == {*FAULTS, "replaced between two reads", "redirect to another host", "listing refused"}
