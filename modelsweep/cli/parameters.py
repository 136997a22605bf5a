"""Conversions of option values: sizes, seconds, tolerances; each raises BadParameter that says what was expected."""

from __future__ import annotations

import click

from modelsweep.cli.arguments import Tolerance
from modelsweep.core.finding import Severity
from modelsweep.core.report import Attachment
from modelsweep.core.units import parse_size

SEVERITIES = click.Choice([severity.name.lower() for severity in reversed(Severity)], case_sensitive=False)


def pattern(text: str) -> str:
    """Return a pattern that is not empty: one would match all names or none, which nobody means."""
    if not text:
        raise click.BadParameter("the pattern is empty")
    return text


def names(text: str) -> str:
    """Return a pattern of names in modules; one without a module would match nothing."""
    if "," in pattern(text):
        raise click.BadParameter(f"{text!r} is more than one pattern: repeat the option for each")
    if not any(mark in text for mark in ".*?["):
        raise click.BadParameter(f"{text!r} does not name a callable: write '{text}.*' for all of a package")
    return text


def signing(text: str) -> str:
    """Return who may sign, of the file that `text` names."""
    from modelsweep.signers import signer

    try:
        return signer(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def attachment(path: str) -> Attachment:
    """Return what a report has of the file at `path`; raises UsageError, which names it."""
    from modelsweep.evidence import NotAttachable, attached

    try:
        return attached(path)
    except NotAttachable as error:
        raise click.UsageError(str(error)) from None


def size(text: str) -> int:
    """Return the bytes that `text` names: `500MB`, `1GB` (2^30)."""
    try:
        return parse_size(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def seconds(text: str) -> float:
    """Return a positive number of seconds."""
    value = _number(text)
    if not 0 < value < float("inf"):
        raise click.BadParameter(f"{text!r} is not a positive number of seconds")
    return value


def interval(text: str) -> float:
    """Return a number of seconds, 0 for never."""
    return 0.0 if _number(text) == 0 else seconds(text)


def rate(text: str) -> float:
    """Return how often in a second, more than never."""
    value = _number(text)
    if not 0 < value < float("inf"):
        raise click.BadParameter(f"{text!r} is not a positive number of times a second")
    return value


def _number(text: str) -> float:
    """Return a number, -1 for what is none."""
    try:
        return float(text)
    except ValueError:
        return -1.0


def count(text: str) -> int:
    """Return a positive number."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise click.BadParameter(f"{text!r} is not a positive number")
    return int(text)


def tolerance(text: str) -> Tolerance:
    """Return how many unexamined files `text` tolerates: `5`, `0.1%`."""
    try:
        if text.endswith("%"):
            percent = float(text[:-1])
            if 0 <= percent <= 100:
                return Tolerance(0, percent)
        elif int(text) >= 0:
            return Tolerance(int(text))
    except ValueError:
        pass
    raise click.BadParameter(f"{text!r} is neither a number of files nor a percentage such as 0.1%")
