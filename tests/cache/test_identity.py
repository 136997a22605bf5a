"""What bytes are known by: one thing more or less, and they are others."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from modelsweep.cache import identity
from modelsweep.cache.identity import of_file, of_object, seen_of
from modelsweep.core.finding import Json
from modelsweep.core.locator import Locator
from modelsweep.core.report import Unit

DIGEST = "ab" * 32


def content(uri: str, size: int = 9, digest: str = DIGEST, version: str = "") -> Json:
    unit = Unit(0, Locator(uri, (), version), size, digest)
    return of_object(unit, unit.digest, seen_of(unit, whole=False))


def test_content_that_a_store_vouches_for_is_known_wherever_it_lies_in_it() -> None:
    assert content("s3://b/one/m.pt") == content("s3://b/two/m.pt", version="etag")
    assert content("s3://b/m.pt") != content("s3://other/m.pt"), "whoever vouches is believed of himself only"
    assert content("s3://b/m.pt") != content("s3://b/m.pt", digest="cd" * 32)
    assert content("s3://b/m.pt") != content("s3://b/m.pt", size=10)


def test_what_scanners_see_of_an_address_tells_contents_apart() -> None:
    assert content("s3://b/m.pt") != content("s3://b/m.pkl")
    assert content("s3://b/key.pem") != content("s3://b/tests/key.pem")
    assert content("s3://b/x.pyc") != content("s3://b/__pycache__/x.pyc")
    assert content("s3://b/one/tests/key.pem") == content("s3://b/two/tests/key.pem")
    assert content("s3://b/" + "a" * 64 + "/layer.tar") != content("s3://b/" + "b" * 64 + "/layer.tar")


def test_without_a_digest_the_version_of_one_address_is_known() -> None:
    assert content("s3://b/m.pt", digest="", version="e1") == content("s3://b/m.pt", digest="", version="e1")
    assert content("s3://b/m.pt", digest="", version="e1") != content("s3://b/m.pt", digest="", version="e2")
    assert content("s3://b/m.pt", digest="", version="e1") != content("s3://b/n/m.pt", digest="", version="e1")
    assert content("s3://b/m.pt", digest="") is None


def test_an_etag_of_anybodys_server_tells_nothing() -> None:
    assert content("https://example.org/m.pt", digest="", version="e1") is None


def test_the_version_of_a_registered_model_alone_tells_nothing() -> None:
    """Whoever may write to the store that its artifacts lie in may replace them."""
    assert content("models:/Net/3/m.pt", digest="", version="3:") is None
    stored = content("models:/Net/3/m.pt", digest="", version='3:"etag" 1700000000')
    assert stored is not None
    assert stored != content("models:/Net/3/m.pt", digest="", version='3:"other" 1700000000')


def test_addresses_of_no_store_that_is_known_are_read_each_time() -> None:
    for uri in ("/srv/m.pt", "ftp://example.org/m.pt", "dvc://m.pt"):
        assert content(uri, digest="", version="1") is None


def test_members_of_one_archive_are_told_apart() -> None:
    inner = Unit(0, Locator("s3://b/a.zip", ("m",), "e"), 9, part=5)
    others = (inner, replace(inner, index=1), replace(inner, part=6), replace(inner, locator=Locator("s3://b/a.zip")))
    assert len({str(of_object(unit, DIGEST, seen_of(unit, whole=False))) for unit in others}) == len(others)


def test_scanners_of_others_may_see_all_of_an_address() -> None:
    unit = Unit(0, Locator("s3://b/one/m.pt"), 9, DIGEST)
    moved = replace(unit, locator=Locator("s3://b/two/m.pt"))
    assert seen_of(unit, whole=True) != seen_of(moved, whole=True)


def told(path: Path) -> Json:
    unit = Unit(0, Locator(str(path)), path.stat().st_size)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return of_file(unit, descriptor, seen_of(unit, whole=False))
    finally:
        os.close(descriptor)


def test_a_file_that_was_just_touched_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(b"x")
    os.utime(path, (1, 1))
    assert told(path) is None, "the time of modification is anybody's to set"
    monkeypatch.setattr(identity, "SETTLED", 0.0)
    time.sleep(0.02)
    assert told(path) == told(path)


def test_whoever_writes_to_a_file_makes_it_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though size and times of modification are what they were."""
    monkeypatch.setattr(identity, "SETTLED", -60.0)
    path = tmp_path / "m.pt"
    path.write_bytes(b"benign")
    os.utime(path, (1000, 1000))
    before = told(path)
    time.sleep(0.02)
    path.write_bytes(b"hostile"[:6])
    os.utime(path, (1000, 1000))
    assert told(path) != before
    other = tmp_path / "n.pt"
    other.write_bytes(b"benign")
    os.utime(other, (1000, 1000))
    os.replace(other, path)
    assert told(path) != before


def test_times_are_not_enough_to_be_taken_for_a_neighbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "SETTLED", -60.0)
    (tmp_path / "a").mkdir()
    path, link = tmp_path / "a" / "m.pt", tmp_path / "m.pt"
    path.write_bytes(b"x")
    os.link(path, link)
    assert told(path) != told(link)


@pytest.mark.parametrize(
    ("uri", "version", "known"),
    [
        ("https://example.org/a", '"1"', True),
        ("http://example.org/a", '"1"', True),
        ("https://example.org/a", 'W/"1"', False),
        ("https://example.org/a", "", False),
        ("https://example.org/artifactory/a", "da39a3ee5e6b4b0d3255bfef95601890afd80709", False),
    ],
)
def test_plain_addresses_are_known_by_a_strong_etag_where_that_is_trusted(uri: str, version: str, known: bool) -> None:
    unit = Unit(0, Locator(uri, version=version), 5)
    seen = seen_of(unit, whole=False)
    assert (of_object(unit, "", seen, trusting=True) is not None) == known
    assert of_object(unit, "", seen) is None
