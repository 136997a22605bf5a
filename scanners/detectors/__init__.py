"""Detectors over raw bytes, one file each; the tuple lists all of them. Each is loaded when its patterns match."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from scanners.detector import Detector
from scanners.index import DETECTORS as INDEX
from scanners.late import Late

MODULES = (
    "executables",
    "scripts",
    "pickles",
    "encoded",
    "archives",
    "secrets",
    "network",
    "hidden_text",
    "expressions",
)


def _detector(module: str) -> Detector:
    """Return the detector of a module of this package, which is loaded now only if it is not in the index."""
    if module not in INDEX:
        return loaded_detector(module)
    known = {**INDEX[module], "owners": frozenset(INDEX[module]["owners"])}
    return cast(Detector, Late(lambda: loaded_detector(module), known))


def loaded_detector(module: str) -> Detector:
    """Load a module of this package and return its detector."""
    detector: Detector = import_module(f"scanners.detectors.{module}").DETECTOR
    return detector


DETECTORS: tuple[Detector, ...] = tuple(map(_detector, MODULES))
