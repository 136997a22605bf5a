"""Which source knows a target, and how what was listed below it is opened, and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self
from urllib.parse import unquote, urlsplit

from modelsweep.core.reader import SourceFault
from modelsweep.core.report import Unit
from modelsweep.core.values import replace
from sources.local import SOURCE as LOCAL
from sources.local import Folder
from sources.source import DVC_SUFFIX, Elsewhere, Listed, Opened, Source, scheme_of

ANYWHERE = "*"
"""As a root: a worker may read every file, and every address."""
_CREDENTIALS = re.compile(r"^((?i:https?)://)[^/?#]*@|^([\w.+-]+://)[^/?#@]*:[^/?#]*@")
"""`hf://name@revision` has none: elsewhere than in plain addresses a colon tells."""
_BEGINNING = re.compile(r"[\w+.-]{2,}:/+")
"""What tells an address from a path."""
_DOTS = frozenset({".", ".."})
EVERYTHING = "/*"
"""Behind a place: all that is below it, as a target."""


class MissingPackage(SourceFault):
    """A package that a source needs is not installed; the sentence names it and the extra that brings it."""


def source_of(target: str) -> Source:
    """Return the source that knows `target`; raises SourceFault where none does, MissingPackage."""
    source = _knowing(target)
    if source is None and not _is_spelled(target):
        raise SourceFault("not an address: brackets or a port that cannot be")
    if source is None:
        from sources import SOURCES

        examples = [example for source in SOURCES for example in source.examples]
        known = dict.fromkeys(begun[0] for example in examples if (begun := _BEGINNING.match(example)))
        raise SourceFault(
            f"there is no source for {scheme_of(target)} addresses, only for {', '.join(known)} and plain paths"
        )
    for package in source.needs:
        _require(package, source)
    return source


def _knowing(target: str) -> Source | None:
    """Return the source that knows `target`; a path is known without importing what knows addresses."""
    if not scheme_of(target) and not target.endswith(DVC_SUFFIX):
        return LOCAL
    if not _is_spelled(target):
        return None
    from sources import SOURCES

    return next((source for source in SOURCES if source.accepts(target)), None)


def _is_spelled(target: str) -> bool:
    """Return whether a target is no address of the web, or one that can be taken apart."""
    try:
        return scheme_of(target) not in ("http:", "https:") or urlsplit(target).port != -1
    except ValueError:
        return False


def _is_installed(package: str) -> bool:
    import importlib.util

    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # a folder above it is missing
        return False


def _require(package: str, source: Source) -> None:
    if not _is_installed(package):
        from modelsweep.core.installing import how_to_install

        how = how_to_install("mlflow" if package == "mlflow" else "cloud")
        raise MissingPackage(f"{source.name} addresses need {package}: {how}")


def canonical(target: str) -> str:
    """Return the one spelling of `target` that all addresses below it begin with; that of no source stays as it is.

    What stands before an `@` as a user and a password is left out, so that it is in no report: credentials come from
    the environment.
    """
    target = _CREDENTIALS.sub(r"\1\2", target)
    source = _knowing(target)
    return source.canonical(target) if source else target


def opener(targets: Iterable[str], roots: Sequence[str] | None = None) -> Opener:
    """Return what opens a unit of a job with these canonical targets, and nothing outside them.

    Targets must lie below one of `roots`, folders or addresses, where there are any.
    """
    return Opener({plain(target): target for target in targets}, roots)


class Opener:
    """Opens units below some targets, by the place that stands for each; belongs to one thread.

    Calling it raises SourceFault where the unit cannot be opened. What it returns is open for reading only, and belongs
    to the caller. The folder of the last file stays open until `close`, so that the next one in it is opened by its
    name: where targets and roots lead is asked once for each folder.
    """

    def __init__(self, names: Mapping[str, str], roots: Sequence[str] | None) -> None:
        self._names, self._roots = names, roots
        self._folder = Folder()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def another(self) -> Opener:
        """Return one more, for another thread or time."""
        return Opener(self._names, self._roots)

    def close(self) -> None:
        """Keep no folder open."""
        self._folder.close()

    def __call__(self, unit: Unit) -> Opened:
        """Open a unit; raises SourceFault."""
        uri = unit.locator.uri
        if uri not in self._names and (opened := self._folder.beside(uri)):
            return opened
        for place in above(uri):
            if place in self._names:
                return self._opened(unit, place)
        raise SourceFault("not below any target")

    def _opened(self, unit: Unit, place: str) -> Opened:
        """Open what was listed below the target that `place` stands for; where that is elsewhere, only below roots."""
        target, uri, roots = self._names[place], unit.locator.uri, self._roots
        real = place if roots is None else inside(target, roots)
        where = unit.locator if real == place else replace(unit.locator, uri=real + uri[len(place) :])
        listed, top = Listed(where, unit.size, unit.digest), target if scheme_of(target) else real
        source = source_of(top)
        if source is LOCAL:
            return self._folder.open(listed, top, uri)
        opened = source.open(listed, top)
        if not isinstance(opened, Elsewhere):
            return opened
        if roots is not None:
            inside(opened.target, roots)
        return opened_at(opened)


def opened_at(place: Elsewhere) -> Opened:
    """Open what stands at another address; raises SourceFault, also where that leads on to a third one."""
    opened = source_of(place.target).open(place.listed, place.target)
    if isinstance(opened, Elsewhere):
        raise SourceFault("one address redirects to another, and that to a third: not followed")
    return opened


def inside(target: str, roots: Sequence[str]) -> str:
    """Return where `target` leads, links followed; raises SourceFault where that is below none of `roots`."""
    path = not scheme_of(target)
    real = os.path.realpath(target) if path else plain(target)
    if not path and _DOTS & {*unquote(target).split("/")}:
        raise SourceFault("an address with dots, which could lead out of the roots")
    for root in roots:
        if root == ANYWHERE:
            return real
        outer = plain(os.path.realpath(root) if not scheme_of(root) else canonical(root))
        if real == outer or real.startswith(outer.rstrip("/") + "/"):
            return real
    raise SourceFault("outside the roots that may be read (modelsweep worker --root)")


def plain(target: str) -> str:
    """Return a target as addresses below it begin."""
    return (target.removesuffix(EVERYTHING) if scheme_of(target) else target).rstrip("/") or target[:1]


def above(uri: str) -> Iterator[str]:
    """Yield `uri` and all that it could stand below, innermost first."""
    yield uri
    while "/" in uri:
        uri = uri.rpartition("/")[0]
        yield uri or "/"
