"""Profiles: named choices of scanners and depth, for a question narrower than everything."""

from __future__ import annotations

from dataclasses import dataclass

from modelsweep.core.options import Depth

