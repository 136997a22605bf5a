"""Objects behind URLs as supervisors lend them: by range, and where a server gives no ranges, fetched once to disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

from sources.source import OpenedObject
from sources.web import Expected, RangesIgnored, Refused, Trail, Web

Renewed = Callable[[Refused], Web]
"""Returns what makes requests with other credentials, or raises the refusal again."""


class UrlObject:
    """What `url()` stands for, of the version and size that are expected; `renewed` gives other credentials if it can.

    The URL is asked for anew for each range: signed ones expire.
    """

    def __init__(self, web: Web, url: Callable[[], str], expected: Expected, renewed: Renewed | None) -> None:
        self._web, self._url, self._expected, self._renewed = web, url, expected, renewed
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
                return self._web.range(self._url(), offset, length, self._expected, self._trail)
            except RangesIgnored:
                self._copy = self._downloaded()
        return os.pread(self._copy, length, offset)

    def _downloaded(self) -> int:
        """Return a file without a name that holds the whole object."""
        with tempfile.TemporaryFile(prefix="modelsweep-") as file:
            self._web.copy(self._url(), self._expected.size, file, self._expected)
            file.flush()
            return os.dup(file.fileno())

    def close(self) -> None:
        """Remove the copy, where there is one."""
        if self._copy >= 0:
            os.close(self._copy)


def opened_url(
    web: Web,
    url: str | Callable[[], str],
    size: int,
    etag: str = "",
    renewed: Renewed | None = None,
    *,
    learns: bool = False,
) -> OpenedObject:
    """Return the object behind a URL, or behind what gives a fresh one, for lending; makes no request.

    Where its version is not known, but the server tells one, it is read in that of the first answer if it `learns`.
    """
    behind = UrlObject(web, url if callable(url) else lambda: url, Expected(etag, size, learns), renewed)
    return OpenedObject(behind.fetch, size, behind.close)
