"""One contract, every reader: exact bytes or Truncated, `find` and `windows` as on one bytes object."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelsweep.core.reader import MemoryReader, Reader, SourceFault, Truncated, WindowReader, at_hand
from modelsweep.core.units import KIB, MIB
from sources.file import FileReader
from sources.ranged import RangedReader
from sources.spool import FileSpool

# Longer than two windows and than any block, and of no round size
LONG = random.Random(1).randbytes(2 * MIB + 130 * KIB + 17)
SHORT = bytes(range(256)) * 3
HUGE = 1 << 63


@dataclass(frozen=True)
class Room:
    """What a builder of readers needs: a place for files, and who closes them."""

    folder: Path
    stack: ExitStack


def memory(data: bytes, room: Room) -> Reader:
    return MemoryReader(data)


def nested_window(data: bytes, room: Room) -> Reader:
    outer = WindowReader(MemoryReader(b"before" + data + b"after"), 3, len(data) + 5)
    return WindowReader(outer, 3, len(data))


def window_of_file(data: bytes, room: Room) -> Reader:
    return WindowReader(file(b"before" + data + b"after", room), 6, len(data))


def file(data: bytes, room: Room) -> Reader:
    path = room.folder / f"{len(os.listdir(room.folder))}.bin"
    path.write_bytes(data)
    reader = FileReader(os.open(path, os.O_RDONLY))
    room.stack.callback(reader.close)
    return reader


def held(data: bytes, room: Room) -> Reader:
    return at_hand(window_of_file(data, room))


def ranged(data: bytes, room: Room) -> Reader:
    return RangedReader(lambda offset, length: data[offset : offset + length], len(data))


def spooled_in(in_memory: int) -> Callable[[bytes, Room], Reader]:
    def build(data: bytes, room: Room) -> Reader:
        spool = FileSpool(str(room.folder), in_memory)
        room.stack.callback(spool.close)
        reader = spool(data[start : start + 1000] for start in range(0, len(data), 1000))
        room.stack.callback(reader.close)
        return reader

    return build


BUILDERS: dict[str, Callable[[bytes, Room], Reader]] = {
    "memory": memory,
    "nested-window": nested_window,
    "window-of-file": window_of_file,
    "file": file,
    "at-hand": held,
    "ranged": ranged,
    "spooled-in-memory": spooled_in(1 << 30),
    "spooled-in-file": spooled_in(0),
}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with ExitStack() as stack:
        yield Room(tmp_path, stack)


@pytest.fixture(params=list(BUILDERS))
def build(request: pytest.FixtureRequest, room: Room) -> Callable[[bytes], Reader]:
    builder = BUILDERS[request.param]
    return lambda data: builder(data, room)


Build = Callable[[bytes], Reader]


@pytest.mark.parametrize("data", [SHORT, LONG], ids=["short", "long"])
def test_reads_are_exact_at_every_boundary(build: Build, data: bytes) -> None:
    reader = build(data)
    size = len(data)
    edges = [
        edge for near in (0, 4 * KIB, 32 * KIB, 128 * KIB, MIB, 2 * MIB, size) for edge in (near - 1, near, near + 1)
    ]
    offsets = [edge for edge in edges if 0 <= edge <= size]
    assert reader.size == size
    for offset in offsets:
        for length in (0, 1, 2, 4 * KIB, 32 * KIB + 1, MIB + 1, size - offset):
            if offset + length <= size:
                assert reader.read(offset, length) == data[offset : offset + length]


def test_reads_in_order_and_at_random_agree_with_the_bytes(build: Build) -> None:
    reader, chance = build(LONG), random.Random(2)
    for offset in range(0, 100_000, 7):
        assert reader.read(offset, 7) == LONG[offset : offset + 7]
    for _ in range(2_000):
        offset = chance.randrange(len(LONG))
        length = chance.randrange(min(chance.choice((10, 5_000, 300_000)), len(LONG) - offset) + 1)
        assert reader.read(offset, length) == LONG[offset : offset + length]


@pytest.mark.parametrize(
    ("offset", "length"),
    [
        (0, len(SHORT) + 1),
        (1, len(SHORT)),
        (len(SHORT), 1),
        (len(SHORT) + 1, 0),
        (-1, 1),
        (-1, 0),
        (0, -1),
        (5, -5),
        (HUGE, 1),
        (0, HUGE),
        (HUGE, HUGE),
        (-HUGE, HUGE),
        (-HUGE, HUGE + 3),
        (HUGE * 4, -HUGE * 4),
        (len(SHORT) - 1, HUGE * 2),
    ],
)
def test_what_is_not_there_is_truncated(build: Build, offset: int, length: int) -> None:
    reader = build(SHORT)
    for _ in range(2):
        with pytest.raises(Truncated) as caught:
            reader.read(offset, length)
        assert (caught.value.offset, caught.value.length, caught.value.size) == (offset, length, len(SHORT))
        assert reader.read(0, len(SHORT)) == SHORT


@pytest.mark.parametrize(
    "at", [0, 1, MIB - 5, MIB - 3, MIB - 1, MIB, MIB + 1, 2 * MIB - 4, 2 * MIB + 3, 2 * MIB + 70_000]
)
def test_find_sees_across_windows(build: Build, at: int) -> None:
    needle = b"needle\0"
    data = bytearray(2 * MIB + 70_000 + len(needle))
    data[at : at + len(needle)] = needle
    reader = build(bytes(data))
    stop = at + len(needle)
    assert reader.find(needle) == at
    assert reader.find(needle, at, stop) == at
    assert reader.find(needle, at + 1) == -1
    assert reader.find(needle, 0, stop - 1) == -1


def test_find_is_that_of_bytes(build: Build) -> None:
    reader, size = build(SHORT), len(SHORT)
    for needle in (b"", b"\x05", b"\x05\x06", b"absent", bytes(range(256)), SHORT, SHORT + b"x"):
        for start in (0, 1, 6, 300, size - 1, size, size + 1, HUGE):
            for stop in (None, 0, 1, 7, size - 1, size, size + 1, HUGE):
                assert reader.find(needle, start, stop) == SHORT.find(needle, start, stop), (needle, start, stop)


def test_find_takes_what_is_before_the_beginning_for_nothing(build: Build) -> None:
    reader = build(SHORT)
    assert reader.find(b"\x00", -5) == 0
    assert reader.find(b"\x00", -HUGE, HUGE) == 0
    assert reader.find(b"\x00", 0, -1) == -1
    assert reader.find(b"\x00", 0, -HUGE) == -1
    assert reader.find(b"\x00", -5, -2) == -1


@pytest.mark.parametrize(("size", "overlap"), [(MIB, 0), (MIB, 4096), (100_000, 7), (1000, 2500), (16 * MIB, 10)])
def test_windows_cover_every_byte_and_overlap(build: Build, size: int, overlap: int) -> None:
    count = 0
    for offset, window in zip(range(0, len(LONG), size), build(LONG).windows(size, overlap), strict=True):
        assert window == LONG[offset : offset + size + overlap]
        count += 1
    assert count == -(-len(LONG) // size)


def test_nothing_is_read_of_an_empty_reader(build: Build) -> None:
    reader = build(b"")
    assert reader.size == 0
    assert reader.read(0, 0) == b""
    assert reader.find(b"x") == -1
    assert list(reader.windows()) == []
    with pytest.raises(Truncated):
        reader.read(0, 1)


def test_bytes_stay_good_after_more_reading_and_closing(build: Build) -> None:
    reader = build(LONG)
    first = reader.read(10, 100)
    windows = list(reader.windows())
    reader.close()
    reader.close()
    assert first == LONG[10:110]
    assert b"".join(windows) == LONG


@pytest.mark.parametrize("builder", [memory, file, spooled_in(0), spooled_in(1 << 30)])
def test_nothing_is_read_after_closing(builder: Callable[[bytes, Room], Reader], room: Room) -> None:
    reader = builder(LONG, room)
    reader.read(0, 10)
    reader.close()
    with pytest.raises((Truncated, SourceFault)):
        reader.read(0, 10)


def test_closing_a_window_leaves_its_parent_open(room: Room) -> None:
    parent = file(SHORT, room)
    WindowReader(parent, 1, 2).close()
    assert parent.read(0, 3) == SHORT[:3]


@pytest.mark.parametrize(("start", "size"), [(0, 7), (7, 0), (-1, 2), (0, -1), (HUGE, 1), (1, HUGE)])
def test_a_window_lies_within_its_parent(start: int, size: int) -> None:
    with pytest.raises(Truncated):
        WindowReader(MemoryReader(b"abcdef"), start, size)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_request_is_answered_as_by_bytes(build: Build, data: st.DataObject) -> None:
    reader = build(SHORT)
    numbers = st.integers(-3, len(SHORT) + 3)
    for _ in range(5):
        offset, length = data.draw(numbers), data.draw(numbers)
        if offset >= 0 and length >= 0 and offset + length <= len(SHORT):
            assert reader.read(offset, length) == SHORT[offset : offset + length]
        else:
            with pytest.raises(Truncated):
                reader.read(offset, length)
