"""Artifactory: files, folders and repositories, and a token that stays with its host."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from modelsweep import scan
from modelsweep.core.finding import ProblemKind
from modelsweep.core.reader import ContentChanged
from sources.jfrog import canonical, list_target
from sources.opening import source_of
from sources.source import Listed
from tests.scanners.payload import EVIL
from tests.sources.double import Reply, Request, double, ranged

TOKEN = "eyJ-" + "not-a-token"
FILES = {
    "libs/a b.txt": b"hello\n",
    "libs/deep/evil.pkl": EVIL,
    "libs/deep.txt": b"x\n",
    "libs/model.bin": random.Random(8).randbytes(3000),
    "other/x.txt": b"x\n",
}


@dataclass
class Artifactory:
    """A server of files; without `deep` it lists one folder at a time, with `token` it wants one."""

    files: Mapping[str, bytes]
    deep: bool = True
    token: str = ""

    def __call__(self, request: Request) -> Reply:
        """Answer as Artifactory's storage API and its downloads do."""
        if self.token and self.token not in (
            request.headers.get("X-JFrog-Art-Api"),
            request.headers.get("Authorization", "").removeprefix("Bearer "),
        ):
            return Reply(401, b'{"errors": []}')
        path = request.path.removeprefix("/artifactory/")
        if path.startswith("api/storage/"):
            return self._about(path.removeprefix("api/storage/"), request)
        data = self.files.get(path)
        return Reply(404) if data is None else ranged(data, request, hashlib.sha1(data).hexdigest())

    def _about(self, path: str, request: Request) -> Reply:
        inside = f"{path}/"
        below = {name.removeprefix(inside): data for name, data in self.files.items() if name.startswith(inside)}
        if path in self.files:
            about = {"size": str(len(self.files[path])), "lastModified": "2026-01-02T03:04:05.000Z"}
            return _json({**about, "checksums": _sums(self.files[path])})
        if not below:
            return Reply(404, b'{"errors": []}')
        if "deep" in request.query:
            if not self.deep:
                return Reply(400, b'{"errors": [{"message": "only in Pro"}]}')
            written = {"lastModified": "2026-01-02T03:04:05.000Z"}
            rows = [{"uri": f"/{name}", "size": len(data), **written, **_sums(data)} for name, data in below.items()]
            return _json({"files": rows})
        names = {name.partition("/")[0]: "/" in name for name in below}
        return _json({"children": [{"uri": f"/{name}", "folder": folder} for name, folder in names.items()]})


def _sums(data: bytes) -> dict[str, str]:
    return {"sha1": hashlib.sha1(data).hexdigest(), "sha256": hashlib.sha256(data).hexdigest()}


def _json(value: Any) -> Reply:
    return Reply(200, json.dumps(value).encode())


@pytest.fixture
def store() -> Artifactory:
    return Artifactory(FILES)


@pytest.fixture
def url(store: Artifactory, hasty: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("JFROG_URL", "JFROG_ACCESS_TOKEN", "JFROG_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with double(store) as server:
        yield f"{server.url}/artifactory"


def test_addresses() -> None:
    assert source_of("https://acme.jfrog.io/artifactory/libs").name == "jfrog"
    assert source_of("https://example.org/x/artifactory/libs").name == "http"
    address = "https://u:p@ACME.jfrog.io/artifactory//libs/a%20b/?x=1#y"
    assert canonical(address) == "https://acme.jfrog.io/artifactory/libs/a b"


@pytest.mark.parametrize("deep", [True, False])
def test_a_repository_is_judged_like_the_same_files_on_disk(
    url: str, store: Artifactory, tmp_path: Path, deep: bool
) -> None:
    store.deep = deep
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    remote, local = scan(f"{url}/libs/"), scan(tmp_path / "libs")
    names = [result.unit.locator.uri.removeprefix(f"{url}/") for result in remote.results]
    assert names == ["libs/a b.txt", "libs/deep.txt", "libs/deep/evil.pkl", "libs/model.bin"]
    assert [result.digest for result in remote.results] == [result.digest for result in local.results]
    assert [item.fingerprint for item in remote.findings] == [item.fingerprint for item in local.findings] != []


def test_a_file_and_a_folder_are_targets_too(url: str) -> None:
    assert [item.locator.name for item in list_target(f"{url}/libs/deep/evil.pkl")] == ["evil.pkl"]
    (listed,) = list_target(f"{url}/libs/deep")
    assert isinstance(listed, Listed)
    assert listed.digest == ""
    assert listed.locator.version == hashlib.sha1(EVIL).hexdigest()


@pytest.mark.parametrize("variable", ["JFROG_ACCESS_TOKEN", "JFROG_API_TOKEN"])
def test_a_token_is_sent_to_its_host_only(
    url: str, store: Artifactory, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    store.token = TOKEN
    monkeypatch.setenv(variable, TOKEN)
    (problem,) = scan(f"{url}/libs").problems
    assert "set JFROG_URL and JFROG_ACCESS_TOKEN" in problem.detail
    monkeypatch.setenv("JFROG_URL", url)
    report = scan(f"{url}/libs")
    assert len(report.results) == 4
    assert not report.problems
    assert TOKEN not in json.dumps(report.to_dict())
    with double(store) as elsewhere:
        scan(f"{elsewhere.url}/artifactory/libs")
        sent = [value for request in elsewhere.requests for value in request.headers.values()]
        assert not [value for value in sent if TOKEN in value]


def test_a_file_that_is_replaced_is_said(url: str, store: Artifactory) -> None:
    (listed,) = list_target(f"{url}/libs/deep/evil.pkl")
    store.files = {**FILES, "libs/deep/evil.pkl": b"something else here"}
    report = scan(f"{url}/libs/deep")
    assert not report.findings
    from sources.jfrog import open_object

    assert isinstance(listed, Listed)
    opened = open_object(listed, f"{url}/libs/deep")
    with pytest.raises(ContentChanged):
        opened.fetch(0, 5)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Reply(200, b"[]"), "not answer with a JSON object"),
        (Reply(200, b"<html>"), "not answer with JSON"),
        (Reply(200, b"{}"), "how large"),
        (Reply(404), "404"),
        (Reply(403), "refuses us (403)"),
        (Reply(500), "500"),
        (Reply(200, b'{"children": [], "files": 7}'), "no list of files"),
    ],
)
def test_what_is_no_answer_is_said(url: str, monkeypatch: pytest.MonkeyPatch, answer: Reply, sentence: str) -> None:
    with double(lambda request: answer) as server:
        (problem,) = scan(f"{server.url}/artifactory/libs").problems
    assert problem.kind is ProblemKind.SOURCE
    assert sentence in problem.detail


@pytest.mark.parametrize("deep", [True, False])
def test_paths_that_lead_out_are_not_read(url: str, store: Artifactory, deep: bool) -> None:
    store.deep = deep
    store.files = {"libs/../../etc/passwd": b"x", "libs/fine.txt": b"x\n"}
    report = scan(f"{url}/libs")
    assert [result.unit.locator.name for result in report.results] == ["fine.txt"]


@pytest.mark.parametrize("deep", [True, False])
def test_the_digest_is_believed_of_the_configured_server_only(
    url: str, store: Artifactory, monkeypatch: pytest.MonkeyPatch, deep: bool
) -> None:
    store.deep = deep
    for place, believed in (("", False), ("https://other.example/artifactory", False), (url, True)):
        monkeypatch.setenv("JFROG_URL", place)
        found = {item.locator.name: item for item in list_target(f"{url}/libs") if isinstance(item, Listed)}
        assert len(found) == 4
        for name, data in FILES.items():
            if name.startswith("libs/"):
                item = found[name.rpartition("/")[2]]
                assert item.digest == (hashlib.sha256(data).hexdigest() if believed else "")
                assert item.modified == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("digest", ["", "x" * 64, "ab", None, 7, ["a" * 64]])
def test_what_is_no_digest_is_none(url: str, store: Artifactory, monkeypatch: pytest.MonkeyPatch, digest: Any) -> None:
    monkeypatch.setenv("JFROG_URL", url)
    monkeypatch.setitem(globals(), "_sums", lambda data: {"sha1": "1", "sha256": digest})
    (item,) = list_target(f"{url}/libs/model.bin")
    assert isinstance(item, Listed)
    assert item.digest == ""
