"""Detectors over raw bytes, one file each; the tuple is the whole list, each loaded when bytes match its patterns."""

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
    """Return the detector of a module of this package, which is loaded now only if the index does not know it."""
    if module not in INDEX:
        return loaded_detector(module)
    known = {**INDEX[module], "owners": frozenset(INDEX[module]["owners"])}
    return cast(Detector, Late(lambda: loaded_detector(module), known))


def loaded_detector(module: str) -> Detector:
    """Return the detector of a module of this package."""
    detector: Detector = import_module(f"scanners.detectors.{module}").DETECTOR
    return detector


DETECTORS: tuple[Detector, ...] = tuple(map(_detector, MODULES))
