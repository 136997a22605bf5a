"""Google Cloud Storage: an object, what is below a prefix, or a bucket.

    gs://bucket    gs://bucket/prefix/    gs://bucket/key    gs://bucket/key#GENERATION

A target without a slash at its end is the object of that name, and what is below it. Listing needs
storage.objects.list, reading storage.objects.get. A version is pinned by its generation. Google keeps MD5 and CRC32C,
which are no SHA-256: no digest is known before the bytes are read.

https://cloud.google.com/storage/docs/json_api/v1/objects/list
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from modelsweep.core.finding import Problem
from modelsweep.core.locator import Locator
from modelsweep.core.reader import SourceFault
from sources.paging import in_order
from sources.source import Listed, Opened, OpenedObject, Source, scheme_of

if TYPE_CHECKING:
    from sources.gcs_client import Gcs

NAME = "gcs"
PAGE = 1000
EVERYTHING = "/*"
_FIELDS = "items(name,size,generation,updated),nextPageToken"
_ADDRESS = re.compile(r"gs://([A-Za-z0-9][A-Za-z0-9._-]{1,221})(?:/(.*))?", re.DOTALL)
_GENERATION = re.compile(r"(.+)#([0-9]{1,20})", re.DOTALL)


def place_of(address: str) -> tuple[str, str]:
    """Return bucket and key of an address; raises SourceFault."""
    found = _ADDRESS.fullmatch(address)
    if not found:
        raise SourceFault("gs:// addresses begin with a bucket: gs://BUCKET/KEY")
    return found[1], found[2] or ""


def canonical(target: str) -> str:
    """Return `gs://bucket/prefix/` for `gs://bucket/prefix/*`."""
    return target.removesuffix(EVERYTHING) + "/" if target.endswith(EVERYTHING) else target


def list_target(target: str, after: str = "") -> Iterator[Listed | Problem]:
    """Yield the object, or all objects at or below the prefix, that `target` names; raises SourceFault.

    Where an address below it is given, the listing goes on `after` it.
    """
    from sources.gcs_client import Gcs, GcsRefused

    bucket, key = place_of(canonical(target))
    gcs = Gcs()
    behind = place_of(after)[1] if after else ""
    found = not key or bool(behind)
    if pinned := _GENERATION.fullmatch(key):
        if not after:
            yield _single(gcs, bucket, pinned[1], target, pinned[2])
        return
    if key and not key.endswith("/"):
        try:
            yield _single(gcs, bucket, key, target)
            found = True
        except GcsRefused as refused:
            # Without storage.objects.list an object that is not there is forbidden, not absent
            if refused.status not in (403, 404):
                raise
        key += "/"
    try:
        for page in _pages(gcs, bucket, key, behind):
            found = found or bool(page)
            yield from _listed(bucket, page)
    except GcsRefused as refused:
        # Who may read one object need not be allowed to list
        if not key or not found or refused.status != 403:
            raise
    if not found:
        raise SourceFault(f"{target}: there is no object of this name, and none below it")


def _single(gcs: Gcs, bucket: str, key: str, target: str, generation: str = "") -> Listed:
    """Return one object; raises SourceFault, GcsRefused."""
    from sources.gcs_client import TIMEOUTS, GcsRefused

    pinned = int(generation) if generation else None
    blob = gcs.ask(
        target, lambda: gcs.client.bucket(bucket).get_blob(key, generation=pinned, retry=None, timeout=TIMEOUTS)
    )
    if blob is None:
        raise GcsRefused(target, 404)
    return _item(blob, target)


def _pages(gcs: Gcs, bucket: str, prefix: str, behind: str) -> Iterator[list[Any]]:
    """Yield the objects below a prefix, and behind a name, a page of a thousand at a time; raises SourceFault."""
    from sources.gcs_client import TIMEOUTS

    where = f"gs://{bucket}/{prefix}"

    def page(token: str) -> tuple[list[Any], str]:
        found = gcs.client.list_blobs(
            bucket,
            prefix=prefix,
            start_offset=behind or None,
            page_token=token or None,
            page_size=PAGE,
            fields=_FIELDS,
            retry=None,
            timeout=TIMEOUTS,
        )
        return list(next(found.pages, ())), found.next_page_token or ""

    yield from in_order(where, lambda token: gcs.ask(where, lambda: page(token)), lambda blob: str(blob.name), behind)


def _listed(bucket: str, page: list[Any]) -> Iterator[Listed]:
    for blob in page:
        if not (blob.name.endswith("/") and not blob.size):
            yield _item(blob, f"gs://{bucket}/{blob.name}")


def _item(blob: Any, uri: str) -> Listed:
    if not isinstance(blob.size, int) or blob.size < 0:
        raise SourceFault(f"{uri}: the listing does not say how large it is")
    updated = blob.updated.timestamp() if blob.updated else 0.0
    return Listed(Locator(uri, version=str(blob.generation or "")), blob.size, modified=updated)


def open_object(listed: Listed, target: str) -> Opened:
    """Open an object of the generation that was listed; raises SourceFault."""
    from sources.gcs_client import Gcs, GcsRefused
    from sources.remote import opened_url
    from sources.web import Refused, Web

    uri = listed.locator.uri
    bucket, key = place_of(uri)
    gcs = Gcs()
    pinned = _GENERATION.fullmatch(key) if uri == target else None
    if pinned:
        url = gcs.url(bucket, pinned[1], generation=pinned[2])
    else:
        url = gcs.url(bucket, key, ifGenerationMatch=listed.locator.version)

    def renewed(refusal: Refused) -> Web:
        if refusal.status != 401:
            raise refusal
        return Web(gcs.headers())

    opened = opened_url(Web(gcs.headers()), url, listed.size, renewed=renewed)

    def fetch(offset: int, length: int) -> bytes:
        try:
            return opened.fetch(offset, length)
        except Refused as refused:
            raise GcsRefused(uri, refused.status) from refused

    return OpenedObject(fetch, listed.size, opened.close)


SOURCE = Source(
    name=NAME,
    accepts=lambda target: scheme_of(target) == "gs:",
    list=list_target,
    list_after=list_target,
    open=open_object,
    canonical=canonical,
    examples=("gs://bucket", "gs://bucket/prefix/", "gs://bucket/model.pt", "gs://bucket/model.pt#GENERATION"),
    credentials=("GOOGLE_APPLICATION_CREDENTIALS",),
    needs=("google.cloud.storage",),
)
