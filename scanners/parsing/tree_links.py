"""Decision trees as arrays of children: whether every path from the root ends."""

from __future__ import annotations

from collections.abc import Sequence


def led_to_twice(count: int, *lists: Sequence[int]) -> int | None:
    """Return a node with two parents, or the root if it has a parent, or None if neither exists.

    `lists` hold the children of `count` nodes; negative ones are leaves, and those out of range are ignored. If each
    node has one parent and the root none, no path from the root has a cycle.
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
