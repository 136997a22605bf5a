"""The packages that projects in TOML and pip settings install, and from where.

Formats: https://packaging.python.org/en/latest/specifications/pyproject-toml/, the tables of Poetry, uv and Pipenv, and
https://pip.pypa.io/en/stable/topics/configuration/. Installing a folder first installs its build requirements; the
files of the folder that run next are in :mod:`scanners.parsing.build_hooks`.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Json
from modelsweep.core.limits import OverLimit
from scanners.parsing.other_lists import lines_of_variables
from scanners.parsing.requirement_lines import Line, requirement

_Places = tuple[tuple[str, ...], ...]
_PLACES: _Places = (
    ("build-system", "requires"),
    ("project", "dependencies"),
    ("project", "optional-dependencies"),
    ("dependency-groups",),
    ("tool", "uv", "dev-dependencies"),
    ("tool", "uv", "constraint-dependencies"),
    ("tool", "uv", "override-dependencies"),
)
"""Paths of requirements in pip's notation, in lists or in tables of lists."""
_HATCH: _Places = (("tool", "hatch", "envs"), ("envs",))
"""Paths of Hatch environments, also in hatch.toml: requirements and variables among commands and other strings."""
_SCRIPT: _Places = (("dependencies",),)
"""Paths of requirements in the inline metadata of a script."""
_TABLES: _Places = (
    *(("tool", "poetry"), ("tool", "uv", "sources"), ("packages",), ("dev-packages",), ("tool", "pdm")),
    *(("pypi-dependencies",), ("tool", "pixi", "pypi-dependencies")),
)
"""Paths of packages that are tables with their source."""
_CHANNELS: _Places = (
    ("project", "channels"),
    ("workspace", "channels"),
    ("tool", "pixi", "project", "channels"),
)
_INDEXES: _Places = (
    *_CHANNELS,
    ("tool", "uv", "index"),
    ("tool", "poetry", "source"),
    ("tool", "pdm", "source"),
    ("source",),
    ("index",),
)
_URLS: _Places = tuple(
    (*table, key)
    for table in (("tool", "uv"), ("tool", "uv", "pip"), (), ("pip",))
    for key in ("index-url", "extra-index-url", "find-links")
)
_DYNAMIC = ("tool", "setuptools", "dynamic", "dependencies", "file")
"""Path of the files from which setuptools reads a project's requirements."""
_SETTING = re.compile(
    r"[ \t]*(?P<name>index[-_]url|extra-index-url|find[-_]links|trusted-host|dependency_links)"
    r"[ \t]*=[ \t]*(?P<value>.*)",
    re.IGNORECASE,
)
_LIST = re.compile(r"(?:install_requires|setup_requires|tests_require)[ \t]*=(?P<rest>.*)")
"""Keys of setup.cfg with requirements, which may continue in indented lines."""
_ADDRESS = re.compile(r"[\w+]{2,10}://[^\s,]+")
_KINDS = {"find-links": "links", "find_links": "links", "trusted-host": "host", "dependency_links": "url"}
_DEPTH = 8
_LONG_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""")
"""A dotted key of too many parts: the parser keeps every prefix of it."""


def lines_of_project(content: str, *, script: bool = False) -> Iterator[Line]:
    """Yield the requirements of a project or a `script`; none if its TOML is broken, since no installer reads it."""
    project = parsed(content)
    for place in (*_PLACES, *_SCRIPT) if script else _PLACES:
        for text in _texts(at(project, place), _DEPTH):
            yield from (line._replace(number=_line(content, text)) for line in requirement(text))
    for place in _HATCH:
        yield from (line._replace(number=_line(content, line.text)) for line in _of_hatch(at(project, place), _DEPTH))
    for place in _TABLES:
        yield from (line._replace(number=_line(content, line.source)) for line in _sources(at(project, place), _DEPTH))
    for file in _texts(at(project, _DYNAMIC), _DEPTH):
        yield Line(_line(content, file), file, "list", file)
    for place in (*_INDEXES, *_URLS):
        for url in _addresses(at(project, place)):
            yield Line(_line(content, url), url, "index", url)


def lines_of_settings(content: str) -> Iterator[Line]:
    """Yield the sources from which pip settings install packages."""
    listed = False
    for number, text in enumerate(content.splitlines(), 1):
        heading = _LIST.match(text)
        listed = bool(heading) or (listed and text[:1] in ("", " ", "\t"))
        if listed:
            asked = requirement(heading["rest"] if heading else text)
            yield from (line._replace(number=number) for line in asked if line.kind not in ("package", "local"))
            continue
        match = _SETTING.match(text)
        if match is None:
            continue
        kind = _KINDS.get(match["name"].lower(), "index")
        for source in match["value"].split() if kind == "host" else _ADDRESS.findall(match["value"]):
            yield Line(number, text.strip(), kind, source)


def parsed(content: str) -> Json:
    """Return a TOML document, or None if it is broken; raises OverLimit."""
    import tomllib

    if _LONG_KEY.search(content):
        raise OverLimit("a TOML key has too many parts")
    try:
        found: Json = tomllib.loads(content.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    return found


def at(value: Json, place: tuple[str, ...]) -> Json:
    """Return the value at a path in a document, or None."""
    for key in place:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _texts(value: Json, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item, depth - 1)


def _of_hatch(value: Json, depth: int) -> Iterator[Line]:
    """Yield the requirements of Hatch environments, including conditional ones, and the indexes in their variables.

    https://hatch.pypa.io/latest/config/environment/overview/ and advanced/#overrides.
    """
    if not depth or not isinstance(value, list | dict):
        return
    for key, item in value.items() if isinstance(value, dict) else (("", item) for item in value):
        if key.endswith("dependencies") and isinstance(item, list):
            for asked in item:
                text = asked.get("value") if isinstance(asked, dict) else asked
                yield from requirement(text) if isinstance(text, str) else ()
        elif key.endswith("env-vars"):
            for text in _variables(item):
                yield from (line._replace(text=line.source) for line in lines_of_variables(text, 0))
        else:
            yield from _of_hatch(item, depth - 1)


def _variables(value: Json) -> Iterator[str]:
    """Yield `NAME=value` for variables in a table, a list of strings, or a list of tables with `key` and `value`."""
    if isinstance(value, dict):
        yield from (f"{name}={text}" for name, text in value.items())
    for item in value if isinstance(value, list) else ():
        yield f"{item.get('key')}={item.get('value')}" if isinstance(item, dict) else str(item)


def _sources(value: Json, depth: int) -> Iterator[Line]:
    """Yield the addresses of packages that are given as tables: `{ git = "https://..." }`."""
    if not depth or not isinstance(value, list | dict):
        return
    if isinstance(value, dict):
        for key, kind in (("git", "vcs"), ("url", "url"), ("hg", "vcs"), ("file", "url")):
            source = value.get(key)
            if isinstance(source, str) and "://" in source and not {"name", "priority", "verify_ssl"} & value.keys():
                yield Line(0, source, kind, f"git+{source}" if kind == "vcs" else source)
    for item in value.values() if isinstance(value, dict) else value:
        yield from _sources(item, depth - 1)


def _addresses(value: Json) -> Iterator[str]:
    items = value if isinstance(value, list) else [value]
    for item in items:
        url = item.get("url") if isinstance(item, dict) else item
        if isinstance(url, str) and "://" in url:
            yield url


def _line(content: str, text: str) -> int:
    """Return the line of the first occurrence of a string, or 1 if it is written with escapes."""
    at = content.find(text.removeprefix("git+"))
    return content.count("\n", 0, at) + 1 if at >= 0 else 1
