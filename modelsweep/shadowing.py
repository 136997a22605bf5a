"""The guard against shadowing: our packages have plain names, and a hostile folder on the path may have the same ones.

A working directory with a `scanners/` in it, or a PYTHONPATH that leads to one, would otherwise run as ours.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

OWN = ("modelsweep", "sources", "scanners", "reporting", "producer", "worker")
"""Our top-level packages, installed side by side."""
HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The folder that they are installed in (or the checkout)."""


class Shadowed(ImportError):
    """A package of modelsweep resolves to something else; the message names the file."""


def check() -> None:
    """Raise Shadowed unless each of our packages is, or would be, loaded from our own installation.

    Nothing is imported: it takes a tenth of a millisecond.
    """
    for name in OWN:
        expected = os.path.join(HOME, name, "__init__.py")
        found = _origin(name)
        if not found:
            raise Shadowed(f"{expected} is missing: modelsweep is not completely installed")
        if os.path.abspath(found) != expected:
            raise Shadowed(f"{os.path.abspath(found)} hides modelsweep's own package {name!r} ({expected})")


def _origin(name: str) -> str:
    """Return the file that `name` is, or would be, loaded from; nothing where it is not found."""
    try:
        spec = find_spec(name)
    except ValueError:  # it was put in sys.modules without a specification
        return getattr(sys.modules[name], "__file__", None) or "something without a file"
    if spec is None:
        return ""
    return spec.origin or next(iter(spec.submodule_search_locations or ()), "a namespace package")


def leave_working_directory() -> None:
    """Take the working directory, which `python -m` puts first, off the path: hostile files are unpacked there."""
    if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()) and sys.path[0] != HOME:
        del sys.path[0]
