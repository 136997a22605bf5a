"""`modelsweep cache`: what is known from earlier scans, on this machine or in a fleet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click

from modelsweep.cli.fleet_options import broker_option
from modelsweep.cli.options import option
from modelsweep.cli.parameters import size
from modelsweep.cli.terminal import say, write_line
from modelsweep.core.units import format_size

if TYPE_CHECKING:
    from modelsweep.cache.backend import Backend


@click.group(short_help="Show or clear what earlier scans extracted.")
def command() -> None:
    """Show or clear what was extracted from models, which saves reading them again.

    MODELSWEEP_CACHE says where it is (a folder or a Redis); the default is the fleet's Redis with --broker, and
    ~/.cache/modelsweep without. Clearing it costs only time.
    """


@command.command("stats", params=[broker_option(), option("--json", "as_json", is_flag=True, help="As JSON.")])
def show(broker: str | None, as_json: bool) -> None:
    """Show how much there is."""
    address = _address(broker)
    with _opened(address) as cache:
        found = cache.stats()
    if as_json:
        shape = {"cache": _shown(address), "entries": found.entries, "bytes": found.size, "limit": found.limit}
        click.echo(json.dumps(shape))
        return
    write_line(f"{_shown(address)}: {found.entries:,} files are known")
    write_line(f"{format_size(found.size)} of {format_size(found.limit)} are used")


@command.command("clear", params=[broker_option()])
def clear(broker: str | None) -> None:
    """Forget everything."""
    from modelsweep.cache.opening import is_redis
    from worker.pattern_file import forget_patterns

    address = _address(broker)
    with _opened(address) as cache:
        cache.clear()
    if not is_redis(address):
        forget_patterns(address)
    write_line(f"{_shown(address)}: everything is forgotten")


@command.command(
    "cleanup",
    params=[broker_option(), option("--keep", type=size, metavar="SIZE", help="At most this much: 100MB, 1GB.")],
)
def cleanup(broker: str | None, keep: int | None) -> None:
    """Forget what was not used for 90 days, and what exceeds the limit."""
    address = _address(broker)
    with _opened(address) as cache:
        gone = cache.cleanup(keep)
        left = cache.stats()
    write_line(f"{_shown(address)}: {gone:,} files are forgotten, {left.entries:,} are known")


def _address(broker: str | None) -> str:
    """Return which cache is meant; raises ClickException where there is none."""
    from modelsweep.cache.opening import VARIABLE, cache_address, is_redis

    own = cache_address()
    address = broker if broker and not is_redis(own) else own
    if not address:
        raise click.ClickException(f"there is no cache: {VARIABLE} is `off`, or the home folder is unknown")
    return address


def _shown(address: str) -> str:
    from modelsweep.cache.opening import is_redis
    from modelsweep.fleet.store import shown

    return shown(address) if is_redis(address) else address


@contextmanager
def _opened(address: str) -> Iterator[Backend]:
    """Yield the cache at an address; what is wrong with it is raised as a sentence for people."""
    from modelsweep.cache.backend import CacheFault
    from modelsweep.cache.opening import is_redis, open_cache
    from modelsweep.cache.redis_cache import RedisCache

    try:
        # Entries are counted and forgotten without the key that they are read with
        backend = RedisCache.at(address, None) if is_redis(address) else open_cache(address, say)
        with closing(backend) as cache:
            yield cache
    except CacheFault as fault:
        raise click.ClickException(str(fault)) from fault
