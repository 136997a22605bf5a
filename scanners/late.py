"""Proxies for scanners and judges that are not loaded yet: attributes in the index are known, others load the module.

A small file needs a handful of sixty scanners. Loading them all takes longer than examining it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from modelsweep.core.scanner import Signs

if TYPE_CHECKING:
    from modelsweep.core.scanner import Scanner


class Late:
    """A proxy for what `load` returns, which is called when an attribute is needed that is not `known`."""

    digest: str
    """Digest of the rules."""
    judged: Any

    def __init__(self, load: Callable[[], object], known: Mapping[str, Any]) -> None:
        self.load = load
        self.__dict__.update(known)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # protocols that any object is probed for, such as copying
            raise AttributeError(name)
        found = getattr(self.load(), name)
        setattr(self, name, found)
        return found


def late_scanner(module: str, index: Mapping[str, Mapping[str, Any]]) -> Scanner:
    """Return the scanner of a module of this package, which is loaded now only if it is not in the index."""
    if module not in index:
        return loaded_scanner(module)
    known = {"opt_in": False, **index[module]}
    known["signs"] = None if known["signs"] is None else Signs(*known["signs"])
    return cast("Scanner", Late(lambda: loaded_scanner(module), known))


def loaded_scanner(module: str) -> Scanner:
    """Load a module of this package and return its scanner."""
    scanner: Scanner = import_module(f"scanners.{module}").SCANNER
    return scanner
