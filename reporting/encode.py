"""How values become text in every JSON-based output: portable, indented, in a stable order."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii
from typing import BinaryIO, TextIO, cast

from modelsweep.core.finding import Json
from modelsweep.core.shape import portable
from reporting.scratch import Part, Scratch

INDENT = "  "
SLOT = os.urandom(16).hex()
"""What nobody can have put into a file: the value of what `in_pieces` leaves out."""


def indented(value: Json, margin: str = "") -> str:
    """Return `value` as `json.dumps` would indent it, at twice the speed; its later lines stand behind `margin`.

    It is ASCII, so that no name in it can disturb a terminal or a strict reader.
    """
    if isinstance(value, str):
        return quoted(value)
    inner = f"{margin}{INDENT}"
    if isinstance(value, dict) and value:
        lines = [f"{quoted(key)}: {indented(item, inner)}" for key, item in value.items()]
    elif isinstance(value, (list, tuple)) and value:
        lines = [indented(item, inner) for item in value]
    else:
        return json.dumps(portable(value), allow_nan=False)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(lines) + f"\n{margin}{closing}"


def in_pieces(value: Json, margin: str = "") -> list[str]:
    """Return the text of `value` as `indented` does, in pieces around each SLOT in it, quotes and all."""
    return indented(value, margin).split(quoted(SLOT))


def quoted(text: str) -> str:
    """Return `text` as JSON that every reader takes."""
    if text.isascii():
        return encode_basestring_ascii(text)
    return encode_basestring_ascii(text.encode("utf-8", "backslashreplace").decode())


def array(values: Iterable[Json], margin: str = "") -> Iterator[str]:
    """Yield an array of `values` piece by piece, as `indented` would have it."""
    inner = f"\n{margin}{INDENT}"
    opening = "["
    for value in values:
        yield f"{opening}{inner}{indented(value, margin + INDENT)}"
        opening = ","
    yield "[]" if opening == "[" else f"\n{margin}]"


class Document(io.TextIOWrapper):
    """A stream of text (UTF-8) that takes text which is encoded already, too."""

    def write_encoded(self, data: memoryview) -> None:
        """Write bytes of text behind what was written so far."""
        self.flush()
        cast(BinaryIO, self.buffer).write(data)


class Items(Part):
    """A JSON array that grows item by item and is as indented as what it stands in."""

    def __init__(self, scratch: Scratch, margin: str) -> None:
        self._margin = margin
        self.margin = f"{margin}{INDENT}"
        """What stands before each line of an item."""
        super().__init__(scratch, f",\n{self.margin}")

    def put(self, value: Json) -> None:
        """Add an item."""
        self.add(indented(value, self.margin))

    def array(self) -> Iterator[str]:
        """Yield the text of the array."""
        if not self:
            yield "[]"
            return
        yield f"[\n{self.margin}"
        yield from self.text()
        yield f"\n{self._margin}]"

    def write(self, stream: TextIO) -> None:
        """Write the text of the array, which is ASCII."""
        if not self or not isinstance(stream, Document):
            stream.writelines(self.array())
            return
        stream.write(f"[\n{self.margin}")
        for piece in self.encoded():
            if isinstance(piece, str):
                stream.write(piece)
            else:
                stream.write_encoded(piece)
        stream.write(f"\n{self._margin}]")


def write_object(members: Iterable[tuple[str, Json | Iterator[str] | Items]], stream: TextIO, margin: str = "") -> None:
    """Write an object as `indented` would; a member that is too long for memory comes as pieces of its text."""
    inner, opening = f"{margin}{INDENT}", "{"
    for key, value in members:
        stream.write(f"{opening}\n{inner}{quoted(key)}: ")
        opening = ","
        if isinstance(value, Items):
            value.write(stream)
        elif isinstance(value, Iterator):
            stream.writelines(value)
        else:
            stream.write(indented(value, inner))
    stream.write(f"\n{margin}}}")


def object_text(members: Iterable[tuple[str, Json | Iterator[str]]], margin: str = "") -> Iterator[str]:
    """Yield the text of an object as `indented` would have it."""
    inner = f"{margin}{INDENT}"
    opening = "{"
    for key, value in members:
        yield f"{opening}\n{inner}{quoted(key)}: "
        opening = ","
        if isinstance(value, Iterator):
            yield from value
        else:
            yield indented(value, inner)
    yield f"\n{margin}}}"


def utc(seconds: float) -> str:
    """Return seconds since the epoch as RFC 3339 in UTC: `2025-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
