"""Local files and folders: everything below a target in byte order, opened one path component at a time.

The user's own target may be a link. Below it no link is followed, neither by listing nor by opening later, so that
nothing that changes in between leads out. A link to something inside the target is passed over, since that is listed
where it really stands; a link that leads out is said. One layout is made of links that lead out, and is followed:

    models--ORG--NAME/snapshots/REVISION/[FOLDER/...]FILE -> ../../[../...]blobs/DIGEST

the cache of the Hugging Face Hub, where the text of the link climbs exactly to the folder of the repository
(`models--*`, `datasets--*` or `spaces--*`) and names a regular file directly in its `blobs`. Where a whole cache is the
target, such a file is listed once, under its name in the first snapshot, and not as blob.
https://huggingface.co/docs/huggingface_hub/guides/manage-cache
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import NamedTuple

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.reader import SourceFault
from modelsweep.core.text import printable
from sources.source import Listed, OpenedFile, Source, scheme_of

NAME = "local"
DEPTH = 256
"""Folders inside folders that are listed; a path of the system call interface holds at most 4,096 bytes."""

_FILE, _FOLDER, _LINK = "a file", "a folder", "a link"
_KINDS = {
    stat.S_IFREG: _FILE,
    stat.S_IFDIR: _FOLDER,
    stat.S_IFLNK: _LINK,
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
}
# Opening a FIFO that took a file's place must not wait for a writer, nor a terminal become ours.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_NO_NAMES = frozenset({"", ".", ".."})
_REPOSITORIES = ("models--", "datasets--", "spaces--")


class Entry(NamedTuple):
    """Something below a target: its path relative to it, what it is, and the size of a file in bytes."""

    path: str
    kind: str
    size: int = 0
    modified: float = 0.0

    @property
    def key(self) -> bytes:
        """What entries of one folder are sorted by, so that a walk yields whole paths in byte order."""
        path = self.path + "/" if self.kind == _FOLDER else self.path
        return path.encode("utf-8", "surrogateescape")


class Tree(NamedTuple):
    """A folder that is a target: as the user named it, and its path without links."""

    target: str
    real: str

    def locator(self, path: str) -> Locator:
        """Return the address of what stands at `path` below the target."""
        return Locator(_uri(self.target, path))

    def holds(self, real: str) -> bool:
        """Return whether a path without links is the tree or inside it."""
        return real == self.real or real.startswith(self.real.rstrip("/") + "/")


def list_target(target: str) -> Iterator[Listed | Problem]:
    """Yield the file, or every file below the folder, that `target` names, with a Problem for all that is not read."""
    try:
        found = os.stat(target)
        real = os.path.realpath(target)
    except (OSError, ValueError) as error:
        yield _fault(Locator(target), _reason(error))
        return
    kind = _kind(found.st_mode)
    if kind == _FOLDER:
        yield from _walk(Tree(target, real))
    elif kind == _FILE:
        yield Listed(Locator(target), found.st_size, modified=found.st_mtime)
    else:
        yield _fault(Locator(target), f"{kind} cannot be examined, only files and folders")


def _walk(tree: Tree) -> Iterator[Listed | Problem]:
    hub = Hub(tree)
    for item in _visit(tree, ""):
        if isinstance(item, Problem):
            yield item
        elif item.kind == _LINK:
            yield from _list_link(tree, item.path, hub)
        elif item.kind != _FILE:
            yield Problem(ProblemKind.UNSUPPORTED, tree.locator(item.path), NAME, f"{item.kind}: never opened")
        elif not hub.is_named_later(item.path) and not _is_absence(item):
            yield Listed(tree.locator(item.path), item.size, modified=item.modified)


def _is_absence(item: Entry) -> bool:
    """Return whether an entry is the Hub cache's note that a repository lacks a file of that name: empty by design."""
    return item.size == 0 and "/.no_exist/" in f"/{item.path}"


def _visit(tree: Tree, top: str) -> Iterator[Entry | Problem]:
    """Yield all that is below the folder `top`, except folders, in the order of whole paths."""
    pending = [Entry(top, _FOLDER)]
    while pending:
        entry = pending.pop()
        if entry.kind != _FOLDER:
            yield entry
        elif entry.path.count("/") >= DEPTH:
            detail = f"more than {DEPTH} folders deep: what is below is left out"
            yield Problem(ProblemKind.LIMIT, tree.locator(entry.path), NAME, detail)
        else:
            try:
                pending += _entries(tree, entry.path)
            except OSError as error:
                yield _fault(tree.locator(entry.path), f"the folder cannot be listed: {_reason(error)}")


def _entries(tree: Tree, path: str) -> list[Entry]:
    """Return what a folder holds, last first."""
    prefix = f"{path}/" if path else ""
    with _folder(tree.target, path.split("/") if path else ()) as descriptor, os.scandir(descriptor) as found:
        entries = [_entry(prefix, item) for item in found]
    return sorted(entries, key=lambda entry: entry.key, reverse=True)


def _entry(prefix: str, item: os.DirEntry[str]) -> Entry:
    path = prefix + item.name
    if item.is_dir(follow_symlinks=False):
        return Entry(path, _FOLDER)
    try:
        found = item.stat(follow_symlinks=False)
    except OSError:
        # Opening says what is wrong with it
        return Entry(path, _FILE)
    return Entry(path, _kind(found.st_mode), found.st_size, found.st_mtime)


def _list_link(tree: Tree, path: str, hub: Hub) -> Iterator[Listed | Problem]:
    """Yield nothing for a link into the tree, a file for a link of the Hub's cache, else a Problem."""
    where, real = tree.locator(path), _uri(tree.real, path)
    try:
        text = os.readlink(real)
        inside = tree.holds(os.path.realpath(real, strict=True))
        blob = _blob(os.path.dirname(real), text)
        found = os.lstat("/".join(blob)) if blob else None
    except OSError as error:
        yield _fault(where, f"a link that leads nowhere: {_reason(error)}")
        return
    if blob and found and stat.S_ISREG(found.st_mode) and (not inside or hub.is_first_name(path, blob)):
        yield Listed(where, found.st_size, modified=found.st_mtime)
    elif not inside:
        detail = f"a link that leads out of {tree.target}, to {text}: name it as a target to have it examined"
        yield Problem(ProblemKind.SKIPPED, where, NAME, printable(detail, 300))


class Hub:
    """The names that blobs have in the snapshots, for the one repository of a Hub cache that is being listed.

    A file that tells people and scanners its name is listed there, and not as `blobs/DIGEST`; once, however many
    revisions share it.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._repository = ""
        self._names: dict[str, str] = {}

    def is_named_later(self, path: str) -> bool:
        """Return whether the file at `path` is a blob that a snapshot in the tree gives a name."""
        folder, _, name = path.rpartition("/")
        if folder.rpartition("/")[2] != "blobs":
            return False
        return name in self._names_in(os.path.dirname(_uri(self._tree.real, folder)))

    def is_first_name(self, path: str, blob: tuple[str, str, str]) -> bool:
        """Return whether the link at `path` is the first in byte order that leads to `blob`."""
        return self._names_in(blob[0]).get(blob[2]) == path

    def _names_in(self, repository: str) -> dict[str, str]:
        """Return the path of the first link to each blob of `repository`, a path without links inside the tree."""
        if repository != self._repository:
            self._repository, self._names = repository, {}
            if os.path.basename(repository).startswith(_REPOSITORIES):
                snapshots = f"{repository}/snapshots".removeprefix(_uri(self._tree.real, ""))
                for item in _visit(self._tree, snapshots):
                    if isinstance(item, Entry) and item.kind == _LINK:
                        self._add(_uri(self._tree.real, item.path), item.path, repository)
        return self._names

    def _add(self, real: str, path: str, repository: str) -> None:
        try:
            blob = _blob(os.path.dirname(real), os.readlink(real))
        except OSError:
            # Said when the link itself is listed
            return
        if blob and blob[0] == repository:
            self._names.setdefault(blob[2], path)


def _blob(folder: str, text: str) -> tuple[str, str, str] | None:
    """Return (repository, "blobs", name) where the link `text` in `folder`, a path without links, is one of the Hub."""
    steps, parts = text.split("/"), folder.split("/")
    if len(steps) < 4:
        return None
    *climb, blobs, name = steps
    up = len(climb)
    if blobs != "blobs" or name in ("", ".", "..") or set(climb) != {".."} or up >= len(parts):
        return None
    if parts[-up] != "snapshots" or not parts[-up - 1].startswith(_REPOSITORIES):
        return None
    return "/".join(parts[:-up]), blobs, name


def open_file(listed: Listed, target: str) -> OpenedFile:
    """Open a file that was listed under `target`; raises SourceFault, also where it is no regular file any more."""
    with closing(Folder()) as folder:
        return folder.open(listed, target)


class Folder:
    """Opens files below targets, and keeps the folder of the last one open: the next file mostly is in it, too.

    So the way there is gone, and looked at, once. `close` gives the folder back; it is closed with the last reference.
    """

    def __init__(self) -> None:
        self._uri, self._descriptor = "", -1

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Keep no folder open."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._uri, self._descriptor = "", -1

    def beside(self, uri: str) -> OpenedFile | None:
        """Open the file at `uri` if it is in the folder that is open.

        None where it is not, or cannot be opened there: then `open` opens it, or says why not. Raises SourceFault.
        """
        folder, _, name = uri.rpartition("/")
        if folder != self._uri or self._descriptor < 0 or name in _NO_NAMES:
            return None
        try:
            return _regular(os.open(name, _READ | os.O_NOFOLLOW, dir_fd=self._descriptor))
        except (OSError, ValueError):
            return None

    def open(self, listed: Listed, target: str, named: str = "") -> OpenedFile:
        """Open a file that was listed under `target`, all the way from there; raises SourceFault.

        `named` is what `beside` is going to call it, if not as it is listed.
        """
        self.close()
        try:
            return _regular(self._open(listed.locator.uri, target, named or listed.locator.uri))
        except FileNotFoundError as error:
            raise SourceFault("vanished after it was listed") from error
        except (OSError, ValueError) as error:
            raise SourceFault(_reason(error)) from error

    def _open(self, uri: str, target: str, named: str) -> int:
        if uri == target:
            return os.open(target, _READ)
        prefix = _uri(target, "")
        parts = uri.removeprefix(prefix).split("/")
        if not uri.startswith(prefix) or not _NO_NAMES.isdisjoint(parts):
            raise SourceFault(f"not a path below {printable(target, 200)}")
        *folders, name = parts
        self._descriptor = _descended(target, folders)
        self._uri = named.rpartition("/")[0]
        try:
            return os.open(name, _READ | os.O_NOFOLLOW, dir_fd=self._descriptor)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        text = os.readlink(name, dir_fd=self._descriptor)
        return _open_blob("/".join((os.path.realpath(target).rstrip("/"), *folders)), text)


def _regular(descriptor: int) -> OpenedFile:
    """Return a file that is open; raises SourceFault where that is no regular one."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise SourceFault(f"{_kind(found.st_mode)} has taken the place of the file that was listed")
    return OpenedFile(descriptor, found.st_size)


def _open_blob(folder: str, text: str) -> int:
    blob = _blob(folder, text)
    if blob is None:
        raise SourceFault("a link has taken the place of the file that was listed")
    repository, blobs, name = blob
    with _folder(repository, (blobs,)) as descriptor:
        return os.open(name, _READ | os.O_NOFOLLOW, dir_fd=descriptor)


@contextmanager
def _folder(target: str, folders: Sequence[str]) -> Iterator[int]:
    """Open the folder at `folders` below `target` without following a link below it; yield its descriptor."""
    descriptor = _descended(target, folders)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _descended(target: str, folders: Sequence[str]) -> int:
    """Return the open folder at `folders` below `target`, below which no link was followed; raises OSError."""
    descriptor = os.open(target, _READ | os.O_DIRECTORY)
    try:
        for name in folders:
            below = os.open(name, _READ | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _uri(target: str, path: str) -> str:
    """Return the path relative to `target` joined to it; an empty one gives the prefix of all below it."""
    return f"{target.rstrip('/')}/{path}"


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "an unknown kind of file")


def _reason(error: OSError | ValueError) -> str:
    """Return why the system refused, as the end of a sentence."""
    if isinstance(error, OSError):
        text = error.strerror or str(error)
        return text[:1].lower() + text[1:]
    return "no such name can exist (a NUL character or a lone surrogate)"


def _fault(locator: Locator, detail: str) -> Problem:
    return Problem(ProblemKind.SOURCE, locator, NAME, printable(detail, 300))


SOURCE = Source(
    name=NAME,
    accepts=lambda target: not scheme_of(target),
    list=list_target,
    open=open_file,
    examples=("models/", "model.pt"),
)
