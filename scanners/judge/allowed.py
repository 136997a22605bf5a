"""Names that the user trusts: patterns of `--allow-import`, and what `learn` found harmless in sources."""

from __future__ import annotations

from functools import lru_cache

from modelsweep.core.options import Options

MADE = "class "
"""Prefix of a class that is trusted only if its instances are created without a constructor."""
REACTS = "reacts "
"""Prefix of a class whose instances may be held, but not passed to callables that use their methods."""


def is_allowed(name: str, options: Options, *, made: bool = False) -> bool:
    """Return whether the user trusts `name`; `made` tells that loading would not call it."""
    exact, patterns = _trusted(options.allow_imports)
    if name in exact or (made and f"{MADE}{name}" in exact):
        return True
    if not patterns:
        return False
    from fnmatch import fnmatchcase

    return any(fnmatchcase(name, pattern) for pattern in patterns)


def reacts(maker: str, options: Options) -> bool:
    """Return whether instances that `maker` creates may be held, but have methods that run unexamined code."""
    return f"{REACTS}{maker}" in _trusted(options.allow_imports)[0]


@lru_cache(16)
def _trusted(allow: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the names and the patterns among what the user allows."""
    patterns = tuple(pattern for pattern in allow if set(pattern) & set("*?["))
    return frozenset(allow).difference(patterns), patterns
