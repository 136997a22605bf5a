"""Model cards: what the YAML at the head of a README.md says of a model; nothing in it is run.

Format: https://huggingface.co/docs/hub/model-cards#model-card-metadata. Licence, task, data sets, the model that it was
made from. They describe the model in bills of materials; names in them are compared with the blacklist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelsweep.core.finding import Fact
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import KIB

LOOKED_AT = 256 * KIB
"""Bytes of front matter that are read: results of evaluations make some long."""
VALUES = 50
"""Values of one key that are told."""
_SHOWN = 200
_FRONT = rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n"
_END = rb"\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)"
_KINDS = {"pipeline_tag": "task", "datasets": "dataset", "library_name": "framework"}
_NAMES = ("base_model", "model_name", "license_name", "license_link")


def accepts(blob: Blob) -> bool:
    """Return whether a Markdown file begins with front matter."""
    return blob.locator.suffix == ".md" and re.match(_FRONT, blob.head) is not None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield licence, task, data sets and base models of the card."""
    from scanners.parsing.licences import licence_facts

    found = _values(blob, context)
    own = found.get("license_name", [""])[0]
    for name in found.get("license", []):
        yield from licence_facts(context, blob.locator, name, "license", own)
    for key, kind in _KINDS.items():
        for value in found.get(key, ()):
            yield Fact(kind, printable(value, _SHOWN), blob.locator, detail={"key": key})
    for key in _NAMES:
        for value in found.get(key, ()):
            detail = {"key": key, "text": printable(value, _SHOWN)}
            yield Fact("metadata", key, blob.locator, detail={**detail})


def _values(blob: Blob, context: Context) -> dict[str, list[str]]:
    """Return the scalars under each key of interest; what stands behind a fault of the YAML is left out."""
    from scanners.parsing.yaml_events import YamlError, entries

    data = blob.reader.read(0, min(LOOKED_AT, blob.size))
    front = re.match(_FRONT, data)
    start = front.end() if front else 0
    end = re.compile(_END).search(data, start - 1)
    found: dict[str, list[str]] = {}
    try:
        for entry in entries(data[start : end.start() if end else len(data)].decode("utf-8", "replace")):
            context.operations.spend()
            if (
                len(entry.keys) == 1
                and entry.value
                and (entry.keys[0] in _KINDS or entry.keys[0] in (*_NAMES, "license"))
            ):
                values = found.setdefault(entry.keys[0], [])
                values += [entry.value] if len(values) < VALUES else []
    except YamlError:
        pass
    return found


SCANNER = Scanner(
    name="model-card",
    title="Model cards (front matter of README.md)",
    version=1,
    accepts=accepts,
    scan=scan,
    judged=False,
    signs=Signs(suffixes=(".md",)),
)
