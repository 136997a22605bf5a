"""Decompressed bytes: where they are kept, and what happens when there is no room."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import MemoryReader, SourceFault
from modelsweep.core.units import KIB, MIB
from sources.file import FileReader
from sources.spool import FileSpool


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[FileSpool]:
    found = FileSpool(str(tmp_path), 64 * KIB)
    yield found
    found.close()


def test_few_bytes_stay_in_memory(spool: FileSpool) -> None:
    reader = spool([b"a" * 32 * KIB, b"", b"b" * 32 * KIB])
    assert isinstance(reader, MemoryReader)
    assert reader.read(32 * KIB - 1, 2) == b"ab"


def test_many_bytes_are_a_file_without_a_name(spool: FileSpool, tmp_path: Path) -> None:
    reader = spool(bytes([number % 256]) * 1000 for number in range(500))
    assert isinstance(reader, FileReader)
    assert reader.size == 500_000
    assert reader.read(255_999, 2) == b"\xff\x00"
    assert list(tmp_path.iterdir()) == []
    reader.close()


def test_several_spooled_readers_live_beside_each_other_and_outlive_the_spool(tmp_path: Path) -> None:
    spool = FileSpool(str(tmp_path), 0)
    readers = [spool([bytes([number]) * 1000]) for number in range(5)]
    spool.close()
    assert [reader.read(999, 1)[0] for reader in readers] == list(range(5))
    for reader in readers:
        reader.close()


@pytest.mark.parametrize("before", [1 * KIB, 200 * KIB])
def test_what_the_decompressor_raises_passes_through_and_leaves_nothing_open(spool: FileSpool, before: int) -> None:
    def chunks() -> Iterator[bytes]:
        yield bytes(before)
        raise OverLimit("more than 7 decompressed bytes")

    descriptors = os.listdir("/dev/fd")
    with pytest.raises(OverLimit, match="more than 7"):
        spool(chunks())
    assert os.listdir("/dev/fd") == descriptors


def test_a_folder_that_went_away_is_a_source_fault(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    spool = FileSpool(str(folder), 0)
    folder.rmdir()
    with pytest.raises(SourceFault, match="no temporary file for decompressed bytes: No such file"):
        spool([b"x"])
    spool.close()


def test_a_full_disk_is_a_source_fault_that_says_how_far_it_came(tmp_path: Path) -> None:
    # A limit on the size of files makes the kernel refuse as a full disk does, also to root.
    script = f"""
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, ({MIB}, {MIB}))
        from modelsweep.core.reader import SourceFault
        from sources.spool import FileSpool
        try:
            FileSpool({str(tmp_path)!r}, 0)(bytes(300 * 1024) for _ in range(10))
        except SourceFault as fault:
            print(fault)
    """
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert ran.stdout == f"no room for decompressed bytes after 1.0 MiB: {os.strerror(errno.EFBIG)}\n", ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_spooling_to_a_file_needs_little_memory(tmp_path: Path) -> None:
    spool = FileSpool(str(tmp_path), MIB)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader = spool(bytes(MIB) for _ in range(200))
    assert reader.size == 200 * MIB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * KIB
    reader.close()
    spool.close()
