"""Packages that a model's lists ask for, by package URL: what tools for dependencies look vulnerabilities up by.

https://github.com/package-url/purl-spec/blob/main/types-doc/pypi-definition.md and conda-definition.md. A version is
named where the list pins one; what comes from an address or an index is no package of a registry, and has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from modelsweep.core.finding import Fact
from modelsweep.core.locator import Locator
from reporting.address import quote

PIP, CONDA = "requirement", "conda-requirement"
KINDS = frozenset({PIP, CONDA})
"""Kinds of fact that say what is asked for, one each, as it stands in the list."""
_ASKED = {
    PIP: re.compile(
        r"([A-Za-z0-9](?:[\w.-]{0,98}[A-Za-z0-9])?)[ \t]*(?:\[[^\]]*\])?[ \t]*((?:[=<>!~(][^;@/]*)?)(?:;.*)?"
    ),
    CONDA: re.compile(r"(?:[\w.-]+::)?([A-Za-z0-9_][\w.-]{0,99})[ \t]*((?:[=<>!~ ][^;@/]*)?)"),
}
"""A name, and what versions of it will do; a marker or hash may follow."""
_PINNED = {
    PIP: re.compile(r"\(?===?[ \t]*([A-Za-z0-9.!+_-]+)[ \t]*\)?"),
    CONDA: re.compile(r"={0,2}[ \t]*([A-Za-z0-9.!+_]+)(?:[= ][A-Za-z0-9._]+)?"),
}
_TYPES = {PIP: "pypi", CONDA: "conda"}
_OPTIONS = re.compile(r"[ \t]--.*")


class Package(NamedTuple):
    """A package that is asked for: its name, the version where one is pinned, its package URL, and the line."""

    where: Locator
    name: str
    version: str
    url: str
    line: str


def packages_of(facts: Iterable[Fact]) -> Iterator[Package]:
    """Yield the packages that lists ask for, each line of a list once, in the order of the facts."""
    lines = dict.fromkeys((fact.locator, fact.kind, fact.value) for fact in facts if fact.kind in KINDS)
    for where, kind, line in lines:
        asked = _ASKED[kind].fullmatch(_OPTIONS.sub("", line).strip())
        if not asked:
            continue
        name = asked[1].replace("_", "-").lower() if kind == PIP else asked[1].lower()
        pinned = _PINNED[kind].fullmatch(asked[2].strip())
        version = pinned[1] if pinned else ""
        url = f"pkg:{_TYPES[kind]}/{name}" + (f"@{quote(version)}" if version else "")
        yield Package(where, name, version, url, line)
