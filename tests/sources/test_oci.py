"""Registries: manifests and indexes, tokens that are asked for and expire, and what a registry may not make us do."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from modelsweep import scan
from modelsweep.cli.dry_run import show_plan
from modelsweep.core.finding import ProblemKind
from modelsweep.core.options import Selection
from modelsweep.core.reader import SourceFault
from sources import oci
from sources.oci import list_target, repository_of
from sources.source import Listed
from tests.scanners.payload import EVIL
from tests.sources.double import Reply, double
from tests.sources.registry import Registry, digest_of, layer

NOISE = random.Random(6).randbytes(300_000)
PASSWORD = "pass" + "word-of-a-test"


@pytest.fixture
def registry(hasty: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Registry]:
    monkeypatch.setattr(oci, "_tokens", {})
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    found = Registry()
    with double(found) as server:
        found.url = server.url
        yield found


def target(registry: Registry, reference: str = ":v1") -> str:
    return f"oci://{registry.url.removeprefix('http://')}/models/tiny{reference}"


def log_in(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    auth = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
    auths = {registry.url.removeprefix("http://"): {"auth": auth}}
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": auths, "credsStore": "never-run"}))


@pytest.mark.parametrize(
    ("address", "url", "reference"),
    [
        ("oci://ghcr.io/org/model:v1", "https://ghcr.io/v2/org/model", "v1"),
        ("oci://docker.io/redis", "https://registry-1.docker.io/v2/library/redis", "latest"),
        ("oci://localhost:5000/a/b/c", "http://localhost:5000/v2/a/b/c", "latest"),
        (f"oci://host/a@sha256:{'0' * 64}", "https://host/v2/a", f"sha256:{'0' * 64}"),
    ],
)
def test_addresses(address: str, url: str, reference: str) -> None:
    repository = repository_of(address)
    assert (repository.url, repository.reference) == (url, reference)


@pytest.mark.parametrize(
    "address", ["oci://", "oci://host", "oci://host/A", "oci://host/../x", "oci://host/a@sha256:12", "oci://h/a:b:c"]
)
def test_no_addresses(address: str) -> None:
    with pytest.raises(SourceFault, match="not the address of a registry"):
        repository_of(address)


def test_layers_are_judged_where_they_are(registry: Registry) -> None:
    evil = layer("app/model.pkl", EVIL)
    registry.add("v1", layer("a.txt", b"hello\n"), evil)
    report = scan(target(registry))
    (finding,) = [item for item in report.findings if item.rule.id == "pickle/dangerous-call"]
    assert finding.locator.uri == f"{target(registry)}/{digest_of(evil)}"
    assert finding.locator.members[-1] == "app/model.pkl"
    assert not report.all_problems
    assert len(report.results) == 3


def test_artifacts_have_names_and_digests(registry: Registry) -> None:
    registry.add("v1", NOISE, EVIL, titles={0: "weights/model.bin", 1: "../model.pkl"})
    items = [item for item in list_target(target(registry)) if isinstance(item, Listed)]
    names = {item.locator.uri.removeprefix(f"{target(registry)}/") for item in items}
    assert names > {digest_of(EVIL), "weights/model.bin"}
    assert {item.digest for item in items} >= {hashlib.sha256(NOISE).hexdigest(), hashlib.sha256(EVIL).hexdigest()}
    assert not [item for item in items if ".." in item.locator.uri]


def test_all_platforms_of_an_index_are_read_once(registry: Registry) -> None:
    shared = layer("a.txt", b"hello\n")
    children = [registry.add("a", shared, layer("b.txt", b"b\n")), registry.add("b", shared)]
    registry.keep("v1", {"schemaVersion": 2, "manifests": [*children, *children]})
    assert len(list(list_target(target(registry)))) == 4


def test_a_token_is_asked_for_with_the_configured_password_and_again_when_it_expires(
    registry: Registry, tmp_path: Path
) -> None:
    registry.users = {"user": PASSWORD}
    registry.add("v1", NOISE)
    log_in(registry, tmp_path)
    registry.uses = 2
    report = scan(target(registry))
    assert not [item for item in report.all_problems if item.kind is ProblemKind.SOURCE]
    assert hashlib.sha256(NOISE).hexdigest() in {result.digest for result in report.results}
    assert PASSWORD not in json.dumps(report.to_dict())


def test_without_a_password_it_is_refused_in_a_sentence(registry: Registry) -> None:
    registry.users = {"user": PASSWORD}
    registry.add("v1", NOISE)
    (problem,) = scan(target(registry)).problems
    assert problem.kind is ProblemKind.SOURCE
    assert "401" in problem.detail


def test_a_registry_cannot_have_tokens_fetched_from_private_places(registry: Registry, tmp_path: Path) -> None:
    registry.users = {"user": PASSWORD}
    registry.add("v1", NOISE)
    log_in(registry, tmp_path)
    with double(lambda request: Reply(200, b"{}")) as inside:
        registry.realm = f"{inside.url}/latest/meta-data"
        (problem,) = scan(target(registry)).problems
        assert inside.requests == []
    assert "not a public address" in problem.detail


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ([], "not a JSON object"),
        ({"schemaVersion": 1, "fsLayers": []}, "old or unknown form"),
        ({"manifests": [{"digest": "../../x"}]}, "an index names a manifest by"),
        ({"manifests": [{"digest": f"sha256:{number:064}"} for number in range(300)]}, "answered 404"),
    ],
)
def test_manifests_that_are_none(registry: Registry, manifest: Any, sentence: str) -> None:
    registry.keep("v1", manifest)
    (problem,) = scan(target(registry)).problems
    assert sentence in problem.detail


def test_a_manifest_of_another_digest_is_not_believed(registry: Registry) -> None:
    described = registry.add("v1", NOISE)
    registry.manifests[described["digest"]] = b"{}"
    (problem,) = scan(target(registry, f"@{described['digest']}")).problems
    assert "has another digest" in problem.detail


def test_an_index_that_is_an_image_as_well_is_read_as_both(registry: Registry) -> None:
    evil = layer("app/model.pkl", EVIL)
    registry.blobs[digest_of(evil)] = evil
    described = {"digest": digest_of(evil), "size": len(evil)}
    child = registry.add("child", layer("a.txt", b"hello\n"))
    registry.keep("v1", {"schemaVersion": 2, "manifests": [child], "layers": [described]})
    assert "pickle/dangerous-call" in {finding.rule.id for finding in scan(target(registry)).findings}


@pytest.mark.parametrize(
    "hidden",
    [
        '"Layers": [{EVIL}]',  # instead of layers, for clients that know no case
        '"layer\u017f": [{EVIL}]',  # the long s is an s to them
        '"layers": [{"digest": "sha256:0", "Digest": "sha256:1"}]',
        '"layers": [], "layers": [{EVIL}]',
        '"manifests": [{"Digest": "sha256:0"}]',
    ],
)
def test_what_clients_would_read_differently_is_no_manifest(registry: Registry, hidden: str) -> None:
    registry.manifests["v1"] = b'{"schemaVersion": 2, %b}' % hidden.replace("{EVIL}", '{"digest": "x"}').encode()
    (problem,) = scan(target(registry)).problems
    assert problem.kind is ProblemKind.SOURCE
    assert "clients" in problem.detail


def test_an_index_that_names_itself_ends(registry: Registry) -> None:
    described = registry.add("inner", NOISE)
    registry.keep("v1", {"schemaVersion": 2, "manifests": [described, {"digest": "v1"}]})
    assert len(list(list_target(target(registry)))) == 2


def test_layers_without_digest_or_elsewhere_are_said(registry: Registry) -> None:
    registry.keep(
        "v1",
        {
            "schemaVersion": 2,
            "layers": [
                {"digest": "md5:0", "size": 5},
                {"digest": f"sha256:{'1' * 64}", "size": -1},
                {"digest": f"sha256:{'2' * 64}", "size": 5, "urls": ["http://169.254.169.254/"]},
                "nonsense",
            ],
        },
    )
    report = scan(target(registry))
    assert sorted(problem.kind.value for problem in report.problems) == ["skipped", "source", "source"]


def test_when_an_image_was_made_is_told_where_its_manifest_says_so(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    made = "2026-01-02T03:04:05Z"
    registry.add("v1", b"a layer", annotations={"org.opencontainers.image.created": made})
    registry.add("v2", b"another", annotations={"org.opencontainers.image.created": "yesterday"})
    told = [item.modified for item in list_target(target(registry)) if isinstance(item, Listed)]
    assert told == [datetime.fromisoformat(made).timestamp()] * 2
    newest = Selection(newest_first=True)
    show_plan([target(registry)], newest, as_json=False)
    assert "come last" not in capsys.readouterr().out
    show_plan([target(registry, ":v2")], newest, as_json=False)
    assert "2 of them come last: nobody tells when they were written" in capsys.readouterr().out
