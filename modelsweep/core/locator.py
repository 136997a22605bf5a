"""Where bytes stand: an object of a source, and the way down through its archive members."""

from __future__ import annotations

from dataclasses import dataclass


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

    def member(self, name: str) -> Locator:
        """Return the address of `name` inside what this one addresses."""
        return Locator(self.uri, (*self.members, name), self.version)
