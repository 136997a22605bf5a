"""The help of commands, in which names keep their hyphens on one line."""

from __future__ import annotations

from collections.abc import Iterable

import click

_UNBREAKABLE = "\N{NON-BREAKING HYPHEN}"


class Formatter(click.HelpFormatter):
    """Wraps lines between words only: `--max-total-size` broken at a hyphen can be neither read nor found."""

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(text.replace("-", _UNBREAKABLE))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write terms and what they mean, in two columns."""
        unbreakable = [(term, meaning.replace("-", _UNBREAKABLE)) for term, meaning in rows]
        super().write_dl(unbreakable, col_max, col_spacing)

    def getvalue(self) -> str:
        """Return all that was written, with the hyphens that people type."""
        return super().getvalue().replace(_UNBREAKABLE, "-")
