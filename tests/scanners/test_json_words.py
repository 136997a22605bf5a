"""Words of JSON: hyperscan, which looks for all of them at once, says what the standard library does."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanners.matcher import has_hyperscan, matcher_for
from scanners.parsing.json_words import CODE, COMPUTED, LICENCES, ONNX, TELLING, holds

GROUPS = (TELLING, CODE, COMPUTED, LICENCES, ONNX)
WORDS = [word for words in GROUPS for word in words.words]
PIECES = st.one_of(
    *(
        st.sampled_from(WORDS),
        st.sampled_from(WORDS).map(bytes.upper),
        st.sampled_from(WORDS).map(lambda word: word[:-1]),
    ),
    *(st.sampled_from([b'"', b" ", b"_", b"\0"]), st.binary(max_size=3)),
)


def told(monkeypatch: pytest.MonkeyPatch, data: bytes, *, pays: bool) -> list[bool]:
    """Return what is told of `data` with hyperscan or without."""
    monkeypatch.setattr(matcher_for, "pays", pays)
    return [holds(words, data) for words in GROUPS]


@pytest.mark.skipif(not has_hyperscan(), reason="hyperscan is not installed")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=4).map(b"".join))
def test_both_ways_find_the_same_words(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    assert told(monkeypatch, data, pays=True) == told(monkeypatch, data, pays=False)


@pytest.mark.parametrize("pays", [False, pytest.param(True, marks=pytest.mark.skipif(not has_hyperscan(), reason=""))])
def test_words_are_found_in_each_text_anew(monkeypatch: pytest.MonkeyPatch, pays: bool) -> None:
    first, second = b'{"_target_": "os.system"}', b'{"LICENSE": 1}'
    assert told(monkeypatch, first, pays=pays) == [True, True, False, False, False]
    assert told(monkeypatch, second, pays=pays) == [False, False, False, True, False]
    assert told(monkeypatch, b"", pays=pays) == [False] * 5
    assert told(monkeypatch, first, pays=pays) == [True, True, False, False, False]
