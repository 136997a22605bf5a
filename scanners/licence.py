"""Licences in text: whole licence files, headers of sources, and keys of configurations and package metadata.

SPDX identifiers: https://spdx.github.io/spdx-spec/v3.0.1/annexes/using-SPDX-short-identifiers-in-source-files/. The
obligations of a licence are judged in `scanners.judge.licences`. Metadata inside model files is left to their
scanners, and the front matter of model cards to `scanners.model_card`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.units import KIB
from scanners.parsing.json_text import as_utf8
from scanners.parsing.json_words import LICENCES, holds

MAX_SEARCHED = 64 * KIB
"""Bytes at the start of a file that are searched for its licence."""
MAX_LICENCES = 20
"""Maximum licences that are reported per file."""
_FILE = r"(?i)(?:licen[sc]es?|copying|copyright|notice|unlicense|eula)(?:[._-][\w.+-]{1,40})?|.+\.licen[sc]e"
_SOURCES = frozenset(
    ".py .pyi .pyx .c .cc .cpp .cu .cuh .cxx .h .hpp .go .java .js .jl .lua .m .mm .php .pl .r .rb .rs .sh .swift .ts "
    ".cmake .proto .scala .kt .ipynb".split()
)
_JSON = frozenset({".json", ".jsonl"})
_KEYED = frozenset({".yaml", ".yml", ".toml", ".cfg", ".cff"})
_PACKAGE = frozenset({"METADATA", "PKG-INFO", "MLmodel"})
_STATING = _SOURCES | _KEYED
_OWN_NAME_KEYS = ("license_name", "licence_name")
"""Keys for the name of a licence that is given as `other`."""
_IDENTIFIER = rb"SPDX-License-Identifier:[ \t]{1,8}([A-Za-z0-9.+:() -]{1,200})"
_IN_JSON = rb'(?i)"(licen[sc]e(?:_name)?)"\s{0,8}:\s{0,8}("(?:[^"\\\r\n]|\\.){1,300}")'
_IN_KEYS = (
    rb"(?im)^(licen[sc]e(?:-expression)?)[ \t]{0,8}[:=][ \t]{0,8}(?:\{[ \t]{0,8}(?:text|name)[ \t]{0,8}=[ \t]{0,8})?"
    rb"([^\r\n#{}]{1,200})"
)
_IN_SETUP = rb"\blicense\s{0,8}=\s{0,8}[\"']([^\"'\r\n]{1,100})[\"']"
_CLASSIFIER = rb"License :: (?:OSI Approved :: )?([^\r\n\"'#]{2,100})"
_NOT_FILES = _SOURCES | _JSON | _KEYED
_WORDS = (b"icens", b"ICENS", b"icenc", b"opyright", b"COPYRIGHT", b"\xc2\xa9")


def accepts(blob: Blob) -> bool:
    """Return whether the blob is a licence file by its name, or text of a kind that states its licence at its head."""
    if blob.size == 0 or b"\0" in blob.head:
        return False
    if _is_file(blob):
        return True
    if blob.locator.suffix in _JSON:
        data = _start(blob)
        return holds(LICENCES, data) and re.search(_IN_JSON, data) is not None
    known = blob.locator.suffix in _STATING or blob.locator.name in _PACKAGE
    return known and any(word in blob.head for word in _WORDS)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the licences and copyright lines in the first 64 KiB."""
    from scanners.parsing.licences import copyright_facts, licence_facts

    data = _start(blob)
    text = data.decode("utf-8", "replace")
    stated = list(_stated(blob, data, text))[:MAX_LICENCES]
    own = next((name for name, key in stated if key in _OWN_NAME_KEYS), "")
    for name, key in stated:
        if key not in _OWN_NAME_KEYS or not any(other in ("license", "licence") for _, other in stated):
            once = blob.locator.suffix in _SOURCES
            yield from licence_facts(context, blob.locator, name, key, "" if name == own else own, once=once)
    if _is_file(blob) or blob.locator.suffix in _SOURCES | {".cff"}:
        yield from copyright_facts(context, blob.locator, text)


def _start(blob: Blob) -> bytes:
    """Return the bytes to search: of a source, only its head."""
    if blob.locator.suffix in _SOURCES and blob.locator.name != "setup.py":
        return blob.head
    return as_utf8(blob.reader.read(0, min(MAX_SEARCHED, blob.size)))


def _is_file(blob: Blob) -> bool:
    suffix = blob.locator.suffix
    return suffix not in _NOT_FILES and re.fullmatch(_FILE, blob.locator.name) is not None


def _stated(blob: Blob, data: bytes, text: str) -> Iterator[tuple[str, str]]:
    """Yield each licence with the way in which it is stated; an SPDX identifier takes precedence over its text."""
    from scanners.parsing.licences import licence_of_header, licence_of_text

    suffix = blob.locator.suffix
    if blob.locator.name == "setup.py":
        yield from _in_setup(data)
    identifiers = [match[1].decode().strip(" -") for match in re.finditer(_IDENTIFIER, data)]
    yield from ((name, "SPDX-License-Identifier") for name in identifiers)
    if suffix in _JSON:
        yield from _in_json(data)
    elif suffix in _KEYED or blob.locator.name in _PACKAGE:
        yield from _in_keys(data)
    elif not identifiers:
        name = licence_of_text(text) if _is_file(blob) else licence_of_header(text)
        if name:
            yield name, "text" if _is_file(blob) else "header"


def _in_json(data: bytes) -> Iterator[tuple[str, str]]:
    import json

    for match in re.finditer(_IN_JSON, data):
        try:
            yield str(json.loads(match[2])), match[1].decode()
        except ValueError:
            continue


def _in_setup(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the string argument `license` of a setup.py, and its classifiers."""
    for match in re.finditer(_IN_SETUP, data):
        yield match[1].decode("utf-8", "replace").strip(), "license"
    for match in re.finditer(_CLASSIFIER, data):
        yield match[1].decode("utf-8", "replace").strip(), "classifier"


def _in_keys(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the values of `license:` and `license =` at the start of a line, and classifiers of Python packages."""
    for match in re.finditer(_IN_KEYS, data):
        name = match[2].decode("utf-8", "replace").strip(" \t\"',")
        if name and not name.startswith(("file", "[", "|", ">", "$")):
            yield name, match[1].decode()
    for match in re.finditer(_CLASSIFIER, data):
        yield match[1].decode("utf-8", "replace").strip(), "classifier"


SCANNER = Scanner(
    name="licence",
    title="Licence files, licence headers of sources, licence keys of configurations",
    version=2,
    accepts=accepts,
    scan=scan,
    judged=False,
    signs=Signs(plain=True),
)
