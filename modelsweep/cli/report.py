"""`modelsweep report`: the reports of a job that has ended, in any format."""

from __future__ import annotations

import sys

import click

from modelsweep.cli.fleet_options import broker_option, job_argument, reached, store_option
from modelsweep.cli.options import GATE, OUTPUT
from modelsweep.cli.outputs import outputs_of
from modelsweep.cli.parameters import Tolerance
from modelsweep.cli.scan import threshold_gate, write_reports
from modelsweep.cli.terminal import wants_colour, width
from reporting import View

_NOT_HERE = frozenset({"progress", "share", "quiet"})


@click.command(
    params=[
        job_argument(),
        broker_option(),
        store_option(),
        *(option for option in (*OUTPUT, *GATE) if option.name not in _NOT_HERE),
    ],
    short_help="Write the reports of a job that has ended.",
)
def command(  # noqa: PLR0913 - one for each option
    job: str,
    broker: str | None,
    store: str | None,
    formats: tuple[str, ...],
    outputs: tuple[str, ...],
    sbom: str | None,
    verbose: bool,
    fail_on: str,
    strict: bool,
    tolerated: Tolerance,
) -> int:
    """Write the reports of JOB from its results, in any format; no model is read again.

    Exit code: 0 nothing found, 1 findings at or above --fail-on, 2 something could not be examined.
    """
    places = outputs_of(formats, outputs, sbom)
    gate = threshold_gate(fail_on, strict, tolerated)
    with reached(broker, store) as fleet:
        report = fleet.report(job)
        code = gate.exit_code(report)
        view = View(verbose, wants_colour(sys.stdout), width(sys.stdout), gate)
        return code if write_reports(report, places, view) or code else 2
