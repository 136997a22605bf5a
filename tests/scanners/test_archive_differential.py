"""Whatever zipfile and tarfile read out of a mutated archive, our scanners must have yielded to be examined."""

from __future__ import annotations

import contextlib
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
from tests.scanners.spool import memory_spool
from tests.scanners.tar.cases import CASES as TAR_CASES
from tests.scanners.zip.cases import CASES as ZIP_CASES

ROUNDS = 150
"""Mutations of each archive."""
MEMBER = 1 << 20
"""Bytes of a member that are compared."""
Contents = list[bytes]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return `data` with a few bytes changed, put in, or taken out, mostly where structure stands."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not changed:
            break
        place = rng.choice((rng.randrange(len(changed)), rng.randrange(min(600, len(changed)))))
        place = rng.choice((place, len(changed) - 1 - rng.randrange(min(120, len(changed)))))
        match rng.randrange(6):
            case 0:
                del changed[place : place + rng.choice((1, 4, 22, 512))]
            case 1:
                changed[place:place] = bytes(rng.choice((1, 4, 22, 512)))
            case _:
                changed[place] = rng.choice((0, 1, 0xFF, changed[place] ^ 1 << rng.randrange(8), rng.randrange(256)))
    return bytes(changed)


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


FAULTS = (zipfile.BadZipFile, tarfile.TarError, OSError, ValueError, EOFError, NotImplementedError, OverflowError)


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


@pytest.mark.parametrize("name", sorted(ZIP_CASES))
def test_zipfile_reads_nothing_that_is_not_yielded(name: str) -> None:
    data, rng = ZIP_CASES[name].build(), random.Random(name)
    for attempt in [data, *(mutated(data, rng) for _ in range(ROUNDS))]:
        assert_all_yielded(zip.SCANNER, read_by_zipfile, attempt)


@pytest.mark.parametrize("name", sorted(TAR_CASES))
def test_tarfile_reads_nothing_that_is_not_yielded(name: str) -> None:
    data, rng = TAR_CASES[name].build(), random.Random(name)
    for attempt in [data, *(mutated(data, rng) for _ in range(ROUNDS))]:
        assert_all_yielded(tar.SCANNER, read_by_tarfile, attempt)
