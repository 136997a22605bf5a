"""Options that change what examining a unit yields; they are part of the identity of a cached result."""

from __future__ import annotations

from typing import Literal

from modelsweep.core.limits import Limits
from modelsweep.core.values import dataclass, field

Depth = Literal["quick", "full"]
Reuse = Literal["nothing", "objects", "files"]
"""What is not read again where an earlier result is known: nothing, remote objects that their store tells apart by
digest, etag or generation, or local files that times and inode tell apart, too. It changes no report."""


@dataclass(frozen=True, slots=True)
class Options:
    """How every unit of a job is examined.

    `scanners` are the chosen names of scanners and detectors, None for all; `allow_imports` are patterns of trusted
    names such as `acme.*`, or `class acme.Net` for instances that no constructor makes; `plugins` are the opted-in
    third-party packages; `require_signers` are those who may sign, each a pattern of the signer's name, or nothing,
    and in the lines below it a public key or certificates as PEM; `timeout` is in seconds for a unit of up to 1 GiB and
    grows with size.
    """

    depth: Depth = "full"
    scanners: tuple[str, ...] | None = None
    allow_imports: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()
    require_signers: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    timeout: float = 300.0
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the listed objects are examined, by size in bytes and by name; what is left out is said.

    None is no bound. `include` and `exclude` are patterns (`*.pt`, `models/*`, where `*` passes slashes) of the path
    below the target or of its last part; without any `include` all are examined, and never what `exclude` names.
    """

    max_file_size: int | None = None
    max_total_size: int | None = None
    """Of all objects together: one that does not fit any more is left out, a smaller one after it may fit."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    newest_first: bool = False
    """Whether what was written last is examined first, and chosen first where `max_total_size` bounds all together."""
