"""What archive cases hide: a pickle that would run a harmless command, and the bytes beside it."""

from __future__ import annotations

import random
import zlib

EVIL = b"cos\nsystem\n(S'echo modelsweep-test'\ntR."
"""Protocol 0: os.system("echo modelsweep-test")."""
TEXT = b"label,value\n" + b"cat,1\n" * 20


def noise(length: int) -> bytes:
    """Return `length` bytes that no codec shortens, the same every time."""
    return random.Random(20).randbytes(length)


def gzipped(data: bytes) -> bytes:
    """Return `data` under gzip: the same bytes by any Python, whose own `gzip` came to name another system."""
    return zlib.compress(data, 9, wbits=31)
