"""Remote objects that children read by range: what they get, and what a child that was taken over does not."""

from __future__ import annotations

import random
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from modelsweep.core.reader import ContentChanged, SourceFault
from modelsweep.core.units import MIB
from sources.ranged import AHEAD, RangedReader
from sources.source import Fetch, OpenedObject
from worker import lending
from worker.lending import borrowed, lend

DATA = random.Random(5).randbytes(2 * AHEAD + 77)


class Remote:
    """An object that counts what is fetched of it."""

    def __init__(self, data: bytes = DATA) -> None:
        self.data, self.ranges, self.closed = data, list[tuple[int, int]](), False

    def fetch(self, offset: int, length: int) -> bytes:
        self.ranges.append((offset, length))
        return self.data[offset : offset + length]

    def close(self) -> None:
        self.closed = True


@contextmanager
def lent(remote: Remote, fetch: Fetch | None = None) -> Iterator[tuple[Fetch, socket.socket]]:
    found, peer = borrowed(lend(OpenedObject(fetch or remote.fetch, len(remote.data), remote.close)).descriptor)
    with closing(peer):
        yield found, peer


def test_a_child_reads_what_is_there() -> None:
    remote = Remote()
    with lent(remote) as (fetch, _):
        reader = RangedReader(fetch, len(DATA))
        assert reader.read(100, 50) == DATA[100:150]
        windows = list(reader.windows(MIB, 100))
    assert b"".join(window[:MIB] for window in windows) == DATA
    assert all(window == DATA[at * MIB : at * MIB + len(window)] for at, window in enumerate(windows))


def test_what_follows_is_fetched_ahead_and_nothing_twice() -> None:
    remote = Remote()
    with lent(remote) as (fetch, _):
        for _window in RangedReader(fetch, len(DATA)).windows(MIB, 100):
            pass
    assert remote.ranges == [(0, AHEAD), (AHEAD, AHEAD), (2 * AHEAD, 77)]


def test_a_small_object_is_fetched_before_it_is_asked_for() -> None:
    remote = Remote(DATA[:1000])
    with lent(remote) as (fetch, _):
        assert RangedReader(fetch, 1000).read(5, 5) == DATA[5:10]
    assert remote.ranges == [(0, 1000)]


@pytest.mark.parametrize("fault", [SourceFault, ContentChanged])
def test_faults_reach_the_child_as_they_are(fault: type[SourceFault]) -> None:
    def broken(offset: int, length: int) -> bytes:
        raise fault("gone, \x1b[31msorry")

    with lent(Remote(), broken) as (fetch, _), pytest.raises(fault, match="gone, ") as caught:
        fetch(0, 10)
    assert type(caught.value) is fault
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 1 << 40), (len(DATA), 1), (2**64 - 1, 1), (2**63, 2**63), (len(DATA) - 5, 6)]
)
def test_a_child_gets_no_range_that_is_none(offset: int, length: int) -> None:
    remote = Remote()
    with lent(remote) as (fetch, _):
        with pytest.raises(SourceFault, match="no range"):
            fetch(offset, length)
        assert fetch(0, 3) == DATA[:3]
    assert remote.ranges == [(0, 3)]


def test_a_child_cannot_have_us_fetch_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lending, "FREE", 0)
    remote = Remote(DATA[:2000])
    with lent(remote) as (fetch, _):
        for _time in range(lending.TIMES):
            assert len(fetch(0, 2000)) == 2000
        with pytest.raises(SourceFault, match="more than 8 times"):
            fetch(0, 1)


def test_half_a_request_and_silence_end_with_the_child() -> None:
    remote = Remote()
    with lent(remote) as (_, peer):
        peer.sendall(struct.pack("<Q", 5))
    for _ in range(200):
        if remote.closed:
            break
        time.sleep(0.01)
    assert remote.closed


def test_a_lender_that_is_gone_is_a_fault() -> None:
    ours, theirs = socket.socketpair()
    fetch, peer = borrowed(theirs.detach())
    ours.close()
    with closing(peer), pytest.raises(SourceFault, match="has ended"):
        fetch(0, 1)
