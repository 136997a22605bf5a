"""What only a running interpreter tells: classes of compiled modules, and the weights-only set of torch."""

# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

from __future__ import annotations

import importlib

from scripts.inert.reviewed_names import CALLABLE_COMPILED


def compiled_classes() -> dict[str, list[str]]:
    """The classes that each module of CALLABLE_COMPILED has here, by module; modules that are missing are left out."""
    found: dict[str, list[str]] = {}
    for name in CALLABLE_COMPILED:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        names = [
            key
            for key, value in vars(module).items()
            if (isinstance(value, type) and value.__module__ == name) or key.startswith("__pyx_unpickle_")
        ]
        found[name] = sorted(names)
    return found


def weights_only_names() -> list[str]:
    """The globals of torch's default weights-only set, as they stand in a stream; empty where torch is missing."""
    try:
        from torch._weights_only_unpickler import _get_allowed_globals
    except ImportError:
        return []
    names = set(_get_allowed_globals())
    # Protocol 2, which torch.save writes, has the names of Python 2; torch maps them back.
    names |= {name.replace("builtins.", "__builtin__.") for name in names if name.startswith("builtins.")}
    return sorted(names)
