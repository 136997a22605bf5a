"""Personal data, asked for on a command line: found in the sandbox, and in no output by value."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.scanners.personal_data.people import rows, table

Process = Callable[..., subprocess.CompletedProcess[bytes]]
KINDS = ("email", "phone", "card", "iban")
FORMATS = ("text", "json", "sarif", "junit", "gitlab-sast", "codequality", "html", "markdown", "cyclonedx", "spdx")


@pytest.fixture
def people(folder: Path) -> Path:
    """A table of people beside a model card that names its author."""
    (folder / "people.csv").write_bytes(table(*KINDS))
    (folder / "README.md").write_text(f"# Model\nBy {'anna'}@{'acme-people'}.org\n")
    return folder


@pytest.mark.skipif(
    find_spec("presidio_analyzer") is None,
    reason="presidio_analyzer is not installed: MODELSWEEP_TEST_PRESIDIO=1 ./dev test installs it",
)
def test_outputs_say_how_much_there_is_and_no_value(people: Path, process: Process) -> None:
    outputs = [part for form in FORMATS for part in ("-f", form, "-o", f"out.{form}")]
    done = process("scan", "people.csv", "README.md", "--verbose", "--include-scanner", "personal-data", *outputs)
    assert done.returncode == 1, done.stderr
    found = json.loads((people / "out.json").read_text())
    assert [(issue["rule"], issue["message"]) for issue in found["issues"]] == [
        ("personal-data/much", "IBANs: 25 different ones, the first at line 2"),
        ("personal-data/much", "card numbers: 25 different ones, the first at line 2"),
        (
            "personal-data/records",
            "25 lines with several kinds of personal data each: IBANs, card numbers, e-mail addresses, phone numbers",
        ),
        ("personal-data/found", "e-mail addresses: 25, the first at line 2"),
        ("personal-data/found", "phone numbers: 25, the first at line 2"),
    ]
    assert not found["problems"]
    sarif = json.loads((people / "out.sarif").read_text())
    (line,) = {
        result["locations"][0]["physicalLocation"]["region"]["startLine"]
        for result in sarif["runs"][0]["results"]
        if result["ruleId"] in ("personal-data/much", "personal-data/found")
    }
    assert line == 2
    said = b"".join([done.stdout, done.stderr, *(path.read_bytes() for path in people.glob("out.*"))]).decode()
    assert not [value for row in rows(*KINDS) for value in row if value in said]


def test_unasked_it_is_not_looked_for(people: Path, process: Process) -> None:
    done = process("scan", "people.csv", "-f", "json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert not found["issues"]
    assert "personal-data" not in found["scanner_names"]
