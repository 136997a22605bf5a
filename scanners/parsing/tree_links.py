"""Trees of decisions as arrays of children: whether following them from the root comes to an end."""

from __future__ import annotations

from collections.abc import Sequence


def led_to_twice(count: int, *lists: Sequence[int]) -> int | None:
    """Return a node that two others lead to, or that is the root and led to, None where there is none.

    `lists` hold the children of `count` nodes, of which those below zero are leaves and those beyond are not looked at.
    Where each node has one parent and the root none, no path leads back into itself.
    """
    seen = bytearray(max(count, 1))
    seen[0] = 1
    for children in lists:
        for child in children:
            if 0 <= child < count:
                if seen[child]:
                    return child
                seen[child] = 1
    return None
