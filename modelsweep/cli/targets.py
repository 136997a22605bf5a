"""The targets of a scan: as arguments, and as a list in a file or on standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from producer.spelling import named_alike

STDIN = "-"


def gather(arguments: Sequence[str], listed_in: str | None) -> tuple[str, ...]:
    """Return the targets in the order given, each once; `-` among them stands for the list on standard input.

    What lies below another target is named as that one is, so that a file has one name in the report. Raises
    UsageError where no target was meant at all; a list may be empty.
    """
    if not arguments and listed_in is None:
        raise click.UsageError(
            "nothing to scan: name files or directories, or `-` to read their names from standard input"
        )
    if listed_in == STDIN and STDIN in arguments:
        raise click.UsageError("standard input can be read only once: use `-` or --targets-from -")
    targets: list[str] = []
    for argument in arguments:
        targets += _read_list(STDIN) if argument == STDIN else [argument]
    if listed_in is not None:
        targets += _read_list(listed_in)
    if not all(targets):
        raise click.UsageError("a target's name is empty")
    return named_alike(targets)


def _read_list(path: str) -> list[str]:
    """Return the names in a list: NUL-separated where it holds a NUL (find -print0), else one a line."""
    try:
        if path == STDIN:
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as stream:
                data = stream.read()
    except OSError as error:
        raise click.UsageError(f"cannot read targets from {path!r}: {error.strerror}") from error
    names = data.split(b"\0") if b"\0" in data else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return [os.fsdecode(name) for name in names if name]
