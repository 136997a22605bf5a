"""`re`, but that `compile` waits until the pattern is used; to a type checker, and to whoever uses one, it is `re`.

`from modelsweep.core import patterns as re` stands in modules that every start loads: compiling their hundred patterns
takes 15 ms of CPU, and a small file needs ten of them.
"""

from __future__ import annotations

import re
from re import *  # noqa: F403 - all else is as it is there
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from re import compile
else:

    def compile(pattern: str | bytes, flags: int = 0) -> LatePattern:
        """Return a pattern that is compiled when it is used; so a mistake in it is raised no sooner."""
        return LatePattern(pattern, flags)


class LatePattern:
    """Stands for a compiled pattern: the first use of any of its methods compiles it."""

    def __init__(self, pattern: Any, flags: int) -> None:
        self._wanted = pattern, flags
        _WAITING.add(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.compiled(), name)

    def compiled(self) -> re.Pattern[Any]:
        """Compile it, so that no call of its methods passes by here again."""
        compiled = re.compile(*self._wanted)
        for method in ("search", "match", "fullmatch", "finditer", "findall", "sub", "split"):
            setattr(self, method, getattr(compiled, method))
        _WAITING.discard(self)
        return compiled

    def __repr__(self) -> str:
        return f"compile{self._wanted}"


_WAITING: WeakSet[LatePattern] = WeakSet()


def compile_all() -> None:
    """Compile all that waits: in the process from which many others are forked."""
    for pattern in list(_WAITING):
        pattern.compiled()
