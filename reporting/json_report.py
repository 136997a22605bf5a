"""The report as JSON, complete: docs/report.schema.json describes it."""

from __future__ import annotations

from typing import TextIO

from modelsweep.core.report import Report
from modelsweep.core.shape import report_shape
from reporting.encode import write_json
from reporting.writer import View


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write `report` as JSON; the record is the same for every view."""
    write_json(report_shape(report), stream)
