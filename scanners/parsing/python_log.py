"""The calls that are recorded while a Python module is read."""

from __future__ import annotations

from collections import Counter

from scanners.parsing.python_found import Call

MAX_CALLS_PER_KIND = 500
"""Maximum calls of one kind that are recorded for one file; with more, the file counts as not fully read."""


class CallLog:
    """The recorded calls of one file, at most MAX_CALLS_PER_KIND of each kind."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.overflow = ""
        """Why calls are missing, or an empty string if none are."""
        self._counts: Counter[str] = Counter()

    def has_room(self, name: str, kind: str) -> bool:
        """Return whether a call of a kind may still be recorded; if not, note that the call of `name` is missing."""
        if self._counts[kind] < MAX_CALLS_PER_KIND:
            return True
        if name and not self.overflow:
            self.overflow = f"more than {MAX_CALLS_PER_KIND:,} calls of one kind, {name} among them"
        return False

    def add(self, call: Call) -> None:
        """Record a call."""
        self._counts[call.kind] += 1
        self.calls.append(call)

    def reset_counts(self) -> None:
        """Let MAX_CALLS_PER_KIND further calls of each kind be recorded."""
        self._counts.clear()
