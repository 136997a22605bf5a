"""What unpacking an archive would do besides making files in its folder: the same rules for zip, tar and 7z.

"Zip slip": https://security.snyk.io/research/zip-slip-vulnerability; Python's own answer is PEP 706.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from typing import Literal

from modelsweep.core.finding import Finding, Json, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.locator import Locator
from modelsweep.core.reader import Reader
from modelsweep.core.text import printable

_REFERENCES = ("https://peps.python.org/pep-0706/", "https://security.snyk.io/research/zip-slip-vulnerability")

PATH_ESCAPE = Rule(
    id="archive/path-escape",
    title="An archive member would be written outside the folder it is unpacked into",
    severity=Severity.CRITICAL,
    message="unpacking {subject} would write outside the target folder: {reason}",
    why="A loader or a person who unpacks the archive overwrites any file that the attacker names.",
    fix="Do not unpack it; take the model from a source that you trust.",
    cwe=22,
    references=_REFERENCES,
)
ABSOLUTE_PATH = Rule(
    id="archive/absolute-path",
    title="An archive member has an absolute path",
    severity=Severity.WARNING,
    message="{subject} has an absolute path: {reason}",
    why="Some programs that unpack the archive write to that very place instead of the target folder.",
    fix="Unpack it only with a program that strips absolute paths, or make the archive again with relative ones.",
    cwe=36,
    references=_REFERENCES,
)
LINK_ESCAPE = Rule(
    id="archive/link-escape",
    title="A link in an archive points outside the folder it is unpacked into",
    severity=Severity.WARNING,
    message="{subject} is a link to {target}, outside the target folder",
    why="What reads the link afterwards reads, and what writes through it overwrites, a file of the victim.",
    fix="Unpack it only with a program that refuses such links, or make the archive again with plain files.",
    cwe=59,
    references=_REFERENCES,
)
SPECIAL_FILE = Rule(
    id="archive/special-file",
    title="An archive holds a device, FIFO or socket",
    severity=Severity.WARNING,
    message="{subject} is a {kind}, which no model needs",
    why="Unpacked with privileges, a device gives access to hardware or kernel memory; a FIFO makes its reader hang.",
    fix="Make the archive again with plain files only.",
    cwe=67,
    references=_REFERENCES,
)
WHITEOUT = Rule(
    id="archive/whiteout-escape",
    title="A whiteout in a container layer removes its own folder or the one around it",
    severity=Severity.WARNING,
    message="unpacking {subject} as a layer would remove {target}",
    why="Programs that unpack layers remove what a whiteout is named after. One named after . or .. makes those that "
    "do not check remove whole folders, also such that are outside of the layer.",
    fix="Do not use the image; have it built again.",
    cwe=22,
    references=("https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts",),
)
BOMB = Rule(
    id="archive/decompression-bomb",
    title="A few bytes that expand to very many",
    severity=Severity.WARNING,
    message="{subject} expands {ratio}-fold: {length} bytes {how}",
    why="Whoever unpacks it, or loads it with all that is in it, runs out of memory or disk. Weights hardly compress.",
    fix="Do not unpack it; ask its author what the bytes are for.",
    confidence="medium",
    cwe=409,
    references=("https://cwe.mitre.org/data/definitions/409.html",),
)
RULES = (PATH_ESCAPE, ABSOLUTE_PATH, LINK_ESCAPE, SPECIAL_FILE, WHITEOUT)
_FOLD = 100
"""Bytes out of one byte from which so many that the budget is spent are a bomb."""
_FOLD_OF_ONE = 400
"""Those from which bytes that are all the same are one."""
_SHARE = 8
"""Part of the bytes that decompression may always produce from which they are many."""
_PLACES = 16
_PLACE = 4096
_NAME = 200
_WHITEOUTS = {".wh..": "its own folder", ".wh...": "the folder around its own"}

SPECIAL_KINDS = {
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
}
"""Kinds of file, as in a Unix mode, that rule `archive/special-file` speaks of."""


def bombs(
    name: str, locator: Locator, taken: int, made: Reader, fault: Exception | None, floor: int
) -> Iterator[Finding]:
    """Yield that `taken` bytes expand to a bomb: to more than may be made of them, or to nothing but one byte.

    `floor` is how many bytes decompression may always produce. Tensors of zeros compress as well, but stand behind a
    header of their format.
    """
    fold = made.size // max(taken, 1)
    spent = isinstance(fault, OverLimit) and fold >= _FOLD
    if spent or (fold >= _FOLD_OF_ONE and made.size >= floor // _SHARE and _is_one_byte(made)):
        how = "were made of it before the budget was spent" if spent else "that are all the same"
        evidence: dict[str, Json] = {"ratio": f"{fold:,}", "length": f"{made.size:,}", "how": how}
        yield Finding(BOMB, locator, printable(name, _NAME), evidence=evidence)


def _is_one_byte(made: Reader) -> bool:
    """Return whether what is read in places all over is one byte over and over."""
    first = made.read(0, 1)
    offsets = range(0, max(made.size - _PLACE, 1), max(made.size // _PLACES, 1))
    return all(not made.read(offset, min(_PLACE, made.size - offset)).strip(first) for offset in offsets)


Link = Literal["", "symbolic", "hard"]
LINKS = 10_000
"""Links out of the tree that later names are compared with."""
SHOWN = 200
"""Characters of a name or link target that are shown."""


class Extraction:
    """The tree that unpacking one archive would make, as far as what leaves it.

    A `root` is a file system by itself, such as the layer of an image: links that begin with a slash stay in it, and
    devices belong there.
    """

    def __init__(self, locator: Locator, *, root: bool = False) -> None:
        self.locator, self.root = locator, root
        self._links: set[tuple[str, ...]] = set()
        self._inside: dict[tuple[str, ...], tuple[str, ...]] = {}

    def file(self, name: str, offset: int) -> Iterator[Finding]:
        """Yield what is wrong with writing to `name`; `offset` is where the archive names it."""
        reason = _absolute(name)
        if reason:
            yield self._finding(ABSOLUTE_PATH, name, offset, reason=reason)
        path = _resolved((), name)
        if path is None:
            yield self._finding(PATH_ESCAPE, name, offset, reason="its path climbs out with ..")
        elif self._inside and _resolved((), name, self._inside) is None:
            yield self._finding(PATH_ESCAPE, name, offset, reason="it goes through links that together lead outside")
        elif self._links and any(path[:length] in self._links for length in range(1, len(path))):
            yield self._finding(PATH_ESCAPE, name, offset, reason="it goes through a link that points outside")
        whiteout = _WHITEOUTS.get(name.rpartition("/")[2])
        if whiteout:
            yield self._finding(WHITEOUT, name, offset, target=whiteout)

    def link(self, name: str, target: str, kind: Link, offset: int) -> Iterator[Finding]:
        """Yield what is wrong with making `name` a link to `target`; a hard link counts from the archive's root."""
        yield from self.file(name, offset)
        path = _resolved((), name) or ()
        folder = path[:-1] if kind == "symbolic" else ()
        place = _resolved((), "/".join(folder), self._inside)
        end = None if _absolute(target) or place is None else _resolved(place, target, self._inside)
        if end is not None:
            if kind == "symbolic" and len(self._inside) < LINKS:
                self._inside[path] = end
        elif not self.root:
            if len(self._links) < LINKS:
                self._links.add(path)
            yield self._finding(LINK_ESCAPE, name, offset, target=printable(target, SHOWN))

    def special(self, name: str, kind: str, offset: int) -> Iterator[Finding]:
        """Yield that `name` is a `kind` such as a device."""
        yield from self.file(name, offset)
        if not self.root:
            yield self._finding(SPECIAL_FILE, name, offset, kind=kind)

    def _finding(self, rule: Rule, name: str, offset: int, **evidence: str) -> Finding:
        return Finding(rule, self.locator, subject=printable(name, SHOWN), span=Span(offset), evidence={**evidence})


def _absolute(name: str) -> str:
    """Return why `name` is no relative path, or nothing."""
    if name.startswith("/"):
        return "it begins with a slash"
    if name.startswith("\\"):
        return "it begins with a backslash"
    if name[1:2] == ":" and name[2:3] in ("/", "\\") and name[0].isalpha():
        return "it begins with a drive letter"
    return ""


def _resolved(
    folder: tuple[str, ...], name: str, links: Mapping[tuple[str, ...], tuple[str, ...]] | None = None
) -> tuple[str, ...] | None:
    """Return the parts of `name` as seen from `folder`, None where it climbs above the root.

    `links` are folders that lead to others, as those do that were unpacked before.
    """
    parts = list(folder)
    for part in name.replace("\\", "/").split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
            if links and tuple(parts) in links:
                parts = list(links[tuple(parts)])
    return tuple(parts)
