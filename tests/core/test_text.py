"""Credentials are hidden in text, and what only looks like one is not."""

from __future__ import annotations

import pytest

from modelsweep.core.text import redact

SECRET = "hunter" + "22xyz"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"redis://:{SECRET}@host:6379/0", "redis://:[redacted]@host:6379/0"),
        (f"postgres://user:{SECRET}@host/db", "postgres://user:[redacted]@host/db"),
        (f"curl -H 'Authorization: Bearer {SECRET}' host", "curl -H 'Authorization: Bearer [redacted]' host"),
        (f"export API_KEY={SECRET}", "export API_KEY=[redacted]"),
        ("hf_" + "a" * 34, "hf_[redacted]"),
    ],
)
def test_credentials_are_hidden(before: str, after: str) -> None:
    assert redact(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "https://hub.example:8080/org/model",
        "the token of a tokenizer",
        "http://localhost:11434/api/generate",
        "HF_HUB_DISABLE_TELEMETRY",
        "SK-LEARN-CONTRIB",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.timeout(30)
@pytest.mark.parametrize("text", ["a" * 1_000_000, "a://" * 250_000, "a-" * 500_000, "x://a:" + "b" * 1_000_000])
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    assert redact(text) == text
