"""Data that DVC keeps track of: said where only the pointer is listed, and never where the data is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from modelsweep.core.finding import Problem
from modelsweep.core.locator import Locator
from producer.plan import plan
from producer.pointers import Pointers
from sources.source import Listed


def absent(names: Sequence[str], links: Sequence[str] = ()) -> list[str]:
    """Return what is said to be missing from a listing of `names` in byte order."""
    listing = [Listed(Locator(name), 1) for name in sorted(names, key=str.encode)]
    items = list(Pointers().with_absent(listing, lambda name: name in links))
    assert [item for item in items if isinstance(item, Listed)] == listing
    return [item.locator.uri for item in items if isinstance(item, Problem)]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["d/model.pt", "d/model.pt.dvc"], []),
        (["d/model.pt.dvc"], ["d/model.pt"]),
        (["d/data.dvc", "d/data/a.csv", "d/z"], []),
        (["d/data.dvc", "d/data-2/a.csv", "d/data.txt", "d/data/deep/a.csv"], []),
        (["d/data.dvc", "d/database", "d/z"], ["d/data"]),
        (["d/m", "d/m-old", "d/m.bak", "d/m.dvc", "d/m0"], []),
        (["m", "m-old/m.dvc"], ["m-old/m"]),
        (["a.dvc", "a.dvc.dvc", "a.dvc0", "b.dvc"], ["a", "b"]),
        (["a.dvc", "a.e.dvc", "a.e/x", "a/x"], []),
        ([".dvc/config", ".dvcignore", "d/.dvc"], []),
        (["größe.pt", "größe.pt.dvc", "ß.dvc"], ["ß"]),
        ([], []),
    ],
)
def test_only_pointers_without_their_data_are_said(names: list[str], expected: list[str]) -> None:
    assert sorted(absent(names)) == expected


def test_a_link_into_the_cache_of_dvc_is_the_data() -> None:
    assert absent(["m.pt.dvc"], links=["m.pt"]) == []


def test_what_cannot_be_read_is_not_said_to_be_missing_as_well(tmp_path: Path) -> None:
    (tmp_path / "away").symlink_to("/nowhere")
    (tmp_path / "away.dvc").write_text("outs:\n- path: away\n")
    (tmp_path / "gone.dvc").write_text("outs:\n- path: gone\n")
    problems = [item for item in plan([str(tmp_path)]) if isinstance(item, Problem)]
    assert [problem.locator.uri.rpartition("/")[2] for problem in problems] == ["away", "gone"]
    assert problems[1].detail == "kept by DVC, and not here: only its pointer gone.dvc is"
