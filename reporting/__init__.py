"""What is said: one writer per output; the tuple is the whole list.

The modules are light: what a format needs besides the standard library's JSON is imported when it is written.
"""

from __future__ import annotations

from reporting import cyclonedx, json_report, sarif, text
from reporting.writer import View, Writer

__all__ = ["WRITERS", "View", "Writer"]

WRITERS: tuple[Writer, ...] = (
    Writer("text", "Text for people", ".txt", text.write),
    Writer("json", "JSON, complete (docs/report.schema.json)", ".json", json_report.write),
    Writer("sarif", "SARIF 2.1.0 for code scanning", ".sarif", sarif.write),
    Writer("cyclonedx", "CycloneDX 1.6 ML-BOM", ".cdx.json", cyclonedx.write),
)
