"""References to what was scanned that are unique in a report, though nobody remembers those that were made before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from modelsweep.core.locator import Locator
from modelsweep.core.report import Plain

if TYPE_CHECKING:
    from hashlib import _Hash as HASH


class Places:
    """References to what was scanned: a hash of where it is below its target, so that no two of a job are the same.

    They are no paths of a machine, nor do they change when a target is scanned from elsewhere, or a file is written.
    """

    def __init__(self, targets: Sequence[str]) -> None:
        self._targets = {target.rstrip("/"): number for number, target in reversed([*enumerate(targets)])}
        # Nearly always there is one
        self._only = f"{next(iter(self._targets))}/" if len(self._targets) == 1 else "\0"
        self._skipped = len(self._only) - 1

    def reference(self, locator: Locator) -> str:
        """Return the reference to what is at `locator`; members of one name have one."""
        return reference_of(self.hashed(locator.uri, locator.version, *locator.members))

    def hashes(self, files: Iterable[Plain]) -> list[HASH]:
        """Return what `hashed` says of each of them."""
        only, skipped = self._only, self._skipped
        return [
            sha256(f"0\0{uri[skipped:]}\0{version}".encode("utf-8", "surrogatepass"))
            if uri.startswith(only)
            else self.hashed(uri, version)
            for uri, version, _, _, _, _ in files
        ]

    def hashed(self, uri: str, version: str, *members: str) -> HASH:
        """Return the hash that a reference is made of."""
        place = f"0\0{uri[self._skipped :]}" if uri.startswith(self._only) else self._below(uri)
        place = f"{place}\0{version}"
        if members:
            place = "\0".join((place, *members))
        return sha256(place.encode("utf-8", "surrogatepass"))

    def _below(self, uri: str) -> str:
        """Return the number of the innermost target that holds `uri`, and where it is below that."""
        above = uri
        while above and above not in self._targets:
            above = above.rpartition("/")[0]
        return f"{self._targets[above]}\0{uri[len(above) :]}" if above else uri


def reference_of(place: HASH) -> str:
    """Return the reference that a hash makes: 32 hexadecimal digits."""
    return place.hexdigest()[:32]


class Unique:
    """Numbers names of one result that come more than once: an archive may hold two members of one name."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def __call__(self, name: str) -> str:
        self._seen[name] += 1
        return name if self._seen[name] == 1 else f"{name}-{self._seen[name]}"
