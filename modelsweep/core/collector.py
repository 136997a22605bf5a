"""How often Python looks for garbage in cycles: processes that handle values one after the other leave none."""

from __future__ import annotations

import gc

NEW_OBJECTS = 10_000
"""Objects that are there after a look, beyond those that were, before the next look; Python itself takes 700."""


def collect_rarely() -> None:
    """Look less often in this process: what a few hundred results are made of is not gone through again and again.

    That took a fifth of the time of reading stored results, and a twelfth of finalizing a job.
    """
    gc.set_threshold(NEW_OBJECTS)
