"""Credentials go nowhere: whatever scanners see the same bytes, no field of the result holds one."""

from __future__ import annotations

import json
import pickle
import pickletools
import random
from collections.abc import Callable

import pytest

from modelsweep.core.report import UnitResult
from scanners.concealment import HIDDEN
from scanners.matcher import PATTERNS, RegexMatcher, offsets
from scanners.parsing.credential_checks import crc_in_base62
from scanners.parsing.credentials import RUNS, Credential, credentials_at
from tests.scanners.case import examine_bytes
from tests.scanners.protobuf import data as field
from tests.scanners.secrets.forms import BASE32, BASE64, FORMS, KEYS, rand

ALL = {**FORMS, **KEYS}
EVERY = pytest.mark.parametrize("build", ALL.values(), ids=ALL.keys())


def credentials_in(data: bytes) -> list[Credential]:
    """Return the credentials at every place that the patterns nominate."""
    numbers = RegexMatcher().present(data)
    return [found for number in numbers for at in offsets(number, data) for found in credentials_at(data, at)]


def said(result: UnitResult) -> str:
    """Return all that a result says, without the names of files."""
    facts = [(fact.kind, fact.value, dict(fact.detail)) for fact in result.facts]
    findings = [(finding.message, finding.subject, finding.path, dict(finding.evidence)) for finding in result.findings]
    return json.dumps([facts, findings, [problem.detail for problem in result.problems]])


def safetensors(text: str) -> bytes:
    """Return a file whose metadata holds `text`."""
    header = json.dumps({"__metadata__": {"note": text}}).encode()
    return len(header).to_bytes(8, "little") + header


def python(text: str) -> bytes:
    """Return a script that hands `text` to a shell."""
    return f"import os\nos.system({text!r})\n".encode()


def shell(text: str) -> bytes:
    """Return a shell script among random bytes, which its finding quotes."""
    return random.Random(1).randbytes(999) + f"#!/bin/sh\necho {text}\n".encode() + bytes(9)


@EVERY
@pytest.mark.parametrize(("write", "name"), [(safetensors, "a.safetensors"), (python, "a.py"), (shell, "a.bin")])
def test_no_field_holds_a_credential(build: Callable[[], str], write: Callable[[str], bytes], name: str) -> None:
    data = write(build())
    found, result = credentials_in(data), examine_bytes(data, name)
    assert found
    assert {"secret"} <= {fact.kind for fact in result.facts}
    for secret in (text for credential in found for text in credential.hidden):
        assert secret not in said(result)


def test_what_others_saw_of_a_credential_is_taken_out() -> None:
    result = examine_bytes(safetensors(f"token {ALL['kaggle']()}"), "a.safetensors")
    (note,) = [fact for fact in result.facts if fact.kind == "metadata"]
    assert HIDDEN in json.dumps(dict(note.detail))


@EVERY
def test_patterns_nominate_every_form_in_any_place(build: Callable[[], str]) -> None:
    data = build().encode()
    alone = {(found.title, found.mark) for found in credentials_in(data)}
    assert alone
    for before, after in ((b"\0", b"\0"), (b"\xff", b"\xff"), (bytes(70), bytes(70)), (b"'", b"'"), (b"\n", b"\n")):
        assert {(found.title, found.mark) for found in credentials_in(before + data + after)} == alone


def pickled(protocol: int) -> Callable[[dict[str, str]], bytes]:
    """Return what pickles texts in half that protocol; an odd one leaves out the numbers of strings."""

    def write(texts: dict[str, str]) -> bytes:
        data = pickle.dumps(texts, protocol=protocol // 2)
        return pickletools.optimize(data) if protocol % 2 else data

    return write


def packed(texts: dict[str, str]) -> bytes:
    """Return texts as msgpack writes them."""

    def string(text: str) -> bytes:
        size = len(text)
        if size >= 256:
            return b"\xda" + size.to_bytes(2, "big") + text.encode()
        return (b"\xd9" + bytes([size]) if size >= 32 else bytes([0xA0 | size])) + text.encode()

    return bytes([0x80 | len(texts)]) + b"".join(string(name) + string(text) for name, text in texts.items())


def properties(texts: dict[str, str]) -> bytes:
    """Return texts as the metadata of a model of ONNX."""
    return b"".join(field(14, field(1, name), field(2, text)) for name, text in texts.items())


COUNTED = pytest.mark.parametrize("write", [*map(pickled, range(12)), packed, properties])


@EVERY
@COUNTED
def test_strings_behind_their_length_are_told_like_any_text(
    build: Callable[[], str], write: Callable[[dict[str, str]], bytes]
) -> None:
    plain = build()
    if b"\\u00" in write({"": plain.strip()}):
        pytest.skip("protocol 0 writes line ends and backslashes as escapes")
    alone = {(found.title, found.mark, found.hidden) for found in credentials_in(plain.encode())}
    for size in (len(plain), *range(48, 58), *range(97, 123)):
        text = plain + " " * (size - len(plain))
        found = credentials_in(write({"first": "a", "note": text, "rest": "b" * 40}))
        assert {(one.title, one.mark, one.hidden) for one in found} == alone


@COUNTED
@pytest.mark.parametrize(("name", "size"), [("db_password", 20), ("ACME_API_KEY", 48), ("client_secret", 113)])
def test_names_and_what_they_name_may_be_two_strings(
    name: str, size: int, write: Callable[[dict[str, str]], bytes]
) -> None:
    secret = rand(size)
    for rest in ({}, {"rest": "r" * 40}):
        (found,) = credentials_in(write({"first": "a", name: secret, **rest}))
        assert (found.title, found.hidden) == (f"secret under the name {name}", (secret,))
    assert not credentials_in(write({"special_key": secret, name: "of the person who asks"}))


@COUNTED
def test_the_parts_of_an_aws_key_may_be_two_strings(write: Callable[[dict[str, str]], bytes]) -> None:
    secret = rand(40, BASE64)
    (found,) = credentials_in(
        write({"aws_access_key_id": f"AK{'IA'}{rand(16, BASE32)}", "aws_secret_access_key": secret, "region": "eu-1"})
    )
    assert found.title == "AWS access key"
    assert found.sure
    assert secret in found.hidden


@pytest.mark.parametrize("build", KEYS.values(), ids=KEYS.keys())
def test_private_keys_are_told_in_pickles_that_escape_line_ends(build: Callable[[], str]) -> None:
    key = build()
    if "PGP" in key or "PuTTY" in key:
        pytest.skip("their lines are told by what ends them")
    plain = {(found.title, found.sure) for found in credentials_in(key.encode())}
    for text in (key,) if "\\n" in key else (key, json.dumps(key)):
        data = pickle.dumps({"key": text}, protocol=0)
        assert b"\\u00" in data
        assert {(found.title, found.sure) for found in credentials_in(data)} == plain
        assert not credentials_in(data.replace(b"\\u00", b"\\v00"))


def test_random_bytes_and_plain_text_are_not_nominated() -> None:
    runs = {number for number, (pattern, _) in enumerate(PATTERNS) if pattern in RUNS}
    words = random.Random(2).choices(
        ("weights", "model_name", "https://huggingface.co/a/b", "--------", "x=1"), k=20_000
    )
    for data in (random.Random(3).randbytes(1 << 20), " ".join(words).encode()):
        assert not runs & set(RegexMatcher().present(data))


def test_the_checksum_is_that_of_the_published_example() -> None:
    # The example of https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/, without its prefix
    assert crc_in_base62(b"zQWBuTSOoRi4A9sp" + b"HcVY5ncnsDkxkJ") == b"0mLq17"


def test_two_credentials_of_one_make_are_told_apart() -> None:
    prefix = "da" + "pi"
    text = "\n".join(prefix + rand(32, "0123456789abcdef", seed) for seed in (1, 2))
    findings = examine_bytes(text.encode(), "notes.txt").findings
    assert len({finding.fingerprint for finding in findings}) == 2
