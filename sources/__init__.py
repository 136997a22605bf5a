"""Where bytes come from: one module per source, and the readers; the tuple is the whole list of sources.

The tuple is made when somebody asks for it: what scans a local file needs `sources.local` only, and starts quicker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sources.source import Source

    SOURCES: tuple[Source, ...]

MODULES = ("dvc", "local", "huggingface", "mlflow", "jfrog", "oci", "s3", "gcs", "http")
"""In the order in which they are asked whether they know a target."""


def __getattr__(name: str) -> tuple[Source, ...]:
    if name != "SOURCES":
        raise AttributeError(name)
    from importlib import import_module

    return tuple(import_module(f"sources.{module}").SOURCE for module in MODULES)
