"""Results of other tools that are attached to a report: each as its tool writes it, and files that want to do harm."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pytest

from modelsweep.core.report import Attachment
from modelsweep.evidence import NotAttachable, attached, content, garak, summary
from modelsweep.evidence.summary import NAME, ROWS, VALUE

SECRET = f"hf_{'a1B2' * 8}"
ESCAPE = "\x1b[31m\u202e"


@pytest.fixture
def attach(tmp_path: Path) -> Callable[..., Attachment]:
    """Write a file and attach it."""

    def written(data: bytes | str, name: str = "result") -> Attachment:
        raw = data if isinstance(data, bytes) else data.encode()
        (tmp_path / name).write_bytes(raw)
        found = attached(str(tmp_path / name))
        assert (found.size, found.digest) == (len(raw), hashlib.sha256(raw).hexdigest())
        return found

    return written


Attach = Callable[..., Attachment]


def lines(*records: dict[str, Any]) -> str:
    """Return a record in each line."""
    return "".join(f"{json.dumps(record)}\n" for record in records)


def attempt(status: int, probe: str = "dan.Dan_11_0") -> dict[str, Any]:
    return {"entry_type": "attempt", "uuid": "u", "seq": 0, "status": status, "probe_classname": probe, "outputs": []}


def evaluation(probe: str, passed: int, total: int) -> dict[str, Any]:
    return {
        "entry_type": "eval",
        "probe": probe,
        "detector": "mitigation.M",
        "passed": passed,
        "total_evaluated": total,
    }


SETUP = {"entry_type": "start_run setup", "plugins.target_type": "huggingface", "plugins.target_name": "gpt2"}
INIT = {"entry_type": "init", "garak_version": "0.17.1", "start_time": "2026-01-01T00:00:00", "run": "r"}
END = {"entry_type": "completion", "end_time": "2026-01-01T01:00:00", "run": "r"}


# -- garak


def test_a_report_of_garak(attach: Attach) -> None:
    found = attach(
        lines(
            SETUP, INIT, attempt(1), attempt(2), attempt(2, "lmrc.Bullying"),
            evaluation("dan.Dan_11_0", 3, 10), evaluation("dan.Dan_11_0", 9, 10),
            evaluation("lmrc.Bullying", 5, 5), END,
        ),
        "garak.abc.report.jsonl",
    )  # fmt: skip
    assert (found.tool, found.media_type, found.note) == ("garak", "application/jsonl", "")
    assert dict(found.summary) == {
        "garak version": "0.17.1", "target": "huggingface gpt2", "probes": 2, "attempts": 2, "evaluations": 25,
        "hits": 8, "hits of dan.Dan_11_0": 8,
    }  # fmt: skip


def test_a_report_of_an_older_garak_whose_run_has_not_ended(attach: Attach) -> None:
    setup = {"entry_type": "start_run setup", "plugins.model_type": "openai", "plugins.model_name": "gpt-4"}
    old = {"entry_type": "eval", "probe": "goodside.Tag", "detector": "detector.x", "passed": 1, "total": 4}
    found = attach(f"{lines(setup, old)}{json.dumps(attempt(2))[:40]}")
    assert dict(found.summary)["target"] == "openai gpt-4"
    assert dict(found.summary)["hits of goodside.Tag"] == 3
    assert found.note == "the run has not ended; 1 line could not be read"


def test_hits_of_garak(attach: Attach) -> None:
    hit = {"goal": "g", "prompt": "p", "output": "o", "score": 1.0, "attempt_id": "a", "detector": "d"}
    hit |= {"generator": "huggingface gpt2", "probe": "dan.Dan_11_0"}
    found = attach(lines(hit, hit, {**hit, "probe": "encoding.InjectBase64"}), "garak.hitlog.jsonl")
    assert (found.tool, found.note) == ("garak", "")
    assert found.text == (
        "target: huggingface gpt2, probes: 2, hits: 3, hits of dan.Dan_11_0: 2, hits of encoding.InjectBase64: 1"
    )


def test_a_page_of_garak(attach: Attach) -> None:
    found = attach('<!doctype html>\n<html lang="en"><head><title>NVIDIA Garak</title></head></html>')
    assert (found.tool, found.media_type, found.summary) == ("garak", "text/html", ())


# -- Giskard


def test_a_report_of_giskard(attach: Attach) -> None:
    issues = {"major": ["it lies", "it leaks"], "minor": ["it stutters"]}
    found = attach(json.dumps({"LLMPromptInjectionDetector": issues, "TextPerturbationDetector": {}}, indent=4))
    assert (found.tool, found.media_type) == ("Giskard", "application/json")
    assert dict(found.summary) == {
        "detectors": 2, "issues": 3, "major issues": 2, "medium issues": 0, "minor issues": 1,
        "issues of LLMPromptInjectionDetector": 3,
    }  # fmt: skip
    nothing = attach(json.dumps({"OverconfidenceDetector": {}, "DataLeakageDetector": {}}))
    assert dict(nothing.summary)["issues"] == 0


PAGE = """<!doctype html>
<html lang="en"><head><title>Giskard Scan Results</title></head><body><div class="dark">
<div id="gsk-scan" class="dark:text-white"><h2>Issues</h2>
<span class="text-xs border">4
            major</span>
<span class="text-xs border">2
            info</span>
<h2>Issues</h2><span class="text-xs">1
            major</span>
<td>9 major</td></div></div></body></html>"""


@pytest.mark.parametrize("page", [PAGE, f'<iframe id="scan-1" srcdoc="{escape(PAGE)}" class="gsk-scan"></iframe>'])
def test_a_page_of_giskard(attach: Attach, page: str) -> None:
    found = attach(page, "scan.html")
    assert (found.tool, found.media_type) == ("Giskard", "text/html")
    assert dict(found.summary) == {"issues": 7, "major issues": 5, "medium issues": 0, "minor issues": 2}


# -- RESTler

SUMMARY = {
    "final_spec_coverage": "33 / 40",
    "rendered_requests": "33 / 40",
    "total_requests_sent": {"gc": 34, "main_driver": 66},
    "bug_buckets": {"main_driver_500": 3, "UseAfterFreeChecker_20x": 1},
}
BUCKETS = """\
UseAfterFreeChecker_20x: 1
main_driver_500: 1
Total Buckets: 2
-------------
UseAfterFreeChecker_20x - Bug was reproduced - UseAfterFreeChecker_20x_1.txt
Hash: UseAfterFreeChecker_20x_8ccb62ff
PUT /a HTTP/1.1\\r\\n
--------------------------------------------------------------------------------
main_driver_500 - Unable to reproduce bug - main_driver_500_1.txt
Attempted to reproduce 0 time(s); Reproduced 0 time(s)
"""


def test_a_summary_of_restler(attach: Attach) -> None:
    found = attach(json.dumps(SUMMARY, indent=4), "testing_summary.json")
    assert (found.tool, found.media_type) == ("RESTler", "application/json")
    assert dict(found.summary) == {
        "specification covered": "33 / 40", "requests": 100, "bugs": 4,
        "bugs of main_driver_500": 3, "bugs of UseAfterFreeChecker_20x": 1,
    }  # fmt: skip
    newer = attach(json.dumps({**SUMMARY, "reproducible_bug_buckets": {"main_driver_500": 2}}))
    assert dict(newer.summary)["reproduced bugs"] == 2


def test_the_bugs_of_restler(attach: Attach) -> None:
    found = attach(BUCKETS, "bug_buckets.txt")
    assert (found.tool, found.media_type, found.note) == ("RESTler", "text/plain", "")
    assert dict(found.summary) == {
        "bugs": 2, "reproduced bugs": 1, "bugs of UseAfterFreeChecker_20x": 1, "bugs of main_driver_500": 1,
    }  # fmt: skip
    assert attach(BUCKETS[: BUCKETS.index("main_driver_500 - ")]).note == "it lists 1 of 2 bugs"
    assert attach("Total Buckets: 0\n-------------\n").text == "bugs: 0, reproduced bugs: 0"


# -- ART


def test_a_confusion_matrix_of_art(attach: Attach) -> None:
    def rate(numerator: int) -> dict[str, float]:
        return {"rate": 50.0, "numerator": numerator, "denominator": 2 * numerator}

    matrix = {"TruePositive": rate(4), "TrueNegative": rate(3), "FalsePositive": rate(2), "FalseNegative": rate(1)}
    found = attach(json.dumps({"class_0": matrix, "class_1": matrix}))
    assert found.tool == "ART"
    assert found.text == ("classes: 2, true positives: 8, true negatives: 6, false positives: 4, false negatives: 2")


def test_an_evaluation_with_armory(attach: Attach) -> None:
    config = {"attack": {"module": "art.attacks.evasion", "name": "ProjectedGradientDescent", "kwargs": {"eps": 0.03}}}
    results = {"benign_mean_accuracy": [0.9], "adversarial_accuracy": [0.1, 0.3], "task": {"n": 100}, "ok": True}
    found = attach(json.dumps({"armory_version": "0.16.0", "config": config, "results": results, "timestamp": 1}))
    assert found.tool == "ART"
    assert dict(found.summary) == {
        "Armory version": "0.16.0", "benign_mean_accuracy": 0.9, "adversarial_accuracy": "0.1 to 0.3 (2 values)",
        "task.n": 100,
    }  # fmt: skip


def test_numbers_that_name_attacks_of_art(attach: Attach) -> None:
    found = attach(json.dumps([{"attack": "art.attacks.evasion.fast_gradient.FastGradientMethod", "accuracy": 0.4}]))
    assert (found.tool, found.text) == ("ART", "attacks: FastGradientMethod, [0].accuracy: 0.4")
    found = attach(
        json.dumps({"toolbox": "Adversarial Robustness Toolbox 1.20", "accuracy": float("nan"), "n": 10**400})
    )
    assert (found.tool, found.text) == ("ART", "accuracy: nan")
    table = "attack,eps,clean_accuracy,adversarial_accuracy\n" + "".join(
        f"art.attacks.evasion.{name},{eps},0.9,{eps * 2}\n" for name, eps in (("DeepFool", 0.1), ("SquareAttack", 0.3))
    )
    found = attach(table, "art.csv")
    assert (found.tool, found.media_type) == ("ART", "text/csv")
    assert dict(found.summary) == {
        "rows": 2, "attacks": "DeepFool, SquareAttack", "eps": "0.1 to 0.3 (2 values)",
        "clean_accuracy": "0.9 to 0.9 (2 values)", "adversarial_accuracy": "0.2 to 0.6 (2 values)",
    }  # fmt: skip


# -- anything else


@pytest.mark.parametrize(
    ("data", "name", "media_type"),
    [
        (b"%PDF-1.7\n", "pentest.pdf", "application/pdf"),
        (b"PK\x03\x04\x00", "all.zip", "application/zip"),
        (b"\x80\x04\x95\x00.", "model.pkl", "application/octet-stream"),
        (b"caf\xe9", "latin-1.txt", "application/octet-stream"),
        ('{"a": 1}'.encode("utf-16"), "utf-16.json", "application/octet-stream"),
        (b"a,b\n1,2\n", "table.csv", "text/csv"),
        (b"a,b\n1,2\n", "notes", "text/plain"),
        (b"looks good: 3\n", "notes.txt", "text/plain"),
        (b"<html><body>garak and Giskard</body></html>", "page.html", "text/html"),
        (b'{"bomFormat": "CycloneDX"}', "bom.json", "application/json"),
        (b'\xef\xbb\xbf{"a": 1}', "bom", "application/json"),
        (b'{"major": ["x"]}', "levels.json", "application/json"),
        (b'{"name": "adversarial-robustness-toolbox", "version": 1.0}', "package.json", "application/json"),
        (b'{"x": {"major": 3}}', "versions.json", "application/json"),
        (b"{}", "empty.json", "application/json"),
        (b'{"entry_type": []}', "types.json", "application/json"),
        (b'{"a": 1}\n{"a": 2}\n', "other.jsonl", "application/jsonl"),
    ],
)  # fmt: skip
def test_what_is_of_no_known_tool_is_attached_as_it_is(attach: Attach, data: bytes, name: str, media_type: str) -> None:
    found = attach(data, name)
    assert (found.tool, found.summary, found.note, found.media_type) == ("", (), "", media_type)


def test_why_something_is_not_read_is_said(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = json.dumps(SUMMARY)
    unread = "not read: no valid JSON, or too deep, or of too many values"
    assert attach(b"").note == "the file is empty"
    assert attach(whole[:-9]).note == unread
    assert attach("[" * 100_000).note == unread
    assert attach('{"a":' * 100_000).note == unread
    assert attach(f"[{'9' * 5_000}]").note == unread
    monkeypatch.setattr(summary, "VALUES", 10)
    assert attach(whole).note == unread
    monkeypatch.setattr(content, "WHOLE", len(whole))
    monkeypatch.setattr("modelsweep.evidence.WHOLE", len(whole))
    assert attach(whole).note == f"larger than {len(whole)} B: not summarised"


def test_a_large_report_of_garak_is_read_line_by_line(attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "WHOLE", 1_000)
    monkeypatch.setattr(content, "LINE", 2_000)
    monkeypatch.setattr(content, "_PIECE", 300)
    long = {**attempt(2), "outputs": ["x" * 5_000]}
    found = attach(lines(SETUP, INIT, long, *[attempt(2)] * 200, long, evaluation("a.B", 1, 2), END))
    assert dict(found.summary)["attempts"] == 200
    assert dict(found.summary)["hits"] == 1
    assert found.note == "2 lines could not be read"
    monkeypatch.setattr(garak, "LINES", 50)
    found = attach(lines(SETUP, INIT, *[attempt(2)] * 200, END))
    assert (dict(found.summary)["attempts"], found.note) == (
        48, "only the first 50 lines were read",
    )  # fmt: skip
    assert attach("{" + "x" * 9_000).tool == ""


# -- hostile


def test_text_is_harmless_without_secrets_and_short(attach: Attach) -> None:
    records: list[dict[str, Any]] = [
        {**SETUP, "plugins.target_name": f"{ESCAPE}\n{SECRET}{'x' * 9_000}\ud800"},
        {**INIT, "garak_version": ["a", {"token": SECRET}]},
        *(evaluation(f"{ESCAPE}{SECRET}{number}" + "y" * 500, 0, number) for number in range(100)),
        END,
    ]
    found = attach(lines(*records))
    assert found.tool == "garak"
    assert len(found.summary) <= ROWS
    assert SECRET not in found.text
    assert "[redacted]" in found.text
    for name, value in found.summary:
        assert name.isprintable()
        assert len(name) <= NAME + len("hits of ")
        assert str(value).isprintable()
        assert len(str(value)) <= VALUE
    named = attach(json.dumps({"toolbox": "adversarial robustness toolbox", **{f"{ESCAPE}{n}": n for n in range(999)}}))
    assert len(named.summary) == ROWS
    assert all(name.isprintable() for name, _ in named.summary)


@pytest.mark.parametrize("value", [None, [], {}, "9", -3, 1.5, True, 10**30, float("inf"), [[]], {"a": {"a": 1}}])
def test_numbers_that_are_none_count_nothing(attach: Attach, value: Any) -> None:
    found = attach(lines(SETUP, {**evaluation("a.B", 0, 1), "probe": value, "passed": value, "total_evaluated": value}))
    assert dict(found.summary)["hits"] == 0
    found = attach(json.dumps({**SUMMARY, "bug_buckets": value, "total_requests_sent": {"x": value}}))
    assert (found.tool, dict(found.summary)["bugs"]) == ("RESTler", 0)
    matrix = dict.fromkeys(("TruePositive", "TrueNegative", "FalsePositive", "FalseNegative"), value)
    assert dict(attach(json.dumps({"class_0": matrix})).summary)["true positives"] == 0
    json.dumps(found.summary, allow_nan=False)


def test_every_prefix_and_every_lost_byte_is_attached(attach: Attach) -> None:
    table = b"attack,eps\nart.attacks.evasion.DeepFool,0.5\n"
    texts = [lines(SETUP, INIT, evaluation("a.B", 0, 1), END), PAGE, json.dumps(SUMMARY), BUCKETS]
    for data in [*(text.encode() for text in texts), table]:
        for place in range(0, len(data), 7):
            for damaged in (data[:place], data[:place] + data[place + 1 :], data[:place] + b"\xff" + data[place:]):
                assert len(attach(damaged).summary) <= ROWS


def test_a_column_of_odd_cells_is_no_column_of_numbers(attach: Attach) -> None:
    heading = "attack,a,b,c,\n"
    found = attach(f'{heading}art.attacks.evasion.DeepFool,1,nan,1,1\n"art.attacks.evasion.DeepFool",1,2\n')
    assert [name for name, _ in found.summary] == ["rows", "attacks", "a"]
    assert attach(f'{heading}art.attacks.evasion.DeepFool,1,"{"x" * 200_000}').tool == ""


# -- what cannot be attached


def test_a_folder_a_pipe_a_device_and_what_is_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "missing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    cases = {
        str(tmp_path): "it is a folder",
        str(tmp_path / "pipe"): "not a regular file",
        "/dev/zero": "not a regular file",
        str(tmp_path / "missing"): "No such file",
        str(tmp_path / "dangling"): "No such file",
        str(tmp_path / "loop"): "symbolic link",
        "a\0b": "null",
        "": "No such file",
        f"https://me:{SECRET}@host/x": "No such file",
    }
    for path, reason in cases.items():
        with pytest.raises(NotAttachable, match=reason) as caught:
            attached(path)
        assert str(caught.value).startswith("cannot attach ")
        assert str(caught.value).isprintable()
        assert SECRET not in str(caught.value)
    with pytest.raises(NotAttachable, match=r"pipe': not"):
        attached(str(tmp_path / "pipe"))


def test_a_link_stands_for_the_file_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "bugs.txt").write_text(BUCKETS)
    (tmp_path / "latest").symlink_to("bugs.txt")
    assert attached(str(tmp_path / "latest")).digest == attached(str(tmp_path / "bugs.txt")).digest


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "LARGEST", 1_000)
    (tmp_path / "large").write_bytes(b"x" * 1_001)
    with pytest.raises(NotAttachable, match=r"large': it is larger than 1000 B"):
        attached(str(tmp_path / "large"))
    (tmp_path / "large").write_bytes(b"x" * 1_000)
    assert attached(str(tmp_path / "large")).size == 1_000
