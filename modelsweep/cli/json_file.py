"""Files of JSON that one of our commands writes and an option reads again, after people have looked at them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import click


class Form(NamedTuple):
    """A kind of file: what it is called, the key that holds its version, who writes it, and its bytes at most."""

    title: str
    mark: str
    version: int
    writer: str
    largest: int

    def read(self, file: str) -> dict[str, Any]:
        """Return what a file holds; raises UsageError where it cannot be read, or is none of this form."""
        try:
            path = Path(file)
            if path.stat().st_size > self.largest:
                raise click.UsageError(f"{file}: more than {self.largest:,} bytes")
            value = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise click.UsageError(f"{file}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise click.UsageError(f"{file}: not JSON, as {self.writer} writes it") from error
        if not isinstance(value, dict) or value.get(self.mark) != self.version:
            raise click.UsageError(f"{file}: not a {self.title} of version {self.version}, as {self.writer} writes it")
        return value

    def written(self, **content: Any) -> str:
        """Return the text of such a file."""
        return json.dumps({self.mark: self.version, **content}, indent=1) + "\n"
