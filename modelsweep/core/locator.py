"""Where bytes stand: an object of a source, and the way down through its archive members."""

from __future__ import annotations

from dataclasses import dataclass

TELLING_FOLDERS = frozenset(
    {"test", "tests", "testing", "testdata", "selftest", "certdata", "fixtures", "examples", "__pycache__"}
)
"""Names of folders that tell something of the files in them."""
_TELLING_ABOVE = 3
"""Folders above a file that are looked at for it."""


@dataclass(frozen=True, slots=True)
class Locator:
    """An address such as `s3://bucket/model.pt!archive/data.pkl`; `version` pins an etag, commit or generation."""

    uri: str
    members: tuple[str, ...] = ()
    version: str = ""

    def __str__(self) -> str:
        return "!".join((self.uri, *self.members)) if self.members else self.uri

    @property
    def name(self) -> str:
        """The last path component of the innermost member, or of the object itself."""
        return (self.members[-1] if self.members else self.uri).replace("\\", "/").rstrip("/").rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The lower-case extension of `name` with its dot, or nothing."""
        stem, dot, extension = self.name.rpartition(".")
        return f".{extension.lower()}" if dot and stem else ""

    @property
    def outermost(self) -> Locator:
        """The object itself, whatever member of it this is the address of."""
        return Locator(self.uri, (), self.version) if self.members else self

    @property
    def telling_folders(self) -> frozenset[str]:
        """Those of the three folders above `name` that tell something, in lower case.

        With `name`, all of an address that a scanner may look at: what was seen in a file is known for every other
        file of the same bytes, name and telling folders.
        """
        path = (self.members[-1] if self.members else self.uri).replace("\\", "/").rstrip("/").lower()
        return TELLING_FOLDERS.intersection(path.split("/")[-_TELLING_ABOVE - 1 : -1])

    def member(self, name: str) -> Locator:
        """Return the address of `name` inside what this one addresses."""
        return Locator(self.uri, (*self.members, name), self.version)
