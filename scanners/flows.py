"""Flows and agents as JSON: code, commands, and instructions to an assistant in their nodes and tools.

Nodes of ComfyUI evaluate texts (CVE-2024-21576), those of n8n and Flowise run JavaScript and commands
(CVE-2025-68613, CVE-2025-59528); MCP servers describe their tools in words that a model obeys (OWASP MCP03, tool
poisoning). Only commands that no honest flow contains are reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.scanner import Blob, Context, Item
from modelsweep.core.text import printable, redact
from scanners.metadata_text import LONGEST, suspicious_facts
from scanners.parsing.json_text import joined

_SHOWN = 200
_LINK_KEYS = ("links", "connections", "edges")
"""Keys beside the list of nodes, in flows of ComfyUI, n8n and Flowise."""
_MAX_NODES = 10_000
_JAVASCRIPT = re.compile(
    r"\brequire\(\s*['\"](?:node:)?child_process['\"]\s*\)|\bprocess\.(?:mainModule|binding)\b"
    r"|\bprocess\[\s*['\"](?:mainModule|binding)['\"]"
)
_SCHEMA_KEYS = ("inputSchema", "input_schema", "parameters")
"""Keys that mark a mapping as the description of a tool."""


def flow_items(blob: Blob, document: dict[str, Json], context: Context) -> Iterator[Item]:
    """Yield code, commands and instructions in nodes of flows, components of agents and descriptions of tools."""
    nodes = document.get("nodes")
    if isinstance(nodes, list) and any(key in document for key in _LINK_KEYS):
        for at, node in enumerate(nodes[:_MAX_NODES]):
            yield from _texts(blob, node, f"nodes[{at}]", context)
    elif "provider" in document and "component_type" in document:
        yield from _texts(blob, document, "", context)
    for key in ("tools", "result"):
        yield from tool_items(blob, document.get(key), key, context)


def _texts(blob: Blob, part: Json, path: str, context: Context) -> Iterator[Item]:
    """Yield what the texts of a node contain, and the program that it starts, with its arguments."""
    left: list[tuple[str, Any]] = [(path, part)]
    while left:
        where, value = left.pop()
        context.operations.spend()
        if isinstance(value, dict):
            left += [(joined(where, key), item) for key, item in value.items()]
            command, given = value.get("command"), value.get("args")
            if isinstance(command, str) and isinstance(given, list):
                yield from _command(blob, " ".join(map(str, (command, *given))), where)
        elif isinstance(value, list):
            left += [(joined(where, at), item) for at, item in enumerate(value)]
        elif isinstance(value, str) and len(value) <= LONGEST:
            shown = printable(where, _SHOWN)
            yield from suspicious_facts(value, blob.locator, shown, context, names=False)
            yield from _command(blob, value, where)
            if _JAVASCRIPT.search(value):
                detail: dict[str, Json] = {"how": "JavaScript that runs commands", "path": shown}
                text = printable(redact(" ".join(value.split())), _SHOWN)
                yield Fact("metadata-code", text, blob.locator, detail=detail)


def _command(blob: Blob, text: str, path: str) -> Iterator[Fact]:
    """Yield a command that no honest flow contains."""
    from scanners.judge.attack_commands import hostile_command

    found = hostile_command().search(text)
    if found:
        shown = printable(redact(" ".join(text[max(0, found.start - 20) :].split())), _SHOWN)
        detail: dict[str, Json] = {"who": "running the flow runs it", "how": "asked", "path": printable(path, _SHOWN)}
        yield Fact("shell-command", shown, blob.locator, detail=detail)


def tool_items(blob: Blob, listed: Json, path: str, context: Context) -> Iterator[Item]:
    """Yield instructions in tool descriptions that an assistant is to conceal from its user."""
    from scanners.parsing.concealed_orders import concealed_order

    if isinstance(listed, dict):  # of an answer
        listed, path = listed.get("tools"), f"{path}.tools"
    for at, tool in enumerate(listed[:_MAX_NODES] if isinstance(listed, list) else ()):
        context.operations.spend()
        inner = tool.get("function", tool) if isinstance(tool, dict) else None  # as OpenAI has them
        if not isinstance(inner, dict) or not any(key in inner for key in _SCHEMA_KEYS):
            continue
        order = concealed_order("\n".join(_descriptions(inner)))
        if order:
            about: dict[str, Json] = {"who": "an assistant that has the tool reads it", "how": "concealed"}
            shown = printable(redact(order), 4 * _SHOWN)
            yield Fact("shell-command", shown, blob.locator, detail={**about, "path": f"{path}[{at}]"})


def _descriptions(tool: dict[str, Json]) -> Iterator[str]:
    """Yield what an assistant reads about a tool: its description, and those of its arguments."""
    left: list[Json] = [tool]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            text = value.get("description")
            if isinstance(text, str):
                yield text
            left += value.values()
        elif isinstance(value, list):
            left += value
