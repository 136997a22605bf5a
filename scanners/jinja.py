"""Jinja templates in files of their own: chat templates of models, and templates of other text.

`chat_template.jinja` stands beside a tokenizer (https://huggingface.co/docs/transformers/chat_templating), and loaders
render it, some without a sandbox. A template that speaks of messages and roles is taken for one. Others are rendered by
their own programs, load each other and use what those give them: of these only what leads to the interpreter is told.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners import text

NAME = "jinja"
_SUFFIXES = (".jinja", ".jinja2", ".j2")
_SHARED = (".template", ".tmpl", ".tpl")
"""Endings of the templates of many languages."""
_MARKS = (b"{{", b"{%")
_SIZE = 4 * MIB
_SHOWN = 100
_CHAT = (re.compile(rb"\bmessages?\b"), re.compile(rb"\brole\b"))
_CHAT_NAME = "chat_template"
_CHAT_TEXT = "chat_template.txt"


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text that is named as a template, of Jinja by its marks where others end so, too."""
    shared = blob.locator.suffix in _SHARED and any(mark in blob.head for mark in _MARKS)
    named = shared or blob.locator.suffix in _SUFFIXES or blob.locator.name == _CHAT_TEXT
    return named and (text.accepts(blob) or _is_odd_template(blob))


def _is_odd_template(blob: Blob) -> bool:
    """Return whether a file has marks of Jinja and is UTF-8, though no text: templates may hold any character."""
    if blob.size > _SIZE:
        return False
    data = blob.reader.read(0, blob.size)
    try:
        return any(mark in data.decode() for mark in ("{{", "{%"))
    except UnicodeDecodeError:
        return False


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what the template reaches; one that is no chat template and does not parse is text like any other."""
    from scanners.parsing.jinja_template import leads_to_interpreter, template_facts

    data = blob.reader.read(0, min(blob.size, _SIZE, context.limits.parsed_bytes))
    chat = _CHAT_NAME in blob.locator.name or all(word.search(data) for word in _CHAT)
    content, path = data.decode("utf-8-sig", "replace"), printable(blob.locator.name, _SHOWN)
    for item in template_facts(content, blob.locator, path):
        if chat or leads_to_interpreter(item):
            yield item


SCANNER = Scanner(
    name=NAME,
    title="Jinja templates (chat templates and others)",
    version=6,
    accepts=accepts,
    scan=scan,
    suffixes=_SUFFIXES,
    signs=Signs(suffixes=(*_SUFFIXES, *_SHARED), names=(_CHAT_TEXT,)),
)
