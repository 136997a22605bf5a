"""Lines of requirements as pip reads them: the package and its origin.

Format: https://pip.pypa.io/en/stable/reference/requirements-file-format/ and PEP 508. Options that change the origin of
all packages are distinguished from single packages with an origin of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelsweep.core import patterns as re

MAX_LINE = 4_000
"""Maximum characters of a line that are read."""
_CONTINUED = re.compile(r"\\\r?\n")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_OPTION = re.compile(
    r"(?P<name>-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host|-r|-c|--requirement|--constraint)"
    r"(?:[ \t]*=[ \t]*|[ \t]+|(?<=-[ifrc]))(?P<value>\S+)"
)
_KINDS = {
    **dict.fromkeys(("-i", "--index-url", "--extra-index-url"), "index"),
    **dict.fromkeys(("-f", "--find-links"), "links"),
    **dict.fromkeys(("-r", "-c", "--requirement", "--constraint"), "list"),
    "--trusted-host": "host",
}
_EDITABLE = re.compile(r"(?:-e|--editable)(?:[ \t]*=[ \t]*|[ \t]+)")
_VCS = re.compile(r"(?:git|hg|svn|bzr)\+[a-z+]{2,10}:\S*|git@[\w.-]{1,100}:\S*", re.IGNORECASE)
_URL = re.compile(r"(?:https?|ftp|file)://\S*|file:/\S*", re.IGNORECASE)
# A list of packages written as commands (`pip install a && pip install b`) is no attack
_SHELL = re.compile(
    r"\$\([^)]|`[^`]+`|(?:;|&&|\|\|?|&)\s*(?:sudo\s+)?(?:[^\s;&|]*/)?(?:(?:ba|z|da|k)?sh|curl|wget|nc|ncat|rm|chmod|powershell|"
    r"base64|eval|exec|source|touch|id|whoami|cat|echo|printf|perl|ruby|node|mkfifo|python[\d.]*\s+-c)\b"
)
_OPTIONS_BEHIND = re.compile(r"\s--(?:hash|global-option|install-option|config-settings?)\b.*")


_LOCAL = re.compile(r"(?P<path>[^\s;@#]{1,500}\.(?:whl|zip|tgz|tar\.(?:gz|bz2|xz)))(?:\s*;.*|\s*)$")


class Line(NamedTuple):
    """One requirement: `kind` is package, vcs, url, local, index, links, host, list or shell; `source` is the origin.

    A shell line is one that no installer understands, but of which a shell would run a part.
    """

    number: int
    text: str
    kind: str
    source: str


def lines_in(content: str) -> Iterator[Line]:
    """Yield the requirements in a file; lines continued with a backslash count as one."""
    number = 1
    for raw in re.split(r"(?<!\\)\n", content):
        text = _CONTINUED.sub(" ", raw[: 2 * MAX_LINE])[:MAX_LINE]
        yield from (found._replace(number=number) for found in requirement(text))
        number += raw.count("\n") + 1


def requirement(text: str) -> Iterator[Line]:
    """Yield the requirement in one line, or several for a line of options."""
    text = _COMMENT.sub("", text).strip()
    if not text:
        return
    if text.startswith("-") and not _EDITABLE.match(text):
        for option in _OPTION.finditer(text):
            kind = _KINDS[option["name"]]
            yield Line(0, text, "url" if kind == "list" and _URL.match(option["value"]) else kind, option["value"])
        return
    plain = _OPTIONS_BEHIND.sub("", text)
    vcs, url = _VCS.search(plain), _URL.search(plain)
    if _is_for_a_shell(plain, vcs or url):
        yield Line(0, text, "shell", "")
    elif vcs:
        yield Line(0, text, "vcs", vcs[0])
    elif url:
        yield Line(0, text, "url", url[0])
    elif local := _LOCAL.match(plain):
        yield Line(0, text, "local", local["path"])
    else:
        yield Line(0, text, "package", "")


def _is_for_a_shell(text: str, address: re.Match[str] | None) -> bool:
    """Return whether a line has syntax that only a shell reads; addresses may contain anything but substitutions."""
    if address:
        return "$(" in text or "`" in text or _SHELL.search(text[: address.start()]) is not None
    return _SHELL.search(text) is not None
