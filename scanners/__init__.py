"""What is looked for: one file (or folder) per format; the tuple is the whole list, in order of running."""

from __future__ import annotations

from modelsweep.core.scanner import Scanner
from scanners import executable, media, pointer, safetensors, text

SCANNERS: tuple[Scanner, ...] = (
    executable.SCANNER,
    safetensors.SCANNER,
    text.SCANNER,
    media.SCANNER,
    pointer.SCANNER,
)
