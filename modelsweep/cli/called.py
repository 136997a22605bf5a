"""How modelsweep was called, so that every command that it suggests can be typed as it is said."""

from __future__ import annotations

import os
import sys

COMMANDS = (
    "scan",
    "audit",
    "submit",
    "jobs",
    "status",
    "report",
    "cancel",
    "retry",
    "repair",
    "sweep",
    "hunt",
    "rejudge",
    "learn",
    "watch",
    "worker",
    "exporter",
    "serve",
    "rules",
    "metadata",
    "cache",
    "baseline",
    "sign",
    "doctor",
)
"""In the order of `--help`; each is `command` in the module of its name."""
VARIABLE = "MODELSWEEP_CALLED_AS"
"""Set by a script that runs us, to what was typed to run it."""
USUAL = "modelsweep"


def called_as() -> str:
    """Return what is typed to run us: `modelsweep` where that is on the PATH, else a path, quoted for a shell."""
    if wrapper := os.environ.get(VARIABLE):
        return _quoted(wrapper)
    folder, name = os.path.split(sys.argv[0] if sys.argv else "")
    if name == "__main__.py" and os.path.basename(folder) == USUAL:
        return f"{_quoted(sys.executable)} -m {USUAL}"
    if name != USUAL or not folder or os.path.abspath(folder) in map(os.path.abspath, os.get_exec_path()):
        return USUAL
    return _quoted(sys.argv[0])


def _quoted(word: str) -> str:
    from shlex import quote  # 1 ms that most commands do not need

    return quote(word)


def as_called(text: str) -> str:
    """Return words of ours with the commands in them as they are typed here, such as `./dev rules` in a checkout."""
    name = called_as()
    if name == USUAL or USUAL not in text:
        return text
    import re

    return re.sub(rf"(?<![\w./-])(?<!-m ){USUAL} (?=(?:{'|'.join(COMMANDS)})\b)", lambda _: f"{name} ", text)
