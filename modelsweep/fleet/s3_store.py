"""A store in a bucket of S3 or R2: an object is the key PREFIX/NAME, and appears when all of it was sent.

Permissions: s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload on BUCKET/PREFIX/*, s3:ListBucket on
BUCKET. What a writer that died left unfinished is invisible; a lifecycle rule for incomplete uploads removes it.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from modelsweep.core.reader import SourceFault
from modelsweep.core.units import MIB
from modelsweep.fleet.store import LARGEST, Absent, Pieces, StoreFault, Stretch, checked, checked_prefix, shown
from sources.paging import pages

if TYPE_CHECKING:
    from sources.s3_client import S3

PART = 16 * MIB
"""Bytes of a part of an upload; S3 takes 10,000 of them, none but the last below 5 MiB."""
AHEAD = 8 * MIB
"""Bytes asked for at a time where an object is read as a stream."""
_ABSENT = ("NoSuchKey", "404")


class S3Store:
    """Objects below `s3://BUCKET/PREFIX`; credentials come from the environment."""

    def __init__(self, uri: str) -> None:
        from sources.s3 import place_of
        from sources.s3_client import S3

        with _faults(shown(uri)):
            place = place_of(uri, versions=False)
            self._s3: S3 = S3(place.scheme, place.bucket)
        self._bucket = place.bucket
        self._prefix = place.key.strip("/") + "/" if place.key.strip("/") else ""

    def put(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Store `data` as a whole; raises StoreFault."""
        self._ask(checked(name), "put_object", Body=data)

    def settle(self) -> None:
        """Return at once: what was put outlives this machine."""

    def get(self, name: str) -> bytes:
        """Return an object of at most `LARGEST` bytes; raises Absent, StoreFault."""
        size = self._size(name)
        if size > LARGEST:
            raise StoreFault(name, f"{size:,} bytes are more than an object of the store may have")
        return self._read(name, 0, size, "") if size else b""

    def exists(self, name: str) -> bool:
        """Return whether there is an object of that name; raises StoreFault."""
        try:
            self._size(name)
        except Absent:
            return False
        return True

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the names at or below `prefix`, a thousand in memory at a time; raises StoreFault."""
        prefix = checked_prefix(prefix)
        if prefix and self.exists(prefix):
            yield prefix
        below = f"{self._prefix}{prefix}/" if prefix else self._prefix

        def ask(token: str) -> tuple[list[str], str]:
            again = {"ContinuationToken": token} if token else {}
            page = self._s3.ask(prefix, "list_objects_v2", Bucket=self._bucket, Prefix=below, **again)
            keys = [str(item["Key"]) for item in page.get("Contents", ())]
            return keys, page.get("NextContinuationToken", "") if page.get("IsTruncated") else ""

        with _faults(prefix):
            for page in pages(shown(prefix), ask):
                yield from (key[len(self._prefix) :] for key in page)

    def delete(self, prefix: str) -> None:
        """Remove all objects at or below `prefix`; raises StoreFault."""
        for name in self.list(prefix):
            self._ask(name, "delete_object")

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        """Open an object for writing; it appears when the block ends, and not at all where that raises."""
        upload = _Upload(self, checked(name))
        try:
            stream = Pieces(upload.send)
            yield cast(BinaryIO, stream)
            stream.send_rest()
            upload.finish()
        except BaseException:
            with suppress(StoreFault):
                upload.abort()
            raise

    @contextmanager
    def reader(self, name: str) -> Iterator[BinaryIO]:
        """Open an object for reading; raises Absent, StoreFault."""
        head = self._ask(checked(name), "head_object")
        etag = head["ETag"]
        with io.BufferedReader(
            Stretch(lambda offset, length: self._read(name, offset, length, etag), head["ContentLength"]), AHEAD
        ) as stream:
            yield cast(BinaryIO, stream)

    def _size(self, name: str) -> int:
        return int(self._ask(checked(name), "head_object")["ContentLength"])

    def _read(self, name: str, offset: int, length: int, etag: str) -> bytes:
        """Return a range, of one version where `etag` is given; what another writer replaced is a fault."""
        from botocore.exceptions import BotoCoreError

        version = {"IfMatch": etag} if etag else {}
        answer = self._ask(name, "get_object", Range=f"bytes={offset}-{offset + length - 1}", **version)
        try:
            data: bytes = answer["Body"].read()
        except (BotoCoreError, OSError) as error:
            raise StoreFault(name, f"reading broke off: {type(error).__name__}") from error
        return data

    def _ask(self, name: str, operation: str, **parameters: Any) -> Any:
        with _faults(name):
            return self._s3.ask(name, operation, Bucket=self._bucket, Key=self._prefix + name, **parameters)


class _Upload:
    """An object that is sent in parts, which becomes one only where it is larger than a part."""

    def __init__(self, store: S3Store, name: str) -> None:
        self._store, self._name = store, name
        self._held, self._id = bytearray(), ""
        self._parts: list[dict[str, object]] = []

    def send(self, data: bytes | memoryview) -> None:
        """Take a piece; parts are sent when they are full."""
        self._held += data
        while len(self._held) > PART:
            self._send_part(bytes(self._held[:PART]))
            del self._held[:PART]

    def finish(self) -> None:
        """Make the object appear."""
        if not self._id:
            self._store.put(self._name, bytes(self._held))
            return
        self._send_part(bytes(self._held))
        self._ask("complete_multipart_upload", UploadId=self._id, MultipartUpload={"Parts": self._parts})

    def abort(self) -> None:
        """Forget what was sent."""
        if self._id:
            self._ask("abort_multipart_upload", UploadId=self._id)

    def _send_part(self, data: bytes) -> None:
        self._id = self._id or self._ask("create_multipart_upload")["UploadId"]
        number = len(self._parts) + 1
        answer = self._ask("upload_part", UploadId=self._id, PartNumber=number, Body=data)
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})

    def _ask(self, operation: str, **parameters: Any) -> Any:
        return self._store._ask(self._name, operation, **parameters)


@contextmanager
def _faults(name: str) -> Iterator[None]:
    """Let a fault of the bucket pass as one of the store."""
    from sources.s3_client import S3Refused

    try:
        yield
    except S3Refused as refused:
        if refused.code in _ABSENT:
            raise Absent(name) from refused
        raise StoreFault(name, str(refused)) from refused
    except SourceFault as fault:
        raise StoreFault(name, str(fault)) from fault
