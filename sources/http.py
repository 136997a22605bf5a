"""Files at plain `https://` (and `http://`) addresses: one target is one file, read by range where the server does.

Nothing is listed below an address: HTTP has no folders. What no other source claims ends here.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.finding import Problem
from modelsweep.core.locator import Locator
from modelsweep.core.reader import SourceFault
from sources.source import Listed, Opened, Source, scheme_of

NAME = "http"


def list_target(target: str) -> Iterator[Listed | Problem]:
    """Yield the file at an address, its version by ETag or time; raises SourceFault where it gives no size."""
    from sources.retrying import time_of
    from sources.web import shown

    headers = _headers(target)
    length = headers.get("Content-Length", "")
    if not length.isdecimal():
        raise SourceFault(f"{shown(target)} does not say how large it is")
    written = time_of(headers.get("Last-Modified", ""))
    yield Listed(Locator(target, version=headers.get("ETag", "")), int(length), modified=written)


def _headers(target: str) -> dict[str, str]:
    from sources.web import Refused, Web

    try:
        return dict(Web().head(target, {"Accept-Encoding": "identity"}))
    except Refused as refusal:
        if refusal.status not in (403, 405, 501):
            raise
    # Links that are signed for GET refuse HEAD
    with Web().get(target, {"Accept-Encoding": "identity"}) as answer:
        return dict(answer.headers)


def open_object(listed: Listed, target: str) -> Opened:
    """Open the file at an address; raises SourceFault."""
    from sources.remote import opened_url
    from sources.web import Web

    return opened_url(Web(), listed.locator.uri, listed.size, listed.locator.version, learns=True)


SOURCE = Source(
    name=NAME,
    accepts=lambda target: scheme_of(target) in ("http:", "https:"),
    list=list_target,
    open=open_object,
    examples=("https://example.org/model.safetensors",),
    needs=("urllib3",),
)
