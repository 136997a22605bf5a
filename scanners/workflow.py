"""Workflows of Orange (.ows), RapidMiner (.rmp) and KNIME (workflow.knime, settings.xml): scripts, commands, pickles.

Orange keeps the settings of a widget as a literal, or as a pickle in base64, which opening the workflow loads
(https://github.com/biolab/orange-canvas-core/blob/master/orangecanvas/scheme/readwrite.py). Scripts and commands run
together with the workflow; those that resemble attacks are reported. No entity is expanded here.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable, redact
from modelsweep.core.units import MIB
from scanners.parsing.xml_events import Start, Text, events
from scanners.parsing.xml_opening import opening

NAME = "workflow"
_ROOT = re.compile(
    r"<(?:scheme\s[^>]{0,2000}\bversion\s*=|process\s[^>]{0,400}\bversion\s*=|config\s[^>]{0,400}knime\.org)"
)
_PROPERTIES, _PARAMETER, _ENTRY, _OPERATOR = "properties", "parameter", "entry", "operator"
_PICKLE, _LITERAL = "pickle", "literal"
_MAX_PICKLE = 64 * MIB
"""Maximum bytes of one pickle in base64."""
_MAX_PARSED_TEXT = 64_000
"""Characters from which a text may have been cut short by the parser."""
_COMMANDS = frozenset({"command", "commandline", "cmd", "external_command"})
_SCRIPT = re.compile(r"(?:.*_)?(?:script|scriptbody|sourcecode|code|expression)(?:_\w+)?", re.IGNORECASE)
"""Keys under which nodes and operators store scripts."""
_ESCAPE = re.compile(r"%%(\d{5})")
"""KNIME's escape for characters that attributes cannot hold."""
_JAVA_EXECUTION = re.compile(r"\bRuntime\s*\.\s*getRuntime\b|\bnew\s+ProcessBuilder\b|[\"'\])]\s*\.\s*execute\s*\(")
"""Calls that start a program in Java and Groovy."""
_SHOWN = 160


class _Place(NamedTuple):
    """The position of a text, and its owner."""

    path: str
    offset: int


def accepts(blob: Blob) -> bool:
    """Return whether the document begins with the root of a workflow."""
    return _ROOT.search(opening(blob)) is not None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield pickles, and what scripts and commands do; raises Malformed if the document is cut short."""
    begun: Start | None = None
    operator, root = "", False
    for event in events(blob.reader, context, frozenset({_PROPERTIES})):
        if isinstance(event, Start):
            root = True
            begun = event
            operator = event.attributes.get("class", "") if event.name == _OPERATOR else operator
            yield from _element(blob, event, operator, context)
        elif isinstance(event, Text) and begun:
            yield from _settings(blob, begun, event, context)
    if not root:
        raise Malformed("the document ends, or declares entities, before its root element")


def _element(blob: Blob, event: Start, operator: str, context: Context) -> Iterator[Item]:
    """Yield what a parameter of an operator, or a setting of a node, runs."""
    if event.name not in (_PARAMETER, _ENTRY):
        return
    key, value = event.attributes.get("key", ""), event.attributes.get("value", "")
    place = _Place(printable(f"{operator} {key}".strip(), _SHOWN), event.offset)
    if event.name == _ENTRY:
        value = _ESCAPE.sub(lambda match: chr(min(int(match[1]), 0xFFFF)), value)
    if key.lower() in _COMMANDS:
        yield from _commands(blob, value, place)
    elif _SCRIPT.fullmatch(key) and value:
        yield from _script(blob, value, place, context)


def _settings(blob: Blob, begun: Start, event: Text, context: Context) -> Iterator[Item]:
    """Yield the settings of an Orange widget: a pickle, or scripts inside a literal."""
    form = begun.attributes.get("format", "")
    node = printable(begun.attributes.get("node_id", ""), _SHOWN)
    if form == _PICKLE:
        data = _decoded(blob, begun, event)
        yield blob.nested(f"properties of node {node}", context.spool([data]), expect="pickle", expanded=True)
    elif form == _LITERAL and "\\n" in event.text:
        for text in _texts(event.text):
            yield from _script(blob, text, _Place(f"properties of node {node}", begun.offset), context)


def _decoded(blob: Blob, begun: Start, event: Text) -> bytes:
    """Return a pickle; a long one is read from the file, since the parser kept only its beginning."""
    text = event.text.encode("ascii", "replace")
    if len(text) >= _MAX_PARSED_TEXT:
        length = event.offset - begun.offset
        if length > _MAX_PICKLE:
            raise OverLimit(f"a pickle in {length:,} bytes of base64")
        text = blob.reader.read(begun.offset, length).partition(b">")[2]
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        raise Malformed("a pickle is not base64", begun.offset) from None


def _texts(literal: str) -> Iterator[str]:
    """Yield the multi-line strings in a Python literal."""
    import ast

    from scanners.parsing.python_syntax import parsed

    tree = parsed(literal.strip().encode("utf-8", "replace"))
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value:
            yield node.value


def _script(blob: Blob, script: str, place: _Place, context: Context) -> Iterator[Item]:
    """Yield what a Python script calls; of other scripts, the lines that resemble attacks."""
    from scanners.python_code import calls_in

    yield from calls_in(blob, script.encode("utf-8", "replace"), context)
    for line in script.splitlines():
        yield from _commands(blob, line, place)
        if _JAVA_EXECUTION.search(line):
            detail: dict[str, Json] = {"who": "running the workflow runs it", "how": "workflow", "path": place.path}
            yield Fact("shell-command", _shown(line), blob.locator, detail=detail)


def _commands(blob: Blob, command: str, place: _Place) -> Iterator[Item]:
    """Yield a command that resembles an attack."""
    from scanners.judge.attack_commands import fetched_command, hostile_command

    if hostile_command().search(command) or fetched_command().search(command):
        detail: dict[str, Json] = {"who": "running the workflow runs it", "how": "asked", "path": place.path}
        yield Fact("shell-command", _shown(command), blob.locator, detail=detail)


def _shown(command: str) -> str:
    return printable(redact(" ".join(command.split())), 4 * _SHOWN)


SCANNER = Scanner(
    name=NAME,
    title="Workflows (Orange, RapidMiner, KNIME)",
    version=5,
    accepts=accepts,
    scan=scan,
    suffixes=(".ows", ".rmp", ".knime"),
    signs=Signs(b"\xef\xbb\xbf \t\r\n<\xff\xfe\0"),
)
