"""Pages: they come back as they were, one chunk at a time, and nothing that is no page of ours comes back at all."""

from __future__ import annotations

import json
import re
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from modelsweep.core.locator import Locator
from modelsweep.core.report import Unit
from modelsweep.fleet import pages
from modelsweep.fleet.directory_store import DirectoryStore
from modelsweep.fleet.pages import Chunk, OpenPage, Page, Pages, encode_page, parent_of
from modelsweep.fleet.signature import Damaged, Forged, Key
from modelsweep.fleet.store import Absent

KEY = Key(b"k" * 32)
JOB = "job-1"


def decode_page(sealed: bytes, key: Key, job: str, first: int, parent: int | None = None) -> Page:
    """Return all of a page at once."""
    return OpenPage(sealed, key, job, first, parent).page()


def unit(index: int) -> Unit:
    """Return a unit; some have a version, members, and names that are no valid text."""
    members = ("archive.zip", f"a\udcff\n{index}") if index % 3 == 0 else ()
    return Unit(
        index, Locator(f"s3://bucket/models/{index:07d}.bin", members, "etag" if index % 2 else ""), index * 1000
    )


def page(first: int = 0, chunks: int = 3, units: int = 64, parent: int | None = None) -> Page:
    """Return a page of so many chunks of so many units."""
    made = (
        Chunk("cpu" if at % 2 else "large", tuple(unit(at * units + n) for n in range(units)), at % 4)
        for at in range(chunks)
    )
    return Page(first, tuple(made), parent)


def test_a_page_comes_back_as_it_was() -> None:
    for made in (page(), page(first=512, chunks=1, units=1), page(chunks=256)):
        assert decode_page(encode_page(made, KEY, JOB), KEY, JOB, made.first) == made


def test_children_come_back_wherever_they_were_allocated() -> None:
    sealed = encode_page(page(first=0, parent=7), KEY, JOB)
    assert sealed == encode_page(page(first=99, parent=7), KEY, JOB)
    assert decode_page(sealed, KEY, JOB, 300, parent=7) == page(first=300, parent=7)


def test_a_full_page_is_small() -> None:
    """As a signed page of 16,384 units with names as they are: a few bytes for each."""
    assert len(encode_page(page(chunks=256), KEY, JOB)) < 16 * 16_384


def test_the_store_gives_pages_and_chunks_by_number(tmp_path: Path) -> None:
    store = DirectoryStore(str(tmp_path))
    kept = Pages(store, KEY, JOB, kept=2)
    top, children = page(first=256, chunks=5), page(chunks=2, parent=257)
    names = kept.put(top), kept.put(children)
    assert re.fullmatch(r"jobs/job-1/pages/0000000256-[0-9a-f]{24}", names[0])
    assert re.fullmatch(r"jobs/job-1/pages/children-0000000257-[0-9a-f]{24}", names[1])
    assert parent_of(names[0]) is None
    assert parent_of(names[1]) == 257
    for _ in range(2):
        assert [kept.chunk(names[0], 256, number) for number in range(256, 261)] == list(top.chunks)
        assert [kept.chunk(names[1], 900, number) for number in (900, 901)] == list(children.chunks)
    with pytest.raises(Damaged, match="holds no chunk 261"):
        kept.chunk(names[0], 256, 261)
    with pytest.raises(Damaged, match="holds no chunk 255"):
        kept.chunk(names[0], 256, 255)
    store.delete("jobs")
    assert kept.chunk(names[0], 256, 256) == top.chunks[0], "still open"
    with pytest.raises(Absent):
        Pages(store, KEY, JOB).chunk(names[0], 256, 256)


def test_the_same_page_has_the_same_name(tmp_path: Path) -> None:
    kept = Pages(DirectoryStore(str(tmp_path)), KEY, JOB)
    for parent in (None, 3):
        assert kept.put(page(parent=parent)) == kept.put(page(parent=parent))


def test_what_another_producer_lists_for_the_same_place_replaces_nothing(tmp_path: Path) -> None:
    kept = Pages(DirectoryStore(str(tmp_path)), KEY, JOB)
    for parent in (None, 3):
        name = kept.put(page(parent=parent))
        assert kept.put(page(parent=parent, chunks=2)) != name
        assert kept.get(name, 0).page() == page(parent=parent)


@pytest.mark.parametrize(
    ("key", "job", "first", "parent"),
    [(Key(b"l" * 32), JOB, 0, None), (KEY, "job-2", 0, None), (KEY, JOB, 256, None), (KEY, JOB, 0, 0)],
)
def test_a_page_of_another_key_job_or_place_is_forged(key: Key, job: str, first: int, parent: int | None) -> None:
    with pytest.raises(Forged, match=f"page {job} "):
        decode_page(encode_page(page(), KEY, JOB), key, job, first, parent)


def test_no_damage_passes() -> None:
    sealed = encode_page(page(chunks=1, units=2), KEY, JOB)
    for at in range(len(sealed)):
        for damaged in (sealed[:at], bytes([*sealed[:at], sealed[at] ^ 0x10, *sealed[at + 1 :]])):
            with pytest.raises(Forged):
                decode_page(damaged, KEY, JOB, 0)


def signed(*lines: object) -> bytes:
    """Return lines of JSON (or bytes as they are) with our own signature: what only a bug of ours would write."""
    encoded = (line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    return KEY.seal(f"page {JOB} 0", zstandard.compress(b"".join(line + b"\n" for line in encoded)))


HEADER = {"protocol": 1, "first": 0, "parent": None, "chunks": 1}
CHUNK = ["cpu", 0, [0, 10, "a", ""]]
WRONG = {
    "nothing": signed,
    "an empty line": lambda: signed(b""),
    "no JSON": lambda: signed(b"{"),
    "no object": lambda: signed([1]),
    "older": lambda: signed({**HEADER, "protocol": 0}, CHUNK),
    "newer": lambda: signed({**HEADER, "protocol": 2}, CHUNK),
    "no protocol": lambda: signed({}),
    "another place": lambda: signed({**HEADER, "first": 1}, CHUNK),
    "children": lambda: signed({**HEADER, "parent": 1}, CHUNK),
    "fewer chunks": lambda: signed({**HEADER, "chunks": 2}, CHUNK),
    "more chunks": lambda: signed({**HEADER, "chunks": 257}, *[CHUNK] * 257),
    "deep": lambda: signed(HEADER, b"[" * 100_000 + b"]" * 100_000),
    "deep header": lambda: signed(b"[" * 100_000),
    "an object": lambda: signed(HEADER, {"queue": "cpu"}),
    "no units": lambda: signed(HEADER, ["cpu", 0]),
    "too many units": lambda: signed(HEADER, ["cpu", 0, *[[0, 10, "a", ""]] * 65]),
    "queue": lambda: signed(HEADER, [1, 0, [0, 10, "a", ""]]),
    "position": lambda: signed(HEADER, ["cpu", -1, [0, 10, "a", ""]]),
    "index": lambda: signed(HEADER, ["cpu", 0, ["0", 10, "a", ""]]),
    "boolean": lambda: signed(HEADER, ["cpu", 0, [True, 10, "a", ""]]),
    "member": lambda: signed(HEADER, ["cpu", 0, [0, 10, "a", "", None]]),
    "short": lambda: signed(HEADER, ["cpu", 0, [0, 10, "a"]]),
    "text": lambda: signed(HEADER, ["cpu", 0, "0ab"]),
    "not compressed": lambda: KEY.seal(f"page {JOB} 0", b"garbage"),
    "cut": lambda: KEY.seal(f"page {JOB} 0", zstandard.compress(b"x" * 1000)[:-3]),
    "more after the end": lambda: KEY.seal(f"page {JOB} 0", zstandard.compress(b"{}\n") + b"x"),
}


@pytest.mark.parametrize("build", WRONG.values(), ids=WRONG)
def test_a_page_that_is_none_is_damaged_though_it_is_signed(build: Callable[[], bytes]) -> None:
    with pytest.raises(Damaged, match="page job-1 0: "):
        decode_page(build(), KEY, JOB, 0)


def test_a_bomb_is_refused_before_it_fills_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_BYTES", 30_000_000)
    compressor = zstandard.ZstdCompressor()
    line = json.dumps([*CHUNK, "x" * 1_000_000]).encode() + b"\n"
    stream = compressor.compressobj()
    bomb = b"".join(stream.compress(line) for _ in range(600)) + stream.flush()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Damaged, match="more than a page may hold"):
        decode_page(KEY.seal(f"page {JOB} 0", bomb), KEY, JOB, 0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "kilobytes; the bomb is of 600 MB"


@pytest.mark.parametrize("made", [Page(0, ()), page(chunks=257, units=1), page(units=65), page(units=0)])
def test_what_fits_no_page_is_not_written(made: Page) -> None:
    with pytest.raises(ValueError, match="a page has"):
        encode_page(made, KEY, JOB)
