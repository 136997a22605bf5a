"""Objects behind URLs as supervisors lend them: by range, and where a server gives no ranges, fetched once to disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

from sources.source import OpenedObject
from sources.web import RangesIgnored, Refused, Trail, Web

Renewed = Callable[[Refused], Web]
"""Returns what makes requests with other credentials, or raises the refusal again."""


class UrlObject:
    """What `url()` stands for, `size` bytes of the version `etag`; `renewed` gives other credentials where it can.

    The URL is asked for anew for each range: signed ones expire.
    """

    def __init__(self, web: Web, url: Callable[[], str], size: int, etag: str, renewed: Renewed | None) -> None:
        self._web, self._url, self._size, self._etag, self._renewed = web, url, size, etag, renewed
        self._trail = Trail()
        self._copy = -1

    def fetch(self, offset: int, length: int) -> bytes:
        """Return a range; raises SourceFault, ContentChanged."""
        try:
            return self._range(offset, length)
        except Refused as refusal:
            if self._renewed is None:
                raise
            self._web = self._renewed(refusal)
        return self._range(offset, length)

    def _range(self, offset: int, length: int) -> bytes:
        if self._copy < 0:
            try:
                return self._web.range(self._url(), offset, length, self._etag, self._trail)
            except RangesIgnored:
                self._copy = self._downloaded()
        return os.pread(self._copy, length, offset)

    def _downloaded(self) -> int:
        """Return a file without a name that holds the whole object."""
        with tempfile.TemporaryFile(prefix="modelsweep-") as file:
            self._web.copy(self._url(), self._size, file)
            file.flush()
            return os.dup(file.fileno())

    def close(self) -> None:
        """Remove the copy, where there is one."""
        if self._copy >= 0:
            os.close(self._copy)


def opened_url(
    web: Web, url: str | Callable[[], str], size: int, etag: str = "", renewed: Renewed | None = None
) -> OpenedObject:
    """Return the object behind a URL, or behind what gives a fresh one, for lending; makes no request."""
    behind = UrlObject(web, url if callable(url) else lambda: url, size, etag, renewed)
    return OpenedObject(behind.fetch, size, behind.close)
