"""Where bytes stand: an object of a source, and the way down through its archive members."""

from __future__ import annotations

from functools import lru_cache

from modelsweep.core import patterns as re
from modelsweep.core.values import dataclass

_TELLING = re.compile(
    r"(?i)tests?|testing|testdata|selftest|certdata|fixtures|examples|__pycache__|requirements|blobs|sha256|[0-9a-f]{64}"
    r"|\.(?:claude|cursor|roo|clinerules|kiro|windsurf|junie|continue|github|ssh|config)"
    r"|etc|lib|spool|system|systemd|user|autostart|udev|crontabs?|cron(?:\.[a-z]+)?|[a-z]+\.d"
)
"""Names of folders that tell something of the files in them."""
_COMPONENTS = 4
"""Of an address that a scanner may look at: the name, and three folders."""


def last_of(path: str) -> str:
    """Return the last component of a path."""
    if "\\" in path:
        path = path.replace("\\", "/")
    return path.rstrip("/").rpartition("/")[2]


@lru_cache(8)  # all scanners ask it of the same few blobs, one after the other
def _named(path: str) -> tuple[str, str]:
    """Return the last component of a path, and its lower-case extension with its dot."""
    name = last_of(path)
    stem, dot, extension = name.rpartition(".")
    return name, f".{extension.lower()}" if dot and stem else ""


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
        return _named(self.members[-1] if self.members else self.uri)[0]

    @property
    def suffix(self) -> str:
        """The lower-case extension of `name` with its dot, or nothing."""
        return _named(self.members[-1] if self.members else self.uri)[1]

    @property
    def outermost(self) -> Locator:
        """The object itself, whatever member of it this is the address of."""
        return Locator(self.uri, (), self.version) if self.members else self

    @property
    def container(self) -> Locator:
        """What this is a member of; raises ValueError where it is none."""
        if not self.members:
            raise ValueError(f"{self} is not a member")
        return Locator(self.uri, self.members[:-1], self.version)

    @property
    def telling_path(self) -> str:
        """All of `uri` that a scanner may look at: the name, below three folders, `*` for those that tell nothing.

        What was seen in a file is known for every other one of the same bytes whose path tells the same.
        """
        *folders, name = self.uri.replace("\\", "/").rstrip("/").split("/")[-_COMPONENTS:]
        return "/".join((*(folder if _TELLING.fullmatch(folder) else "*" for folder in folders), name))

    @property
    def path(self) -> str:
        """The innermost path: of the last member in its container, else the telling one of the object itself."""
        return self.members[-1] if self.members else self.telling_path

    def member(self, name: str) -> Locator:
        """Return the address of `name` inside what this one addresses."""
        return Locator(self.uri, (*self.members, name), self.version)
