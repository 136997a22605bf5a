"""`scan --share`: the report, left where the team keeps its reports. Nothing is ever sent anywhere unasked."""

from __future__ import annotations

import os
import time

import click

from modelsweep.cli.terminal import say
from modelsweep.core.report import Report

DIRECTORY = "MODELSWEEP_SHARE_DIR"
DISABLED = "MODELSWEEP_DISABLE_SHARING"


def share_directory(wanted: bool) -> str | None:
    """Return the directory to share reports in, None where none is shared; raises UsageError without a place."""
    if not wanted:
        return None
    if os.environ.get(DISABLED, "").lower() not in ("", "0", "false", "no"):
        say(f"--share does nothing: {DISABLED} is set")
        return None
    directory = os.environ.get(DIRECTORY, "")
    if not directory:
        raise click.UsageError(f"--share needs a destination: set {DIRECTORY} to a directory that your team reads")
    if not os.path.isdir(directory) or not os.access(directory, os.W_OK):
        raise click.UsageError(f"--share: {DIRECTORY} does not name a writable directory: {directory!r}")
    return directory


def shared_report(directory: str, report: Report) -> str:
    """Return the path of a report that is shared: when it was started, and where."""
    import platform

    started = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(report.run.start_time))
    return os.path.join(directory, f"modelsweep-{started}-{platform.node()}-{os.getpid()}.json")
