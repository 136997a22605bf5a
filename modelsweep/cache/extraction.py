"""What decides which facts, findings and problems are extracted from given bytes: our code, and some of the options.

The code is taken as it stands, not by version numbers alone: somebody may forget to raise one, and then an old entry
would stand for what today's code sees. Judges are left out as far as nothing but judging depends on them.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from collections.abc import Iterator

from modelsweep.cache.backend import CacheFault
from modelsweep.core.finding import Json
from modelsweep.core.options import Options
from modelsweep.shadowing import HOME

JUDGING = frozenset(
    {
        "__init__",  # the list of judges, with their versions
        "blacklist",
        "code_references",
        "handed_values",
        "inert",
        "inert_states",
        "keras_layers",
        "keras_rules",
        "listed_names",
        "pickle_attributes",
        "pickle_calls",
        "pickle_code",
        "pickle_rules",
        "python_code",
        "python_compiled",
        "python_importers",
        "python_opinions",
        "python_rules",
        "skops_nodes",
        "templates",
        "usual_tools",
    }
)
"""Modules of scanners/judge that nothing is extracted with, like all of its folder repository; a test holds it."""
_FOLDERS = ("scanners", "scanners/detectors", "scanners/parsing", "scanners/judge", "modelsweep/core")
_FILES = ("sources/file.py", "sources/ranged.py", "sources/spool.py", "worker/child.py")


def extraction(options: Options, ruleset: str) -> Json:
    """Return all that decides, but for the bytes; `ruleset` is the digest of all rules, plug-ins included.

    Plug-ins are known by that digest: their rules and ours, judges' too, are then part of it; so are versions of
    packages, for scanners that somebody has to ask for. Raises CacheFault.
    """
    return [
        code_digest(),
        list(sys.version_info[:2]),  # Python's own parser reads Python
        options.depth,
        None if options.scanners is None else [*sorted(set(options.scanners))],
        {**options.limits.to_dict()},
        [ruleset, *options.plugins] if options.plugins or _asks(options) else [],
        list(options.require_signers),
    ]


def _asks(options: Options) -> bool:
    """Return whether a scanner was asked for whose findings depend on the versions of packages."""
    if not options.scanners:
        return False
    from scanners.index import SCANNERS

    names = options.scanners
    return any(known.get("opt_in") and known["name"] in names for known in SCANNERS.values())


@functools.cache
def code_digest(home: str = HOME) -> str:
    """Return a SHA-256 over the code that extracts, 3 ms; raises CacheFault where it cannot be read."""
    digest = hashlib.sha256()
    try:
        for name in sorted(_sources(home)):
            with open(os.path.join(home, name), "rb") as file:
                content = file.read()
            digest.update(f"{name}\n{len(content)}\n".encode() + content)
    except OSError as error:
        raise CacheFault(f"modelsweep's own code cannot be read: {error}") from error
    return digest.hexdigest()


def _sources(home: str) -> Iterator[str]:
    """Yield the paths of all modules that extract, relative to `home`."""
    yield from _FILES
    for folder in _FOLDERS:
        for name in os.listdir(os.path.join(home, folder)):
            judges = folder == "scanners/judge" and name.removesuffix(".py") in JUDGING
            if name.endswith(".py") and not judges:
                yield f"{folder}/{name}"
