"""`modelsweep repair`: make a lost ledger anew from the store."""

from __future__ import annotations

import click

from modelsweep.cli.called import called_as
from modelsweep.cli.fleet_options import broker_option, job_argument, reached, store_option
from modelsweep.cli.terminal import say


@click.command(
    params=[job_argument(), broker_option(), store_option()], short_help="Rebuild a lost ledger from the store."
)
def command(job: str, broker: str | None, store: str | None) -> int:
    """Rebuild the ledger of JOB after its Redis was lost, from the pages and results in the store.

    What was examined is not examined again; everything else is queued again. The store must not be that Redis.
    """
    with reached(broker, store) as fleet:
        repaired, progress = fleet.repair(job), fleet.ledger(job).progress()
        rest = ", the rest is queued again" if progress.done < progress.allocated else ""
        say(f"job {job}: {progress.done:,} of {progress.allocated:,} tasks are done{rest}")
        if not repaired.sealed:
            say(f"its listing was not over: `{called_as()} submit --resume {job}` goes on with it")
    return 0
