"""Scanners and judges that are not loaded yet: what the index tells of them is known, all else loads them.

A small file meets a handful of sixty scanners. To load them all takes longer than to examine it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from modelsweep.core.scanner import Signs

if TYPE_CHECKING:
    from modelsweep.core.scanner import Scanner


class Late:
    """Stands for what `load` returns, which is called when something is asked for that is not `known`."""

    digest: str
    """That of its rules."""
    judged: Any

    def __init__(self, load: Callable[[], object], known: Mapping[str, Any]) -> None:
        self.load = load
        self.__dict__.update(known)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what is asked of any object: whether it can be copied, say
            raise AttributeError(name)
        found = getattr(self.load(), name)
        setattr(self, name, found)
        return found


def late_scanner(module: str, index: Mapping[str, Mapping[str, Any]]) -> Scanner:
    """Return the scanner of a module of this package, which is loaded now only if the index does not know it."""
    if module not in index:
        return loaded_scanner(module)
    known = {"opt_in": False, **index[module]}
    known["signs"] = None if known["signs"] is None else Signs(*known["signs"])
    return cast("Scanner", Late(lambda: loaded_scanner(module), known))


def loaded_scanner(module: str) -> Scanner:
    """Return the scanner of a module of this package."""
    scanner: Scanner = import_module(f"scanners.{module}").SCANNER
    return scanner
