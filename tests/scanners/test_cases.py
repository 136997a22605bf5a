"""Every case of every scanner against its golden result, which people read before they bless it."""

from __future__ import annotations

import importlib
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.scanners.case import Case, examine_bytes, golden_form

HERE = Path(__file__).parent


def all_cases() -> list[tuple[str, str, Case]]:
    """Return (scanner folder, case name, case) of every folder with a cases.py."""
    found = []
    for folder in sorted(path.parent.name for path in HERE.glob("*/cases.py")):
        cases: dict[str, Case] = importlib.import_module(f"tests.scanners.{folder}.cases").CASES
        found += [(folder, name, case) for name, case in sorted(cases.items())]
    return found


@pytest.mark.parametrize(
    ("folder", "name", "case"), all_cases(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_case_matches_its_golden(folder: str, name: str, case: Case, bless: bool) -> None:
    if case.package and not find_spec(case.package):
        pytest.skip(f"{case.package} is not installed: MODELSWEEP_TEST_PRESIDIO=1 ./dev test installs it")
    result = examine_bytes(case.build(), case.name, case.options)
    actual = golden_form(result, compiled=case.compiled)
    golden = HERE / folder / "golden" / f"{name}.json"
    if bless:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(json.dumps(actual, indent=1, ensure_ascii=True) + "\n")
    assert result.verdict is case.verdict, json.dumps(actual, indent=1)
    assert golden.exists(), f"no golden yet: run pytest --bless and read {golden}"
    assert actual == json.loads(golden.read_text())
