"""`modelsweep rejudge`: what today's rules say of the stored facts of a job."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from modelsweep.cli.fleet_options import broker_option, job_argument, reached, store_option
from modelsweep.cli.options import GATE, OUTPUT, several
from modelsweep.cli.outputs import outputs_of
from modelsweep.cli.parameters import Tolerance
from modelsweep.cli.scan import threshold_gate, write_reports
from modelsweep.cli.terminal import say, wants_colour, width
from reporting import View

_NOT_HERE = frozenset({"progress", "share", "quiet"})


@click.command(
    params=[
        job_argument(),
        broker_option(),
        store_option(),
        several("--allow-import", "allowed", metavar="PATTERN", help="Trust these, too: 'acme.*'. Repeatable."),
        *(option for option in (*OUTPUT, *GATE) if option.name not in _NOT_HERE),
    ],
    short_help="Judge the stored facts of a job by today's rules.",
)
def command(  # noqa: PLR0913 - one for each option
    job: str,
    broker: str | None,
    store: str | None,
    allowed: tuple[str, ...],
    formats: tuple[str, ...],
    outputs: tuple[str, ...],
    sbom: str | None,
    verbose: bool,
    fail_on: str,
    strict: bool,
    tolerated: Tolerance,
) -> int:
    """Judge what is stored of JOB by the rules of this version, say what is new and gone, and report; no model is read.

    What scanners saw in the bytes themselves stays as it was. Exit code as that of `report`.
    """
    places = outputs_of(formats, outputs, sbom)
    gate = threshold_gate(fail_on, strict, tolerated)
    with reached(broker, store) as fleet:
        from modelsweep.fleet.rejudge import rejudge, rejudged_report
        from worker.plugins import scanners_with, versions
        from worker.ruleset import tool

        spec, report = fleet.spec(job), fleet.report(job)
        options = replace(spec.options, allow_imports=(*spec.options.allow_imports, *allowed))
        new = gone = 0
        for rejudged in rejudge(report.results, options):
            new += len(rejudged.new)
            gone += len(rejudged.gone)
        today = tool(scanners_with(options.plugins), versions(options.plugins))
        report = rejudged_report(report, options, today)
        code = gate.exit_code(report)
        view = View(verbose, wants_colour(sys.stdout), width(sys.stdout), gate)
        written = write_reports(report, places, view)
        say(f"job {job} under today's rules: {new:,} findings are new, {gone:,} are gone")
    return code if written or code else 2
