"""What the command line says to `scan`, understood."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

from modelsweep.core.report import Attachment, Ignored


class Tolerance(NamedTuple):
    """How many unexamined files do not fail a job: a number, and a share in percent; the larger counts."""

    files: int = 0
    percent: float = 0.0


class GateArguments(TypedDict):
    """What click hands over of what makes a job fail."""

    fail_on: str
    baselines: tuple[str, ...]
    policy: tuple[tuple[str, Ignored], ...]
    strict: bool
    tolerated: Tolerance


class ScanArguments(TypedDict):
    """What click hands to `scan`."""

    targets: tuple[str, ...]
    targets_from: str | None
    blacklist: tuple[str, ...]
    max_file_size: int | None
    max_total_size: int | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    newest_first: bool
    dry_run: bool
    profile: str
    depth: str | None
    included: tuple[str, ...]
    excluded: tuple[str, ...]
    list_scanners: bool
    allowed: tuple[str, ...]
    require_signers: tuple[str, ...]
    allow_files: tuple[str, ...]
    plugins: tuple[str, ...]
    timeout: float
    jobs: int | None
    no_cache: bool
    trust_file_times: bool
    formats: tuple[str, ...]
    outputs: tuple[str, ...]
    sbom: str | None
    attachments: tuple[Attachment, ...]
    verbose: bool
    quiet: bool
    progress: bool | None
    write_back: bool
    alias: str
    notify: bool
    share: bool
    fail_on: str
    baselines: tuple[str, ...]
    policy: tuple[tuple[str, Ignored], ...]
    strict: bool
    tolerated: Tolerance
