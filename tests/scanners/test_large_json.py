"""JSON too long for parsing without need: only its keys and its end are looked at."""

from __future__ import annotations

import json

import pytest

from modelsweep.core.limits import Limits
from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from modelsweep.core.units import KIB
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
