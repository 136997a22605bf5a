"""The Hugging Face Hub: addresses, listings at one commit, ranges, and what is said where something is refused."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelsweep import scan
from modelsweep.core.finding import Problem, ProblemKind, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.reader import SourceFault
from modelsweep.core.units import GIB, MIB
from sources import connections, huggingface
from sources.huggingface import Place, canonical, list_target, place_of
from sources.opening import source_of
from sources.source import Listed
from tests.scanners.payload import EVIL
from tests.sources.double import Reply, Request, double, ranged
from tests.sources.hub import COMMIT, Hub
from tests.sources.sparse import safetensors, torch_zip

NOISE = random.Random(4).randbytes(5000)
FILES = {
    "config.json": b"{}",
    "model.bin": NOISE,
    "sub/evil.pkl": EVIL,
    "sub-a/b.txt": b"hello",
    "vocab é.txt": b"a\n",
}
PRIVATE_TOKEN = "hf_" + "x" * 30


@pytest.fixture
def hub(hasty: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The Hub with a few repositories, one of them private and one gated."""
    found = Hub(
        {"acme/tiny": FILES, "acme/other": {"a.txt": b"x\n"}, "acme/secret": {"a.txt": b"x\n"}, "gpt": {"w.pkl": EVIL}},
        private=frozenset({"acme/secret"}),
        token=PRIVATE_TOKEN,
        gated=frozenset({"acme/gated"}),
    )
    with double(found) as server:
        found.url = server.url
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield found


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://huggingface.co/org/name", "hf://org/name"),
        ("https://hf.co/org/name/", "hf://org/name"),
        ("https://huggingface.co/bert-base-uncased", "hf://bert-base-uncased"),
        (
            "https://hf.co/bert-base-uncased/resolve/main/pytorch_model.bin",
            "hf://bert-base-uncased@main/pytorch_model.bin",
        ),
        ("https://huggingface.co/org/name/tree/main", "hf://org/name"),
        ("https://huggingface.co/org/name/blob/main/a/b.bin", "hf://org/name/a/b.bin"),
        ("https://huggingface.co/org/name/resolve/v1/a.bin?download=true", "hf://org/name@v1/a.bin"),
        ("https://huggingface.co/org/name/tree/refs%2Fpr%2F1", "hf://org/name@refs%2Fpr%2F1"),
        ("hf://org/name@dev/x", "hf://org/name@dev/x"),
    ],
)
def test_addresses_have_one_spelling(address: str, expected: str) -> None:
    assert source_of(address).name == "huggingface"
    assert canonical(address) == expected


def test_other_sites_are_none_of_ours() -> None:
    for address in (
        "https://huggingface.co.example.org/a/b",
        "https://example.org/huggingface.co/a",
        "https://hf.com/a",
    ):
        assert source_of(address).name == "http"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("hf://org/*", Place("org", "")),
        ("hf://org/name", Place("", "org/name")),
        ("hf://org/name/a/b", Place("", "org/name", "", "a/b")),
        ("hf://org/name@v1/a", Place("", "org/name", "v1", "a")),
        ("hf://org/name@refs%2Fpr%2F1", Place("", "org/name", "refs/pr/1")),
        ("hf://gpt2", Place("", "gpt2")),
        ("hf://gpt2@main/config.json", Place("", "gpt2", "main", "config.json")),
    ],
)
def test_places(address: str, expected: Place) -> None:
    assert place_of(address) == expected


@pytest.mark.parametrize("address", ["hf://", "hf://../x", "hf://a b/c", "hf://a/b\0c", "hf://./x", "hf://a/.."])
def test_no_places(address: str) -> None:
    with pytest.raises(SourceFault, match="not a name on the Hub"):
        place_of(address)


def test_a_repository_is_listed_in_byte_order_at_one_commit(hub: Hub) -> None:
    listed = list(list_target("hf://acme/tiny"))
    assert listed == [
        Listed(Locator(f"hf://acme/tiny/{path}", version=COMMIT), len(FILES[path]))
        for path in ("config.json", "model.bin", "sub-a/b.txt", "sub/evil.pkl", "vocab é.txt")
    ]


def test_only_the_hub_itself_vouches_for_digests(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface, "HUB", hub.url)
    digests = {item.locator.name: item.digest for item in list_target("hf://acme/tiny") if isinstance(item, Listed)}
    assert digests["model.bin"] == hashlib.sha256(NOISE).hexdigest()
    assert digests["config.json"] == ""


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("hf://acme/tiny/sub", ["evil.pkl"]),
        ("hf://acme/tiny@v1/config.json", ["config.json"]),
        ("hf://gpt", ["w.pkl"]),
        ("hf://gpt@main/w.pkl", ["w.pkl"]),
    ],
)
def test_parts_of_repositories(hub: Hub, target: str, names: list[str]) -> None:
    assert [item.locator.name for item in list_target(target)] == names
    report = scan(target)
    assert [result.unit.locator.name for result in report.results] == names
    assert not report.all_problems


def test_a_whole_organisation_is_one_target(hub: Hub) -> None:
    items = list(list_target("hf://acme/*"))
    uris = [item.locator.uri for item in items if isinstance(item, Listed)]
    assert uris == ["hf://acme/other/a.txt", *(f"hf://acme/tiny/{name}" for name in sorted(FILES, key=str.encode))]
    (secret,) = [item for item in items if isinstance(item, Problem)]
    assert (secret.kind, secret.locator.uri) == (ProblemKind.SOURCE, "hf://acme/secret")
    report = scan("hf://acme/*")
    assert len(report.results) == 6
    assert [finding.rule.id for finding in report.findings] == ["pickle/dangerous-call"]


def test_it_is_judged_like_the_same_files_on_disk(hub: Hub, tmp_path: Path) -> None:
    for path, data in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    remote, local = scan(f"{hub.url}/acme/tiny"), scan(tmp_path)
    assert remote.targets == ("hf://acme/tiny",)
    assert [result.digest for result in remote.results] == [result.digest for result in local.results]
    assert [finding.fingerprint for finding in remote.findings] == [finding.fingerprint for finding in local.findings]
    assert [problem.kind for problem in remote.all_problems] == [problem.kind for problem in local.all_problems]


def test_a_token_opens_private_repositories_and_goes_nowhere_else(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(connections.ALLOW_PRIVATE, "1")
    monkeypatch.setenv("HF_TOKEN", PRIVATE_TOKEN)
    hub.repositories = {"acme/secret": {"model.bin": NOISE}}
    with double(lambda request: ranged(NOISE, request)) as cdn:
        hub.cdn = cdn.url
        report = scan("hf://acme/secret")
        assert report.results[0].digest == hashlib.sha256(NOISE).hexdigest()
        assert cdn.requests
        assert not [request for request in cdn.requests if "Authorization" in request.headers]
    assert PRIVATE_TOKEN not in str(report.to_dict())


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("hf://acme/none", "there is no such repository, or private: set HF_TOKEN"),
        ("hf://acme/secret", "there is no such repository, or private: set HF_TOKEN"),
        ("hf://acme/gated", "is gated: accept its terms"),
        ("hf://acme/tiny@v9", "there is no such revision"),
        ("hf://acme/tiny/absent.bin", "has no file absent.bin"),
    ],
)
def test_what_is_refused_is_one_problem(hub: Hub, target: str, sentence: str) -> None:
    report = scan(target, "hf://acme/other")
    (problem,) = report.problems
    assert problem.kind is ProblemKind.SOURCE
    assert sentence in problem.detail
    assert len(report.results) == 1


@pytest.mark.parametrize("kind", ["datasets", "spaces"])
def test_data_sets_and_spaces_are_skipped_with_a_word(hub: Hub, kind: str) -> None:
    (problem,) = scan(f"https://huggingface.co/{kind}/acme/things").problems
    assert (problem.kind, problem.detail) == (ProblemKind.SKIPPED, f"{kind} are not scanned, only models are")


def test_paths_that_lead_out_are_not_read(hub: Hub) -> None:
    hub.repositories = {
        "acme/odd": {"../../etc/passwd": b"x", "a/../b": b"x", "fine.txt": b"x\n", "sp ace#?%.txt": b"y\n"}
    }
    report = scan("hf://acme/odd")
    assert [result.unit.locator.name for result in report.results] == ["fine.txt", "sp ace#?%.txt"]
    assert [problem.kind for problem in report.all_problems] == [ProblemKind.SOURCE] * 2


def test_the_hub_is_asked_what_its_own_client_asks(hub: Hub) -> None:
    from huggingface_hub import HfApi

    with double(hub) as server:
        hub.url = server.url
        api = HfApi(endpoint=server.url, token=False)
        api.model_info("acme/tiny")
        api.model_info("acme/tiny", revision="v1")
        theirs = sorted(item.path for item in api.list_repo_tree("acme/tiny", recursive=True, revision=COMMIT))
        names = sorted(model.id for model in api.list_models(author="acme"))
        asked = {_asked(request) for request in server.requests if "agent" not in request.path}
        server.requests.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HF_ENDPOINT", server.url)
            ours = [item.locator.uri.removeprefix("hf://acme/tiny/") for item in list_target("hf://acme/tiny")]
            list(list_target("hf://acme/tiny@v1"))
            assert huggingface._repositories("acme") == names
        assert sorted(ours) == theirs
        assert {_asked(request) for request in server.requests} == asked


def _asked(request: Request) -> tuple[str, str]:
    query = {name: value.lower() for name, value in request.query.items() if name not in ("limit", "expand")}
    return request.raw_path, json.dumps(query, sort_keys=True)


def test_repositories_before_an_address_are_not_asked_for(hub: Hub) -> None:
    files = {"a.pkl": EVIL, "b.pkl": EVIL}
    hub.repositories = {"acme/a": files, "acme/a-b": files, "acme/c": files}
    whole = [item.locator.uri for item in list_target("hf://acme/*")]
    assert whole == sorted(whole, key=str.encode)
    with double(hub) as server, pytest.MonkeyPatch.context() as patch:
        hub.url = server.url
        patch.setenv("HF_ENDPOINT", server.url)
        for place, uri in enumerate(whole):
            assert [item.locator.uri for item in list_target("hf://acme/*", uri)] == whole[place + 1 :]
        server.requests.clear()
        assert len(list(list_target("hf://acme/*", "hf://acme/a/b.pkl"))) == 2
        assert not [path for path in server.asked() if path.startswith("/api/models/acme/a-b")]


def test_files_are_as_old_as_the_last_commit(hub: Hub) -> None:
    assert {item.modified for item in list_target("hf://acme/tiny") if isinstance(item, Listed)} == {hub.written}


def test_a_listing_does_not_go_on_at_another_host(hub: Hub) -> None:
    with double(lambda request: Reply(200, b"[]")) as other:
        hub.url = other.url  # its pages name that
        (problem,) = scan("hf://acme/tiny").problems
        assert "on another host" in problem.detail
        assert other.requests == []


def test_a_listing_in_circles_ends(hub: Hub) -> None:
    hub.pages = lambda rows: rows * 1000
    (problem,) = scan("hf://acme/tiny").problems
    assert "goes in circles" in problem.detail


def test_a_broken_hub_is_one_sentence(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with double(lambda request: Reply(200, b"<html>not json")) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        (problem,) = scan("hf://acme/tiny").problems
    assert "the Hub's answer cannot be read" in problem.detail
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    (problem,) = scan("hf://acme/tiny").problems
    assert "cannot be reached" in problem.detail


def test_a_mirror_is_used_for_its_own_addresses(hub: Hub) -> None:
    assert canonical(f"{hub.url}/acme/tiny/resolve/main/model.bin") == "hf://acme/tiny/model.bin"


def test_a_file_that_vanishes_costs_itself_only(hub: Hub) -> None:
    class Vanishing(Hub):
        def _file(self, request, name, commit, path):
            return Reply(404) if path == "config.json" else super()._file(request, name, commit, path)

    found = Vanishing(hub.repositories)
    with double(found) as server, pytest.MonkeyPatch.context() as patch:
        found.url = server.url
        patch.setenv("HF_ENDPOINT", server.url)
        report = scan("hf://acme/tiny")
    assert len(report.results) == len(FILES)
    (problem,) = [item for item in report.all_problems if item.kind is ProblemKind.SOURCE]
    assert problem.locator.uri == "hf://acme/tiny/config.json"
    assert "404" in problem.detail


def test_a_quick_look_at_a_sharded_repository_reads_little(hub: Hub) -> None:
    names = [f"model-{number:05}-of-00006.safetensors" for number in range(1, 7)]
    shards = {name: safetensors(100, 50 * MIB) for name in names}
    checkpoint = torch_zip(400, 10 * MIB)
    index = {"metadata": {}, "weight_map": {"model.layers.0.weight": names[0]}}
    files: dict[str, Any] = {**FILES, **shards, "pytorch_model.bin": checkpoint}
    hub.repositories = {"acme/large": {**files, "model.safetensors.index.json": json.dumps(index).encode()}}
    report = scan("hf://acme/large", depth="quick", jobs=1)
    assert sum(result.unit.size for result in report.results) > 30 * GIB
    assert [finding.rule.id for finding in report.findings if finding.rule.severity > Severity.INFO] == [
        "pickle/dangerous-call"
    ]
    for sparse in (*shards.values(), checkpoint):
        assert 0 < sparse.given <= MIB
    assert sum(sparse.given for sparse in (*shards.values(), checkpoint)) <= 5 * MIB
    for name in (*shards, "pytorch_model.bin"):
        assert sum(path.endswith(name) for path in hub.asked) <= 6
