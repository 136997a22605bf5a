"""What archive cases hide: a pickle that would run a harmless command, and the bytes beside it."""

from __future__ import annotations

import random

EVIL = b"cos\nsystem\n(S'echo modelsweep-test'\ntR."
"""Protocol 0: os.system("echo modelsweep-test")."""
TEXT = b"label,value\n" + b"cat,1\n" * 20


def noise(length: int) -> bytes:
    """Return `length` bytes that no codec shortens, the same every time."""
    return random.Random(20).randbytes(length)
