"""The table of what the fleet must survive names tests that exist, and leaves out no file of this folder."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent


def named() -> set[tuple[Path, str]]:
    """Return file and name of all tests in the table."""
    found = re.findall(r"`([\w./]+\.py)::(\w+)`", (HERE / "README.md").read_text())
    return {((HERE / path).resolve(), name) for path, name in found}


def defined_in(path: Path) -> set[str]:
    """Return the names of the tests in a file."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_test_that_is_named_exists() -> None:
    rows = named()
    assert len(rows) > 40
    assert not [f"{path.name}::{name}" for path, name in rows if name not in defined_in(path)]


def test_the_table_leaves_out_no_file() -> None:
    files = {path for path in HERE.glob("test_*.py") if path.name != Path(__file__).name}
    assert {path for path, _ in named() if path.parent == HERE} == files
