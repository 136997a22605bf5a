"""Standard output and standard error: what reaches them is always printable, and a closed pipe is no fault."""

from __future__ import annotations

import os
import sys

from modelsweep.cli.log_lines import without_commands
from modelsweep.core.text import printable

TYPE_CHECKING = False  # as in modelsweep/__init__.py
if TYPE_CHECKING:
    from typing import TextIO

PAGE = 100
"""Columns where there is no terminal."""


class Interrupted(Exception):
    """Control-C: the message says how far the work came."""


def say(text: str) -> None:
    """Write one line on standard error, marked as ours; hostile characters are escaped, a closed pipe is ignored."""
    try:
        print("modelsweep:", without_commands(printable(text)), file=sys.stderr, flush=True)  # noqa: T201 - this is the one place
    except BrokenPipeError:
        _redirect(sys.stderr)


def write_line(text: str = "") -> None:
    """Write one line on standard output, with hostile characters escaped; raises BrokenPipeError."""
    sys.stdout.write(without_commands(printable(text)) + "\n")


def discard_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not complain of a closed pipe at its end."""
    _redirect(sys.stdout)


def _redirect(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def wants_colour(stream: TextIO) -> bool:
    """Return whether `stream` is to be coloured: https://no-color.org and https://force-color.org, else a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width(stream: TextIO) -> int:
    """Return the columns of the terminal that `stream` is, or what COLUMNS says, or those of a wide page."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or PAGE
    except (OSError, ValueError):
        return PAGE


def is_interactive(stream: TextIO) -> bool:
    """Return whether somebody watches `stream`: a terminal that can redraw, and no CI job."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
