"""`scan --dry-run`: what would be read, with sizes, and what would be left out; no byte of it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from modelsweep.cli.terminal import write_line
from modelsweep.core.finding import Json, Problem
from modelsweep.core.units import format_size

if TYPE_CHECKING:
    from producer.plan import Selection


def show_plan(targets: Sequence[str], selection: Selection, as_json: bool) -> None:
    """List the units of the job and what is left out, then the totals."""
    from producer.plan import plan

    units: list[Json] = []
    left_out: list[Json] = []
    count = total = skipped = 0
    for item in plan(targets, selection):
        if isinstance(item, Problem):
            skipped += 1
            where, kind, detail = str(item.locator), item.kind.value, item.detail
            if as_json:
                left_out.append({"path": where, "kind": kind, "detail": detail})
            else:
                write_line(f"{kind:>10}  {where}: {detail}")
            continue
        count, total = count + 1, total + item.size
        if as_json:
            units.append({"path": str(item.locator), "size": item.size})
        else:
            write_line(f"{format_size(item.size):>10}  {item.locator}")
    if as_json:
        from json import dumps

        click.echo(dumps({"files": units, "left_out": left_out, "file_count": count, "bytes": total}, indent=2))
    else:
        files = "1 file" if count == 1 else f"{count:,} files"
        rest = f"; {skipped:,} left out" if skipped else ""
        write_line(f"would read {files}, {format_size(total)}{rest}")
