"""DVC pointers that are targets themselves: `model.pkl.dvc` and the data it points to, wherever that is kept.

The data is read where it stands beside the pointer, else in the cache of its repository, else from the remote that
`.dvc/config` names; never from a path outside the repository. Its address is `model.pkl.dvc/model.pkl`. A pointer that
is met in a folder is not followed: the folder may be anybody's, and its remote would be read with our credentials.
https://dvc.org/doc/user-guide/project-structure/dvc-files, https://dvc.org/doc/command-reference/config
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator
from typing import Any

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.reader import SourceFault
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from modelsweep.core.values import dataclass, replace
from sources.source import DVC_SUFFIX, Elsewhere, Listed, Source, scheme_of

NAME = "dvc"
POINTER = 1 * MIB
"""Bytes of a pointer or a configuration."""
FOLDER = 64 * MIB
"""Bytes of the list of a folder's files."""
FILES = 1_000_000
_DIGEST = re.compile("[0-9a-f]{32}")
_REMOTE = re.compile(r"""'?remote "([^"]*)"'?""")


@dataclass(frozen=True, slots=True)
class Out:
    """Data that is kept: its path beside the pointer, MD5, and whether it is named as DVC 3 does."""

    path: str
    digest: str
    modern: bool

    @property
    def key(self) -> str:
        """Where the cache and remotes keep it."""
        key = f"{self.digest[:2]}/{self.digest[2:]}"
        return f"files/md5/{key}" if self.modern else key


@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer's file, and the root of the repository that it stands in (empty where there is none)."""

    file: str
    root: str

    @property
    def folder(self) -> str:
        """The folder that its paths are relative to."""
        return os.path.dirname(self.file) or "."


def accepts(target: str) -> bool:
    """Return whether `target` is a pointer's file."""
    return target.endswith(DVC_SUFFIX) and not scheme_of(target) and os.path.isfile(target)


def list_target(target: str) -> Iterator[Listed | Problem]:
    """Yield the pointer and its data in byte order; raises SourceFault where it is no pointer."""
    pointer = _pointer(target)
    yield replace(_file(pointer.file), locator=Locator(target))
    for out in _outs(pointer):
        where = Locator(f"{target}/{out.path}")
        try:
            found = _find(pointer, out)
        except SourceFault as fault:
            yield Problem(ProblemKind.SOURCE, where, NAME, printable(str(fault), 300))
            continue
        yield Listed(where, found.listed.size, modified=found.listed.modified)


def open_object(listed: Listed, target: str) -> Elsewhere:
    """Return where the data of a pointer stands; raises SourceFault."""
    path = listed.locator.uri.removeprefix(target).strip("/")
    if not path:
        return Elsewhere(listed, os.path.dirname(os.path.abspath(target)))
    pointer = _pointer(target)
    for out in _outs(pointer):
        if out.path == path:
            return _find(pointer, out)
    raise SourceFault("the pointer no longer names it")


def _pointer(target: str) -> Pointer:
    file = os.path.abspath(target)
    folder = os.path.dirname(file)
    while not os.path.isdir(os.path.join(folder, ".dvc")):
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return Pointer(file, "")
    return Pointer(file, folder)


def _outs(pointer: Pointer) -> Iterator[Out]:
    """Yield what a pointer says is kept, files of folders one by one, in byte order."""
    found: list[Out] = []
    value = _yaml(pointer.file)
    outs = value.get("outs") if isinstance(value, dict) else None
    if not isinstance(outs, list):
        raise SourceFault("not a DVC pointer: it lists no `outs`")
    for out in outs:
        digest, path = (out.get("md5"), out.get("path")) if isinstance(out, dict) else (None, None)
        if not isinstance(digest, str) or not isinstance(path, str) or not _is_below(path):
            raise SourceFault("a pointer without MD5, or with a path that leads elsewhere")
        one = Out(path, digest.removesuffix(".dir"), out.get("hash") == "md5")
        if not _DIGEST.fullmatch(one.digest):
            raise SourceFault("a pointer without MD5")
        found += _files(pointer, one) if digest.endswith(".dir") else [one]
    yield from sorted(found, key=lambda out: os.fsencode(out.path))


def _is_below(path: str) -> bool:
    return not {"\0", "\\"} & set(path) and not {"", ".", ".."} & set(path.split("/"))


def _files(pointer: Pointer, folder: Out) -> list[Out]:
    """Return the files of a folder, which a list in the cache or the remote names."""
    import json

    place = _kept(pointer, replace(folder, digest=f"{folder.digest}.dir"))
    try:
        rows = json.loads(_read(place))
        files = [Out(f"{folder.path}/{row['relpath']}", str(row["md5"]), folder.modern) for row in rows]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SourceFault("the list of a folder cannot be read") from error
    if len(files) > FILES or not all(_is_below(file.path) and _DIGEST.fullmatch(file.digest) for file in files):
        raise SourceFault("the list of a folder is too long, or has paths that lead elsewhere")
    return files


def _read(place: Elsewhere) -> bytes:
    from sources.opening import opened_at
    from sources.source import OpenedFile

    opened = opened_at(place)
    if opened.size > FOLDER:
        raise SourceFault("the list of a folder is too large")
    if not isinstance(opened, OpenedFile):
        try:
            return opened.fetch(0, opened.size)
        finally:
            opened.close()
    with open(opened.descriptor, "rb") as file:
        data: bytes = file.read(FOLDER)
        return data


def _find(pointer: Pointer, out: Out) -> Elsewhere:
    """Return where data stands: beside the pointer, else where its repository keeps it. Raises SourceFault."""
    beside = os.path.join(pointer.folder, out.path)
    if os.path.isfile(beside) and not os.path.islink(beside) and _stays(pointer, beside):
        return Elsewhere(_file(beside), pointer.folder)
    return _kept(pointer, out)


def _stays(pointer: Pointer, path: str) -> bool:
    """Return whether a path stands in the repository, links followed: of its folders, any may be one."""
    top = os.path.realpath(pointer.root or pointer.folder)
    return os.path.realpath(path).startswith(top.rstrip("/") + "/")


def _file(path: str) -> Listed:
    found = os.stat(path)
    return Listed(Locator(path), found.st_size, modified=found.st_mtime)


def _kept(pointer: Pointer, out: Out) -> Elsewhere:
    if not pointer.root:
        raise SourceFault("not here, and the pointer is in no DVC repository that would say where it is kept")
    cache = os.path.join(pointer.root, ".dvc", "cache")
    cached = os.path.join(cache, out.key)
    if os.path.isfile(cached) and _stays(pointer, cached):
        return Elsewhere(_file(cached), cache)
    url = f"{_remote(pointer.root)}/{out.key}"
    from sources.opening import source_of

    for item in source_of(url).list(url):
        if isinstance(item, Listed):
            return Elsewhere(item, url)
        raise SourceFault(item.detail)
    raise SourceFault(f"its remote has no {out.key}")


def _remote(root: str) -> str:
    """Return the address of the remote of a repository; raises SourceFault where it has none that is read."""
    parser = configparser.RawConfigParser(strict=False)
    for name in ("config", "config.local"):
        try:
            parser.read_string(_text(os.path.join(root, ".dvc", name)))
        except FileNotFoundError:
            continue
        except (configparser.Error, UnicodeDecodeError) as error:
            raise SourceFault(f".dvc/{name} cannot be read") from error
    remotes = {found[1]: section for section in parser.sections() if (found := _REMOTE.fullmatch(section))}
    name = parser.get("core", "remote", fallback="")
    url = parser.get(remotes[name], "url", fallback="") if name in remotes else ""
    if not url:
        raise SourceFault("not here, and its repository names no remote where it could be")
    if scheme_of(url):
        return url.rstrip("/")
    folder = os.path.realpath(os.path.join(root, ".dvc", url))
    if not folder.startswith(os.path.realpath(root) + "/"):
        raise SourceFault("kept in a folder outside its repository, which is not read")
    return folder


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(POINTER + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SourceFault(f"{os.path.basename(path)} cannot be read: {error.strerror}") from error
    if len(data) > POINTER:
        raise SourceFault(f"{os.path.basename(path)} is larger than expected")
    return data.decode()


def _yaml(path: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(_text(path))
    except (yaml.YAMLError, ValueError, RecursionError, FileNotFoundError) as error:
        raise SourceFault("not a DVC pointer: it cannot be read as YAML") from error


SOURCE = Source(
    name=NAME,
    accepts=accepts,
    list=list_target,
    open=open_object,
    examples=("model.pkl.dvc",),
)
