"""Seals: what one key sealed for one purpose, and nothing else, opens."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from modelsweep.fleet.signature import TAG, BadKey, Forged, Key

KEY = Key(b"k" * 32)


def test_a_seal_opens_with_its_key_and_purpose() -> None:
    for data in (b"", b"data", bytes(100_000)):
        assert KEY.open("page 1", KEY.seal("page 1", data)) == data


def test_the_seal_is_hmac_sha256_over_purpose_and_data() -> None:
    expected = hmac.new(b"k" * 32, b"\0\0\0\4page" + b"data", hashlib.sha256).digest()
    assert KEY.seal("page", b"data") == expected + b"data"
    assert len(expected) == TAG


def test_no_other_key_purpose_or_byte_opens_it() -> None:
    sealed = KEY.seal("page 1", b"data")
    damaged = [bytes([*sealed[:at], sealed[at] ^ 1, *sealed[at + 1 :]]) for at in range(len(sealed))]
    for forged in (*damaged, sealed[:-1], sealed + b"x", b"", sealed[:TAG]):
        with pytest.raises(Forged, match="page 1: not signed"):
            KEY.open("page 1", forged)
    with pytest.raises(Forged):
        KEY.open("page 2", sealed)
    with pytest.raises(Forged, match="jobs/1/pages/0: not signed"):
        Key(b"l" * 32).open("page 1", sealed, "jobs/1/pages/0")


def test_what_moves_between_purpose_and_data_is_noticed() -> None:
    sealed = KEY.seal("ab", b"c")
    with pytest.raises(Forged):
        KEY.open("a", sealed[:TAG] + b"bc")


def test_the_key_of_the_environment() -> None:
    secret = Key.new_secret()
    sealed = Key.from_environment({"MODELSWEEP_KEY": f" {secret}\n"}).seal("x", b"data")
    assert Key(bytes.fromhex(secret)).open("x", sealed) == b"data"
    assert Key.new_secret() != secret


@pytest.mark.parametrize("text", ["", " ", "open-sesame", "ab" * 31, "0x" + "ab" * 32, "abc"])
def test_a_key_that_is_none_is_not_repeated(text: str) -> None:
    with pytest.raises(BadKey) as caught:
        Key.from_environment({"MODELSWEEP_KEY": text})
    assert text.strip() not in str(caught.value) or not text.strip()
    with pytest.raises(BadKey):
        Key.from_environment({})


def test_a_key_does_not_show_itself() -> None:
    secret = bytes(range(32))
    assert secret.hex() not in repr(Key(secret))
    assert repr(secret) not in repr(Key(secret))
