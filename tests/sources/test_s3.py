"""Buckets of S3 and R2: what is listed of them, of which version it is read, and what is said when that fails."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelsweep import scan
from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.reader import ContentChanged, SourceFault
from modelsweep.core.report import Report
from modelsweep.core.units import MIB
from sources import paging, retrying, s3, s3_client
from sources.s3 import list_target, open_object
from sources.source import Listed, OpenedObject
from tests.scanners.payload import EVIL
from tests.sources.buckets import s3_environment, use
from tests.sources.double import Double, Reply, Request, double, ranged

DATA = random.Random(8).randbytes(2 * MIB + 77)
ODD = ["+plus", "/abs", "a b", "a/../b.pt", "a?versionId=3", "models//y", "x\0y", "z%2Fq", "ünï", "😀", "%", "#x", "~"]
pytestmark = pytest.mark.usefixtures("hasty")


def keys(target: str) -> list[str]:
    """Return the keys listed below a target, and what is said of others."""
    return [
        item.locator.uri.partition("//bucket/")[2] + (f": {item.detail}" if isinstance(item, Problem) else "")
        for item in list_target(target)
    ]


def only(target: str) -> Listed:
    """Return the only object that a target names."""
    (item,) = list_target(target)
    assert isinstance(item, Listed)
    return item


def opened(listed: Listed, target: str) -> OpenedObject:
    """Return an object open for reading."""
    found = open_object(listed, target)
    assert isinstance(found, OpenedObject)
    return found


class TestListing:
    def test_odd_keys_are_listed_in_byte_order_and_read(self, bucket: Any) -> None:
        for key in ODD:
            bucket.put_object(Bucket="bucket", Key=key, Body=key.encode())
        assert keys("s3://bucket") == sorted(ODD, key=str.encode)
        for item in list_target("s3://bucket"):
            assert isinstance(item, Listed)
            key = item.locator.uri.removeprefix("s3://bucket/")
            assert opened(item, "s3://bucket").fetch(0, item.size) == key.encode()

    def test_a_key_is_what_stands_there_and_what_is_below(self, bucket: Any) -> None:
        for key in ("models", "models-2/x", "models/", "models/a/b.pt", "models/c", "models0"):
            bucket.put_object(Bucket="bucket", Key=key, Body=b"" if key.endswith("/") else b"x")
        assert keys("s3://bucket/models") == ["models", "models/a/b.pt", "models/c"]
        assert keys("s3://bucket/models/") == keys("s3://bucket/models/*") == ["models/a/b.pt", "models/c"]
        assert keys("s3://bucket/models/c") == ["models/c"]
        assert keys("s3://bucket/*") == ["models", "models-2/x", "models/a/b.pt", "models/c", "models0"]

    def test_pages_follow_each_other(self, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "7")
        names = [f"many/{number:03d}" for number in range(30)]
        for name in names:
            bucket.put_object(Bucket="bucket", Key=name, Body=b"x")
        assert keys("s3://bucket") == names

    def test_archived_objects_are_said(self, bucket: Any) -> None:
        bucket.put_object(Bucket="bucket", Key="cold", Body=b"x", StorageClass="DEEP_ARCHIVE")
        bucket.put_object(Bucket="bucket", Key="warm", Body=b"x", StorageClass="STANDARD_IA")
        said = "cold: archived (DEEP_ARCHIVE): it can be read when it is restored"
        assert keys("s3://bucket") == [said, "warm"]
        assert keys("s3://bucket/cold") == [said]
        bucket.restore_object(Bucket="bucket", Key="cold", RestoreRequest={"Days": 1})
        assert keys("s3://bucket/cold") == ["cold"]

    def test_only_a_digest_of_the_whole_content_is_believed(self, bucket: Any) -> None:
        digest = hashlib.sha256(DATA).hexdigest()
        bucket.put_object(Bucket="bucket", Key="vouched", Body=DATA, ChecksumAlgorithm="SHA256")
        bucket.put_object(Bucket="bucket", Key="small", Body=b"x", ChecksumAlgorithm="SHA256")
        bucket.put_object(Bucket="bucket", Key="crc", Body=DATA, ChecksumAlgorithm="CRC32")
        bucket.put_object(Bucket="bucket", Key="user", Body=DATA, Metadata={"sha256": digest})
        digests = {item.locator.name: item.digest for item in list_target("s3://bucket") if isinstance(item, Listed)}
        assert digests == {"crc": "", "small": "", "user": "", "vouched": digest}
        assert only("s3://bucket/vouched").digest == digest

    @pytest.mark.parametrize(
        "head",
        [
            {"ChecksumSHA256": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=-3"},
            {"ChecksumSHA256": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", "ChecksumType": "COMPOSITE"},
            {"ChecksumSHA256": "short"},
            {"ChecksumSHA256": "eA=="},
            {"ETag": '"900150983cd24fb0d6963f7d28e17f72"', "Metadata": {"sha256": "a" * 64}},
        ],
    )
    def test_other_checksums_are_no_digest(self, head: dict[str, Any]) -> None:
        assert s3._vouched(head) == ""

    def test_a_version_is_read_after_it_was_replaced(self, bucket: Any) -> None:
        bucket.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        version = bucket.put_object(Bucket="bucket", Key="model", Body=b"first")["VersionId"]
        bucket.put_object(Bucket="bucket", Key="model", Body=b"second")
        target = f"s3://bucket/model?versionId={version}"
        listed = only(target)
        assert listed.locator == Locator(target, version=version)
        assert opened(listed, target).fetch(0, 5) == b"first"
        assert [result.unit.locator.uri for result in scan(target).results] == [target]

    def test_when_it_was_written_is_told(self, bucket: Any) -> None:
        bucket.put_object(Bucket="bucket", Key="x", Body=b"x")
        written = bucket.head_object(Bucket="bucket", Key="x")["LastModified"].timestamp()
        assert only("s3://bucket/x").modified == written
        assert only("s3://bucket").modified == written

    @pytest.mark.parametrize(
        ("target", "said"),
        [
            ("s3://bucket/none", "no object of this key"),
            ("s3://bucket/none/", "no object of this key"),
            ("s3://no-such-bucket", "there is no bucket"),
            ("s3://no-such-bucket/x", "there is no bucket"),
            ("s3:///x", "begin with a bucket"),
            ("s3://../x", "begin with a bucket"),
            ("s3://fast--euw3-az1--x-s3/x", "is unordered"),
            ("s3://bucket/none?versionId=3", "no such"),
        ],
    )
    def test_what_is_not_there_is_one_sentence(self, bucket: Any, target: str, said: str) -> None:
        (problem,) = scan(target).problems
        assert problem.kind is ProblemKind.SOURCE
        assert said in problem.detail

    def test_an_empty_bucket_is_no_fault(self, bucket: Any) -> None:
        assert keys("s3://bucket") == []


class TestReading:
    def test_ranges_of_the_version_that_was_listed(self, bucket: Any) -> None:
        bucket.put_object(Bucket="bucket", Key="m", Body=DATA)
        found = opened(only("s3://bucket/m"), "s3://bucket/m")
        assert found.size == len(DATA)
        for offset, length in ((0, 1), (5, 70_000), (len(DATA) - 3, 3)):
            assert found.fetch(offset, length) == DATA[offset : offset + length]
        bucket.put_object(Bucket="bucket", Key="m", Body=DATA[::-1])
        with pytest.raises(ContentChanged):
            found.fetch(0, 10)

    def test_what_is_stored_compressed_is_read_as_stored(self, bucket: Any) -> None:
        bucket.put_object(Bucket="bucket", Key="m", Body=b"\x1f\x8b no gzip", ContentEncoding="gzip")
        assert opened(only("s3://bucket/m"), "s3://bucket").fetch(0, 10) == b"\x1f\x8b no gzip"[:10]

    def test_r2_is_the_same_at_its_own_address(self, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        bucket.put_object(Bucket="bucket", Key="m", Body=EVIL)
        assert scan("r2://bucket/m").results[0].findings
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        (problem,) = scan("r2://bucket/m").problems
        assert "need AWS_ENDPOINT_URL" in problem.detail

    def test_a_bucket_is_judged_like_the_same_folder(
        self, bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
        files = {"a/evil.pkl": EVIL, "a/config.json": b"{}", "big.bin": DATA, "ünï code.pkl": EVIL, "cut.pkl": EVIL[:9]}
        for name, data in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            bucket.put_object(Bucket="bucket", Key=name, Body=data)
        assert mapped(scan("s3://bucket"), "s3://bucket") == mapped(scan(tmp_path), str(tmp_path))


def mapped(report: Report, place: str) -> list[object]:
    """Return what a report says of each file, with `place` taken out of its addresses, and no versions."""
    return [
        (
            result.unit.locator.uri.removeprefix(place),
            result.unit.size,
            result.digest,
            result.bytes_read,
            [(finding.rule.id, finding.message, finding.fingerprint) for finding in result.findings],
            [(fact.kind, fact.value) for fact in result.facts],
            [(problem.kind, problem.detail) for problem in result.problems],
        )
        for result in report.results
    ]


def error(status: int, code: str) -> Reply:
    return Reply(status, f"<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>m</Message></Error>".encode())


def listing(*names: str, following: str = "") -> Reply:
    """Answer with a page of objects that all hold DATA."""
    items = "".join(
        f"<Contents><Key>{name}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;1&quot;</ETag>"
        f"<Size>{len(DATA)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for name in names
    )
    more = f"<IsTruncated>{'true' if following else 'false'}</IsTruncated>"
    more += f"<NextContinuationToken>{following}</NextContinuationToken>" if following else ""
    body = f"<ListBucketResult><Name>bucket</Name><KeyCount>{len(names)}</KeyCount>{more}{items}</ListBucketResult>"
    return Reply(200, body.encode(), {"Content-Type": "application/xml"})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    """An S3 that a test may spoil: a bucket with the objects a and b."""
    with double(answered) as found:
        use(monkeypatch, s3_environment(found.url))
        yield found


def answered(request: Request) -> Reply:
    return listing("a", "b") if "list-type" in request.query else ranged(DATA, request)


Spoil = Callable[[Request], Reply]


class TestFaults:
    @pytest.mark.parametrize(
        ("status", "code", "said"),
        [
            (403, "AccessDenied", "access denied"),
            (403, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID is not known"),
            (403, "SignatureDoesNotMatch", "does not belong to"),
            (400, "ExpiredToken", "the credentials have expired"),
            (400, "InvalidToken", "AWS_SESSION_TOKEN is not a valid"),
            (403, "RequestTimeTooSkewed", "the clock"),
            (404, "NoSuchBucket", "there is no bucket"),
            (400, "AuthorizationHeaderMalformed", "in another region"),
            (301, "PermanentRedirect", "in another region"),
            (418, "Teapot", "refused with Teapot"),
        ],
    )
    def test_what_a_listing_is_refused_with_is_one_sentence(
        self, server: Double, status: int, code: str, said: str
    ) -> None:
        server.answer = lambda request: error(status, code)
        (problem,) = scan("s3://bucket").problems
        assert problem.kind is ProblemKind.SOURCE
        assert said in problem.detail
        assert "\n" not in problem.detail

    @pytest.mark.parametrize(
        "reply", [error(429, "TooManyRequests"), error(500, "InternalError"), error(503, "SlowDown"), Reply(504), None]
    )
    def test_a_listing_that_may_go_through_is_asked_for_again(self, server: Double, reply: Reply | None) -> None:
        spoilt = reply or Reply(200, b"<ListBucketResult>", {"Content-Type": "application/xml"}, cut=5)
        server.answer = lambda request: spoilt if len(server.requests) < 3 else answered(request)
        assert keys("s3://bucket") == ["a", "b"]
        server.answer = lambda request: spoilt
        with pytest.raises(SourceFault):
            keys("s3://bucket")
        assert len(server.requests) == 3 + retrying.TRIES

    @pytest.mark.parametrize("body", [b"", b"<html>", b"\0\xff", b"<ListBucketResult><Contents></ListBucketResult>"])
    def test_a_listing_that_is_none_is_a_fault(self, server: Double, body: bytes) -> None:
        server.answer = lambda request: Reply(200, body)
        report = scan("s3://bucket")
        assert [problem.kind for problem in report.problems] == [ProblemKind.SOURCE] * bool(body)

    def test_a_listing_that_goes_in_a_circle_ends(self, server: Double, monkeypatch: pytest.MonkeyPatch) -> None:
        server.answer = lambda request: listing("a", following="again")
        with pytest.raises(SourceFault, match="repeats itself"):
            keys("s3://bucket")
        server.answer = lambda request: listing(following="again")
        with pytest.raises(SourceFault, match="circle"):
            keys("s3://bucket")
        monkeypatch.setattr(paging, "EMPTY_PAGES", 10)
        server.answer = lambda request: listing(following=str(len(server.requests)))
        with pytest.raises(SourceFault, match="circle"):
            keys("s3://bucket")

    @pytest.mark.parametrize(
        ("status", "code", "said"),
        [
            (403, "AccessDenied", "access denied"),
            (403, "InvalidObjectState", "archived"),
            (400, "ExpiredToken", "expired"),
            (404, "NoSuchKey", "no such object"),
            (429, "TooManyRequests", "answered 429"),
            (500, "InternalError", "answered 500"),
            (503, "SlowDown", "answered 503"),
        ],
    )
    def test_one_object_that_is_refused_costs_one_problem(
        self, server: Double, status: int, code: str, said: str
    ) -> None:
        server.answer = lambda request: (
            error(status, code)
            if request.path == "/bucket/a" and "list-type" not in request.query
            else answered(request)
        )
        first, second = scan("s3://bucket").results
        assert [problem.kind for problem in first.problems] == [ProblemKind.SOURCE]
        assert said in first.problems[0].detail
        assert second.digest == hashlib.sha256(DATA).hexdigest()

    @pytest.mark.parametrize("cut", [0, 1, 65_536, 1_999_999])
    def test_what_breaks_off_goes_on(self, server: Double, cut: int) -> None:
        seen: set[str] = set()

        def once(request: Request) -> Reply:
            reply = answered(request)
            first = "Range" in request.headers and request.path not in seen
            seen.update({request.path} if first else ())
            return Reply(reply.status, reply.body, reply.headers, cut=cut) if first else reply

        server.answer = once
        assert {result.digest for result in scan("s3://bucket").results} == {hashlib.sha256(DATA).hexdigest()}

    def test_a_server_without_ranges_is_read_once(self, server: Double) -> None:
        server.answer = lambda request: answered(request) if "list-type" in request.query else Reply(200, DATA)
        assert {result.digest for result in scan("s3://bucket").results} == {hashlib.sha256(DATA).hexdigest()}

    def test_an_object_that_is_replaced_is_said(self, server: Double) -> None:
        def answer(request: Request) -> Reply:
            late = request.headers.get("Range", "bytes=0").startswith("bytes=0")
            return (
                answered(request) if "list-type" in request.query else ranged(DATA, request, '"1"' if late else '"2"')
            )

        server.answer = answer
        kinds = {problem.kind for result in scan("s3://bucket").results for problem in result.problems}
        assert ProblemKind.CHANGED in kinds

    def test_the_region_is_asked_for_when_it_is_another(self, server: Double, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(s3_client, "_REGIONS", {})

        def answer(request: Request) -> Reply:
            signed = request.headers.get("Authorization", "") + request.query.get("X-Amz-Credential", "")
            if "/ap-south-1/" in signed:
                here = Reply(200, b"", {"x-amz-bucket-region": "ap-south-1"})
                return here if request.path == "/bucket" and request.method == "HEAD" else answered(request)
            body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>ap-south-1</Region></Error>"
            return Reply(400, body, {"x-amz-bucket-region": "ap-south-1"})

        server.answer = answer
        listed = Listed(Locator("s3://bucket/a", version='"1"'), len(DATA))
        assert opened(listed, "s3://bucket").fetch(0, 9) == DATA[:9]
        assert keys("s3://bucket") == ["a", "b"]

    def test_without_credentials_requests_are_not_signed(self, server: Double, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        assert {result.digest for result in scan("s3://bucket").results} == {hashlib.sha256(DATA).hexdigest()}
        assert not any(
            "Authorization" in request.headers or "X-Amz-Signature" in request.query for request in server.requests
        )

    def test_who_may_read_need_not_be_allowed_to_list(self, server: Double) -> None:
        server.answer = lambda request: (
            error(403, "AccessDenied") if "list-type" in request.query else ranged(DATA, request)
        )
        assert keys("s3://bucket/a") == ["a"]
        with pytest.raises(SourceFault, match="access denied"):
            keys("s3://bucket/a/")

    def test_requester_pays_on_request(self, server: Double, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_REQUEST_PAYER", "requester")
        scan("s3://bucket")
        assert all("requester" in {**request.headers, **request.query}.values() for request in server.requests)

    def test_nobody_there_is_a_sentence(self, server: Double) -> None:
        server.close()
        (problem,) = scan("s3://bucket").problems
        assert "Could not connect" in problem.detail
