"""Entries end with the code and the options that they were extracted with, and not with opinions."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelsweep.cache.backend import CacheFault
from modelsweep.cache.extraction import JUDGING, code_digest, extraction
from modelsweep.core.limits import Limits
from modelsweep.core.options import Options

ROOT = Path(__file__).parents[2]


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of `scanners.judge` that a module imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        assert not any(name.startswith("scanners.judge.repository") for name in names), path
        yield from (name.split(".")[2] for name in names if name.startswith("scanners.judge.") and name.count(".") >= 2)


def test_nothing_is_extracted_with_what_only_judges() -> None:
    """`engine` and `catalogue` call judges, whose findings are not kept."""
    callers = {"engine.py", "catalogue.py"}
    extracting = (path for path in ROOT.glob("scanners/**/*.py") if "judge" not in path.parts)
    pending = [path for path in extracting if path.name not in callers]
    reached: set[str] = set()
    while pending:
        for name in imported(pending.pop()):
            module = ROOT / "scanners" / "judge" / f"{name}.py"
            if name not in reached and module.exists():
                reached.add(name)
                pending.append(module)
    assert reached & JUDGING == set()
    assert {path.stem for path in (ROOT / "scanners" / "judge").glob("*.py")} >= JUDGING


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of the code."""
    for name in ("scanners", "sources", "modelsweep/core", "worker"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.c"))
    return tmp_path


def touch(path: Path) -> None:
    path.write_text(path.read_text() + "\n# changed\n")


def test_code_that_extracts_counts_and_code_that_judges_does_not(home: Path) -> None:
    before = code_digest(str(home))
    assert before == code_digest(), "wherever it is installed"
    touch(home / "scanners" / "judge" / "pickle_calls.py")
    touch(home / "scanners" / "judge" / "__init__.py")
    code_digest.cache_clear()
    assert code_digest(str(home)) == before
    changed = {before}
    for name in ("scanners/gguf.py", "scanners/parsing/zip_directory.py", "scanners/judge/inert_names.py"):
        touch(home / name)
        code_digest.cache_clear()
        changed.add(code_digest(str(home)))
    touch(home / "modelsweep" / "core" / "version.py")
    code_digest.cache_clear()
    changed.add(code_digest(str(home)))
    assert len(changed) == 5


def test_code_that_cannot_be_read_is_a_fault_of_the_cache(tmp_path: Path) -> None:
    with pytest.raises(CacheFault):
        code_digest(str(tmp_path))


def test_options_that_change_what_is_extracted_count_and_others_do_not() -> None:
    options = Options()
    same = [replace(options, blacklist=("x",)), replace(options, allow_imports=("x",)), replace(options, timeout=1)]
    assert all(extraction(other, "rules") == extraction(options, "others") for other in same)
    others = [
        options,
        replace(options, depth="quick"),
        replace(options, scanners=("pickle",)),
        replace(options, scanners=()),
        replace(options, limits=Limits(depth=1)),
        replace(options, plugins=("acme",)),
    ]
    assert len({str(extraction(other, "rules")) for other in others}) == len(others)
    plugged = replace(options, plugins=("acme",))
    assert extraction(plugged, "rules") != extraction(plugged, "others"), "a plug-in of another version"
