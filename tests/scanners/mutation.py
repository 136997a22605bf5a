"""Files damaged at random, where structure stands: what the differential tests hand to loaders and to our scanners."""

from __future__ import annotations

import random


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return `data` with a few bytes changed, put in, or taken out, mostly where structure stands."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not changed:
            break
        place = rng.choice((rng.randrange(len(changed)), rng.randrange(min(600, len(changed)))))
        place = rng.choice((place, len(changed) - 1 - rng.randrange(min(120, len(changed)))))
        match rng.randrange(6):
            case 0:
                del changed[place : place + rng.choice((1, 4, 22, 512))]
            case 1:
                changed[place:place] = bytes(rng.choice((1, 4, 22, 512)))
            case _:
                changed[place] = rng.choice((0, 1, 0xFF, changed[place] ^ 1 << rng.randrange(8), rng.randrange(256)))
    return bytes(changed)
