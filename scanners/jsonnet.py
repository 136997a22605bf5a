"""Jsonnet: a language that evaluates to JSON, in which experiments of AllenNLP and similar libraries are written.

Specification: https://jsonnet.org/ref/spec.html. Nothing is evaluated: only string literals that directly follow a key
that names code are reported.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners import text

SIZE_LIMIT = 4 * MIB
"""Maximum bytes of a file that is read: those of large experiments have some ten KiB."""
_SUFFIXES = (".jsonnet", ".libsonnet")
_ENTRY = re.compile(
    r"(?<!\w)(?P<quote>[\"']?)(?P<key>_target_|class_path|target|type|class|cls|callable|func|function|factory)(?P=quote)"
    r"\s*\+?::?:?\s*(?P<mark>[\"'])(?P<name>[^\W\d]\w*(?:\.\w+)+)(?P=mark)"
)
_COMMENT = re.compile(r"\"(?:\\.|[^\"\\])*+(?:\"|\Z)|'(?:\\.|[^'\\])*+(?:'|\Z)|(?://|#)[^\n]*|/\*[\s\S]*?(?:\*/|\Z)")
_MAX_REFERENCES = 500
"""Maximum references that are reported per file."""
_SHOWN = 200


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text with a suffix of Jsonnet."""
    return blob.locator.suffix in _SUFFIXES and blob.size > 0 and text.accepts(blob)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the code that keys name as string literals."""
    from scanners.parsing.code_keys import runs_something

    limit = min(SIZE_LIMIT, context.limits.parsed_bytes)
    content = blob.reader.read(0, min(blob.size, limit)).decode("utf-8-sig", "replace")
    content = _COMMENT.sub(_blank, content)
    for told, match in enumerate(_ENTRY.finditer(content)):
        context.operations.spend()
        if told >= _MAX_REFERENCES:
            raise OverLimit(f"more than {_MAX_REFERENCES:,} keys that may name code")
        key, name = match["key"], match["name"]
        how = "call" if key == "_target_" else "mention" if runs_something(name) else "beside"
        where = f"{key} in line {content.count(chr(10), 0, match.start()) + 1}"
        detail: dict[str, Json] = {"how": how, "path": where}
        yield Fact("code-reference", printable(name, _SHOWN), blob.locator, Span(match.start()), detail)
    if blob.size > limit:
        raise OverLimit(f"more than {limit:,} bytes of Jsonnet")


def _blank(match: re.Match[str]) -> str:
    """Return a string literal unchanged, and spaces for a comment."""
    return match[0] if match[0][0] in "\"'" else re.sub(r"[^\n]", " ", match[0])


SCANNER = Scanner(
    name="jsonnet",
    title="Jsonnet configurations",
    version=3,
    accepts=accepts,
    scan=scan,
    suffixes=_SUFFIXES,
    signs=Signs(suffixes=_SUFFIXES),
)
