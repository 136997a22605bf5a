"""Options that say where a fleet is, and how a fleet is reached with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from modelsweep.cli.options import option
from modelsweep.cli.parameters import count
from modelsweep.core.installing import how_to_install

if TYPE_CHECKING:
    from modelsweep.jobs import Fleet

BROKER_VARIABLE, STORE_VARIABLE = "MODELSWEEP_BROKER_URL", "MODELSWEEP_STORE"


def broker_option() -> click.Option:
    """Return the option that names the broker."""
    return option(
        "--broker",
        metavar="URL",
        envvar=BROKER_VARIABLE,
        help=f"Redis of the fleet: redis://HOST:PORT/DB, rediss://, redis+socket:///PATH [${BROKER_VARIABLE}].",
    )


def store_option() -> click.Option:
    """Return the option that names the result store."""
    return option(
        "--store",
        metavar="URI",
        envvar=STORE_VARIABLE,
        help=f"Store of results and reports: a folder, s3://..., redis://... [${STORE_VARIABLE}, else the broker].",
    )


def chunk_option() -> click.Option:
    """Return the option that says how much one message asks for."""
    return option("--chunk-files", type=count, default="64", metavar="N", help="Small files per chunk [64].")


@contextmanager
def reached(broker: str | None, store: str | None) -> Iterator[Fleet]:
    """Yield the fleet at these addresses; what is wrong with it is raised as a sentence for people."""
    if not broker:
        raise click.UsageError(f"which fleet? Name its broker: --broker URL, or set {BROKER_VARIABLE}")
    with explained():
        from modelsweep.fleet.signature import Key
        from modelsweep.jobs import Fleet

        with Fleet.reach(broker, store or broker, Key.from_environment()) as fleet:
            yield fleet


@contextmanager
def explained() -> Iterator[None]:
    """Raise what goes wrong with a fleet in the block as one sentence, and a package that is missing as another."""
    try:
        from redis.exceptions import RedisError

        from modelsweep.fleet.answers import LedgerFault
        from modelsweep.fleet.job import UnknownProtocol
        from modelsweep.fleet.messages import BrokerFault
        from modelsweep.fleet.private_redis import PrivateRedisFailed
        from modelsweep.fleet.redis_faults import explain
        from modelsweep.fleet.signature import BadKey, Damaged
        from modelsweep.fleet.store import StoreFault
        from modelsweep.private_fleet import WorkerEnded
        from producer.submit import Superseded
        from worker.execution import SandboxFailed
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is not installed, which the fleet's commands need: {how_to_install('fleet')}"
        ) from error
    try:
        yield
    except RedisError as error:
        raise click.ClickException(str(explain(error))) from error
    except (LedgerFault, BrokerFault, StoreFault, BadKey, Damaged, UnknownProtocol, Superseded) as error:
        raise click.ClickException(str(error)) from error
    except (PrivateRedisFailed, SandboxFailed, WorkerEnded) as error:
        raise click.ClickException(str(error)) from error


def job_argument() -> click.Argument:
    """Return the argument that names a job."""
    return click.Argument(["job"], metavar="JOB", callback=checked_job)


def checked_job(
    _context: click.Context, _parameter: click.Parameter, value: str | tuple[str, ...]
) -> str | tuple[str, ...]:
    """Return job ids as they are; raises BadParameter for what cannot be one."""
    from modelsweep.fleet.job import is_id

    for name in (value,) if isinstance(value, str) else value:
        if not is_id(name):
            raise click.BadParameter(
                f"{name!r} is not a job: ids look like k3tz-8qwe-f2mn, and `modelsweep jobs` lists them"
            )
    return value
