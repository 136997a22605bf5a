"""Logs of CI: their servers take commands out of what is printed, and a file of a pull request may be named like one.

GitHub takes `::NAME::` at the beginning of a line and `##[NAME]` anywhere, Azure `##vso[...]`, TeamCity
`##teamcity[...]`: they set variables, mask text, or load what finds errors. One character of them is escaped here, as
the format has it, so that JSON and XML still mean the same.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
https://learn.microsoft.com/en-us/azure/devops/pipelines/scripts/logging-commands
"""

from __future__ import annotations

from modelsweep.core import patterns as re

TYPE_CHECKING = False  # as in modelsweep/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

_HASHES = re.compile(r"##(?=[A-Za-z.]{0,40}\[)")
_COLONS = re.compile(r"(?m)^([^\S\n]*):(?=:)")
_ESCAPES = {".json": "\\u{:04x}", ".sarif": "\\u{:04x}", ".xml": "&#{};", ".html": "&#{};"}
"""How formats write a character by its number, by the end of their suffix; others show it as Python does."""


def without_commands(text: str, suffix: str = "") -> str:
    """Return lines of a format without what a CI server would take for a command."""
    if "##" not in text and "::" not in text:
        return text
    escape = _ESCAPES.get(f".{suffix.rpartition('.')[2]}", "\\x{:02x}").format
    text = _HASHES.sub(lambda _: "#" + escape(ord("#")), text)
    return _COLONS.sub(lambda match: match[1] + escape(ord(":")), text)


class Log:
    """A stream for text of a format that goes to the log of a CI server, line by line or in larger pieces."""

    def __init__(self, stream: TextIO, suffix: str) -> None:
        self._stream, self._suffix = stream, suffix

    def write(self, text: str) -> int:
        """Write text without commands."""
        return self._stream.write(without_commands(text, self._suffix))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write pieces of text without commands."""
        self._stream.writelines(without_commands(line, self._suffix) for line in lines)

    def flush(self) -> None:
        """Hand on what is buffered."""
        self._stream.flush()

    @property
    def encoding(self) -> str:
        """The encoding of the stream."""
        return self._stream.encoding

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._stream.isatty()
