"""How values become text in every JSON-based output: portable, indented, in a stable order."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TextIO

from modelsweep.core.finding import Json
from modelsweep.core.shape import portable


def write_json(document: Json, stream: TextIO) -> None:
    """Write `document` as indented JSON in ASCII, so that no name in it can disturb a terminal or a strict reader."""
    stream.write(json.dumps(portable(document), indent=2, allow_nan=False))
    stream.write("\n")


def utc(seconds: float) -> str:
    """Return seconds since the epoch as RFC 3339 in UTC: `2025-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
