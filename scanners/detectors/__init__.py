"""Detectors over raw bytes, one file each; the tuple is the whole list."""

from __future__ import annotations

from scanners.detector import Detector

DETECTORS: tuple[Detector, ...] = ()
