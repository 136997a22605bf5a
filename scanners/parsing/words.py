"""Whether a text holds any of many words: most hold none, which takes a tenth of looking for one after the other."""

from __future__ import annotations


class Words:
    """Words that are looked for together: first in what is left of a text without the bytes that none of them has.

    In `any_case` they are given in small letters.
    """

    def __init__(self, *words: bytes, any_case: bool = False) -> None:
        self.words, self.any_case = words, any_case
        used = set(b"".join(words))
        self._others = bytes(byte for byte in range(256) if byte not in used)

    def are_in(self, data: bytes) -> bool:
        """Return whether at least one stands in `data`."""
        data = data.lower() if self.any_case else data
        kept = data.translate(None, self._others) if len(self.words) > 1 else data
        # `rfind` takes half as long as `in`, or less, in CPython where there is nothing to be found
        return any(kept.rfind(word) >= 0 and data.rfind(word) >= 0 for word in self.words)
