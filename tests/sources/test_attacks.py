"""What hostile servers, keys and pointers try: each attack costs one sentence, no secret and no memory."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest

from modelsweep import scan
from modelsweep.cli.dry_run import show_plan
from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.options import Selection
from modelsweep.core.reader import ContentChanged, SourceFault
from modelsweep.core.units import MIB
from producer.plan import plan
from reporting import WRITERS
from reporting.writer import View
from sources import connections, mlflow, oci
from sources.opening import canonical
from sources.web import Expected, Web
from tests.scanners.payload import EVIL
from tests.sources.buckets import listing_of, s3_environment, use
from tests.sources.double import Answering, Reply, Request, double, ranged
from tests.sources.gcs_double import Bucket
from tests.sources.hub import Hub
from tests.sources.test_jfrog import Artifactory
from tests.sources.tracking import Tracking

pytestmark = pytest.mark.usefixtures("hasty")
DATA = bytes(range(256)) * 16
(TEXT,) = (writer for writer in WRITERS if writer.name == "text")


@contextmanager
def raw(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Yield the address of a server that answers each connection, after its request, with what `answer` sends."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(peer,), daemon=True).start()

        def one(peer: socket.socket) -> None:
            with peer:
                try:
                    peer.recv(65536)
                    answer(peer)
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_headers_that_drip_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.2)
    stop = threading.Event()

    def drip(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n")
        while not stop.wait(0.02):
            peer.sendall(b"X")

    with raw(drip) as url, pytest.raises(SourceFault, match=r"no whole answer|timed out"):
        Web().document(f"{url}/x")
    stop.set()


def test_a_body_behind_slow_headers_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.5)

    def answer(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6000\r\nConnection: close\r\n\r\n")
        for _ in range(6):
            threading.Event().wait(0.15)
            peer.sendall(b"x" * 1000)

    with raw(answer) as url:
        assert Web().document(f"{url}/x")[0] == b"x" * 6000


def test_headers_without_end_are_given_up() -> None:
    with (
        raw(lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1_000_000)) as url,
        pytest.raises(SourceFault, match="cannot be reached"),
    ):
        Web().document(f"{url}/x")


def test_a_document_that_is_a_bomb_is_not_expanded() -> None:
    bomb = gzip.compress(bytes(64 * MIB))
    with double(lambda request: Reply(200, bomb, {"Content-Encoding": "gzip"})) as server:
        assert Web().document(f"{server.url}/x")[0] == bomb
        with pytest.raises(SourceFault, match="not answer with JSON"):
            Web().json(f"{server.url}/x")


@pytest.mark.parametrize("body", [b"[" * 1_000_000, b'{"a":' * 1_000_000, b"9" * 5_000, b"\xff\xfe"])
def test_a_document_that_is_hardly_json_is_a_fault(body: bytes) -> None:
    with double(lambda request: Reply(200, body)) as server, pytest.raises(SourceFault, match="not answer with JSON"):
        Web().json(f"{server.url}/x")


@pytest.mark.parametrize("length", ["-1", "+5", "1e9", "0x10", "9" * 40, "", "5, 6"])
def test_a_length_that_is_none_is_no_size(length: str) -> None:
    with double(lambda request: Reply(200, b"", {"Content-Length": length})) as server:
        (problem,) = scan(f"{server.url}/model.pt", jobs=1).problems
    assert problem.kind is ProblemKind.SOURCE


@pytest.mark.parametrize("size", [2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**64, 10**30])
def test_a_size_of_exabytes_costs_one_problem(size: int) -> None:
    def answer(request: Request) -> Reply:
        return Reply(200, b"", {"Content-Length": str(size)}) if request.method == "HEAD" else ranged(EVIL, request)

    with double(answer) as server:
        report = scan(f"{server.url}/model.pkl", jobs=1)
    problems = [*report.problems, *(problem for result in report.results for problem in result.problems)]
    assert {problem.kind for problem in problems} & {ProblemKind.SOURCE, ProblemKind.CHANGED}


def test_an_object_whose_size_changes_between_two_reads_is_said() -> None:
    total = len(DATA)

    def answer(request: Request) -> Reply:
        reply = ranged(DATA, request)
        extent = reply.headers["Content-Range"].rpartition("/")[0]
        return Reply(reply.status, reply.body, {"Content-Range": f"{extent}/{total}"})

    with double(answer) as server:
        expected = Expected(size=len(DATA))
        assert Web().range(f"{server.url}/x", 5, 10, expected) == DATA[5:15]
        total += 1
        with pytest.raises(ContentChanged, match="had 4,096 when it was listed"):
            Web().range(f"{server.url}/x", 5, 10, expected)


def test_the_first_version_that_is_seen_is_the_only_one() -> None:
    etag, old = '"1"', {"Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT"}
    with double(lambda request: ranged(DATA, request, etag, old)) as server:
        expected = Expected(learns=True)
        assert Web().range(f"{server.url}/x", 0, 9, expected) == DATA[:9]
        assert "If-Match" not in server.requests[0].headers
        Web().range(f"{server.url}/x", 9, 9, expected)
        assert server.requests[1].headers["If-Match"] == '"1"'
        etag = '"2"'
        with pytest.raises(ContentChanged):
            Web().range(f"{server.url}/x", 9, 9, expected)


def test_a_version_that_is_new_with_each_answer_is_none() -> None:
    etags = (f'"{number}"' for number in range(9))

    def copied(request: Request) -> Reply:
        return ranged(DATA, request, next(etags), {"Last-Modified": formatdate(usegmt=True)})

    with double(copied) as server:
        expected = Expected(learns=True)
        for offset in range(3):
            assert Web().range(f"{server.url}/x", offset, 9, expected) == DATA[offset : offset + 9]
        assert not [request for request in server.requests if "If-Match" in request.headers]


class TestAddresses:
    """Who is spoken with: what others say leads to public addresses only, and nobody leads to link-local ones."""

    @pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"])
    def test_link_local_addresses_are_not_read_whoever_names_them(
        self, host: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "_proxy", lambda url: "http://127.0.0.1:9")
        with pytest.raises(SourceFault, match="link-local"):
            Web().document(f"http://{host}/latest/meta-data/")

    def test_a_name_that_resolves_to_another_address_the_second_time_gains_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = iter(["93.184.216.34"] * 20)
        real = socket.getaddrinfo

        def rebinding(host: str, port: int, *arguments: int, **options: int) -> object:
            # whoever asks first sees a public address, who connects a private one
            return real(next(found, "") if host == "first.test" else "127.0.0.1", port, *arguments, **options)

        with double(lambda request: Reply(200, b"for nobody")) as private:
            port = private.url.rpartition(":")[2]
            with double(lambda request: Reply(302, b"", {"Location": f"http://rebound.test:{port}/x"})) as first:
                monkeypatch.setattr(socket, "getaddrinfo", rebinding)
                with pytest.raises(SourceFault, match=r"127\.0\.0\.1, which is not a public address"):
                    Web().document(f"{first.url}/x")
            assert private.requests == []

    @pytest.mark.parametrize("host", ["10.0.0.1", "[::1]", "169.254.169.254"])
    def test_behind_a_proxy_addresses_are_looked_at_too(self, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with double(lambda request: Reply(302, b"", {"Location": f"http://{host}/x"})) as proxy:
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.setenv("no_proxy", "")
            with pytest.raises(SourceFault, match="not a public address"):
                Web().document("http://models.test/x")
            assert [request.headers["Host"] for request in proxy.requests] == ["models.test"]

    def test_a_proxy_gets_its_password_and_nobody_sees_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        password = "pass" + "word1"
        with double(lambda request: Reply(200, b"through")) as proxy:
            monkeypatch.setenv("http_proxy", proxy.url.replace("//", f"//me:{password}@"))
            monkeypatch.setenv("no_proxy", "")
            assert Web().document("http://models.test/x")[0] == b"through"
            assert proxy.requests[0].headers["Proxy-Authorization"] == "Basic bWU6cGFzc3dvcmQx"
        monkeypatch.setenv("http_proxy", f"http://me:{password}@127.0.0.1:9")
        with pytest.raises(SourceFault) as caught:
            Web().document("http://models.test/x")
        assert password not in str(caught.value)


def test_passwords_in_addresses_are_neither_sent_elsewhere_nor_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    password = "pass" + "word2"
    monkeypatch.setenv(connections.ALLOW_PRIVATE, "1")
    with (
        double(lambda request: ranged(EVIL, request)) as other,
        double(lambda request: Reply(302, b"", {"Location": f"{other.url}/x"})) as first,
    ):
        report = scan(first.url.replace("//", f"//me:{password}@") + "/model.pkl", jobs=1)
        assert [finding.rule.id for finding in report.findings] == ["pickle/dangerous-call"]
        for request in (*first.requests, *other.requests):
            assert "Authorization" not in request.headers
    assert password not in json.dumps(report.to_dict())


@pytest.mark.parametrize(
    ("target", "spelling"),
    [
        ("https://me:word@example.org/a", "https://example.org/a"),
        ("HTTPS://me@example.org/a@b", "HTTPS://example.org/a@b"),
        ("https://example.org/a@b:c@d", "https://example.org/a@b:c@d"),
        ("oci://me:word@example.org/repo", "oci://example.org/repo"),
        ("s3://key:secret@bucket/a", "s3://bucket/a"),
        ("hf://gpt2@main/a", "hf://gpt2@main/a"),
        ("models:/a@b", "models:/a@b"),
        ("a:b@c/d", "a:b@c/d"),
    ],
)
def test_no_password_stays_in_an_address(target: str, spelling: str) -> None:
    assert canonical(target) == spelling


def test_dry_runs_show_no_password_either(capsys: pytest.CaptureFixture[str]) -> None:
    show_plan(["https://me:no-word@127.0.0.1:9/a"], Selection(), as_json=False)
    assert "127.0.0.1" in (said := capsys.readouterr().out)
    assert "no-word" not in said


@pytest.mark.parametrize("size", [-1, -(2**63), 2**53, 2**63, 2**64])
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_listing_with_impossible_sizes_costs_those_objects_only(
    size: int, newest_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: Request) -> Reply:
        if "list-type" not in request.query:
            return ranged(EVIL, request)
        return Reply(200, listing_of({"a.pkl": size, "b.pkl": len(EVIL)}), {"Content-Type": "application/xml"})

    with double(answer) as server:
        use(monkeypatch, s3_environment(server.url))
        selection = Selection(newest_first=newest_first, max_total_size=MIB if newest_first else None)
        found = list(plan(["s3://bucket"], selection))
    (problem,) = [item for item in found if isinstance(item, Problem)]
    assert problem.locator.uri == "s3://bucket/a.pkl"
    assert [item.locator.name for item in found if not isinstance(item, Problem)] == ["b.pkl"]


ODD = (
    "a\r\nX-Injected: 1\r\n\r\n.pkl",
    "nul\0.pkl",
    "sp ace #?%41;&=+.pkl",
    "é\u202egnp.pkl",
    "\x1b[31m.pkl",
    "a\\b.pkl",
)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("place", ["huggingface", "jfrog", "mlflow", "gcs"])
def test_odd_names_are_read_or_said_and_put_no_line_into_requests_or_reports(
    place: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket = Bucket()
    bucket.put(name, EVIL)
    hub = Hub({"acme/tiny": {name: EVIL}})
    answers: dict[str, tuple[Answering, str]] = {
        "huggingface": (hub, "hf://acme/tiny"),
        "jfrog": (Artifactory({f"libs/{name}": EVIL}), "{url}/artifactory/libs"),
        "mlflow": (Tracking({f"tiny/{name}": EVIL}), "models:/tiny/1"),
        "gcs": (bucket.answer, "gs://bucket"),
    }
    answer, target = answers[place]
    with double(answer) as server:
        named = {"gcs": "STORAGE_EMULATOR_HOST", "huggingface": "HF_ENDPOINT", "mlflow": "MLFLOW_TRACKING_URI"}
        monkeypatch.setenv(named.get(place, "JFROG_URL"), server.url)
        mlflow._root.cache_clear()
        report = scan(target.format(url=server.url), jobs=1)
        assert not [request for request in server.requests if "X-Injected" in request.headers]
    read = [result for result in report.results if result.findings]
    refused = [problem for problem in report.problems if problem.kind is ProblemKind.SOURCE]
    no_names = {"huggingface": "\0", "jfrog": "\0", "mlflow": "\0\\"}.get(place, "")
    assert (len(read), len(refused)) == ((0, 1) if set(no_names) & set(name) else (1, 0))
    TEXT.write(report, sys.stdout, View())
    said = capsys.readouterr().out
    assert not any(character in said for character in "\r\0\x1b\u202e")
    assert "\nX-Injected" not in said


def test_what_stands_in_netrc_is_sent_to_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password no-word\ndefault login me password no-word\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    bucket = Bucket()
    bucket.put("a.pkl", EVIL)
    hub, tracking = Hub({"acme/tiny": {"a.pkl": EVIL}}), Tracking({"tiny/a.pkl": EVIL})
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for answer, target, variable in (
        (bucket.answer, "gs://bucket", "STORAGE_EMULATOR_HOST"),
        (hub, "hf://acme/tiny", "HF_ENDPOINT"),
        (tracking, "models:/tiny/1", "MLFLOW_TRACKING_URI"),
        (lambda request: ranged(EVIL, request), "{url}/a.pkl", "JFROG_URL"),
    ):
        with double(answer) as server, monkeypatch.context() as patch:
            patch.setenv(variable, server.url)
            mlflow._root.cache_clear()
            report = scan(target.format(url=server.url), jobs=1)
            assert [finding.rule.id for finding in report.findings] == ["pickle/dangerous-call"]
            assert not [request for request in server.requests if "Authorization" in request.headers]


def test_helpers_of_docker_are_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    helper = tmp_path / "docker-credential-evil"
    helper.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "evil", "credHelpers": {"127.0.0.1": "evil"}}))
    monkeypatch.setattr(oci, "_tokens", {})
    with double(lambda request: Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})) as server:
        (problem,) = scan(f"oci://{server.url.removeprefix('http://')}/a:v1", jobs=1).problems
    assert "401" in problem.detail
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("linked", ["data", ".dvc/cache"])
def test_a_pointer_does_not_lead_out_of_its_repository_by_links(linked: str, tmp_path: Path) -> None:
    digest = hashlib.md5(EVIL, usedforsecurity=False).hexdigest()
    outside = tmp_path / "outside"
    for place in (outside / "model.pkl", outside / "files" / "md5" / digest[:2] / digest[2:]):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(EVIL)
    repository = tmp_path / "repository"
    (repository / ".dvc").mkdir(parents=True)
    (repository / linked).symlink_to(outside)
    pointer = repository / "model.pkl.dvc"
    pointer.write_text(f"outs:\n- md5: {digest}\n  hash: md5\n  path: data/model.pkl\n")
    report = scan(pointer, jobs=1)
    assert not report.findings
    assert [problem.kind for problem in report.problems] == [ProblemKind.SOURCE]


@pytest.mark.parametrize("place", ["s3", "gcs"])
def test_a_listing_that_redirects_is_not_followed(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    with double(lambda request: Reply(200, b"{}")) as inside:
        away = Reply(302, headers={"Location": f"{inside.url}/latest/meta-data"})
        with double(lambda request: away) as server:
            if place == "s3":
                use(monkeypatch, s3_environment(server.url))
            else:
                monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
            (problem,) = scan(f"{'s3' if place == 's3' else 'gs'}://bucket").problems
    assert problem.kind is ProblemKind.SOURCE
    assert inside.requests == []
