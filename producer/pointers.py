"""Data that a listing lacks although DVC keeps track of it: `model.pt.dvc` stands there, and `model.pt` does not.

A pointer is examined like any text. Whether its data is here is for the listing to say: by the rule of `dvc add`, the
pointer is named after the data and stands beside it. https://dvc.org/doc/user-guide/project-structure/dvc-files
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from sources.source import Listed

NAME = "pointer"
_SUFFIX = ".dvc"


def with_absent(
    listing: Iterable[Listed | Problem], is_here: Callable[[str], bool] = os.path.islink
) -> Iterator[Listed | Problem]:
    """Yield a listing in order, with a Problem for data of which only the pointer is listed.

    Held are the names that begin the present one, which are as many as it has parts. `is_here` is asked of what is
    not listed: links inside a tree are left out, because what they lead to is listed where it stands.
    """
    before: list[str] = []
    awaited: list[str] = []
    for item in listing:
        uri = item.locator.uri
        while before and not uri.startswith(before[-1]):
            before.pop()
        yield from _given_up(awaited, uri, is_here)
        before.append(uri)
        yield item
        data = uri.removesuffix(_SUFFIX)
        if isinstance(item, Listed) and data != uri and data not in before and not data.endswith("/"):
            awaited.append(data)
    yield from _given_up(awaited, None, is_here)


def _given_up(awaited: list[str], uri: str | None, is_here: Callable[[str], bool]) -> Iterator[Problem]:
    """Yield a Problem for each of `awaited` that cannot follow any more, now that `uri` does: folders come later."""
    while awaited and (uri is None or not _may_follow(awaited[-1], uri)):
        data = awaited.pop()
        if (uri is None or not uri.startswith(data + "/")) and not is_here(data):
            detail = f"kept by DVC, and not here: only its pointer {data.rpartition('/')[2]}{_SUFFIX} is"
            yield Problem(ProblemKind.SKIPPED, Locator(data), NAME, detail)


def _may_follow(data: str, uri: str) -> bool:
    """Return whether the folder `data` may still come after `uri`."""
    return os.fsencode(uri) < os.fsencode(data + "/") and not uri.startswith(data + "/")
