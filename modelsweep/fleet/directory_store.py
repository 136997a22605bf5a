"""A store in a folder: temporary file, fsync where it is to last, rename.

Below it no link is followed, whoever planted it.

Every call begins at the folder, so that one which vanished or was mounted late is noticed. What is not to last is
written into the folder of the one before, and objects are read from it, where the store still is the same.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from modelsweep.core.units import KIB
from modelsweep.fleet.store import LARGEST, Absent, Pieces, StoreFault, checked, checked_prefix

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_ABSENT = (errno.ENOENT, errno.ENOTDIR)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DRAFT = ".part"
_WRITTEN = 64 * KIB
"""Bytes that are written at once: larger buffers are mapped anew each time, which costs more than the call."""
Place = tuple[tuple[int, int], tuple[str, ...]]
"""Device and inode of a store's folder, and names below it."""


class DirectoryStore:
    """Objects as files below the folder `path`, which is made for this user alone where it is missing.

    Without `durable` nothing waits for the disk: for a store that does not outlive its process.
    """

    def __init__(self, path: str, *, durable: bool = True) -> None:
        self.path = os.path.abspath(path)
        self._durable = durable
        self._kept = _Kept()
        try:
            os.makedirs(self.path, 0o700, exist_ok=True)
        except OSError as error:
            raise StoreFault(self.path, f"the store's folder cannot be created: {error.strerror}") from error
        os.close(self._root())

    def put(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Store `data` as a whole; raises StoreFault. What is not `durable` waits for no disk, until `settle`."""
        with self._draft(name, durable=durable and self._durable) as descriptor:
            _sending(name, descriptor)(data)

    def settle(self) -> None:
        """Wait until all of the file system that the folder is on has reached the disk; raises StoreFault."""
        if self._durable:
            descriptor = self._root()
            try:
                with _faults(self.path):
                    _sync(descriptor)
            finally:
                os.close(descriptor)

    def get(self, name: str) -> bytes:
        """Return an object of at most `LARGEST` bytes; raises Absent, StoreFault."""
        with _faults(name):
            descriptor, size = self._opened(name)
            try:
                if size > LARGEST:
                    raise StoreFault(name, f"{size:,} bytes are more than an object of the store may have")
                found = os.read(descriptor, size)
                while len(found) < size and (more := os.read(descriptor, size - len(found))):
                    found += more
                return found
            finally:
                os.close(descriptor)

    def exists(self, name: str) -> bool:
        """Return whether there is an object of that name; raises StoreFault."""
        try:
            with self.reader(name):
                return True
        except Absent:
            return False

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the names at or below `prefix`, one folder's in memory at a time; raises StoreFault."""
        prefix = checked_prefix(prefix)
        try:
            descriptor = self._descend(prefix.split("/")) if prefix else self._root()
        except OSError as error:
            if error.errno == errno.ENOTDIR and self.exists(prefix):
                yield prefix
            elif error.errno not in _ABSENT:
                raise _fault(prefix, error) from error
            return
        yield from _walk(descriptor, f"{prefix}/" if prefix else "")

    def delete(self, prefix: str) -> None:
        """Remove what is at or below `prefix`, drafts of writers that died included; raises StoreFault."""
        folder, _, last = checked_prefix(prefix).rpartition("/")
        try:
            descriptor = self._descend(folder.split("/")) if folder else self._root()
        except OSError as error:
            if error.errno in _ABSENT:
                return
            raise _fault(prefix, error) from error
        try:
            for name in [last] if last else os.listdir(descriptor):
                _remove(name, descriptor)
        except OSError as error:
            raise _fault(prefix, error) from error
        finally:
            os.close(descriptor)

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        """Open an object for writing; it appears when the block ends, and not at all where that raises."""
        with self._draft(name, durable=self._durable) as descriptor:
            stream = Pieces(_sending(name, descriptor), _WRITTEN)
            yield cast(BinaryIO, stream)
            stream.send_rest()

    @contextmanager
    def reader(self, name: str) -> Iterator[BinaryIO]:
        """Open an object for reading; raises Absent, StoreFault."""
        descriptor, _ = self._opened(name)
        with io.BufferedReader(_File(name, descriptor)) as stream:
            yield cast(BinaryIO, stream)

    def _opened(self, name: str) -> tuple[int, int]:
        """Return the descriptor of an object, and its size; raises Absent, StoreFault."""
        *folders, last = checked(name).split("/")
        try:
            folder = self._opened_folder(folders)
            # Without waiting: what was planted may be a pipe.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(last, flags, dir_fd=folder.descriptor)
        except OSError as error:
            if error.errno in _ABSENT:
                raise Absent(name) from error
            raise _fault(name, error) from error
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise Absent(name)
        return descriptor, status.st_size

    def _root(self) -> int:
        try:
            return os.open(self.path, _FOLDER)
        except OSError as error:
            raise StoreFault(self.path, f"the store's folder cannot be opened: {error.strerror}") from error

    def _descend(self, folders: Sequence[str], *, make: bool = False) -> int:
        """Return the open folder at `folders`; raises OSError, for a link too."""
        descriptor = self._root()
        try:
            for folder in folders:
                try:
                    inner = os.open(folder, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
                except FileNotFoundError:
                    if not make:
                        raise
                    with suppress(FileExistsError):
                        os.mkdir(folder, 0o700, dir_fd=descriptor)
                    inner = os.open(folder, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _opened_folder(self, folders: Sequence[str], *, again: bool = True, make: bool = False) -> _Folder:
        """Return the open folder at `folders`, kept for `again`, and made where it is missing; raises OSError."""
        try:
            root = os.stat(self.path)
        except OSError:
            os.close(self._root())  # says what is wrong with it
            raise
        place = (root.st_dev, root.st_ino), tuple(folders)
        kept = self._kept.folder
        if again and kept and kept.place == place and kept.is_there:
            return kept
        folder = _Folder(place, self._descend(folders, make=make))
        self._kept.folder = folder if again else None
        return folder

    @contextmanager
    def _draft(self, name: str, *, durable: bool) -> Iterator[int]:
        """Open a new file that takes its `name` when the block ends; what the block raises passes as it is."""
        *folders, last = checked(name).split("/")
        draft = f".{secrets.token_hex(8)}{_DRAFT}"
        with _faults(name):
            opened = self._opened_folder(folders, again=not durable, make=True)
            folder = opened.descriptor
        try:
            with _faults(name):
                descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
            try:
                yield descriptor
                if durable:
                    with _faults(name):
                        os.fsync(descriptor)
            finally:
                os.close(descriptor)
            with _faults(name):
                os.rename(draft, last, src_dir_fd=folder, dst_dir_fd=folder)
                if durable:
                    os.fsync(folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(draft, dir_fd=folder)
            raise


class _Folder:
    """An open folder at a place. It is closed with the last reference."""

    def __init__(self, place: Place, descriptor: int) -> None:
        self.place, self.descriptor = place, descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)

    @property
    def is_there(self) -> bool:
        """Whether nobody removed it."""
        return os.fstat(self.descriptor).st_nlink > 0


class _Kept(threading.local):
    """The folder that a thread wrote into, or read from, last."""

    folder: _Folder | None = None


class _File(io.FileIO):
    """An open object whose read errors are faults of the store."""

    def __init__(self, name: str, descriptor: int) -> None:
        super().__init__(descriptor, "rb")
        self._object = name

    def readinto(self, buffer: object, /) -> int | None:
        """Read into `buffer`; raises StoreFault."""
        with _faults(self._object):
            return super().readinto(buffer)  # type: ignore[arg-type]


def _sync(descriptor: int) -> None:
    """Have the file system of an open folder write all that it holds back; raises OSError."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "syncfs"):
        os.sync()
    elif library.syncfs(descriptor):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _sending(name: str, descriptor: int) -> Callable[[bytes | memoryview], None]:
    """Return the function that writes all it is given to an open file."""

    def send(data: bytes | memoryview) -> None:
        view = memoryview(data)
        with _faults(name):
            while view:
                view = view[os.write(descriptor, view) :]

    return send


def _walk(descriptor: int, prefix: str) -> Iterator[str]:
    """Yield the names below an open folder, which is closed; links, pipes and drafts are none of ours."""
    try:
        with os.scandir(descriptor) as entries:
            # With its slash a folder sorts as the names in it do.
            found = sorted(
                entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "")
                for entry in entries
                if not entry.name.startswith(".") and not entry.is_symlink()
            )
        for name in found:
            if not name.endswith("/"):
                yield prefix + name
                continue
            with suppress(FileNotFoundError):
                inner = os.open(name[:-1], _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
                yield from _walk(inner, prefix + name)
    except OSError as error:
        raise _fault(prefix, error) from error
    finally:
        os.close(descriptor)


def _remove(name: str, folder: int) -> None:
    """Remove the file, link or folder `name`; raises OSError. Whoever removes the same at once does no harm."""
    try:
        inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        return
    try:
        for entry in os.listdir(inner):
            _remove(entry, inner)
    finally:
        os.close(inner)
    with suppress(FileNotFoundError):
        os.rmdir(name, dir_fd=folder)


@contextmanager
def _faults(name: str) -> Iterator[None]:
    """Let an OSError pass as a fault of the store."""
    try:
        yield
    except OSError as error:
        raise _fault(name, error) from error


def _fault(name: str, error: OSError) -> StoreFault:
    if error.errno in _FULL:
        return StoreFault(name, f"the store is full: {error.strerror}")
    if error.errno == errno.ELOOP:
        return StoreFault(name, "there is a link in the store, which is not followed")
    if error.errno in _ABSENT:
        return StoreFault(name, "the store's folder vanished, or something else is in its place")
    return StoreFault(name, error.strerror or type(error).__name__)
