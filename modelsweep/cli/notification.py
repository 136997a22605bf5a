"""`--notify`: a webhook of the team's is told what a job came to. Nothing is ever sent anywhere unasked."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

import click

from modelsweep.cli.arguments import ScanArguments
from modelsweep.cli.sharing import share_directory
from modelsweep.cli.terminal import say
from modelsweep.core.report import Report
from reporting import View

URL, SECRET = "MODELSWEEP_NOTIFY_URL", "MODELSWEEP_NOTIFY_SECRET"
Notify = Callable[[Report, int, View], None]


class Handover(NamedTuple):
    """What becomes of a report besides being written: the folder to share it in, if any, and whoever is told of it."""

    shared: str | None
    notify: Notify


def handover_of(arguments: ScanArguments) -> Handover:
    """Return what the options ask for; raises UsageError and ClickException where that cannot be done."""
    return Handover(share_directory(arguments["share"]), notifier(arguments["notify"]))


def notifier(wanted: bool) -> Notify:
    """Return what tells of a report and its exit code; raises UsageError and ClickException where it could not.

    The address stays off the command line, and out of reports: that of a chat is a secret in itself.
    """
    if not wanted:
        return lambda *_: None
    url, secret = os.environ.get(URL, ""), os.environ.get(SECRET, "")
    if not _is_address(url):
        raise click.UsageError(f"--notify needs a webhook: set {URL} to its https:// address")
    try:
        from modelsweep.notifying import message_of, send
    except ImportError as error:
        from modelsweep.core.installing import how_to_install

        raise click.ClickException(f"{error.name} is not installed: {how_to_install('cloud')}") from error

    def notify(report: Report, code: int, view: View) -> None:
        if code and (fault := send(url, secret, message_of(report, code, view))):
            say(f"--notify: {fault}")

    return notify


def _is_address(url: str) -> bool:
    """Return whether a webhook can be called at `url`."""
    from urllib.parse import urlsplit  # 2 ms that most scans do not need

    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, brackets around what is no address
        return False
