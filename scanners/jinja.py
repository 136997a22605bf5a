"""Jinja templates in files of their own: chat templates of models, and templates of other text.

`chat_template.jinja` is beside a tokenizer (https://huggingface.co/docs/transformers/chat_templating), and loaders
render it, some without a sandbox. A template that mentions messages and roles counts as a chat template. Others are
rendered by programs of their own, load each other and use the variables of these: of them only what leads to the
interpreter is reported.
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
_SHARED_SUFFIXES = (".template", ".tmpl", ".tpl")
"""Suffixes that templates of several languages share."""
_MARKS = (b"{{", b"{%")
_MAX_SIZE = 4 * MIB
_SHOWN = 100
_CHAT_WORDS = (re.compile(rb"\bmessages?\b"), re.compile(rb"\brole\b"))
_CHAT_NAME = "chat_template"
_CHAT_TEXT = "chat_template.txt"


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text with a suffix of Jinja, or with a shared suffix and Jinja's delimiters."""
    shared = blob.locator.suffix in _SHARED_SUFFIXES and any(mark in blob.head for mark in _MARKS)
    named = shared or blob.locator.suffix in _SUFFIXES or blob.locator.name == _CHAT_TEXT
    return named and (text.accepts(blob) or _is_odd_template(blob))


def _is_odd_template(blob: Blob) -> bool:
    """Return whether a file is UTF-8 with Jinja's delimiters, though not text: templates may hold any character."""
    if blob.size > _MAX_SIZE:
        return False
    data = blob.reader.read(0, blob.size)
    try:
        return any(mark in data.decode() for mark in ("{{", "{%"))
    except UnicodeDecodeError:
        return False


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what the template reaches; one that is not a chat template and does not parse is plain text."""
    from scanners.parsing.jinja_template import leads_to_interpreter, template_facts

    data = blob.reader.read(0, min(blob.size, _MAX_SIZE, context.limits.parsed_bytes))
    chat = _CHAT_NAME in blob.locator.name or all(word.search(data) for word in _CHAT_WORDS)
    content, path = data.decode("utf-8-sig", "replace"), printable(blob.locator.name, _SHOWN)
    for item in template_facts(content, blob.locator, path):
        if chat or leads_to_interpreter(item):
            yield item


SCANNER = Scanner(
    name=NAME,
    title="Jinja templates (chat templates and others)",
    version=7,
    accepts=accepts,
    scan=scan,
    suffixes=_SUFFIXES,
    signs=Signs(suffixes=(*_SUFFIXES, *_SHARED_SUFFIXES), names=(_CHAT_TEXT,)),
)
