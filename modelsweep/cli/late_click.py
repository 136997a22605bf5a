"""`click`, loaded when something of it is used: for modules that only raise its exceptions.

`from modelsweep.cli import late_click as click` stands in those that a plain scan needs: click takes 20 ms to load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from click import BadParameter, ClickException, UsageError

__all__ = ["BadParameter", "ClickException", "UsageError"]


def __getattr__(name: str) -> object:
    """Return what click has under a name."""
    import click

    return getattr(click, name)
