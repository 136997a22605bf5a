"""Words that a Hugging Face tokenizer replaces by others, in its input or in the model's output.

Format: `Replace` in the normalizers and decoders of tokenizer.json, https://huggingface.co/docs/tokenizers. Ordinary
ones replace spaces, quotation marks and signs of a vocabulary. The files are large, so they are not parsed for this.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob
from modelsweep.core.text import printable

_REPLACE = re.compile(rb'"type"\s{0,20}:\s{0,20}"Replace"')
_MAX_DISTANCE = 600
"""Maximum bytes of such a step before and after its type."""
_MAX_STEPS = 2_000
_MAX_BRACES = 3
"""Maximum braces before the type that are tried as the start of the step, since its pattern is an object too."""
_MARKUP = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\\(?:[pP]\{\w*\}|.)")
_WORD = re.compile(r"[^\W\d_]{3,}")
_PLACEHOLDER = re.compile(r"\W*[A-Z_]+\W*")
"""Placeholders of addresses, numbers and names in some tokenizers: HTTPURL, USER."""
_SHOWN = 60


def replacements(blob: Blob, data: bytes) -> Iterator[Fact]:
    """Yield the words that the tokenizer `data` replaces by others; raises OverLimit for very many steps."""
    found = list(islice(_REPLACE.finditer(data), _MAX_STEPS + 1))
    if len(found) > _MAX_STEPS:
        raise OverLimit(f"more than {_MAX_STEPS:,} replacements in a tokenizer")
    for match in found:
        step = _around(data, match.start())
        pattern, content = step.get("pattern"), step.get("content")
        old = next(iter(pattern.values()), None) if isinstance(pattern, dict) else None
        if isinstance(old, str) and isinstance(content, str) and _swaps(old, content):
            shown = f"{printable(old, _SHOWN)} → {printable(content, _SHOWN)}"
            detail: dict[str, Json] = {"how": "replaced", "path": "a step of the tokenizer"}
            yield Fact("code-reference", shown, blob.locator, detail=detail)


def _swaps(old: str, new: str) -> bool:
    """Return whether words are replaced by other words."""
    before, after = ({word.lower() for word in _WORD.findall(_MARKUP.sub(" ", text))} for text in (old, new))
    return bool(before) and not after <= before and not _PLACEHOLDER.fullmatch(new)


def _around(data: bytes, at: int) -> dict[str, Json]:
    """Return the object that contains the type at `at`, or an empty one if it does not begin nearby."""
    first, start = max(0, at - _MAX_DISTANCE), at
    for _ in range(_MAX_BRACES):
        start = data.rfind(b"{", first, start)
        if start < 0:
            break
        try:
            text = data[start : at + _MAX_DISTANCE].decode("utf-8", "replace")
            step, _ = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(step, dict) and step.get("type") == "Replace":
            return step
    return {}
