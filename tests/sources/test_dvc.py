"""DVC pointers as targets: their data beside them, in the cache, at a remote, and never outside."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from modelsweep import scan
from modelsweep.core.finding import ProblemKind
from sources.opening import source_of
from tests.scanners.payload import EVIL
from tests.sources.double import Reply, double, ranged

DIGEST = hashlib.md5(EVIL, usedforsecurity=False).hexdigest()


def point(folder: Path, digest: str = DIGEST, path: str = "model.pkl", extra: str = "\n  hash: md5") -> Path:
    """Write a pointer and make its folder a repository; return the pointer."""
    (folder / ".dvc").mkdir(exist_ok=True)
    pointer = folder / "model.pkl.dvc"
    pointer.write_text(f"outs:\n- md5: {digest}\n  size: {len(EVIL)}{extra}\n  path: {path}\n")
    return pointer


def remote(folder: Path, url: str) -> None:
    (folder / ".dvc" / "config").write_text(f"[core]\n    remote = main\n['remote \"main\"']\n    url = {url}\n")


def keep(place: Path, data: bytes, name: str) -> None:
    (place / name[:2]).mkdir(parents=True, exist_ok=True)
    (place / name[:2] / name[2:]).write_bytes(data)


def rules(pointer: Path) -> list[str]:
    return [f"{finding.locator.uri.removeprefix(f'{pointer}')} {finding.rule.id}" for finding in scan(pointer).findings]


def test_a_pointer_is_a_source_of_its_own_only_as_a_target(tmp_path: Path) -> None:
    pointer = point(tmp_path)
    assert source_of(str(pointer)).name == "dvc"
    assert source_of(str(tmp_path)).name == "local"
    assert source_of(f"{tmp_path}/absent.dvc").name == "local"


def test_data_beside_the_pointer_is_read_there(tmp_path: Path) -> None:
    pointer = point(tmp_path)
    (tmp_path / "model.pkl").write_bytes(EVIL)
    assert rules(pointer) == ["/model.pkl pickle/dangerous-call"]


@pytest.mark.parametrize(("place", "extra"), [("cache/files/md5", "\n  hash: md5"), ("cache", "")])
def test_data_in_the_cache_is_read_there(tmp_path: Path, place: str, extra: str) -> None:
    pointer = point(tmp_path, extra=extra)
    keep(tmp_path / ".dvc" / place, EVIL, DIGEST)
    assert rules(pointer) == ["/model.pkl pickle/dangerous-call"]


def test_data_at_a_remote_is_read_by_range(tmp_path: Path) -> None:
    pointer = point(tmp_path)
    with double(lambda request: ranged(EVIL, request)) as server:
        remote(tmp_path, f"{server.url}/store/")
        assert rules(pointer) == ["/model.pkl pickle/dangerous-call"]
        assert set(server.asked()) == {f"/store/files/md5/{DIGEST[:2]}/{DIGEST[2:]}"}


def test_a_folder_is_listed_file_by_file(tmp_path: Path) -> None:
    rows = [{"md5": DIGEST, "relpath": "b/evil.pkl"}, {"md5": DIGEST, "relpath": "a.pkl"}]
    listing = json.dumps(rows).encode()
    folder = hashlib.md5(listing, usedforsecurity=False).hexdigest() + ".dir"
    pointer = point(tmp_path, folder, "data")
    keep(tmp_path / ".dvc" / "cache" / "files" / "md5", listing, folder)
    keep(tmp_path / ".dvc" / "cache" / "files" / "md5", EVIL, DIGEST)
    assert rules(pointer) == ["/data/a.pkl pickle/dangerous-call", "/data/b/evil.pkl pickle/dangerous-call"]


@pytest.mark.parametrize("path", ["../model.pkl", "/etc/passwd", "a/../../b", "a//b", "a\\b"])
def test_paths_that_lead_elsewhere_are_refused(tmp_path: Path, path: str) -> None:
    (problem,) = scan(point(tmp_path, path=f"'{path}'")).problems
    assert "leads elsewhere" in problem.detail


def test_a_remote_outside_the_repository_is_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    keep(outside / "files" / "md5", EVIL, DIGEST)
    (tmp_path / "inside").mkdir()
    pointer = point(tmp_path / "inside")
    remote(tmp_path / "inside", str(outside))
    (problem,) = scan(pointer).problems
    assert "outside its repository" in problem.detail
    (tmp_path / "inside" / "link").symlink_to(outside)
    remote(tmp_path / "inside", "../link")
    (problem,) = scan(pointer).problems
    assert "outside its repository" in problem.detail


def test_a_link_beside_the_pointer_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(EVIL)
    (tmp_path / "inside").mkdir()
    pointer = point(tmp_path / "inside")
    (tmp_path / "inside" / "model.pkl").symlink_to(tmp_path / "secret")
    report = scan(pointer)
    assert not report.findings
    assert [problem.kind for problem in report.problems] == [ProblemKind.SOURCE]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("outs: 5\n", "lists no `outs`"),
        ("outs:\n- path: x\n", "without MD5"),
        ("outs:\n- {md5: 12, path: x}\n", "without MD5"),
        ("{[", "cannot be read as YAML"),
        ("- 1\n", "lists no `outs`"),
        ("!!python/object/apply:os.system ['true']", "cannot be read as YAML"),
        ("x" * 2_000_000, "larger than expected"),
    ],
)
def test_what_is_no_pointer_is_said(tmp_path: Path, text: str, sentence: str) -> None:
    pointer = point(tmp_path)
    pointer.write_text(text)
    assert sentence in scan(pointer).problems[0].detail


def test_a_remote_that_fails_is_one_problem(tmp_path: Path) -> None:
    pointer = point(tmp_path)
    (problem,) = scan(pointer).problems
    assert "names no remote" in problem.detail
    with double(lambda request: Reply(404)) as server:
        remote(tmp_path, server.url)
        (problem,) = scan(pointer).problems
    assert "404" in problem.detail
