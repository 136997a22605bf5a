"""What reading by range costs, and what happens when the other side fails."""

from __future__ import annotations

import random

import pytest

from modelsweep.core.reader import ContentChanged, SourceFault
from modelsweep.core.units import GIB, KIB, MIB
from sources.ranged import AHEAD, BLOCK, CACHED, RangedReader

DATA = random.Random(3).randbytes(20 * MIB + 5)


def fetch(offset: int, length: int) -> bytes:
    return DATA[offset : offset + length]


def zeros(offset: int, length: int) -> bytes:
    return bytes(length)


def test_a_small_object_is_one_request() -> None:
    reader = RangedReader(fetch, MIB)
    reader.read(0, 4096)
    reader.read(MIB - 10, 10)
    assert b"".join(reader.windows(100_000, 50))[:100_000] == DATA[:100_000]
    assert reader.find(b"absent") == -1
    assert (reader.requests, reader.fetched) == (1, MIB)


def test_parsing_in_small_reads_is_one_request_per_block() -> None:
    reader = RangedReader(fetch, len(DATA))
    for offset in range(0, 2 * BLOCK, 8):
        assert reader.read(offset, 8) == DATA[offset : offset + 8]
    assert (reader.requests, reader.fetched) == (2, 2 * BLOCK)


def test_blocks_that_follow_each_other_are_one_request() -> None:
    reader = RangedReader(fetch, len(DATA))
    assert reader.read(BLOCK - 1, 3 * BLOCK) == DATA[BLOCK - 1 : 4 * BLOCK - 1]
    assert reader.requests == 1
    reader.read(2 * BLOCK, BLOCK)
    assert reader.requests == 1


def test_head_directory_and_one_member_of_a_large_archive_cost_few_requests() -> None:
    size = 4 * GIB
    reader = RangedReader(zeros, size)
    reader.read(0, 4 * KIB)
    reader.read(size - 64 * KIB, 64 * KIB)
    reader.read(size - 200 * KIB, 30 * KIB)
    reader.read(100, 90 * KIB)
    assert reader.requests <= 6
    assert reader.fetched <= MIB


def test_windows_ask_for_much_at_once() -> None:
    reader = RangedReader(fetch, len(DATA))
    windows = list(reader.windows(MIB, 4096))
    assert windows == [DATA[offset : offset + MIB + 4096] for offset in range(0, len(DATA), MIB)]
    assert reader.requests == -(-len(DATA) // AHEAD)
    assert reader.fetched <= len(DATA) + 2 * 4096


def test_the_cache_is_bounded_and_drops_what_was_used_least() -> None:
    reader = RangedReader(zeros, GIB)
    for number in range(2 * CACHED // BLOCK):
        reader.read(number * BLOCK, 1)
        reader.read(0, 1)
    assert reader.requests == 2 * CACHED // BLOCK
    reader.read(BLOCK, 1)
    assert reader.requests == 2 * CACHED // BLOCK + 1
    reader.read(0, 3 * CACHED)
    assert len(reader._blocks) * BLOCK <= CACHED


def test_a_connection_that_breaks_is_a_source_fault_with_its_reason() -> None:
    def broken(offset: int, length: int) -> bytes:
        raise ConnectionResetError(104, "Connection reset by peer")

    with pytest.raises(SourceFault, match=r"fetching 131,072 bytes at offset 0 failed.*reset by peer"):
        RangedReader(broken, GIB).read(0, 10)


def test_too_few_or_too_many_bytes_are_a_source_fault() -> None:
    with pytest.raises(SourceFault, match="was given 3"):
        RangedReader(lambda offset, length: b"abc", GIB).read(0, 10)
    with pytest.raises(SourceFault, match="asked for 5 bytes at offset 0, was given 8"):
        RangedReader(lambda offset, length: b"abcdefgh", 5).read(0, 1)


def test_a_fault_leaves_the_reader_usable() -> None:
    attempts: list[int] = []

    def flaky(offset: int, length: int) -> bytes:
        attempts.append(offset)
        if len(attempts) == 1:
            raise ContentChanged("the etag is another one")
        return fetch(offset, length)

    reader = RangedReader(flaky, len(DATA))
    with pytest.raises(ContentChanged):
        reader.read(5, 5)
    assert reader.read(5, 5) == DATA[5:10]
