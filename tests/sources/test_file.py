"""A file that changes while it is read, and one that cannot be read."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from modelsweep.core.reader import ContentChanged, SourceFault, Truncated
from modelsweep.core.units import GIB, MIB
from sources.file import BLOCK, PAGE, FileReader

DATA = bytes(range(256)) * 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "model.bin"
    place.write_bytes(DATA)
    os.utime(place, ns=(1, 1))
    return place


@pytest.fixture
def reader(path: Path) -> Iterator[FileReader]:
    found = FileReader(os.open(path, os.O_RDONLY))
    yield found
    found.close()


def test_an_unchanged_file_is_said_to_be_so_however_often_it_is_read(reader: FileReader, path: Path) -> None:
    path.read_bytes()
    reader.read(0, 100)
    assert list(reader.windows()) == [DATA]
    reader.check_unchanged()
    reader.check_unchanged()


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def overwrite_in_place(path: Path) -> None:
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"X")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(DATA)
    os.utime(other, ns=(1, 1))
    other.rename(path)


CHANGES: list[Callable[[Path], None]] = [
    append,
    overwrite_in_place,
    replace,
    lambda path: os.truncate(path, 10),
    Path.unlink,
]


@pytest.mark.parametrize("change", CHANGES, ids=["grown", "overwritten", "replaced", "shrunk", "removed"])
def test_every_change_is_noticed(reader: FileReader, path: Path, change: Callable[[Path], None]) -> None:
    change(path)
    with pytest.raises(ContentChanged, match="while it was examined"):
        reader.check_unchanged()


def test_a_file_that_shrinks_while_it_is_read_has_changed_and_is_not_cut(reader: FileReader, path: Path) -> None:
    windows = reader.windows(MIB // 4)
    next(windows)
    os.truncate(path, 300_000)
    with pytest.raises(ContentChanged, match="shrank to 300,000 bytes"):
        list(windows)
    with pytest.raises(ContentChanged):
        reader.find(b"absent")
    with pytest.raises(ContentChanged):
        reader.read(299_999, 2)
    with pytest.raises(Truncated):
        reader.read(len(DATA), 1)


def test_a_descriptor_that_cannot_be_read_is_a_source_fault(path: Path) -> None:
    reader = FileReader(os.open(path, os.O_WRONLY))
    with pytest.raises(SourceFault, match="reading at offset 0 failed"):
        reader.read(0, 1)
    reader.close()
    with pytest.raises(SourceFault):
        reader.check_unchanged()
    with pytest.raises(SourceFault):
        FileReader(-1)


def test_small_reads_that_follow_each_other_share_a_call(reader: FileReader, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []
    pread = os.pread

    def counted(descriptor: int, length: int, offset: int) -> bytes:
        calls.append((offset, length))
        return pread(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", counted)
    for offset in range(0, 4 * BLOCK, 16):
        assert reader.read(offset, 16) == DATA[offset : offset + 16]
    assert calls == [(offset, BLOCK) for offset in range(0, 4 * BLOCK, BLOCK)]
    reader.read(20 * BLOCK, 16)
    assert calls[-1] == (20 * BLOCK, PAGE)


def test_offsets_past_32_bits_are_read_and_large_files_cost_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "sparse.bin"
    with path.open("wb") as file:
        file.seek(5 * GIB)
        file.write(b"12345")
    reader = FileReader(os.open(path, os.O_RDONLY))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert reader.find(b"345", 4 * GIB + 500 * MIB) == 5 * GIB + 2
    assert sum(map(len, islice(reader.windows(MIB), 500))) == 500 * MIB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024, "KiB of resident memory"
    reader.close()
