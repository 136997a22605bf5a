"""Names that the user trusts: patterns of `--allow-import`, and what `learn` found harmless in sources."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from modelsweep.core.options import Options

MADE = "class "
"""What stands before a class of which only instances that no constructor made are trusted."""


class _Trusted(NamedTuple):
    exact: frozenset[str]
    patterns: tuple[str, ...]


def is_allowed(name: str, options: Options, *, made: bool = False) -> bool:
    """Return whether the user trusts `name`; `made` says that loading would not call it."""
    trusted = _trusted(options.allow_imports)
    if name in trusted.exact or (made and f"{MADE}{name}" in trusted.exact):
        return True
    return any(fnmatchcase(name, pattern) for pattern in trusted.patterns)


@lru_cache(16)
def _trusted(allow: tuple[str, ...]) -> _Trusted:
    patterns = tuple(pattern for pattern in allow if set(pattern) & set("*?["))
    return _Trusted(frozenset(allow).difference(patterns), patterns)
