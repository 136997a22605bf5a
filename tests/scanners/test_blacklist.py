"""Names on the blacklist: of files, of members, and of models as files state them."""

from __future__ import annotations

import io
import zipfile

import pytest

from modelsweep.core.finding import Fact
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from scanners.judge.blacklist import findings, matches
from tests.scanners.case import examine_bytes


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("models/Unsafe_Model/weights.bin", "unsafe_model"),
        ("models/unsafe/weights.bin", "UNSAFE"),
        ("models/evil-7b.gguf", "evil-*"),
        ("models/evil-7b.gguf", "*.gguf"),
        ("models/evil-7b.gguf", "models/*"),
    ],
)
def test_words_match_anywhere_and_globs_a_part_of_the_path(name: str, pattern: str):
    assert matches(name, pattern)


@pytest.mark.parametrize(
    ("name", "pattern"), [("models/safe.bin", "unsafe"), ("models/medieval-7b.gguf", "evil-*"), ("a.bin", "?.bi")]
)
def test_what_looks_similar_does_not_match(name: str, pattern: str):
    assert not matches(name, pattern)


def test_a_clean_file_of_a_blacklisted_name():
    result = examine_bytes(b"plain words\n", "unsafe_model.txt", Options(blacklist=("unsafe_model",)))
    assert result.verdict is Verdict.MALICIOUS
    assert [(f.rule.id, f.message) for f in result.findings] == [
        ("name/blacklisted", "unsafe_model.txt is on the blacklist (unsafe_model)")
    ]
    assert [fact for fact in result.facts if fact.kind == "name"] == []


def test_a_member_is_named_once_and_not_for_its_container():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("data/evil.txt", "words\n")
        writer.writestr("data/good.txt", "words\n")
    result = examine_bytes(archive.getvalue(), "pack.zip", Options(blacklist=("evil", "pack.zip")))
    assert [str(f.locator) for f in result.findings if f.rule.id == "name/blacklisted"] == [
        *("pack.zip", "pack.zip!data/evil.txt")
    ]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'{"_name_or_path": "acme/EVIL-7b", "model_type": "llama"}', "config.json"),
        (b'{"base_model_name_or_path": "acme/evil-7b", "peft_type": "LORA"}', "adapter_config.json"),
        (b"---\nbase_model: acme/evil-7b\n---\n", "README.md"),
    ],
)
def test_names_that_configurations_and_cards_state(data: bytes, name: str):
    for pattern, verdict in (
        ("evil-7b", Verdict.MALICIOUS),
        ("acme/evil*", Verdict.MALICIOUS),
        ("?vil", Verdict.CLEAN),
    ):
        assert examine_bytes(data, name, Options(blacklist=(pattern,))).verdict is verdict


def test_a_name_that_the_file_states():
    where = Locator("m.gguf")
    facts = [
        Fact("metadata", "general.name", where, detail={"key": "general.name", "text": "Evil 7B"}),
        Fact("metadata", "general.description", where, detail={"key": "general.description", "text": "not evil"}),
    ]
    assert [found.subject for found in findings(facts, Options(blacklist=("evil",)))] == ["Evil 7B"]


def test_no_blacklist_finds_nothing():
    assert examine_bytes(b"plain words\n", "unsafe_model.txt").verdict is Verdict.CLEAN
