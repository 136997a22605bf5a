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


class Pointers:
    """What a listing has come to: the names that begin the last one, and those of which a pointer promises more.

    Both lists hold beginnings of the last name, so a listing that goes on behind it needs their lengths only.
    """

    def __init__(self, last: str = "", before: Iterable[int] = (), awaited: Iterable[int] = ()) -> None:
        self._before = [last[:length] for length in before]
        self._awaited = [last[:length] for length in awaited]

    @property
    def state(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the lengths of the names that are held, for who goes on behind the file that was yielded last."""
        return tuple(map(len, self._before)), tuple(map(len, self._awaited))

    def with_absent(
        self, listing: Iterable[Listed | Problem], is_here: Callable[[str], bool] = os.path.islink
    ) -> Iterator[Listed | Problem]:
        """Yield a listing in order, with a Problem for data of which only the pointer is listed.

        `is_here` is asked of what is not listed: links inside a tree are left out, because what they lead to is listed
        where it stands.
        """
        before, awaited = self._before, self._awaited
        for item in listing:
            uri = item.locator.uri
            while before and not uri.startswith(before[-1]):
                before.pop()
            yield from _given_up(awaited, uri, is_here)
            before.append(uri)
            data = uri.removesuffix(_SUFFIX)
            if isinstance(item, Listed) and data != uri and data not in before and not data.endswith("/"):
                awaited.append(data)
            yield item
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
