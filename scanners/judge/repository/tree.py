"""The folders of a job, built from a stream of results, to match configurations with the files that they name.

Results come in the order of paths as bytes, so everything below one folder is consecutive. A name is looked up in the
folder of its configuration when that is complete, then in each parent when that is. Memory is bounded: the oldest files
are forgotten first, and a Problem is reported if that may have mattered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from modelsweep.core.finding import FILE_LINE, Fact, Finding, Json, Problem, ProblemKind, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.judge.code_references import unknown_package
from scanners.judge.repository.includes import MAX_HELD as LISTS
from scanners.judge.repository.includes import Includes
from scanners.judge.repository.modules import Effect, Module, module_of
from scanners.judge.repository.names import (
    MAX_CLIMB,
    above,
    folder_of,
    module_stem,
    packages_of,
    parent,
    relative,
    stems_of_name,
)
from scanners.judge.repository.references import PACKAGES, QUIET, Reference, references_in
from scanners.judge.repository.rules import COMPILED, DANGEROUS, LOADED, MISSING, REPLACED, SUSPICIOUS
from scanners.judge.repository.shards import Families, family_of

NAME = "repository"
MAX_HELD = 32 * MIB
"""Approximate maximum bytes of memory for files that something may name."""
MAX_WAITING = 16 * MIB
"""Approximate maximum bytes of memory for names that wait for parents of their folder."""
MAX_SHARDS = 50_000
"""Maximum shards, and names of shards in indexes, that are held at once."""
MAX_CACHES = 10_000
"""Maximum compiled files that are compared with their sources."""
CACHE = "__pycache__"
MAX_DEPTH = 300
"""Maximum nesting of folders; files further down are judged alone."""
_IMPORT_CLIMB = 2
_MAX_ABSENT = 100
"""Maximum missing files of one configuration that are reported one by one."""
_SHOWN = 200
_CACHES = ("models--", "datasets--", "spaces--")
_RULES = {Severity.CRITICAL: DANGEROUS, Severity.WARNING: SUSPICIOUS}


class Entry(NamedTuple):
    """A file of a repository: its position in the order of results, its path, and the facts of the file itself.

    `unread` are the names of scanners that had a problem with it.
    """

    order: int
    locator: Locator
    path: str
    facts: Sequence[Fact]
    unread: frozenset[str] = frozenset()


class Addition(NamedTuple):
    """An addition to an earlier file: its position in the order of results, its locator, and the item.

    A fact means that the file, or a member of it, is no longer unknown.
    """

    order: int
    locator: Locator
    item: Fact | Finding | Problem


class _Reached(NamedTuple):
    module: Module
    by: Reference
    named: str
    via: str


class _Folder(NamedTuple):
    """A folder that is not complete yet. `where` is its path, the same for all revisions of a Hub cache.

    An `is_shared` folder is not searched itself: it is part of a larger one whose files belong together.
    """

    name: str
    where: str
    is_shared: bool
    first: int
    waiting: list[tuple[Reference, str]]
    families: dict[str, Families]
    caches: list[Module]
    """Compiled files in its `__pycache__` with notable names."""


class Tree:
    """Everything known about files so far; `add` and `close` yield what becomes certain."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._open = [_Folder("", "", is_shared=False, first=0, waiting=[], families={}, caches=[])]
        self._modules: dict[str, list[Module]] = {}
        self._held = self._waiting = 0
        self._lost = -1
        self._reported: dict[int, Severity] = {}
        self._followed: set[int] = set()
        self._sharded, self._is_full, self._cached = 0, False, 0
        self._includes, self._includes_all = Includes(), True

    def add(self, entry: Entry) -> Iterator[Addition]:
        """Add the next file."""
        path = entry.path
        if path.count("/") > MAX_DEPTH:
            return
        folders = path.split("/")[:-1]
        yield from self._leave(folders)
        self._enter(folders, entry.order)
        here = self._open[-1]
        stem = module_stem(path.rpartition("/")[2])
        if stem:
            module = module_of(entry.order, entry.locator, here.where + stem, entry.facts, entry.unread)
            self._keep(module)
            yield from self._cache(module)
        for reference in references_in(entry.order, entry.locator, here.where, here.first, entry.facts, self._options):
            here.waiting.append((reference, reference.folder))
            self._waiting += reference.weight
        if self._waiting > MAX_WAITING:
            yield from self._give_up()
        yield from self._shards(here, entry)
        yield from self._lists(here, entry)

    def _cache(self, module: Module) -> Iterator[Addition]:
        """Keep a compiled file until its source has been added, or yield a Problem if there are too many."""
        if not (module.is_compiled and module.bytecode and self._open[-1].name == CACHE):
            return
        self._cached += 1
        if self._cached <= MAX_CACHES:
            self._open[-2].caches.append(module)
        elif self._cached == MAX_CACHES + 1:
            more = f"more than {MAX_CACHES:,} compiled files name something of note"
            detail = f"{more}: no more are compared with their sources"
            yield Addition(module.order, module.locator, Problem(ProblemKind.LIMIT, module.locator, NAME, detail))

    def _shards(self, here: _Folder, entry: Entry) -> Iterator[Addition]:
        """Keep the facts of a file about sharded weights, or yield a Problem if there are too many."""
        if not (family_of(entry.locator.name) or any(fact.kind == "shard" for fact in entry.facts)):
            return
        if self._sharded > MAX_SHARDS:
            if not self._is_full:
                self._is_full = True
                detail = f"more than {MAX_SHARDS:,} shards wait for the others of their folders: no more are compared"
                yield Addition(entry.order, entry.locator, Problem(ProblemKind.LIMIT, entry.locator, NAME, detail))
            return
        families = here.families.setdefault(here.where, Families())
        self._sharded += families.add(entry.order, entry.locator, entry.facts)

    def _lists(self, here: _Folder, entry: Entry) -> Iterator[Addition]:
        """Keep a requirement list that includes others or may be included, or yield a Problem if there are too many."""
        path = here.where + entry.path.rpartition("/")[2]
        if not self._includes.add(entry.order, entry.locator, path, entry.facts) and self._includes_all:
            self._includes_all = False
            detail = f"more than {LISTS:,} lists of packages and names of them: what more of them include is not seen"
            yield Addition(entry.order, entry.locator, Problem(ProblemKind.LIMIT, entry.locator, NAME, detail))

    def close(self) -> Iterator[Addition]:
        """Complete all folders, since there are no more files."""
        yield from self._leave([])
        yield from self._settle(self._open[0], ())
        for order, finding in self._includes.findings(self._options):
            yield Addition(order, finding.locator, finding)

    def _leave(self, folders: Sequence[str]) -> Iterator[Addition]:
        """Complete the folders that are not among `folders`."""
        common = 0
        for folder, name in zip(self._open[1:], folders, strict=False):
            if folder.name != name:
                break
            common += 1
        while len(self._open) - 1 > common:
            folder = self._open.pop()
            yield from self._settle(folder, self._open)

    def _enter(self, folders: Sequence[str], order: int) -> None:
        for name in folders[len(self._open) - 1 :]:
            outer = self._open[-1]
            is_revision = outer.name == "snapshots" and len(self._open) > 1 and self._open[-2].name.startswith(_CACHES)
            where = outer.where if is_revision else f"{outer.where}{name}/"
            self._open.append(_Folder(name, where, outer.is_shared or is_revision, order, [], {}, []))

    def _keep(self, module: Module) -> None:
        self._modules.setdefault(module.stem, []).append(module)
        self._held += module.weight
        while self._held > MAX_HELD:
            for lost in self._modules.pop(next(iter(self._modules))):
                self._held -= lost.weight
                self._lost = max(self._lost, lost.order)
                self._reported.pop(lost.order, None)
                self._followed.discard(lost.order)

    # -- matching names with files

    def _settle(self, folder: _Folder, outer: Sequence[_Folder]) -> Iterator[Addition]:
        """Look up what waits for a folder that is now complete; what is not there waits for the parent."""
        if folder.is_shared and outer:
            outer[-1].waiting.extend(folder.waiting)
            for where, families in folder.families.items():
                outer[-1].families.setdefault(where, Families()).take(families)
            return
        for families in folder.families.values():
            self._sharded -= families.held
            yield from (Addition(place, finding.locator, finding) for place, finding in families.findings())
        yield from self._replaced(folder)
        reached: list[_Reached] = []
        missing: list[Reference] = []
        for reference, base in folder.waiting:
            found, higher = self._look(reference, base, folder.where)
            if found:
                reached += found
            elif outer and higher.count("/") + MAX_CLIMB >= reference.folder.count("/") and higher != base:
                outer[-1].waiting.append((reference, higher))
                continue
            else:
                missing.append(reference)
            self._waiting -= reference.weight
        yield from self._follow(reached, folder.where)
        yield from self._missing(missing)

    def _replaced(self, folder: _Folder) -> Iterator[Addition]:
        """Yield the compiled files that Python runs instead of sources without the same names."""
        for cache in folder.caches:
            source = next(
                (found for found in self._exact(folder.where + cache.stem.rpartition("/")[2]) if not found.is_compiled),
                None,
            )
            if source is None or source.bytecode is None or cache.bytecode is None:
                continue
            size, names = cache.bytecode
            unnamed = sorted(names - source.bytecode.names)
            if unnamed and size in (-1, source.bytecode.size & 0xFFFFFFFF):
                evidence: dict[str, Json] = {
                    "source": printable(source.locator.name, _SHOWN),
                    "names": ", ".join(unnamed),
                }
                subject = printable(cache.locator.name, _SHOWN)
                yield Addition(cache.order, cache.locator, Finding(REPLACED, cache.locator, subject, evidence=evidence))

    def _look(self, reference: Reference, base: str, top: str) -> tuple[list[_Reached], str]:
        """Return the files that a name means in `base` or a parent up to `top`, and the next folder to search."""
        while True:
            for folder in reference.folders(base):
                if reference.how == "folder" and folder != base:
                    return [_Reached(module, reference, reference.named, "") for module in self._below(folder)], base
                for stem in reference.stems():
                    found = self._at(folder + stem)
                    if found:
                        more = [part for package in packages_of(folder + stem, folder) for part in self._exact(package)]
                        named = [_Reached(module, reference, reference.named, "") for module in found]
                        return named + [_Reached(part, reference, "", found[0].locator.name) for part in more], base
            higher = parent(base)
            if not base or len(higher) < len(top):
                return [], higher
            base = higher

    def _at(self, stem: str) -> list[Module]:
        """Return the files that Python may import under a name: a source takes precedence over its compiled form."""
        found = self._exact(stem) + self._exact(f"{stem}/__init__")
        sources = any(not module.is_compiled for module in found)
        return [module for module in found if not (sources and module.locator.suffix == ".pyc")]

    def _below(self, folder: str) -> list[Module]:
        """Return the files in a folder and its subfolders."""
        return [module for stem, found in self._modules.items() if stem.startswith(folder) for module in found]

    def _exact(self, stem: str) -> list[Module]:
        return self._modules.get(stem, [])

    def _follow(self, reached: Iterable[_Reached], top: str) -> Iterator[Addition]:
        """Yield what the files that a configuration runs do, and the files that these import."""
        pending = deque(reached)
        while pending:
            here = pending.popleft()
            yield from self._report(here)
            if here.module.order in self._followed:
                continue
            self._followed.add(here.module.order)
            yield from self._passed_calls(here, top)
            for module, named in self._imported(here.module, top):
                if module.order not in self._followed:
                    pending.append(_Reached(module, here.by, named, here.module.locator.name))

    def _passed_calls(self, here: _Reached, top: str) -> Iterator[Addition]:
        """Yield what functions in other files do with the arguments that a file passes them."""
        for use in here.module.uses:
            for module, function in self._named(use.name, here.module, top):
                effect = module.effect_of_call(use, function, here.module, by_loader=here.by.by_loader)
                if effect.severity > Severity.INFO:
                    yield from self._report_effect(here, effect)

    def _imported(self, module: Module, top: str) -> Iterator[tuple[Module, str]]:
        """Yield the files that a file imports, each with the imported name, possibly a class that it instantiates."""
        for name in module.imports:
            for found, rest in self._named(name, module, top):
                yield found, rest.partition(".")[0]

    def _named(self, name: str, module: Module, top: str) -> Iterator[tuple[Module, str]]:
        """Yield the files that a name in a file may mean, each with the rest of the name."""
        own = folder_of(module.stem)
        folder, rest = relative(name, own) if name.startswith(".") else (own, name)
        folders = [folder] if name.startswith(".") else list(above(folder))[: _IMPORT_CLIMB + 1]
        for place in folders:
            stems = () if len(place) < len(top) else stems_of_name(rest, "import")
            stem, found = next(((stem, found) for stem in stems if (found := self._at(place + stem))), ("", []))
            if found:
                yield from ((part, rest[len(stem) + 1 :]) for part in found)
                break

    def _report(self, reached: _Reached) -> Iterator[Addition]:
        yield from self._report_effect(
            reached, reached.module.effect_of_import(reached.named, by_loader=reached.by.by_loader)
        )

    def _report_effect(self, reached: _Reached, effect: Effect) -> Iterator[Addition]:
        module, by = reached.module, reached.by
        reported = self._reported.get(module.order, Severity.DEBUG)
        implied = reached.via or by.how in QUIET
        if effect.severity <= reported or (implied and effect.severity < Severity.WARNING):
            return
        self._reported[module.order] = effect.severity
        key = printable(by.key + (f", through {reached.via}" if reached.via else ""), _SHOWN)
        evidence: dict[str, Json] = {"config": printable(by.locator.name, _SHOWN), "key": key, "does": effect.text}
        if effect.line:
            evidence["line"] = effect.line
        subject = printable(module.locator.name, _SHOWN)
        rule = LOADED if _is_reported(module, effect) else _rule_of(module, effect)
        finding = Finding(rule, module.locator, subject, evidence=evidence)
        yield Addition(module.order, module.locator, finding)

    def _missing(self, missing: Sequence[Reference]) -> Iterator[Addition]:
        """Yield the findings for names that no file has."""
        packages: dict[tuple[int, str], list[Reference]] = {}
        absent: dict[int, dict[str, Reference]] = {}
        forgotten: set[int] = set()
        for reference in missing:
            if reference.is_known or reference.how in QUIET:
                continue
            if reference.since <= self._lost and reference.order not in forgotten:
                forgotten.add(reference.order)
                detail = "too many files beside it: which of them it makes run was not looked for in all of them"
                yield _addition(reference, Problem(ProblemKind.LIMIT, reference.locator, NAME, detail))
            if reference.how in PACKAGES:
                packages.setdefault((reference.order, reference.name.partition(".")[0]), []).append(reference)
            elif not reference.locator.members or reference.how != "handler":  # reported by the scanner of archives
                absent.setdefault(reference.order, {}).setdefault(next(reference.stems(), ""), reference)
        for files in absent.values():
            for reference in list(files.values())[:_MAX_ABSENT]:
                name, key = printable(reference.name, _SHOWN), printable(reference.key, _SHOWN)
                evidence: dict[str, Json] = {FILE_LINE: reference.line} if reference.line else {}
                yield _addition(reference, Finding(MISSING, reference.locator, name, key, reference.span, evidence))
        for (_, package), named in packages.items():
            names = (reference.name for reference in named)
            yield _addition(named[0], unknown_package(package, named[0].locator, names, named[0].span, named[0].line))

    def _give_up(self) -> Iterator[Addition]:
        """Stop waiting in the outermost folder that anything waits for."""
        folder = next(folder for folder in self._open if folder.waiting)
        missing = [reference for reference, _ in folder.waiting]
        own = dict.fromkeys(reference.locator for reference, base in folder.waiting if base == reference.folder)
        orders = {reference.locator: reference.order for reference in missing}
        folder.waiting.clear()
        self._waiting -= sum(reference.weight for reference in missing)
        for locator in own:
            detail = "it and its neighbours name too much code: which of it is there was not looked for"
            yield Addition(orders[locator], locator, Problem(ProblemKind.LIMIT, locator, NAME, detail))
        yield from self._missing(missing)


def _addition(reference: Reference, item: Finding | Problem) -> Addition:
    return Addition(reference.order, reference.locator, item)


def _is_reported(module: Module, effect: Effect) -> bool:
    """Return whether the file has findings of its own that require a review, so that no second one is needed."""
    return effect.severity is Severity.WARNING and module.alone >= effect.severity and not module.is_compiled


def _rule_of(module: Module, effect: Effect) -> Rule:
    return COMPILED if module.is_compiled else _RULES.get(effect.severity, LOADED)
