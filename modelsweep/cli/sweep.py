"""`modelsweep sweep`: publish again what was lost, now."""

from __future__ import annotations

import click

from modelsweep.cli.fleet_options import broker_option, reached, store_option
from modelsweep.cli.options import option
from modelsweep.cli.parameters import seconds
from modelsweep.cli.terminal import say


@click.command(
    params=[
        broker_option(),
        store_option(),
        option(
            "--unclaimed", type=seconds, default="30", metavar="SECONDS", help="After which a message is lost [30]."
        ),
    ],
    short_help="Publish lost tasks again now.",
)
def command(broker: str | None, store: str | None, unclaimed: float) -> int:
    """Publish again what dead workers held and messages that were lost; every worker does so by itself every 4 s."""
    with reached(broker, store) as fleet:
        swept = fleet.sweep(unclaimed)
        say(f"{swept.again:,} published again, {swept.finalizers:,} reports asked for")
    return 0
