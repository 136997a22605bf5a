"""modelsweep: a static security scanner for machine-learning model files.

`scan` examines files and directories and returns a `Report`; nothing that is scanned is ever loaded or run.
"""

from __future__ import annotations

from modelsweep.core.version import VERSION

TYPE_CHECKING = False  # not that of typing, which takes 2 ms to load: the process that examines is to begin before
if TYPE_CHECKING:
    from modelsweep.api import scan
    from modelsweep.core.report import Report

__version__ = VERSION
__all__ = ["Report", "__version__", "scan"]


def __getattr__(name: str) -> object:
    """Load the public names on first use, so that `import modelsweep.core` costs nothing more."""
    if name == "scan":
        from modelsweep.api import scan

        return scan
    if name == "Report":
        from modelsweep.core.report import Report

        return Report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
