"""Model cards: the metadata of a model in the YAML at the head of its README.md; nothing in it runs.

Format: https://huggingface.co/docs/hub/model-cards#model-card-metadata. Licence, task, data sets and base models
describe the model in bills of materials; names are compared with the blacklist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelsweep.core.finding import Fact
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import KIB

MAX_FRONT_MATTER = 256 * KIB
"""Maximum bytes of front matter that are read: evaluation results make some long."""
MAX_PROSE = 64 * KIB
"""Maximum bytes of a page without a licence in its front matter that are searched for a sentence with one."""
MAX_VALUES = 50
"""Maximum values of one key that are reported."""
_SHOWN = 200
_FRONT = rb"(?:\xef\xbb\xbf)?\s*---[ \t]*(?:\r\n?|\n)"
_END = rb"[\r\n](?:---|\.\.\.)[ \t]*(?:\r\n?|\n|\Z)"
"""Delimiters of front matter: the Hub accepts any leading white space, and any line ends."""
_TAG = re.compile(rb"!!python/|2002:python/|%TAG |data_files\s*:(?s:.){0,400}?(?:/etc/|/proc/|/\.\w)")
"""What makes a YAML loader call something, or a data set loader open private files; never an example here."""
_WORD = re.compile(rb"(?i)licen[cs]e")
_KINDS = {"pipeline_tag": "task", "datasets": "dataset", "library_name": "framework"}
_NAMES = ("base_model", "model_name", "license_name", "license_link")


def accepts(blob: Blob) -> bool:
    """Return whether a Markdown file begins with front matter, or is a README that mentions a licence."""
    if blob.locator.suffix != ".md":
        return False
    return re.match(_FRONT, _beginning(blob)) is not None or (_is_page(blob) and _WORD.search(_prose(blob)) is not None)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the licence, task, data sets and base models of the card."""
    from scanners.parsing.licences import licence_facts, licence_of_prose

    start, front = _front_matter(blob)
    found = _values(front, context)
    if _TAG.search(front):
        yield blob.window("front matter", start, len(front), expect="yaml")
    own = found.get("license_name", [""])[0]
    for name in found.get("license", []):
        yield from licence_facts(context, blob.locator, name, "license", own)
    if "license" not in found and _is_page(blob):
        stated = licence_of_prose(_prose(blob).decode("utf-8", "replace"))
        yield from licence_facts(context, blob.locator, stated, "text")
    for key, kind in _KINDS.items():
        for value in found.get(key, ()):
            yield Fact(kind, printable(value, _SHOWN), blob.locator, detail={"key": key})
    for key in _NAMES:
        for value in found.get(key, ()):
            detail = {"key": key, "text": printable(value, _SHOWN)}
            yield Fact("metadata", key, blob.locator, detail={**detail})


def _is_page(blob: Blob) -> bool:
    return blob.locator.name.lower() == "readme.md"


def _prose(blob: Blob) -> bytes:
    return blob.reader.read(0, min(MAX_PROSE, blob.size))


def _beginning(blob: Blob) -> bytes:
    """Return the head of a page; if that is white space, with what follows."""
    return blob.head if blob.head.strip() else blob.reader.read(0, min(MAX_FRONT_MATTER, blob.size))


def _front_matter(blob: Blob) -> tuple[int, bytes]:
    """Return the offset and the bytes of the YAML at the head of a page; empty without one."""
    front = re.match(_FRONT, _beginning(blob))
    if not front:
        return 0, b""
    data = blob.reader.read(0, min(MAX_FRONT_MATTER, blob.size))
    end = re.compile(_END).search(data, front.end() - 1)
    return front.end(), data[front.end() : end.start() if end else len(data)]


def _values(front: bytes, context: Context) -> dict[str, list[str]]:
    """Return the scalars under each key of interest, up to the first error in the YAML."""
    from scanners.parsing.yaml_events import YamlError, entries

    found: dict[str, list[str]] = {}
    try:
        for entry in entries(front.decode("utf-8", "replace")):
            context.operations.spend()
            if (
                len(entry.keys) == 1
                and entry.value
                and (entry.keys[0] in _KINDS or entry.keys[0] in (*_NAMES, "license"))
            ):
                values = found.setdefault(entry.keys[0], [])
                values += [entry.value] if len(values) < MAX_VALUES else []
    except YamlError:
        pass
    return found


SCANNER = Scanner(
    name="model-card",
    title="Model cards (front matter of README.md, the licence in its text)",
    version=5,
    accepts=accepts,
    scan=scan,
    judged=False,
    signs=Signs(suffixes=(".md",)),
)
