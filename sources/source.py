"""What a source is: a value that says which targets it knows, lists what is below them and opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from modelsweep.core.finding import Problem
from modelsweep.core.locator import Locator
from modelsweep.core.values import dataclass, field

Fetch = Callable[[int, int], bytes]
"""Returns exactly `length` bytes at `offset` of one version of an object (by etag, generation or commit); raises
SourceFault, or ContentChanged where that version is gone. An OSError that it lets out is taken as a SourceFault."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One object below a target, and its size in bytes as listed.

    `digest` is its SHA-256 in hex where the store itself vouches for it, computed over the whole content: an object id
    of LFS, a full-object checksum of S3, a digest of OCI. Never an etag, a composite checksum or metadata of users.
    """

    locator: Locator
    size: int
    digest: str = ""
    modified: float = field(default=0.0, compare=False)
    """When it was written, in seconds since the epoch; 0 where the source does not tell."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A regular file open for reading, and its size in bytes; who receives it closes `descriptor`."""

    descriptor: int
    size: int


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class OpenedObject:
    """A remote object of `size` bytes that `fetch` gives by range, one call at a time; `close` may be called once."""

    fetch: Fetch
    size: int
    close: Callable[[], None] = _nothing


Opened = OpenedFile | OpenedObject
DVC_SUFFIX = ".dvc"
"""Of pointers, which are files and, as targets, places too."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What stands at another address: it is opened there, as listed below `target`, if this process may read that."""

    listed: Listed
    target: str


def _as_it_is(target: str) -> str:
    return target


@dataclass(frozen=True, slots=True)
class Source:
    """A place that bytes come from.

    `accepts` says whether a target is an address of this source, and `canonical` gives the one spelling of it that all
    addresses below it begin with (`https://huggingface.co/org/name` is `hf://org/name`); a target `PLACE/*` is all that
    is below PLACE. `list` yields everything below a canonical target in the order of the keys as UTF-8 bytes, with a
    Problem for all that cannot be examined; it holds one folder or page at a time. `list_after`, where the store can,
    yields what `list` does behind an address that it yielded, and asks for nothing before it. `open` gets what was
    listed and the target that it was listed under, which it does not leave; for a remote object it makes no request
    where the listing told enough. Both may raise SourceFault with a sentence for people. Credentials come from
    `credentials`, names of environment variables, only; `needs` are the optional packages without which targets are a
    Problem.
    """

    name: str
    accepts: Callable[[str], bool]
    list: Callable[[str], Iterator[Listed | Problem]]
    open: Callable[[Listed, str], Opened | Elsewhere]
    list_after: Callable[[str, str], Iterator[Listed | Problem]] | None = None
    canonical: Callable[[str], str] = _as_it_is
    examples: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def scheme_of(target: str) -> str:
    """Return `s3:` of `s3://bucket/key`, `models:` of `models:/Name/1`, and nothing of a path."""
    scheme, mark, _ = target.partition(":/")
    plain = scheme.replace("+", "").replace("-", "").replace(".", "")
    # A single letter is a drive
    return f"{scheme}:" if mark and len(scheme) > 1 and plain.isascii() and plain.isalnum() else ""
