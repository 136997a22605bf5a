"""Gin: settings of functions and classes, which an experiment imports, configures and calls by name.

Syntax: https://github.com/google/gin-config/blob/master/docs/index.md. A file imports modules (`import acme.models`),
and with `from __gin__ import dynamic_registration` refers to anything in them: `@os.system()` is called where the
value is used, with the arguments of bindings such as `os.system.command = "..."`.
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
_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_IMPORT = re.compile(
    rf"(?m)^[ \t]*(?:from[ \t]+(?P<source>{_NAME})[ \t]+)?import[ \t]+(?P<name>{_NAME})"
    r"(?:[ \t]+as[ \t]+(?P<alias>\w+))?"
)
_REFERENCE = re.compile(rf"(?m)@(?:[\w.-]+/)*(?P<called>{_NAME})|^[ \t]*(?:[\w.-]+/)*(?P<bound>{_NAME})\.\w+[ \t]*=")
_TEXT = re.compile(r"#[^\n]*|'(?:\\.|[^'\\\n])*+'?|\"(?:\\.|[^\"\\\n])*+\"?")
_GIN_MODULE = "__gin__"
_MAX_REFERENCES = 500
"""Maximum references that are reported per file."""
_SHOWN = 200


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text with the suffix of Gin."""
    return blob.locator.suffix == ".gin" and blob.size > 0 and text.accepts(blob)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the modules that the file imports, and the callables that it names."""
    from scanners.parsing.code_keys import runs_something

    limit = min(SIZE_LIMIT, context.limits.parsed_bytes)
    content = blob.reader.read(0, min(blob.size, limit)).decode("utf-8-sig", "replace")
    content = _TEXT.sub(lambda match: " " * len(match[0]), content)
    imported: dict[str, str] = {}
    for match in _IMPORT.finditer(content):
        context.operations.spend()
        source, name = match["source"], match["name"]
        if source == _GIN_MODULE:
            continue
        whole = f"{source}.{name}" if source else name
        top = name.partition(".")[0]
        imported[match["alias"] or top] = whole if source or match["alias"] else top
        yield _reference(blob, f"{whole.replace('.', '/')}.py", "packaged", f"import {whole}", match.start())
    seen: set[str] = set()
    for match in _REFERENCE.finditer(content):
        context.operations.spend()
        written = match["called"] or match["bound"]
        top, dot, rest = written.partition(".")
        name = f"{imported.get(top, top)}{dot}{rest}"
        if top in imported and name not in seen:
            if len(seen) >= _MAX_REFERENCES:
                raise OverLimit(f"more than {_MAX_REFERENCES:,} names of imported modules")
            seen.add(name)
            how = "hint" if runs_something(name) else "beside"
            yield _reference(blob, name, how, f"@{written}" if match["called"] else written, match.start())
    if blob.size > limit:
        raise OverLimit(f"more than {limit:,} bytes of Gin")


def _reference(blob: Blob, name: str, how: str, path: str, offset: int) -> Fact:
    detail: dict[str, Json] = {"how": how, "path": printable(path, _SHOWN)}
    return Fact("code-reference", printable(name, _SHOWN), blob.locator, Span(offset), detail)


SCANNER = Scanner(
    name="gin",
    title="Gin configurations",
    version=2,
    accepts=accepts,
    scan=scan,
    suffixes=(".gin",),
    signs=Signs(suffixes=(".gin",)),
)
