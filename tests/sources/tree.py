"""Folders as text, for tests of listing: what was listed, with sizes, and what was said."""

from __future__ import annotations

from pathlib import Path

from modelsweep.core.finding import Problem
from sources.local import list_target


def files(target: str | Path) -> list[str]:
    """Return the paths listed below `target`, relative to it."""
    return [
        item.locator.uri.removeprefix(f"{target}/")
        for item in list_target(str(target))
        if not isinstance(item, Problem)
    ]


def problems(target: str | Path) -> list[str]:
    """Return what was said of places below `target`, one line each."""
    return [
        f"{item.kind.value} {item.locator.uri.removeprefix(f'{target}/')}: {item.detail}"
        for item in list_target(str(target))
        if isinstance(item, Problem)
    ]


def hub_cache(folder: Path) -> Path:
    """Make the Hugging Face Hub's cache of one repository with three files; return the folder of its only snapshot."""
    repository = folder / "models--acme--tiny"
    snapshot = repository / "snapshots" / "0123abc"
    (repository / "blobs").mkdir(parents=True)
    (snapshot / "onnx" / "int8").mkdir(parents=True)
    for digest, name, text in (("aa11", "config.json", "../../"), ("bb22", "onnx/int8/model.onnx", "../../../../")):
        (repository / "blobs" / digest).write_bytes(digest.encode())
        (snapshot / name).symlink_to(f"{text}blobs/{digest}")
    (snapshot / "README.md").write_text("no link\n")
    return snapshot
