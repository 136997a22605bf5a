"""An allow-list for the classes of a package, from its source: what pickles may name without anybody having to look.

The source is read and never imported: it may be anybody's. Files, their size and number are bounded, links that lead
out of the package are not followed, and what cannot be read is said.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from modelsweep.core.units import MIB
from modelsweep.learning.load_hooks import HookChecker
from modelsweep.learning.source_index import ClassSource, ModuleSource, Sources

FILES = 20_000
"""Files of one package that are read."""
LARGEST = 4 * MIB
"""Bytes of a source file that is read: generated tables are not longer."""
TOTAL = 256 * MIB
"""Bytes of all source files of one package."""
_DECORATORS = frozenset(
    "dataclass dataclasses.dataclass total_ordering functools.total_ordering final typing.final runtime_checkable "
    "typing.runtime_checkable unique enum.unique attr.s attr.attrs attrs.define attr.define define frozen".split()
)
"""Of classes: they add methods that compare and store, and return the class itself."""


class NoSource(Exception):
    """There is nothing to learn from; the sentence says why."""


@dataclass(slots=True)
class Learned:
    """What a package has: classes whose instances may be `made` and filled, names that may be `called` with anything.

    `reacting` are those of the classes whose instances run more when something takes them apart, converts or copies
    them: they may be held, and handed to no call. `refused` says of every other name why it is not let through,
    `unread` of files, `digests` are SHA-256 of the files.
    """

    package: str
    made: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    reacting: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)


def learn(folder: Path, package: str, roots: tuple[Path, ...], is_known: Callable[[str], bool]) -> Learned:
    """Judge all classes and functions of `package` (a folder or a `.py` file) in `folder`.

    `roots` hold packages that it builds on, `is_known` says which bases are known to be harmless without source. Raises
    NoSource where there is no Python file.
    """
    learned = Learned(package)
    sources = Sources((folder, *roots), largest=LARGEST)
    checker = HookChecker(sources, is_known)
    for file in _files(folder, package, learned):
        name = ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        module = sources.module(name)
        if module is None:
            learned.unread[str(file.relative_to(folder))] = "it is no Python of this version, or nested too deep"
        else:
            _judge(checker, module, learned)
    if not learned.digests:
        raise NoSource(f"{folder / package}: no Python source that can be read")
    return learned


def _files(folder: Path, package: str, learned: Learned) -> Iterator[Path]:
    """Yield the source files in order, each with its digest noted."""
    total = 0
    for number, file in enumerate(_listed(folder, package)):
        where = str(file.relative_to(folder))
        try:
            size = file.stat().st_size
            reason = _left_out(file, folder / package, size)
            total += size
            if not reason and (number >= FILES or total > TOTAL):
                reason = f"more than {FILES:,} files or {TOTAL:,} bytes"
            if not reason:
                learned.digests[where] = sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            reason = error.strerror or "it cannot be read"
        if reason:
            learned.unread[where] = reason
            if number >= FILES:
                return
        else:
            yield file


def _listed(folder: Path, package: str) -> Iterator[Path]:
    if not (folder / package).is_dir():
        yield folder / f"{package}.py"
        return
    for place, folders, names in os.walk(folder / package):
        folders.sort()
        yield from (Path(place, name) for name in sorted(names) if name.endswith(".py"))


def _left_out(file: Path, package: Path, size: int) -> str:
    if file.is_symlink() and not file.resolve().is_relative_to(package.resolve()):
        return "a link that leads out of the package"
    if not file.is_file():
        return "no regular file"
    return f"more than {LARGEST:,} bytes" if size > LARGEST else ""


def _judge(checker: HookChecker, module: ModuleSource, learned: Learned) -> None:
    for name, found in module.classes.items():
        why = "" if name.partition(".")[0] not in module.changed else "it is defined twice, or changed from outside"
        why = why or _class_refusal(checker, found)
        if why:
            learned.refused[found.path] = why
            continue
        if reaction := _safely(lambda found=found: checker.judge_reactions(found)):  # type: ignore[misc]
            learned.reacting[found.path] = reaction
        if not _safely(lambda found=found: checker.judge_call(found)):  # type: ignore[misc]
            learned.called.append(found.path)
        else:
            learned.made.append(found.path)
    for name, function in module.functions.items():
        path = f"{module.name}.{name}"
        why = "it is defined twice" if name in module.changed else ""
        why = why or _safely(lambda function=function: checker.judge_function(module.name, function))  # type: ignore[misc]
        if why or isinstance(function, ast.AsyncFunctionDef):
            learned.refused[path] = why or "a coroutine"
        else:
            learned.called.append(path)


def _class_refusal(checker: HookChecker, found: ClassSource) -> str:
    def judged() -> str:
        verdict = checker.judge(found)
        return verdict.refusal or (f"the setter of {verdict.setters[0]} does more" if verdict.setters else "")

    for decorator in found.decorators:
        plain = decorator.func if isinstance(decorator, ast.Call) else decorator
        if _safely(lambda plain=plain: ast.unparse(plain)) not in _DECORATORS:  # type: ignore[misc]
            return "it has a decorator that is not known"
    return _safely(judged)


def _safely(judged: Callable[[], str]) -> str:
    """Return what `judged` says, which may follow expressions that are nested deeper than the stack."""
    try:
        return judged()
    except RecursionError:
        return "it is nested too deep to follow"
