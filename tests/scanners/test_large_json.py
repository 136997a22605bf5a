"""JSON too long for parsing without need: only its keys and its end are looked at."""

from __future__ import annotations

import json

import pytest

from modelsweep.core.finding import Json
from modelsweep.core.limits import Limits
from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from modelsweep.core.units import KIB
from scanners.parsing.code_keys import mappings
from scanners.parsing.json_text import entries
from tests.scanners.case import examine_bytes

VOCABULARY = {f"token{number}": number for number in range(60 * KIB)}
TARGET = {"_target_": "os.system"}


@pytest.mark.parametrize(
    ("content", "name", "verdict"),
    [
        (json.dumps({"vocab": VOCABULARY}), "vocab.json", Verdict.CLEAN),
        (json.dumps({"vocab": VOCABULARY})[:-2], "vocab.json", Verdict.NOT_SCANNED),
        (json.dumps({"vocab": VOCABULARY, "net": TARGET}), "vocab.json", Verdict.MALICIOUS),
        ("\n".join([json.dumps(VOCABULARY), json.dumps(TARGET)]), "lines.jsonl", Verdict.MALICIOUS),
    ],
    ids=["whole", "cut", "with a target", "lines"],
)
def test_long_files_are_parsed_where_a_key_may_name_code(content: str, name: str, verdict: Verdict) -> None:
    assert examine_bytes(content.encode(), name).verdict is verdict


def test_what_is_too_long_to_parse_is_unexamined_only_where_a_key_may_name_code() -> None:
    options = Options(limits=Limits(parsed_bytes=64 * KIB))
    clean, target = json.dumps(VOCABULARY), json.dumps({**VOCABULARY, "net": TARGET})
    assert examine_bytes(clean.encode(), "vocab.json", options).verdict is Verdict.CLEAN
    assert examine_bytes(target.encode(), "vocab.json", options).verdict is Verdict.NOT_SCANNED


def test_paths_below_a_long_key_are_short() -> None:
    """A path for each value, as long as all keys above it, would take gigabytes for a file of a few hundred KiB."""
    inner: dict[str, Json] = {str(number): {} for number in range(100)}
    document: Json = {"k" * 200_000: inner}
    below = [*entries(document)][1:]
    assert len(below) == 100
    assert max(len(entry.path) for entry in below) <= 1_000
    assert all(entry.path.endswith(f".{entry.key}") for entry in below)
    assert max(len(path) for path, _ in mappings(document)) <= 1_000
