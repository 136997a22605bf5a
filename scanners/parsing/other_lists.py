"""Packages requested outside of requirement lists: in scripts, lock files, setup.py, npm files, and variables.

https://packaging.python.org/en/latest/specifications/inline-script-metadata/ (PEP 723), pylock.toml (PEP 751), locks of
uv, Poetry, Pipenv, npm and pnpm, https://pip.pypa.io/en/stable/topics/configuration/#environment-variables. They are
read line by line: a lock file has megabytes, and only the origin of each package matters.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from scanners.parsing.requirement_lines import Line

_LOCKS_OF_NPM = frozenset({"package-lock.json", "npm-shrinkwrap.json"})
_LOCK_OF_PNPM = "pnpm-lock.yaml"
LOCKS = _LOCKS_OF_NPM | {_LOCK_OF_PNPM, "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "yarn.lock"}
LOCK = re.compile(r"pylock(?:\.[\w-]{1,40})?\.toml")
_BLOCK = re.compile(r"(?m)^# /// script[ \t]*\r?$")
_END = "# ///"
_SOURCE = (
    r"\"?\s{0,100}[:=]?\s{0,100}\"(?P<url>(?:git\+)?(?:https?|ssh|git)://(?P<host>[^/\"\s]{1,253})[^\"\s]{0,2000})\""
)
_LOCKED = re.compile(rf"(?P<key>\b(?:registry|index|url|git|resolved|tarball)\b){_SOURCE}", re.IGNORECASE)
_LOCKED_BY_NPM = re.compile(rf"(?P<key>\b(?:resolved|version)\b){_SOURCE}", re.IGNORECASE)
"""Keys of npm locks without `url`, which links to funding: https://docs.npmjs.com/cli/configuring-npm/package-lock-json."""
_LOCKED_BY_PNPM = re.compile(
    r"(?P<key>\b(?:tarball|repo)\b)[\"']?:\s{1,100}[\"']?"
    r"(?P<url>(?:git\+)?(?:https?|ssh|git)://(?P<host>[^/\"'\s]{1,253})[^\"'\s,}]{0,2000})",
    re.IGNORECASE,
)
_NODE_REGISTRY = re.compile(
    r"(?:registry\.(?:npmjs\.org|yarnpkg\.com|npmmirror\.com|npm\.taobao\.org)|npm\.pkg\.github\.com|codeload\.github\.com"
    r"|npm\.jsr\.io|r\.cnpmjs\.org)(?::\d{1,5})?"
)
"""Usual origins of Node packages."""
_USUAL_ORIGIN = re.compile(rf"(?:files\.pythonhosted\.org|pypi\.org)|{_NODE_REGISTRY.pattern}")
"""Usual origins of packages."""
_SETTING = re.compile(
    r"(?m)^[ \t]*(?:@[\w.-]{1,100}:)?(?:registry|npmRegistryServer)[ \t]*[=:][ \t]*[\"']?(?P<url>https?://(?P<host>[^/\s\"']{1,253})\S{0,500})"
)
_ASKED = re.compile(
    r"\"(?P<name>@?[\w./-]{1,200})\"[ \t]*:[ \t]*\"(?P<url>(?:git\+)?(?:https?|ssh|git)://[^\"\s]{1,500})\""
)
_DEPENDENCIES = re.compile(
    r"\"(?:dev|peer|optional)?[dD]ependencies\"[ \t\r\n]*:[ \t\r\n]*\{(?P<inner>[^{}]{0,200000})\}"
)
_REQUIRED = re.compile(
    r"[\"'][\w.-]{1,100}(?:\[[\w, -]{0,100}\])?[ \t]*@[ \t]*(?P<url>(?:(?:git|hg)\+)?(?:https?|ssh)://[^\"'\s;]{1,500})"
)
_LINKS = re.compile(r"dependency_links[ \t]*=[ \t]*\[(?P<inner>[^\]]{0,5000})\]")
_URL = re.compile(r"(?:git\+)?https?://[^\"'\s]{1,500}")
INDEX_VARIABLES = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
)
_VARIABLE = re.compile(
    r"\b(?P<name>"
    + "|".join(INDEX_VARIABLES)
    + r"|PIP_FIND_LINKS|UV_FIND_LINKS)[\"']?(?:[ \t]*=[ \t]*|:[ \t]+|[ \t]+)[\"']?(?P<urls>[^\"'\n#]{1,1000})"
)
_ESCAPE = re.compile(r"\\(?:u00(?P<code>[2-7][0-9a-fA-F])|(?P<slash>/)|[^\n])")
"""What JSON, YAML and TOML may write for a letter."""
_WORD = re.compile(r"(?:[\w-]{1,40}=)?(?P<url>https?://[^\s\"',;\\]{1,500})")


def script_block(content: str) -> str:
    """Return the inline metadata of a Python script, or ""."""
    begun = _BLOCK.search(content)
    lines: list[str] = []
    for line in content[begun.end() :].splitlines()[1:] if begun else ():
        if line.rstrip() == _END:
            return "\n".join(lines)
        if not line.startswith("#"):
            break
        lines.append(line[2:])
    return ""


def lines_of_lock(content: str, name: str) -> Iterator[Line]:
    """Yield the origins of packages in a lock file, one per host."""
    told: set[tuple[str, str]] = set()
    pattern = _LOCKED_BY_NPM if name in _LOCKS_OF_NPM else _LOCKED_BY_PNPM if name == _LOCK_OF_PNPM else _LOCKED
    plain = _unescaped(content)
    for found in pattern.finditer(plain):
        kind = "index" if found["key"] in ("registry", "index") else "vcs" if found["key"] == "git" else "url"
        if (kind, found["host"]) not in told and not _USUAL_ORIGIN.fullmatch(found["host"]):
            told.add((kind, found["host"]))
            yield Line(plain.count("\n", 0, found.start()) + 1, found["url"], kind, found["url"])


def lines_of_node(content: str) -> Iterator[Line]:
    """Yield packages in package.json, and registries in .npmrc and .yarnrc, with unusual origins."""
    content = _unescaped(content)
    for section in _DEPENDENCIES.finditer(content):
        for found in _ASKED.finditer(section["inner"]):
            number = content.count("\n", 0, section.start("inner") + found.start()) + 1
            yield Line(number, found["url"], "vcs" if "git" in found["url"][:4] else "url", found["url"])
    for found in _SETTING.finditer(content):
        if not _NODE_REGISTRY.fullmatch(found["host"]):
            yield Line(content.count("\n", 0, found.start("url")) + 1, found["url"], "index", found["url"])


def _unescaped(content: str) -> str:
    """Return JSON with its letters as they are meant; what would end a text or a line stays escaped."""
    return _ESCAPE.sub(_meant, content) if "\\" in content else content


def _meant(escape: re.Match[str]) -> str:
    letter = "/" if escape["slash"] else chr(int(escape["code"] or "22", 16))
    return escape[0] if letter in '"\\' else letter


def lines_of_setup(content: str) -> Iterator[Line]:
    """Yield the packages that setup.py requests by address."""
    for found in _REQUIRED.finditer(content):
        kind = "vcs" if found["url"].startswith(("git+", "hg+")) else "url"
        yield Line(content.count("\n", 0, found.start()) + 1, found["url"], kind, found["url"])
    for links in _LINKS.finditer(content):
        for found in _URL.finditer(links["inner"]):
            number = content.count("\n", 0, links.start("inner") + found.start()) + 1
            yield Line(number, found[0], "url", found[0])


def lines_of_variables(line: str, number: int) -> Iterator[Line]:
    """Yield the indexes in a line that sets variables of pip and uv."""
    for found in _VARIABLE.finditer(line) if "_INDEX" in line or "_FIND_LINKS" in line else ():
        kind = "index" if found["name"] in INDEX_VARIABLES else "links"
        for word in _WORD.finditer(found["urls"]):
            yield Line(number, f"{found['name']}={word['url']}", kind, word["url"])
