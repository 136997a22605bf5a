"""Giskard (https://github.com/Giskard-AI/giskard-oss), `ScanReport.to_json` and `to_html`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from modelsweep.evidence.summary import HTML, JSON, Counts, Found, Row, rows_of

_LEVELS = ("major", "medium", "minor")
_COUNT = re.compile(r">\s{0,200}(\d{1,9})\s{1,200}(major|medium|info)\s{0,200}</span>")


def issues(value: dict[str, Any]) -> Found | None:
    """Return what a report says that has lists of issues by level for each detector."""
    is_report = all(isinstance(found, dict) and found.keys() <= {*_LEVELS} for found in value.values())
    if not (is_report and value) or not (any(value.values()) or all(name.endswith("Detector") for name in value)):
        return None
    levels, detectors = dict.fromkeys(_LEVELS, 0), Counts()
    for name, found in value.items():
        for level, issues in found.items():
            if not isinstance(issues, list):
                return None
            levels[level] += len(issues)
            detectors.add(name, len(issues))
    summary = rows_of(("detectors", len(value)), *_levels(levels), *detectors.worst("issues of"))
    return Found(JSON, "Giskard", summary)


def _levels(levels: dict[str, int]) -> Iterator[Row]:
    yield "issues", sum(levels.values())
    for level, count in levels.items():
        yield f"{level} issues", count


def page(text: str) -> Found | None:
    """Return what an HTML report says; None if it is none."""
    if "&quot;gsk-scan&quot;" in text:  # as notebooks hold it, in a frame
        text = unescape(text)
    if 'id="gsk-scan"' not in text:
        return None
    levels = dict.fromkeys(_LEVELS, 0)
    for count, level in _COUNT.findall(text):
        levels["minor" if level == "info" else level] += int(count)
    return Found(HTML, "Giskard", rows_of(*_levels(levels)))
