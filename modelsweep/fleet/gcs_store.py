"""A store in a bucket of Google Cloud Storage: an object is PREFIX/NAME, and appears when all of it was sent.

Permissions: storage.objects.get, .list, .create and .delete on the bucket (roles/storage.objectUser).
https://cloud.google.com/storage/docs/consistency
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from modelsweep.core.reader import SourceFault
from modelsweep.core.units import MIB
from modelsweep.fleet.store import LARGEST, Absent, Pieces, StoreFault, Stretch, checked, checked_prefix, shown
from sources.paging import pages

if TYPE_CHECKING:
    from sources.gcs_client import Gcs

AHEAD = 8 * MIB
"""Bytes asked for at a time where an object is read as a stream."""
PAGE = 1000
"""Names in memory at a time."""
_ABSENT, _NO_RANGE = 404, 416
_Answer = TypeVar("_Answer")


class GcsStore:
    """Objects below `gs://BUCKET/PREFIX`; credentials come from the environment."""

    def __init__(self, uri: str) -> None:
        from sources.gcs import place_of
        from sources.gcs_client import Gcs

        with _faults(shown(uri)):
            bucket, key = place_of(uri)
            self._gcs: Gcs = Gcs()
        self._bucket = bucket
        self._prefix = key.strip("/") + "/" if key.strip("/") else ""

    def put(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Store `data` as a whole; raises StoreFault."""
        self._send(checked(name), io.BytesIO(data), len(data))

    def settle(self) -> None:
        """Return at once: what was put outlives this machine."""

    def get(self, name: str) -> bytes:
        """Return an object of at most `LARGEST` bytes; raises Absent, StoreFault."""
        try:
            data = self._ask(checked(name), lambda: self._downloaded(name))
        except StoreFault as fault:
            if isinstance(fault.__cause__, SourceFault) and getattr(fault.__cause__, "status", 0) == _NO_RANGE:
                return b""  # an empty object has no first byte
            raise
        if len(data) > LARGEST:
            raise StoreFault(name, f"{len(data):,} bytes and more are more than an object of the store may have")
        return data

    def _downloaded(self, name: str) -> bytes:
        from sources.gcs_client import TIMEOUTS

        # In one request, which gives one generation, however often others replace it
        data: bytes = self._blob(name).download_as_bytes(
            start=0, end=LARGEST, raw_download=True, checksum=None, retry=None, timeout=TIMEOUTS
        )
        return data

    def exists(self, name: str) -> bool:
        """Return whether there is an object of that name; raises StoreFault."""
        try:
            self._described(name)
        except Absent:
            return False
        return True

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the names at or below `prefix`, a thousand in memory at a time; raises StoreFault."""
        prefix = checked_prefix(prefix)
        if prefix and self.exists(prefix):
            yield prefix
        below = f"{self._prefix}{prefix}/" if prefix else self._prefix
        with _faults(prefix):
            for page in pages(shown(prefix), lambda token: self._gcs.ask(prefix, lambda: self._page(below, token))):
                yield from (name[len(self._prefix) :] for name in page)

    def _page(self, below: str, token: str) -> tuple[Sequence[str], str]:
        from sources.gcs_client import TIMEOUTS

        found = self._gcs.client.list_blobs(
            self._bucket, prefix=below, page_token=token or None, page_size=PAGE, retry=None, timeout=TIMEOUTS
        )
        return [str(blob.name) for blob in next(found.pages, ())], found.next_page_token or ""

    def delete(self, prefix: str) -> None:
        """Remove all objects at or below `prefix`; raises StoreFault."""
        for name in self.list(prefix):
            try:
                self._ask(name, lambda name=name: self._blob(name).delete(retry=None))  # type: ignore[misc]
            except Absent:
                continue  # somebody else was quicker

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        """Open an object for writing; it appears when the block ends, and not at all where that raises."""
        checked(name)
        with tempfile.TemporaryFile(prefix="modelsweep-") as file:
            stream = Pieces(lambda data: cast(None, file.write(data)))
            yield cast(BinaryIO, stream)
            stream.send_rest()
            self._send(name, cast(BinaryIO, file), file.tell())

    @contextmanager
    def reader(self, name: str) -> Iterator[BinaryIO]:
        """Open an object for reading; raises Absent, StoreFault."""
        blob = self._described(name)
        stretch = Stretch(lambda offset, length: self._read(name, blob, offset, length), blob.size)
        with io.BufferedReader(stretch, AHEAD) as stream:
            yield cast(BinaryIO, stream)

    def _send(self, name: str, stream: BinaryIO, size: int) -> None:
        def send() -> None:
            stream.seek(0)
            self._blob(name).upload_from_file(stream, size=size, checksum=None, retry=None)

        self._ask(name, send)

    def _read(self, name: str, blob: Any, offset: int, length: int) -> bytes:
        """Return a range of the generation that was described; one that another writer replaced is a fault."""
        from sources.gcs_client import GcsRefused
        from sources.web import Refused, Web

        url = self._gcs.url(self._bucket, self._prefix + name, generation=str(blob.generation))
        with _faults(name):
            try:
                return Web(self._gcs.headers()).range(url, offset, length)
            except Refused as refused:
                raise GcsRefused(name, refused.status) from refused

    def _described(self, name: str) -> Any:
        from sources.gcs_client import TIMEOUTS

        key = self._prefix + checked(name)
        bucket = self._gcs.client.bucket(self._bucket)
        blob = self._ask(name, lambda: bucket.get_blob(key, retry=None, timeout=TIMEOUTS))
        if blob is None:
            raise Absent(name)
        return blob

    def _blob(self, name: str) -> Any:
        return self._gcs.client.bucket(self._bucket).blob(self._prefix + name)

    def _ask(self, name: str, call: Callable[[], _Answer]) -> _Answer:
        with _faults(name):
            return self._gcs.ask(name, call)


@contextmanager
def _faults(name: str) -> Iterator[None]:
    """Let a fault of the bucket pass as one of the store."""
    from sources.gcs_client import GcsRefused

    try:
        yield
    except GcsRefused as refused:
        if refused.status == _ABSENT:
            raise Absent(name) from refused
        raise StoreFault(name, str(refused)) from refused
    except SourceFault as fault:
        raise StoreFault(name, str(fault)) from fault
