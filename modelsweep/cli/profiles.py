"""Profiles: a question narrower than everything, as the scanners that answer it and the depth it takes."""

from __future__ import annotations

from dataclasses import dataclass

from modelsweep.core.options import Depth

RECOGNISERS = ("text", "media", "pointer")
"""Scanners that only tell what is no model."""
CONTAINERS = ("zip", "tar", "7z", "gzip", "bzip2", "xz", "lzma", "lz4", "zstd", "zlib")
PICKLES = ("pickle", "joblib", "numpy", "npz", "torch", "torch-zip", "torch-legacy", "torch-tar", "torchscript")
BYTES = ("embedded-pickle", "pe", "elf", "macho", "script")


@dataclass(frozen=True, slots=True)
class Profile:
    """`scanners` are ids of scanners and detectors, of which those that this version has are used; none means all."""

    name: str
    title: str
    scanners: tuple[str, ...] = ()
    depth: Depth = "full"


PROFILES = (
    Profile("quick-scan", "structure and code only, in a moment", depth="quick"),
    Profile("serialization-attacks", "code that loading a pickle would run", (*PICKLES, *CONTAINERS, *BYTES)),
    Profile("format-integrity", "damaged files, and bytes that no format accounts for", depth="quick"),
    Profile("archive-inspection", "what archives hide, and attacks on what unpacks them", (*CONTAINERS, *BYTES)),
    Profile("secrets-network-threats", "credentials, addresses and network code"),
    Profile("model-behavior", "what a model runs when it is used"),
    Profile("full-audit", "everything"),
)
