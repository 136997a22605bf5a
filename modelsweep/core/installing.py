"""How an optional package gets to where modelsweep runs: there may be no published release to name an extra of."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable


def how_to_install(extra: str) -> str:
    """Return the command that installs the packages of one of our extras into the Python that runs us."""
    from importlib.metadata import PackageNotFoundError, requires

    suffix = re.compile(rf"(?:; | and )extra == ['\"]{re.escape(extra)}['\"]$")
    try:
        declared = requires("modelsweep") or []
    except PackageNotFoundError:  # run from a bare source tree, where nobody can look it up
        return f"install the extra `{extra}` of pyproject.toml"
    return pip_install(suffix.sub("", line) for line in declared if suffix.search(line))


def pip_install(requirements: Iterable[str]) -> str:
    """Return the command that installs packages into the Python that runs us, quoted for a shell."""
    return shlex.join([sys.executable, "-m", "pip", "install", *requirements])
