"""`modelsweep status`: how far a job is."""

from __future__ import annotations

import json
import sys

import click

from modelsweep.cli.called import called_as
from modelsweep.cli.fleet_options import broker_option, job_argument, reached, store_option
from modelsweep.cli.job_progress import details_of, numbers_of, watched
from modelsweep.cli.options import option
from modelsweep.cli.terminal import is_interactive, write_line

PRODUCER_SILENT = 60.0
"""Seconds without a word from the producer of a job that is still listed."""


@click.command(
    params=[
        job_argument(),
        broker_option(),
        store_option(),
        option("--watch", is_flag=True, help="Follow it until the job has ended."),
        option("--json", "as_json", is_flag=True, help="Print JSON."),
    ],
    short_help="Show the progress of a job.",
)
def command(job: str, broker: str | None, store: str | None, watch: bool, as_json: bool) -> int:
    """Show the progress of JOB: files, bytes, findings, and what was lost and repeated."""
    with reached(broker, store) as fleet:
        if watch:
            with watched(fleet, job, is_interactive(sys.stderr)) as show:
                progress = fleet.wait(job, show)
        else:
            progress = fleet.ledger(job).progress()
        if as_json:
            write_line(json.dumps({"job": job, **numbers_of(progress)}))
            return 0
        details = dict(details_of(progress))
        silent = progress.now - progress.producer_seen
        if progress.state == "listing" and silent > PRODUCER_SILENT:
            details["producer"] = f"silent for {silent:.0f} s: `{called_as()} submit --resume {job}` goes on listing"
        write_line(f"job {job}")
        for name, value in details.items():
            write_line(f"  {name:16}{value}")
    return 0
