"""Plain addresses, and the HTTP that all sources share: ranges, faults, redirects, and who gets to see a token."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelsweep import scan
from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.reader import ContentChanged, SourceFault
from modelsweep.core.units import MIB
from sources import connections, retrying, web
from sources.http import list_target, open_object
from sources.ranged import BLOCK
from sources.remote import opened_url
from sources.source import Listed, OpenedObject
from sources.web import RangesIgnored, Refused, Web
from tests.scanners.payload import EVIL
from tests.sources.double import Double, Reply, Request, double, ranged

DATA = random.Random(7).randbytes(3 * MIB + 11)


pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture
def server() -> Iterator[Double]:
    """A server of DATA at any path."""
    with double(lambda request: ranged(DATA, request)) as found:
        yield found


def in_turn(*replies: Reply) -> Callable[[Request], Reply]:
    """Answer with each of these once, then as a good server."""
    waiting = iter(replies)
    return lambda request: next(waiting, None) or ranged(DATA, request)


def test_a_file_is_listed_with_its_size_and_version(server: Double) -> None:
    url = f"{server.url}/model.pt"
    assert list(list_target(url)) == [Listed(Locator(url, version='"1"'), len(DATA))]
    assert server.asked() == ["/model.pt"]


def test_links_that_are_signed_for_get_are_listed_too(server: Double) -> None:
    server.answer = lambda request: Reply(403) if request.method == "HEAD" else ranged(DATA, request)
    (listed,) = list_target(f"{server.url}/x")
    assert isinstance(listed, Listed)
    assert listed.size == len(DATA)


def test_ranges_are_read_of_one_version(server: Double) -> None:
    url = f"{server.url}/model.pt"
    opened = open_object(Listed(Locator(url, version='"1"'), len(DATA)), url)
    assert isinstance(opened, OpenedObject)
    assert opened.fetch(5, 70_000) == DATA[5:70_005]
    server.answer = lambda request: ranged(DATA, request, '"2"')
    with pytest.raises(ContentChanged):
        opened.fetch(0, 10)
    # a server that knows no conditions
    server.answer = lambda request: Reply(206, b"x", {"ETag": '"3"', "Content-Range": "bytes 0-0/9"})
    with pytest.raises(ContentChanged):
        opened.fetch(0, 1)


@pytest.mark.parametrize("cut", [0, 1, 4095, 65_536, 99_999])
def test_what_breaks_off_goes_on_where_it_broke(server: Double, cut: int) -> None:
    def once(request: Request) -> Reply:
        reply = ranged(DATA, request)
        return Reply(reply.status, reply.body, reply.headers, cut=cut) if len(server.requests) == 1 else reply

    server.answer = once
    assert Web().range(f"{server.url}/x", 10, 100_000) == DATA[10:100_010]
    assert server.requests[1].headers["Range"] == f"bytes={10 + cut}-100009"


def test_what_always_breaks_off_is_given_up(server: Double) -> None:
    server.answer = lambda request: Reply(206, b"abc", {"Content-Range": "bytes 0-2/9"}, cut=0)
    with pytest.raises(SourceFault, match="broke off after 0 B"):
        Web().range(f"{server.url}/x", 0, 3)
    assert len(server.requests) == retrying.TRIES


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_for_again(server: Double, status: int) -> None:
    server.answer = in_turn(Reply(status), Reply(status, b"busy", {"Retry-After": "0"}))
    assert Web().range(f"{server.url}/x", 0, 100) == DATA[:100]
    server.answer = lambda request: Reply(status)
    with pytest.raises(Refused, match=f"answered {status}"):
        Web().range(f"{server.url}/x", 0, 100)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_what_will_not_pass_is_asked_for_once(server: Double, status: int) -> None:
    server.answer = lambda request: Reply(status)
    with pytest.raises(Refused, match=f"answered {status}"):
        Web().range(f"{server.url}/x", 0, 100)
    assert len(server.requests) == 1


def test_a_server_that_asks_for_an_hour_is_asked_no_more(server: Double) -> None:
    server.answer = lambda request: Reply(429, b"", {"Retry-After": "3600"})
    with pytest.raises(Refused):
        Web().document(f"{server.url}/x")
    assert len(server.requests) == 1


def test_another_range_than_asked_for_is_not_believed(server: Double) -> None:
    server.answer = lambda request: Reply(206, b"abc", {"Content-Range": "bytes 7-9/20"})
    with pytest.raises(SourceFault, match="another range"):
        Web().range(f"{server.url}/x", 0, 3)


def test_a_server_without_ranges_is_read_once(server: Double) -> None:
    server.answer = lambda request: Reply(200, DATA)
    with pytest.raises(RangesIgnored):
        Web().range(f"{server.url}/x", 5, 10)
    opened = opened_url(Web(), f"{server.url}/x", len(DATA))
    before = len(server.requests)
    assert opened.fetch(5, 10) == DATA[5:15]
    assert opened.fetch(MIB, MIB) == DATA[MIB : 2 * MIB]
    assert len(server.requests) == before + 2  # one in vain, one for everything
    opened.close()


def test_a_server_that_lies_about_its_length_is_a_fault(server: Double) -> None:
    server.answer = lambda request: Reply(200, DATA[:500], {}, length=len(DATA), cut=500)
    opened = opened_url(Web(), f"{server.url}/x", len(DATA))
    with pytest.raises(SourceFault):
        opened.fetch(5, 10)


def test_a_body_that_drips_is_given_up(server: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "PATIENCE", 0.1)
    server.answer = lambda request: Reply(206, bytes(1000), {"Content-Range": "bytes 0-999/1000"}, drip=0.02)
    with pytest.raises(SourceFault, match="gives less than"):
        Web().range(f"{server.url}/x", 0, 1000)


def test_redirects_in_a_circle_end(server: Double) -> None:
    server.answer = lambda request: Reply(302, b"", {"Location": "/again"})
    with pytest.raises(SourceFault, match="redirects more than"):
        Web().document(f"{server.url}/x")
    assert len(server.requests) == web.HOPS


def test_no_token_goes_along_to_another_host(server: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(connections.ALLOW_PRIVATE, "1")
    secret = Web({"Authorization": "Bearer " + "t0ken"})
    with double(lambda request: Reply(302, b"", {"Location": f"{server.url}/elsewhere"})) as first:
        assert secret.range(f"{first.url}/x", 0, 10) == DATA[:10]
        assert first.requests[0].headers["Authorization"]
    assert "Authorization" not in server.requests[0].headers
    secret.range(f"{server.url}/x", 0, 10)
    assert server.requests[1].headers["Authorization"]


def test_a_redirect_to_a_private_address_is_refused(server: Double) -> None:
    refused = pytest.raises(SourceFault, match=r"127\.0\.0\.1, which is not a public address")
    with double(lambda request: Reply(302, b"", {"Location": f"{server.url}/metadata"})) as first, refused:
        Web().range(f"{first.url}/x", 0, 10)
    assert server.requests == []


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://example.org/x", "gopher://localhost/", "data:,x"])
def test_a_redirect_to_no_web_address_is_refused(server: Double, location: str) -> None:
    server.answer = lambda request: Reply(302, b"", {"Location": location})
    with pytest.raises(SourceFault, match="not followed"):
        Web().document(f"{server.url}/x")


def test_signatures_and_passwords_are_not_shown() -> None:
    assert web.shown("https://user:pass" + "word@example.org/a?sig=1#x") == "https://example.org/a"


def test_nobody_there_is_a_sentence(server: Double) -> None:
    server.close()
    with pytest.raises(SourceFault, match=r"cannot be reached: .*refused"):
        Web().document(f"{server.url}/x")


def test_a_document_is_bounded(server: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "DOCUMENT", MIB)
    with pytest.raises(SourceFault, match="larger than"):
        Web().document(f"{server.url}/x")


def test_a_remote_file_is_judged_like_a_local_one(server: Double, tmp_path: Path) -> None:
    data = EVIL
    (tmp_path / "model.pkl").write_bytes(data)
    server.answer = lambda request: ranged(data, request)
    remote, local = scan(f"{server.url}/model.pkl"), scan(tmp_path / "model.pkl")
    assert [finding.message for finding in remote.findings] == [finding.message for finding in local.findings] != []
    assert remote.results[0].digest == local.results[0].digest
    assert len(server.asked("GET")) == 1


def test_a_large_remote_file_is_read_once(server: Double) -> None:
    report = scan(f"{server.url}/model.bin", jobs=1)
    assert report.results[0].unit.size == len(DATA)
    fetched = sum(
        1 + int(last) - int(first)
        for request in server.requests
        if "Range" in request.headers
        for first, last in [request.headers["Range"].removeprefix("bytes=").split("-")]
    )
    assert fetched <= len(DATA) + 3 * BLOCK
    assert report.bytes_read == len(DATA)


def test_faults_cost_one_problem_each(server: Double) -> None:
    url = server.url

    def answer(request: Request) -> Reply:
        status = request.path.rpartition("/")[2]
        return Reply(int(status)) if status.isdecimal() else ranged(EVIL, request)

    server.answer = answer
    report = scan(f"{url}/404", f"{url}/403", f"{url}/good.pkl", f"{url}/500")
    assert [problem.kind for problem in report.problems] == [ProblemKind.SOURCE] * 3
    assert [verdict for verdict, count in report.verdicts().items() if count] == ["malicious"]


def test_an_object_that_is_replaced_while_it_is_read_is_said(server: Double) -> None:
    def answer(request: Request) -> Reply:
        return ranged(DATA, request, '"1"' if len(server.requests) < 3 else '"2"')

    server.answer = answer
    report = scan(f"{server.url}/model.bin")
    problems = [problem for result in report.results for problem in result.problems]
    assert ProblemKind.CHANGED in [problem.kind for problem in problems]


def test_a_listing_without_a_size_is_a_problem(server: Double) -> None:
    server.answer = lambda request: Reply(200, b"x", {"Content-Length": "many"})
    (problem,) = scan(f"{server.url}/x").problems
    assert isinstance(problem, Problem)
    assert "how large" in problem.detail


def test_a_signed_link_is_used_again_and_asked_for_anew_when_it_expires(
    server: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(connections.ALLOW_PRIVATE, "1")
    valid = {"/signed/1"}
    server.answer = lambda request: ranged(DATA, request) if request.path in valid else Reply(403)
    with double(lambda request: Reply(302, b"", {"Location": f"{server.url}{min(valid)}"})) as first:
        opened = opened_url(Web(), f"{first.url}/x", len(DATA), '"1"')
        for offset in range(5):
            assert opened.fetch(offset, 10) == DATA[offset : offset + 10]
        assert (len(first.requests), len(server.requests)) == (1, 5)
        valid = {"/signed/2"}
        assert opened.fetch(7, 10) == DATA[7:17]
        assert opened.fetch(8, 10) == DATA[8:18]
        assert (len(first.requests), server.asked()[5:]) == (2, ["/signed/1", "/signed/2", "/signed/2"])
