"""`modelsweep exporter`: the fleet's metrics for Prometheus."""

from __future__ import annotations

import click

from modelsweep.cli.fleet_options import broker_option, explained
from modelsweep.cli.options import option
from modelsweep.cli.parameters import count


@click.command(
    params=[
        broker_option(),
        option("--address", default="127.0.0.1", metavar="ADDRESS", help="Address to listen on [127.0.0.1]."),
        option("--port", type=count, default="9808", metavar="PORT", help="[9808]"),
    ],
    short_help="Serve metrics to Prometheus.",
)
def command(broker: str | None, address: str, port: int) -> int:
    """Serve the metrics of a fleet at http://ADDRESS:PORT/metrics, until SIGTERM; one is enough for a fleet."""
    if not broker:
        raise click.UsageError("which fleet? Name its broker: --broker URL, or set MODELSWEEP_BROKER_URL")
    with explained():
        from modelsweep.fleet.exporter import serve
        from modelsweep.fleet.logs import UnknownLevel, configure
        from modelsweep.fleet.messages import client_of

        try:
            configure()
        except UnknownLevel as error:
            raise click.UsageError(str(error)) from error
        serve(client_of(broker), address, port)
    return 0
