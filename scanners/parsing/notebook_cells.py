"""The Python code in notebook cells, and the scripts that run in the page when a notebook is displayed.

Format: https://nbformat.readthedocs.io/en/latest/format_description.html, also version 3. Lines and cells that begin
with `!` and `%` are commands of IPython. The output of a trusted notebook may contain scripts, which can make the
kernel run Python, or access the notebook server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

from modelsweep.core import patterns as re
from modelsweep.core.finding import Json

_MAGIC = re.compile(r"^\s*(?:[!%?]|.*\?$)|^\s*+[\w, ]++=\s*[!%]")
_COMMAND = re.compile(r"(\s*+)(?:[\w, ]++=\s*+)?(?:!!?|%(?:system|sx|alias\s+\w+)\s+)(.+)")
_SHELL_CELL = re.compile(r"\s*%%(?:bash|sh|system|sx|cmd|powershell|perl|ruby|script\s)(?:\b|(?<=\s))")
_TIMED = re.compile(r"(\s*+)%(?:timeit|time|prun|memit|mprun|lprun)\s+((?:-\S*\s+(?:\d+\s+)?)*+)(.+)")
"""Magics that run the code after them."""
_PYTHON = re.compile(r"(?:i?python|sage|pyspark|xpython|micropython)\S*|")
"""Kernel languages whose cells are Python; a notebook need not name one."""
_PAGE_CELL = re.compile(r"\s*%%(?:javascript|js|html|svg)\b", re.IGNORECASE)
_WRITTEN_CELL = re.compile(r"\s*%%(?:writefile|file)\s+(?:-a\s+)?(\S+)")
_SHOWN_AS = frozenset({"text/html", "application/javascript", "image/svg+xml", "text/markdown"})
_WIDGETS = "application/vnd.jupyter.widget-state+json"
_EXECUTED = re.compile(r"kernel\s{0,9}\.\s{0,9}execute\s{0,9}\(\s{0,9}(?=[\"'`])")
_QUOTED = {quote: re.compile(rf"{quote}((?:[^{quote}\\]|\\.)*+){quote}", re.DOTALL) for quote in "\"'`"}
_SERVER = re.compile(r"/api/(?:terminals|kernels|contents|sessions)\b|/terminals/websocket/|\bdocument\.cookie")
_REQUEST = re.compile(r"(?:\bfetch\s?\(|\.open\s?\(|WebSocket\s?\(|sendBeacon|\.src\s?=)[^;]*\Z")
_REQUEST_DISTANCE, _MAX_PROGRAM, _MAX_PLACES = 200, 4_000, 500
"""Characters before an address that are searched for a request, and maxima for a program and for places per text."""
_ESCAPED = re.compile(r"\\([\"'`\\])")
_MAX_TEXTS = 20_000
"""Maximum texts of one notebook that are examined."""


def code_of(document: Json) -> Iterator[str]:
    """Yield the code of each cell; shell commands and cells in other languages become calls of IPython."""
    is_python = _PYTHON.fullmatch(_language(document)) is not None
    for cell in _code_cells(document):
        source = _text(cell.get("source", cell.get("input")))
        yield _as_python(source) if is_python else "\n".join(_systems(source))


class CellPlaces:
    """Maps lines of cells to lines of the notebook's file.

    Lines are numbered across all cells, with `EACH` numbers per cell.
    """

    EACH = 1_000_000

    def __init__(self, text: str, document: Json) -> None:
        self._text = text
        self._cells = [_text(cell.get("source", cell.get("input"))).split("\n") for cell in _code_cells(document)]
        self._starts: list[int] = []

    def place(self, number: int) -> tuple[int, int]:
        """Return the line in its cell, and the line in the file, or 0 if it is not found."""
        cell, line = divmod(number, self.EACH)
        starts = self._begun()
        if cell >= len(starts) or starts[cell] < 0:
            return line, 0
        lines, at = self._cells[cell], starts[cell]
        if 0 < line <= len(lines):
            at = max(self._text.find(_quoted(lines[line - 1]), at), at)
        return line, self._text.count("\n", 0, at) + 1

    def _begun(self) -> list[int]:
        """Return the start of each cell: the offset of its first non-blank line after the previous cell."""
        at = 0
        for lines in self._cells if not self._starts else ():
            first = next((line for line in lines if line.strip()), "")
            found = self._text.find(_quoted(first), at) if first else -1
            self._starts.append(found)
            at = max(at, found + 1)
        return self._starts


def _quoted(line: str) -> str:
    return json.dumps(line, ensure_ascii=False)[1:-1]


def page_scripts(document: Json) -> Iterator[tuple[str, str]]:
    """Yield what scripts in the page do: ("python", code) to run in the kernel, and ("server", script)."""
    for text in _pages(document):
        for match in islice(_EXECUTED.finditer(text), _MAX_PLACES):
            program = text[match.end() : match.end() + _MAX_PROGRAM]
            if quoted := _QUOTED[program[0]].match(program):
                yield "python", _as_python(_ESCAPED.sub(r"\1", quoted[1]).replace("\\n", "\n"))
        for match in islice(_SERVER.finditer(text), _MAX_PLACES):
            if asked := _REQUEST.search(text[max(0, match.start() - _REQUEST_DISTANCE) : match.start()]):
                yield "server", asked[0] + match[0]
                break


def _language(document: Json) -> str:
    """Return the declared language of the kernel, or ""."""
    metadata = document.get("metadata") if isinstance(document, dict) else None
    for holder, key in (("language_info", "name"), ("kernelspec", "language")):
        about = metadata.get(holder) if isinstance(metadata, dict) else None
        name = about.get(key) if isinstance(about, dict) else None
        if isinstance(name, str) and name:
            return name.lower()
    return ""


def _cells(document: Json) -> Iterator[dict[str, Json]]:
    found = document if isinstance(document, dict) else {}
    sheets = found.get("worksheets")
    for holder in (found, *(sheets if isinstance(sheets, list) else ())):
        cells = holder.get("cells") if isinstance(holder, dict) else None
        yield from (cell for cell in (cells if isinstance(cells, list) else ()) if isinstance(cell, dict))


def _code_cells(document: Json) -> Iterator[dict[str, Json]]:
    return (cell for cell in _cells(document) if cell.get("cell_type") == "code")


def _pages(document: Json) -> Iterator[str]:
    """Yield the texts of a notebook that its page displays as HTML, or runs."""
    for cell in _cells(document):
        source = _text(cell.get("source", cell.get("input")))
        if cell.get("cell_type") == "markdown" or _PAGE_CELL.match(source):
            yield source
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else ():
            data = output.get("data") if isinstance(output, dict) else None
            if isinstance(data, dict):
                yield from (_text(value) for kind, value in data.items() if kind in _SHOWN_AS)
    metadata = document.get("metadata") if isinstance(document, dict) else None
    widgets = metadata.get("widgets") if isinstance(metadata, dict) else None
    yield from _texts_in(widgets.get(_WIDGETS) if isinstance(widgets, dict) else None)


def _texts_in(value: Json) -> Iterator[str]:
    left, count = [value], 0
    while left and count < _MAX_TEXTS:
        item = left.pop()
        count += 1
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict | list):
            left += item.values() if isinstance(item, dict) else item


def _text(source: Json) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source or "")


def _as_python(cell: str) -> str:
    """Return a cell with its shell commands as calls of IPython, and without its other commands."""
    first, _, rest = cell.partition("\n")
    if _SHELL_CELL.match(first):
        return "\n".join(["", *_systems(rest)])
    if _PAGE_CELL.match(first):
        return ""
    if (written := _WRITTEN_CELL.match(first)) and not written[1].endswith(".py"):
        return f"open({written[1]!r}, 'w')"
    lines = re.sub(r"(?m)^([ \t]*!.*)\\\n", r"\1 ", cell).split("\n")
    return "\n".join(_line(line) for line in lines)


def _systems(script: str) -> list[str]:
    """Return the lines of a script as shell commands."""
    joined = re.sub(r"\\\n\s*", " ", script)
    return [_system("", line) for line in joined.split("\n") if line.strip()]


def _line(line: str) -> str:
    if timed := _TIMED.fullmatch(line):
        return f"{timed[1]}{timed[3]}"
    if command := _COMMAND.fullmatch(line):
        return _system(*command.groups())
    return "" if _MAGIC.match(line) else line


def _system(indent: str, command: str) -> str:
    return f"{indent}get_ipython().system({command.strip()!r})"
