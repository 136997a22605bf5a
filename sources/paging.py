"""Listings that come in pages of keys, as buckets give them: in order, and one page in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from modelsweep.core.reader import SourceFault

EMPTY_PAGES = 1000
"""Pages without a key in a row, after which a listing is taken for a loop."""
_Item = TypeVar("_Item")
Ask = Callable[[str], tuple[Sequence[_Item], str]]
"""Returns the page that a token stands for, the first one for none, and the token of the next page or nothing."""


def pages(where: str, ask: Ask[_Item]) -> Iterator[Sequence[_Item]]:
    """Yield pages until there are no more; raises SourceFault where they go round in a circle."""
    token, empty = "", 0
    while True:
        page, following = ask(token)
        yield page
        empty = 0 if page else empty + 1
        if not following:
            return
        if following == token or empty > EMPTY_PAGES:
            raise SourceFault(f"{where}: the listing goes in a circle")
        token = following


def in_order(where: str, ask: Ask[_Item], key_of: Callable[[_Item], str], behind: str = "") -> Iterator[list[_Item]]:
    """Yield pages of what has a key behind another, in the order of keys as UTF-8 bytes; raises SourceFault.

    A store that was asked for what is behind it, and gives all the same, is read from the beginning.
    """
    last, least = b"", behind.encode("utf-8", "surrogatepass")
    for page in pages(where, ask):
        kept = []
        for item in page:
            key = key_of(item).encode("utf-8", "surrogatepass")
            if last and key <= last:
                raise SourceFault(f"{where}: the listing is not in the order of keys, or repeats itself")
            last = key
            if not behind or key > least:
                kept.append(item)
        yield kept
