"""What is shipped, what it is pinned to, and the `dev` script that sets it up."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelsweep.cli.called import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT / "dev"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = ("modelsweep", "sources", "scanners", "reporting", "producer", "worker")
LOCKS = ("run.txt", "test.txt")
SHELLS = [shell for shell in ("sh", "dash", "bash", "busybox") if shutil.which(shell)]

in_own_venv = pytest.mark.skipif(
    Path(sys.prefix).resolve() != ROOT / ".venv", reason="these tests do not run from .venv: start them by ./dev test"
)


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `command` with `environment` on top of ours."""
    return subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=100)


def modules(base: Path) -> set[str]:
    """The Python files of all packages below `base`, relative to it."""
    return {str(path.relative_to(base)) for package in PACKAGES for path in (base / package).rglob("*.py")}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build needs, so that the checkout is left alone."""
    copy = tmp_path_factory.mktemp("source")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "dev"):
        shutil.copy2(ROOT / name, copy / name)
    (copy / "tests").mkdir()
    (copy / "tests" / "test_nothing.py").touch()
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    """The pure wheel, built from the source distribution: so that one holds all that a build needs, too."""
    built = run(sys.executable, "-P", "-m", "build", "--no-isolation", cwd=source, MODELSWEEP_PURE="1")
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = (source / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pip installed the wheel into; the dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    done = run(sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target", folder, wheel)
    assert done.returncode == 0, done.stderr
    return folder


class TestWheel:
    def test_holds_every_module_and_nothing_else(self, source: Path, wheel: Path) -> None:
        names = zipfile.ZipFile(wheel).namelist()
        assert {name for name in names if name.endswith(".py")} == modules(source)
        assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
        assert {name.split("/")[0] for name in names} - set(PACKAGES) == {
            next(n for n in names if "dist-info" in n).split("/")[0]
        }

    def test_pure_wheel_fits_every_platform(self, wheel: Path) -> None:
        assert wheel.name.endswith("-py3-none-any.whl")

    def test_carries_its_licence(self, wheel: Path) -> None:
        assert any(name.endswith("dist-info/licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())

    def test_command_runs_from_the_installed_wheel(self, installed: Path, tmp_path: Path) -> None:
        done = run(installed / "bin" / "modelsweep", "--version", cwd=tmp_path, PYTHONPATH=str(installed))
        assert done.returncode == 0, done.stderr
        assert "0." in done.stdout

    def test_imports_come_from_the_installed_wheel(self, installed: Path, tmp_path: Path) -> None:
        show = "import modelsweep, scanners; print(modelsweep.__file__); print(scanners.__file__)"
        done = run(sys.executable, "-P", "-c", show, cwd=tmp_path, PYTHONPATH=str(installed))
        assert [Path(line).parents[1] for line in done.stdout.split()] == [installed, installed]

    @pytest.mark.slow
    @pytest.mark.parametrize("compiler", ["/nonexistent/cc", "false"])
    def test_builds_without_a_working_compiler(self, source: Path, tmp_path: Path, compiler: str) -> None:
        options = ("--no-deps", "--no-build-isolation", "--verbose", "--wheel-dir", tmp_path)
        done = run(sys.executable, "-m", "pip", "wheel", *options, source, CC=compiler, MODELSWEEP_PURE="")
        assert done.returncode == 0, done.stderr
        assert "the pickle machine stays pure Python" in done.stdout + done.stderr
        (wheel,) = tmp_path.glob("*.whl")
        assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".so")]


def test_every_package_is_marked_typed_and_described() -> None:
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").exists()
        for folder in {path.parent for path in (ROOT / package).rglob("*.py")}:
            assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), folder


def test_compiled_machine_is_not_older_than_its_source() -> None:
    sources = [
        path for path in (ROOT / "scanners" / "parsing").glob("pickle_machine.p*") if path.suffix in {".py", ".pxd"}
    ]
    newest = max((path.stat().st_mtime for path in sources), default=0.0)
    stale = [
        path.name
        for path in (ROOT / "scanners" / "parsing").glob("pickle_machine.*")
        if path.suffix in {".so", ".pyd"} and path.stat().st_mtime < newest
    ]
    assert not stale, "it hides the newer source: run ./dev setup"


@in_own_venv
@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler (cc) here: with one, the compiled machine is tested")
@pytest.mark.skipif(os.environ.get("MODELSWEEP_PURE") == "1", reason="MODELSWEEP_PURE=1 asks for pure Python")
def test_machine_is_compiled_where_a_compiler_is() -> None:
    done = run(sys.executable, "-P", "-c", "from scanners.parsing import pickle_machine as m; print(m.__file__)")
    assert done.stdout.strip().endswith(".so"), "see .venv/setup.log after: rm .venv/run.stamp; ./dev setup"


def test_extra_all_is_all_of_them_but_for_the_largest() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    named = re.fullmatch(r"modelsweep\[(.+)\]", *extras["all"])
    assert named is not None
    assert set(named[1].split(",")) == set(extras) - {"all", "personal-data"}


def imported(file: Path) -> Iterator[str]:
    """The names of the modules that `file` imports anywhere."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_core_needs_only_the_standard_library() -> None:
    foreign = {
        (file.name, name)
        for file in (ROOT / "modelsweep" / "core").rglob("*.py")
        for name in imported(file)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("modelsweep.core")
    }
    assert not foreign


def requirements(lock: str) -> dict[str, str]:
    """The requirements of a lock: what stands before the hashes, by name (a name has a line per marker)."""
    joined = (ROOT / "requirements" / lock).read_text().replace("\\\n", " ")
    return {line.split(" --hash")[0].strip(): line for line in joined.splitlines() if line.strip()}


class TestLocks:
    @pytest.mark.parametrize("lock", LOCKS)
    def test_pins_every_requirement_by_version_and_hash(self, lock: str) -> None:
        pinned = re.compile(r"[a-z0-9._-]+(\[[a-z0-9,-]+\])?==\S+( ; [^\\]+?)? +(--hash=sha256:[0-9a-f]{64} *)+")
        assert requirements(lock)
        assert [line for line in requirements(lock).values() if not pinned.fullmatch(line)] == []

    @pytest.mark.parametrize("lock", LOCKS)
    def test_names_no_address(self, lock: str) -> None:
        text = (ROOT / "requirements" / lock).read_text()
        assert not re.search(r"://|^\s*-(?!-hash)|@|index", text, re.MULTILINE)

    def test_one_environment_satisfies_both(self) -> None:
        run, test = ({requirement.split(" ;")[0] for requirement in requirements(lock)} for lock in LOCKS)
        assert run <= test


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with `dev` alone, and the folder `bin` with the few tools it may use; no Python."""
    shutil.copy2(DEV, tmp_path / "dev")
    (tmp_path / "bin").mkdir()
    for tool in ("cksum", "readlink", "cat"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or pytest.fail(f"no {tool}"))
    return tmp_path


def fake_python(folder: Path, script: str) -> None:
    """A `python3` in `folder` that is a shell script."""
    (folder / "python3").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "python3").chmod(0o755)


class TestDev:
    @pytest.mark.parametrize("shell", SHELLS)
    def test_is_plain_shell(self, shell: str) -> None:
        options = ("sh", "-n") if shell == "busybox" else ("-n",)
        done = run(shell, *options, DEV)
        assert (done.returncode, done.stderr) == (0, "")

    def test_ci_is_plain_bash(self) -> None:
        assert run("bash", "-n", ROOT / ".ci" / "run").stderr == ""

    def test_help_needs_no_setup(self, bare: Path) -> None:
        done = run("/bin/sh", bare / "dev", "help", PATH=str(bare / "bin"))
        assert done.returncode == 0
        assert "./dev scan TARGET" in done.stdout
        assert set(COMMANDS) <= set(re.findall(r"[a-z]+", done.stdout)), "it names every command of modelsweep"

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_says_that_it_may_not_write(self, bare: Path) -> None:
        fake_python(bare / "bin", f'exec "{sys.executable}" "$@"')
        bare.chmod(0o555)
        done = run("/bin/sh", bare / "dev", "scan", "x", PATH=str(bare / "bin"))
        bare.chmod(0o755)
        assert (done.returncode, done.stdout) == (2, "")
        assert "you may not write there" in done.stderr
        assert done.stderr.count("\n") == 1

    @pytest.mark.parametrize("script", [None, "exit 1"], ids=["none", "too old"])
    def test_says_that_python_is_missing(self, bare: Path, script: str | None) -> None:
        if script:
            fake_python(bare / "bin", script)
        done = run("/bin/sh", bare / "dev", "scan", "x", PATH=str(bare / "bin"))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("modelsweep: needs Python 3.11 or newer")
        assert done.stderr.count("\n") == 1

    def test_says_that_venv_is_missing(self, bare: Path) -> None:
        fake_python(bare / "bin", f'case "$2" in *ensurepip*) exit 1 ;; esac\nexec "{sys.executable}" "$@"')
        done = run("/bin/sh", bare / "dev", "scan", "x", PATH=str(bare / "bin"))
        assert done.returncode == 2
        assert "apt-get install python3-venv" in done.stderr
        assert done.stderr.count("\n") == 1

    @in_own_venv
    def test_scans_what_is_named_from_where_the_user_stands(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("nothing to see here\n")
        (tmp_path / "sweep").symlink_to(os.path.relpath(DEV, tmp_path))
        done = run(tmp_path / "sweep", "scan", "-f", "json", "notes.txt", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "notes.txt" in json.dumps(json.loads(done.stdout))
