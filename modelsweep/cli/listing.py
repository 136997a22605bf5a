"""`scan --list-scanners`: what can be chosen by --include-scanner and --exclude-scanner."""

from __future__ import annotations

from modelsweep.cli.selection import installed_scanners
from modelsweep.cli.terminal import write_line


def list_scanners(plugins: tuple[str, ...]) -> None:
    """List scanners with what they look at, then detectors over raw bytes; raises ClickException for a bad plug-in."""
    from scanners.detectors import DETECTORS

    rows = [
        (scanner.name, scanner.title + ", only where it is named" * scanner.opt_in, " ".join(scanner.suffixes))
        for scanner in installed_scanners(plugins)
    ]
    rows += [(detector.name, detector.title, "any bytes") for detector in DETECTORS]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, title, where in rows:
        write_line(f"{name:<{widths[0]}}  {title:<{widths[1]}}  {where}".rstrip())
