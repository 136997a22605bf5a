"""Addresses of objects and of what is inside them."""

from __future__ import annotations

import pytest

from modelsweep.core.locator import Locator


def test_the_container_of_a_member_is_what_it_stands_in() -> None:
    inner = Locator("models/a.zip", ("b.tar", "c.pkl"), "v1")
    assert inner.container == Locator("models/a.zip", ("b.tar",), "v1")
    assert inner.container.container == inner.outermost
    with pytest.raises(ValueError, match=r"models/a\.zip is not a member"):
        _ = inner.outermost.container
