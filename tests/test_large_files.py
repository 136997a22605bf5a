"""No format is read into memory: files of five gigabytes cost a few megabytes, whatever their parser does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from modelsweep.core.units import MIB
from tests.large_files import LARGE

ROOT = Path(__file__).parents[1]
MEMORY = 200 * MIB
"""Most that a process may have resident, Python and all scanners included."""
READ = ("model.safetensors", "model.pt", "model.onnx")
"""Of which every byte is read: the same pass over all formats, which takes its time."""
Answers = dict[str, dict[str, object]]


def answers(folder: Path, depth: str, *names: str) -> Answers:
    """Return what is said of large files."""
    command = [sys.executable, "-m", "tests.large_files", str(folder), depth, *names]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {answer["name"]: answer for answer in map(json.loads, run.stdout.splitlines())}


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return answers(tmp_path_factory.mktemp("large"), "quick")


@pytest.mark.parametrize("name", LARGE)
def test_parsing_a_large_file_takes_little_memory(name: str, parsed: Answers) -> None:
    check(name, parsed[name])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_reading_every_byte_of_large_files_takes_little_memory(tmp_path: Path) -> None:
    for name, answer in answers(tmp_path, "full", *READ).items():
        check(name, answer)


def check(name: str, answer: dict[str, object]) -> None:
    """Assert that a large file was recognised and examined to its end, in little memory."""
    assert answer["scanners"], answer
    assert answer["verdict"] == LARGE[name].verdict, answer
    assert isinstance(answer["memory"], int)
    assert answer["memory"] < MEMORY, answer
