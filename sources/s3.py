"""Amazon S3, Cloudflare R2 and what speaks their protocol: an object, what is below a prefix, or a bucket.

    s3://bucket    s3://bucket/prefix/    s3://bucket/key    s3://bucket/key?versionId=...    r2://bucket/key

A target without a slash at its end is the object of that key, and what is below it: keys know no folders. Listing needs
s3:ListBucket, reading s3:GetObject. Archived objects are said, and empty keys that end with a slash, which consoles
make to show a folder, passed over. A version is pinned by ETag, which a replaced object does not have.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.reader import SourceFault
from modelsweep.core.units import MIB
from modelsweep.core.values import dataclass
from sources.paging import in_order
from sources.source import Listed, Opened, OpenedObject, Source, scheme_of

if TYPE_CHECKING:
    from sources.s3_client import S3

NAME = "s3"
DIGEST_FROM = MIB
"""Bytes from which it is cheaper to ask for a digest than to read what it is of."""
AT_ONCE = 8
"""Digests asked for at a time."""
EVERYTHING = "/*"
_VERSION = "?versionId="
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
_UNORDERED = "--x-s3"


@dataclass(frozen=True, slots=True)
class Place:
    """What an address names: a bucket, a key or prefix in it, and a version of that key where one is given."""

    scheme: str
    bucket: str
    key: str
    version: str = ""

    def uri(self, key: str) -> str:
        """Return the address of another key of the bucket."""
        return f"{self.scheme}://{self.bucket}/{key}"


def place_of(address: str, *, versions: bool) -> Place:
    """Return what an address names; a version only where `versions` says that it may; raises SourceFault."""
    scheme, _, rest = address.partition("://")
    bucket, _, key = rest.partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise SourceFault(f"{scheme}:// addresses begin with a bucket: {scheme}://BUCKET/KEY")
    if versions and _VERSION in key:
        key, _, version = key.rpartition(_VERSION)
        return Place(scheme, bucket, key, version)
    return Place(scheme, bucket, key)


def canonical(target: str) -> str:
    """Return `s3://bucket/prefix/` for `s3://bucket/prefix/*`."""
    return target.removesuffix(EVERYTHING) + "/" if target.endswith(EVERYTHING) else target


def list_target(target: str, after: str = "") -> Iterator[Listed | Problem]:
    """Yield the object, or all objects at or below the prefix, that `target` names; raises SourceFault.

    Where an address below it is given, the listing goes on `after` it.
    """
    from sources.s3_client import S3

    place = place_of(canonical(target), versions=True)
    if place.bucket.endswith(_UNORDERED):
        raise SourceFault(f"{place.bucket} is a directory bucket: its listing is unordered, so none of it is examined")
    s3 = S3(place.scheme, place.bucket)
    behind = place_of(after, versions=False).key if after else ""
    if place.version:
        if not after:
            yield _single(s3, place, target)
    elif not place.key:
        for page in _pages(s3, place, "", behind):
            yield from _listed(s3, place, page)
    else:
        yield from _at_and_below(s3, place, target, behind)


def _at_and_below(s3: S3, place: Place, target: str, behind: str) -> Iterator[Listed | Problem]:
    """Yield the object of the key, then what is below it as a prefix; raises SourceFault where there is neither."""
    from sources.s3_client import S3Refused

    found = bool(behind)
    if not place.key.endswith("/") and not behind:
        try:
            yield _single(s3, place, target)
            found = True
        except S3Refused as refused:
            # Without s3:ListBucket an object that is not there is forbidden, not absent
            if refused.code not in ("NoSuchKey", "AccessDenied"):
                raise
    try:
        for page in _pages(s3, place, place.key if place.key.endswith("/") else place.key + "/", behind):
            found = found or bool(page)
            yield from _listed(s3, place, page)
    except S3Refused as refused:
        # Who may read one object need not be allowed to list
        if not found or refused.code != "AccessDenied":
            raise
    if not found:
        raise SourceFault(f"{place.uri(place.key)}: there is no object of this key, and none below it")


def _single(s3: S3, place: Place, target: str) -> Listed | Problem:
    """Return the object that a key names; raises SourceFault, S3Refused."""
    version = {"VersionId": place.version} if place.version else {}
    where = place.uri(place.key)
    head = s3.ask(where, "head_object", Bucket=place.bucket, Key=place.key, ChecksumMode="ENABLED", **version)
    uri = target if place.version else where
    if archived := _archived(head):
        return Problem(ProblemKind.SKIPPED, Locator(uri), NAME, archived)
    return Listed(
        Locator(uri, version=place.version or _state(head)),
        head["ContentLength"],
        _vouched(head),
        _time(head),
    )


def _pages(s3: S3, place: Place, prefix: str, behind: str = "") -> Iterator[list[dict[str, Any]]]:
    """Yield the objects below a prefix, and behind a key, a page of a thousand at a time; raises SourceFault."""
    where = place.uri(prefix)
    begin = {"StartAfter": behind} if behind else {}

    def ask(token: str) -> tuple[list[dict[str, Any]], str]:
        answer = s3.ask(
            where,
            "list_objects_v2",
            Bucket=place.bucket,
            Prefix=prefix,
            OptionalObjectAttributes=["RestoreStatus"],
            **({"ContinuationToken": token} if token else begin),
        )
        following = answer.get("NextContinuationToken", "") if answer.get("IsTruncated") else ""
        if answer.get("IsTruncated") and not following:
            raise SourceFault(f"{where}: the listing ends abruptly without saying how it continues")
        return answer.get("Contents", []), following

    yield from in_order(where, ask, lambda item: str(item["Key"]), behind)


def _listed(s3: S3, place: Place, page: list[dict[str, Any]]) -> Iterator[Listed | Problem]:
    """Yield the objects of a page, with digests where S3 has computed them over the whole content."""
    digests = _digests(s3, place, page)
    for item in page:
        key = item["Key"]
        uri = place.uri(key)
        if key.endswith("/") and not item["Size"]:
            continue
        if archived := _archived(item):
            yield Problem(ProblemKind.SKIPPED, Locator(uri), NAME, archived)
        else:
            yield Listed(Locator(uri, version=_state(item)), item["Size"], digests.get(key, ""), _time(item))


def _digests(s3: S3, place: Place, page: list[dict[str, Any]]) -> dict[str, str]:
    """Return the SHA-256 of those objects of a page that have one, and are large enough to be worth a request."""
    keys = [
        item["Key"]
        for item in page
        if item["Size"] > DIGEST_FROM
        and "SHA256" in item.get("ChecksumAlgorithm", ())
        and item.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
        and not _archived(item)
    ]
    if not keys:
        return {}
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(keys, pool.map(lambda key: _digest(s3, place, key), keys), strict=True))


def _digest(s3: S3, place: Place, key: str) -> str:
    """Return what S3 says is the SHA-256 of an object, nothing where it does not: reading will tell."""
    try:
        head = s3.ask(place.uri(key), "head_object", Bucket=place.bucket, Key=key, ChecksumMode="ENABLED")
    except SourceFault:
        return ""
    return _vouched(head)


def _vouched(head: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the whole content in hex; a checksum of the checksums of parts is none.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
    """
    checksum = head.get("ChecksumSHA256", "")
    if head.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return ""
    try:
        digest = base64.b64decode(checksum, validate=True)  # that of parts ends with -N
    except (binascii.Error, ValueError):
        return ""
    return digest.hex() if len(digest) == 32 else ""


def _archived(item: Mapping[str, Any]) -> str:
    """Return why an object cannot be read before it is restored, nothing where it can."""
    kind = item.get("StorageClass", "STANDARD")
    restored = item.get("RestoreStatus", {}).get("RestoreExpiryDate") or 'ongoing-request="false"' in item.get(
        "Restore", ""
    )
    if item.get("ArchiveStatus"):
        kind = item["ArchiveStatus"]
    elif kind not in _ARCHIVED or restored:
        return ""
    return f"archived ({kind}): it can be read when it is restored"


def _state(item: Mapping[str, Any]) -> str:
    """Return what tells an object from those before it: its ETag, and the second when it was written.

    An ETag is often an MD5: who may write to a bucket could have two contents of one ETag, but not of one time.
    """
    return f"{item.get('ETag', '')} {_time(item):.0f}"


def _time(item: Mapping[str, Any]) -> float:
    written = item.get("LastModified")
    return float(written.timestamp()) if written else 0.0


def open_object(listed: Listed, target: str) -> Opened:
    """Open an object; raises SourceFault. No request is made before bytes are asked for."""
    from sources.remote import opened_url
    from sources.s3_client import S3, S3Refused, is_elsewhere
    from sources.web import Refused, Web

    uri = listed.locator.uri
    place = place_of(uri, versions=uri == canonical(target))
    version = {"VersionId": place.version} if place.version else {}
    etag = "" if place.version else listed.locator.version.partition(" ")[0]

    def url() -> str:
        return S3(place.scheme, place.bucket).url(uri, Bucket=place.bucket, Key=place.key, **version)

    s3 = S3(place.scheme)
    opened = opened_url(Web(s3.headers, authorities=s3.authorities), url, listed.size, etag)

    def fetch(offset: int, length: int) -> bytes:
        try:
            return opened.fetch(offset, length)
        except Refused as refused:
            if is_elsewhere(refused.code):
                S3(place.scheme).find_region(place.bucket)
                return opened.fetch(offset, length)
            raise S3Refused(uri, refused.code) if refused.code else refused from refused

    return OpenedObject(fetch, listed.size, opened.close)


SOURCE = Source(
    name=NAME,
    accepts=lambda target: scheme_of(target) in ("s3:", "r2:"),
    list=list_target,
    list_after=list_target,
    open=open_object,
    canonical=canonical,
    examples=(
        "s3://bucket",
        "s3://bucket/prefix/",
        "s3://bucket/model.pt",
        "s3://bucket/model.pt?versionId=ID",
        "r2://bucket/model.pt",
    ),
    credentials=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"),
    needs=("boto3",),
)
