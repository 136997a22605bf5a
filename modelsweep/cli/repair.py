"""`modelsweep repair`: make a lost ledger anew from the store."""

from __future__ import annotations

import click

from modelsweep.cli.called import called_as
from modelsweep.cli.fleet_options import broker_option, job_argument, reached, store_option
from modelsweep.cli.terminal import say


@click.command(
    params=[job_argument(), broker_option(), store_option()], short_help="Make a lost ledger anew from the store."
)
def command(job: str, broker: str | None, store: str | None) -> int:
    """Make the ledger of JOB anew after its Redis was lost: from the pages and results in the store.

    What was examined is not examined again; all else is queued again. The store must be another than that Redis.
    """
    with reached(broker, store) as fleet:
        repaired = fleet.repair(job)
        say(f"job {job}: {repaired.done:,} of {repaired.chunks:,} tasks are done, the rest is queued again")
        if not repaired.sealed:
            say(f"its listing was not over: `{called_as()} submit --resume {job}` goes on with it")
    return 0
