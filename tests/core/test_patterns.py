"""Patterns that are compiled when they are used are those of `re` otherwise."""

from __future__ import annotations

import pytest

from modelsweep.core import patterns


def test_a_pattern_is_compiled_when_it_is_used() -> None:
    late = patterns.compile(r"(?P<letter>[ab])c", patterns.IGNORECASE)
    assert type(late).__name__ == "LatePattern"
    found = late.search("xAC")
    assert found is not None
    assert found["letter"] == "A"
    assert (late.pattern, late.groups, late.sub("-", "ac bc")) == (r"(?P<letter>[ab])c", 1, "- -")


def test_a_pattern_with_a_mistake_says_so_when_it_is_used() -> None:
    late = patterns.compile(b"(")
    with pytest.raises(patterns.error):
        late.match(b"x")


def test_all_patterns_that_the_program_declares_can_be_compiled() -> None:
    from worker.zygote import main

    assert callable(main)
    patterns.compile_all()
    assert not patterns._WAITING
