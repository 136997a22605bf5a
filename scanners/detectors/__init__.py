"""Detectors over raw bytes, one file each; the tuple is the whole list."""

from __future__ import annotations

from scanners.detector import Detector
from scanners.detectors import encoded, executables, network, pickles, scripts, secrets

DETECTORS: tuple[Detector, ...] = (
    executables.DETECTOR,
    scripts.DETECTOR,
    pickles.DETECTOR,
    encoded.DETECTOR,
    secrets.DETECTOR,
    network.DETECTOR,
)
