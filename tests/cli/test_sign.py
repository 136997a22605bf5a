"""`sign`: envelopes that the reference implementation of DSSE verifies, and what is not signed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from modelsweep.signed_statement import PrivateKey
from tests.cli.conftest import Run

KEYS: dict[str, Callable[[], PrivateKey]] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa": lambda: rsa.generate_private_key(65_537, 2_048),
}
PASSWORD = "of-a-test"


@pytest.fixture
def statement(models: Path, run: Run) -> Path:
    """A statement about the models: one of them passed."""
    assert run("scan", "models", "-f", "in-toto=passed.json").code == 1
    return models.parent / "passed.json"


def stored(key: PrivateKey | dsa.DSAPrivateKey, path: Path, password: str = "") -> Path:
    """Write a private key in PEM."""
    scheme = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, scheme))
    return path


@pytest.mark.parametrize("kind", KEYS)
def test_the_reference_implementation_verifies_it(statement: Path, run: Run, kind: str) -> None:
    key = KEYS[kind]()
    stored(key, statement.with_name("key.pem"))
    outcome = run("sign", "passed.json", "--key", "key.pem", "-o", "passed.dsse.json")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "modelsweep: passed.dsse.json: signed\n")
    signed = json.loads(statement.with_name("passed.dsse.json").read_bytes())
    keyid = signed["signatures"][0]["keyid"]
    envelope = Envelope.from_dict(signed)
    assert envelope.payload == statement.read_bytes()
    assert envelope.payload_type == "application/vnd.in-toto+json"
    public = SSlibKey.from_crypto(key.public_key(), keyid)
    assert [*envelope.verify([public], 1)] == [keyid]
    envelope.payload = envelope.payload.replace(b"clean.pkl", b"evil.pkl")
    with pytest.raises(VerificationError):
        envelope.verify([public], 1)


def test_a_password_comes_from_the_environment(statement: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(ed25519.Ed25519PrivateKey.generate(), statement.with_name("key.pem"), PASSWORD)
    assert "it is encrypted, and no password is set" in run("sign", "passed.json", "--key", "key.pem").err
    monkeypatch.setenv("MODELSWEEP_SIGNING_PASSWORD", "wrong")
    assert "the password is wrong" in run("sign", "passed.json", "--key", "key.pem").err
    monkeypatch.setenv("MODELSWEEP_SIGNING_PASSWORD", PASSWORD)
    outcome = run("sign", "passed.json", "--key", "key.pem")
    assert outcome.code == 0
    assert json.loads(outcome.out)["payloadType"] == "application/vnd.in-toto+json"
    stored(ed25519.Ed25519PrivateKey.generate(), statement.with_name("key.pem"))
    monkeypatch.setenv("MODELSWEEP_SIGNING_PASSWORD", PASSWORD)
    assert "it is not encrypted, but a password is set" in run("sign", "passed.json", "--key", "key.pem").err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not an in-toto statement"),
        (b'{"_type": "https://in-toto.io/Statement/v0.1", "subject": [1]}', "not an in-toto statement"),
        (
            b'{"_type": "https://in-toto.io/Statement/v1", "subject": []}',
            "has no subject: no file passed",
        ),
    ],
)
def test_only_statements_that_vouch_for_something_are_signed(folder: Path, run: Run, content: bytes, said: str) -> None:
    stored(ed25519.Ed25519PrivateKey.generate(), folder / "key.pem")
    (folder / "statement.json").write_bytes(content)
    outcome = run("sign", "statement.json", "--key", "key.pem")
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


def test_keys_that_are_none_or_weak_are_refused(statement: Path, run: Run) -> None:
    weak: dict[str, PrivateKey | dsa.DSAPrivateKey] = {
        "short.pem": rsa.generate_private_key(65_537, 1_024),
        "other.pem": ec.generate_private_key(ec.SECP256K1()),
        "dsa.pem": dsa.generate_private_key(2_048),
    }
    for name, key in weak.items():
        stored(key, statement.with_name(name))
        assert "of a kind, or a length, that is not used" in run("sign", "passed.json", "--key", name).err
    assert "not a private key in PEM" in run("sign", "passed.json", "--key", "passed.json").err
    assert "none.pem: No such file" in run("sign", "passed.json", "--key", "none.pem").err
    stored(ed25519.Ed25519PrivateKey.generate(), statement.with_name("key.pem"))
    assert "none.json: No such file" in run("sign", "none.json", "--key", "key.pem").err


def test_the_key_is_not_written_over(statement: Path, run: Run) -> None:
    key = stored(ed25519.Ed25519PrivateKey.generate(), statement.with_name("key.pem"))
    before = key.read_bytes()
    statement.with_name("link.pem").symlink_to(key)
    for name in ("key.pem", "./key.pem", "link.pem"):
        outcome = run("sign", "passed.json", "--key", "key.pem", "-o", name)
        assert (outcome.code, "is the private key" in outcome.err) == (2, True)
    assert key.read_bytes() == before


def test_where_it_cannot_be_written_is_said(statement: Path, run: Run) -> None:
    stored(ed25519.Ed25519PrivateKey.generate(), statement.with_name("key.pem"))
    outcome = run("sign", "passed.json", "--key", "key.pem", "-o", "none/signed.json")
    assert (outcome.code, "cannot write none/signed.json" in outcome.err) == (2, True)
