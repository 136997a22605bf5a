"""A hostile tree with folders that are named like our packages does not run, however we are started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelsweep import shadowing

HOME = Path(shadowing.HOME)
SCRIPT = Path(sys.executable).with_name("modelsweep")
STARTS = {
    "console script": [str(SCRIPT)],
    "python -m": [sys.executable, "-m", "modelsweep"],
    "python -P -m": [sys.executable, "-P", "-m", "modelsweep"],
}
if not SCRIPT.exists():  # the checkout is on the path, but not installed
    del STARTS["console script"]


@pytest.fixture(params=[name for name in shadowing.OWN if name != "modelsweep"])
def hostile_tree(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a folder with one package that is named like ours, and leaves a mark where it is imported."""
    package = tmp_path / "tree" / request.param
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    (tmp_path / "tree" / "notes.txt").write_text("a text\n")
    return tmp_path / "tree"


def start(how: str, tree: Path, path: list[Path]) -> subprocess.CompletedProcess[str]:
    """Scan the hostile tree from within it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [*STARTS[how], "scan", "notes.txt"]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("how", STARTS)
def test_the_working_directory_is_not_imported_from(hostile_tree: Path, how: str) -> None:
    done = start(how, hostile_tree, [HOME])
    assert not (hostile_tree.parent / "ran").exists()
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("how", STARTS)
def test_a_hostile_python_path_is_refused_by_name(hostile_tree: Path, how: str) -> None:
    done = start(how, hostile_tree, [hostile_tree, HOME])
    assert not (hostile_tree.parent / "ran").exists()
    assert done.returncode == 2
    (package,) = (folder for folder in hostile_tree.iterdir() if folder.is_dir())
    assert done.stderr.startswith(f"modelsweep: {package / '__init__.py'} hides modelsweep's own package")
    assert "Traceback" not in done.stderr


def test_the_api_refuses_too(hostile_tree: Path) -> None:
    code = "from modelsweep import scan; scan('notes.txt')"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(hostile_tree), str(HOME)])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=hostile_tree.parent, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Shadowed: " in done.stderr
    assert not (hostile_tree.parent / "ran").exists()


def test_a_plain_folder_of_the_same_name_is_no_attack(tmp_path: Path) -> None:
    (tmp_path / "scanners").mkdir()
    (tmp_path / "notes.txt").write_text("a text\n")
    done = start("python -m", tmp_path, [tmp_path, HOME])
    assert done.returncode == 0, done.stderr


def test_our_own_packages_pass() -> None:
    shadowing.check()


def test_what_was_put_in_place_of_a_module_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "producer", type(sys)("producer"))
    with pytest.raises(shadowing.Shadowed, match="something without a file hides"):
        shadowing.check()


def test_no_library_is_imported_from_the_working_directory(tmp_path: Path) -> None:
    for name in ("click", "lz4", "json"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    (tmp_path / "notes.txt").write_text("a text\n")
    done = start("python -m", tmp_path, [HOME])
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()
