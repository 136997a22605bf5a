"""The ledger's scripts: each runs in Redis as one step that nothing comes between. `prelude.lua` stands before each."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from importlib import resources

PRELUDE = "prelude"


@dataclass(frozen=True, slots=True)
class Script:
    """The text of a script, and the name that Redis knows it by once it has seen it."""

    source: bytes
    sha: str


@functools.cache
def load(name: str) -> Script:
    """Return the script `name`.lua."""
    folder = resources.files(__name__)
    source = b"\n".join((folder / f"{part}.lua").read_bytes() for part in (PRELUDE, name))
    return Script(source, hashlib.sha1(source, usedforsecurity=False).hexdigest())


def names() -> tuple[str, ...]:
    """Return the names of all scripts."""
    found = (entry.name for entry in resources.files(__name__).iterdir())
    return tuple(sorted(name[:-4] for name in found if name.endswith(".lua") and name != f"{PRELUDE}.lua"))
