"""`scan --dry-run`: what would be read, with sizes, and what would be left out; no byte of it is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from modelsweep.cli.log_lines import without_commands
from modelsweep.cli.terminal import write_line
from modelsweep.core.finding import Problem
from modelsweep.core.options import Selection
from modelsweep.core.report import Unit
from modelsweep.core.units import counted, format_size
from producer.plan import plan


def show_plan(targets: Sequence[str], selection: Selection, *, as_json: bool) -> None:
    """List the files of the job and what is left out, then the totals."""
    from sources.opening import canonical

    items = plan(tuple(map(canonical, targets)), selection)
    if as_json:
        _show_json(items)
        return
    undated = _show_text(items)
    if selection.newest_first and undated:
        write_line(f"{undated:,} of them come last: nobody tells when they were written")


def _show_text(items: Iterable[Unit | Problem]) -> int:
    """Show all in lines; return of how many files it is not told when they were written."""
    count = total = left_out = undated = 0
    for item in items:
        if isinstance(item, Problem):
            left_out += 1
            write_line(f"{item.kind.value:>10}  {item.locator}: {item.detail}")
        else:
            count, total, undated = count + 1, total + item.size, undated + (not item.modified)
            write_line(f"{format_size(item.size):>10}  {item.locator}")
    files = counted(count, "file")
    rest = f"; {left_out:,} left out" if left_out else ""
    write_line(f"would read {files}, {format_size(total)}{rest}")
    return undated


def _show_json(items: Iterable[Unit | Problem]) -> None:
    from json import dumps

    files: list[dict[str, str | int]] = []
    left_out: list[dict[str, str]] = []
    total = 0
    for item in items:
        if isinstance(item, Problem):
            left_out.append({"path": str(item.locator), "kind": item.kind.value, "detail": item.detail})
        else:
            total += item.size
            files.append({"path": str(item.locator), "size": item.size})
    listed = {"files": files, "left_out": left_out, "file_count": len(files), "bytes": total}
    click.echo(without_commands(dumps(listed, indent=2), ".json"))
