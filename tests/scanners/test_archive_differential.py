"""Whatever zipfile, tarfile and torch read out of a mutated archive, our scanners must have yielded to be examined."""

from __future__ import annotations

import contextlib
import ctypes
import io
import lzma
import random
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator

import pytest

from modelsweep.core.limits import OverLimit
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.reader import MemoryReader, Truncated
from modelsweep.core.scanner import Blob, Context, Malformed, Scanner
from scanners import tar, zip
from tests.scanners.case import examine_bytes
from tests.scanners.mutation import mutated
from tests.scanners.pickle.assembler import EVIL_PICKLE
from tests.scanners.spool import memory_spool
from tests.scanners.tar.cases import CASES as TAR_CASES
from tests.scanners.torch.cases import CASES as TORCH_CASES
from tests.scanners.zip.cases import CASES as ZIP_CASES

ROUNDS = 150
"""Mutations of each archive."""
TORCH_ROUNDS = 20
M_PERTURB = -6
UNFILLED = b"\xaa"
MEMBER = 1 << 20
"""Bytes of a member that are compared."""
Contents = list[bytes]


def yielded(scanner: Scanner, data: bytes) -> Contents | None:
    """Return the bytes of every blob that `scanner` yields of `data`, None where it does not accept them."""
    blob = Blob(Locator("archive"), MemoryReader(data)).with_head()
    if not scanner.accepts(blob):
        return None
    found: Contents = []
    with contextlib.suppress(Malformed, Truncated, OverLimit):
        for item in scanner.scan(blob, Context(Options(), len(data), memory_spool)):
            if isinstance(item, Blob):
                found.append(item.reader.read(0, item.size))
    return found


MEMBER_FAULTS = (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, lzma.LZMAError, EOFError)


def read_by_zipfile(data: bytes) -> Iterator[bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            with contextlib.suppress(*MEMBER_FAULTS), archive.open(info) as stream:
                yield stream.read(MEMBER)


def read_by_tarfile(data: bytes) -> Iterator[bytes]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for info in archive:
            if info.isreg() and not info.issparse() and info.size <= MEMBER:
                stream = archive.extractfile(info)
                assert stream is not None
                yield stream.read()


FAULTS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    RuntimeError,
    OSError,
    ValueError,
    EOFError,
    NotImplementedError,
    OverflowError,
)


def assert_all_yielded(scanner: Scanner, read: Callable[[bytes], Iterator[bytes]], data: bytes) -> None:
    with warnings.catch_warnings(action="ignore"):
        try:
            members = list(read(data))
        except FAULTS:
            return
    found = yielded(scanner, data)
    for member in filter(None, members):
        assert found is not None, "a loader opens it, the scanner does not accept it"
        assert any(member in content for content in found), f"a loader reads {member[:40]!r}, which is not yielded"


@contextlib.contextmanager
def marked_memory() -> Iterator[None]:
    """Have all memory that is allocated hold UNFILLED (glibc's M_PERTURB), so that what nobody wrote can be told."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", lambda option, value: 0)
    mallopt(M_PERTURB, ~UNFILLED[0] & 0xFF)
    try:
        yield
    finally:
        mallopt(M_PERTURB, 0)


def read_by_torch(data: bytes) -> list[bytes]:
    """Return the members that torch reads, but for memory that it never filled: it hands that out where sizes differ.

    Names may hold such memory, too: it is no UTF-8, which raises UnicodeDecodeError.
    """
    torch = pytest.importorskip("torch", reason="torch is not installed: see ./dev help")
    members = []
    with marked_memory():
        archive = torch._C.PyTorchFileReader(io.BytesIO(data))
        for name in archive.get_all_records():
            with contextlib.suppress(RuntimeError):
                members.append(archive.get_record(name)[:MEMBER])
    return [member for member in members if member.strip(UNFILLED)]


@pytest.mark.parametrize("name", sorted(TORCH_CASES))
def test_torch_reads_nothing_that_is_neither_yielded_nor_said_to_be_damaged(name: str) -> None:
    data, rng = TORCH_CASES[name].build(), random.Random(name)
    for attempt in [data, *(mutated(data, rng) for _ in range(TORCH_ROUNDS))]:
        try:
            members = read_by_torch(attempt)
        except (RuntimeError, UnicodeDecodeError):
            continue
        found = yielded(zip.SCANNER, attempt) or []
        lost = [member for member in members if not any(member in content for content in found)]
        assert not lost or examine_bytes(attempt, "model.pt").problems, f"torch reads {lost[0][:40]!r}"


@pytest.mark.parametrize("name", sorted(ZIP_CASES))
def test_zipfile_reads_nothing_that_is_not_yielded(name: str) -> None:
    data, rng = ZIP_CASES[name].build(), random.Random(name)
    for attempt in [data, *(mutated(data, rng) for _ in range(ROUNDS))]:
        assert_all_yielded(zip.SCANNER, read_by_zipfile, attempt)


NUMBERS = (b"%06o\0 ", b"%06o\x1f ", b"\x1c%06o ", b"0o%05o ", b"+%06o ", b" %06o\t", b"%07o\0", b"%06o\x85\0")


@pytest.mark.parametrize("form", NUMBERS)
def test_numbers_are_read_as_tarfile_reads_them(form: bytes) -> None:
    entry = bytearray(tarfile.TarInfo("data.pkl").tobuf())
    entry[124:136] = b"%011o\0" % len(EVIL_PICKLE)
    entry[148:156] = b" " * 8
    entry[148:156] = form % sum(entry)
    data = bytes(entry) + EVIL_PICKLE.ljust(512, b"\0") + bytes(1024)
    assert_all_yielded(tar.SCANNER, read_by_tarfile, data)


@pytest.mark.parametrize("name", sorted(TAR_CASES))
def test_tarfile_reads_nothing_that_is_not_yielded(name: str) -> None:
    data, rng = TAR_CASES[name].build(), random.Random(name)
    for attempt in [data, *(mutated(data, rng) for _ in range(ROUNDS))]:
        assert_all_yielded(tar.SCANNER, read_by_tarfile, attempt)
