"""What unpacking an archive would do besides creating files in its folder: the same rules for zip, tar and 7z.

"Zip slip": https://security.snyk.io/research/zip-slip-vulnerability; Python's own answer is PEP 706.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import Literal, NamedTuple

from modelsweep.core.finding import Finding, Json, Problem, ProblemKind, Rule, Severity, Span
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
    why="Unpacking the archive overwrites whatever file the attacker names.",
    fix="Do not unpack it. Get the model from a source that you trust.",
    cwe=22,
    references=_REFERENCES,
)
ABSOLUTE_PATH = Rule(
    id="archive/absolute-path",
    title="An archive member has an absolute path",
    severity=Severity.WARNING,
    message="{subject} has an absolute path: {reason}",
    why="Some programs that unpack the archive write to exactly that place instead of the target folder.",
    fix="Unpack it only with a program that strips absolute paths, or create the archive again with relative ones.",
    cwe=36,
    references=_REFERENCES,
)
LINK_ESCAPE = Rule(
    id="archive/link-escape",
    title="A link in an archive points outside the folder it is unpacked into",
    severity=Severity.WARNING,
    message="{subject} is a link to {target}, outside the target folder",
    why="Reading through the link reads a file of the victim, and writing through it overwrites that file.",
    fix="Unpack it only with a program that refuses such links, or create the archive again with plain files.",
    cwe=59,
    references=_REFERENCES,
)
SPECIAL_FILE = Rule(
    id="archive/special-file",
    title="An archive holds a device, FIFO or socket",
    severity=Severity.WARNING,
    message="{subject} is a {kind}, which no model needs",
    why="Unpacked with privileges, a device gives access to hardware or kernel memory. A FIFO makes its reader hang.",
    fix="Create the archive again with plain files only.",
    cwe=67,
    references=_REFERENCES,
)
WHITEOUT = Rule(
    id="archive/whiteout-escape",
    title="A whiteout in a container layer removes its own folder or the one above it",
    severity=Severity.WARNING,
    message="unpacking {subject} as a layer would remove {target}",
    why="Programs that unpack layers remove whatever a whiteout is named after. One named after . or .. makes programs "
    "that do not check remove whole folders, even outside the layer.",
    fix="Do not use the image. Have it built again.",
    cwe=22,
    references=("https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts",),
)
BOMB = Rule(
    id="archive/decompression-bomb",
    title="A few bytes that expand to a great many",
    severity=Severity.WARNING,
    message="{subject} expands {ratio}-fold: {length} bytes {how}",
    why="Unpacking it, or loading it completely, exhausts memory or disk space. Weights hardly compress at all.",
    fix="Do not unpack it, and ask its author what the bytes are for.",
    confidence="medium",
    cwe=409,
    references=("https://cwe.mitre.org/data/definitions/409.html",),
)
RULES = (PATH_ESCAPE, ABSOLUTE_PATH, LINK_ESCAPE, SPECIAL_FILE, WHITEOUT)
_BOMB_RATIO = 100
"""Expansion ratio from which data that exhausts the budget is a bomb."""
_REPEATED_BOMB_RATIO = 400
"""Expansion ratio from which data that repeats one byte is a bomb."""
_SHARE = 8
"""Data that repeats one byte must exceed this fraction (one in `_SHARE`) of the decompression floor to be a bomb."""
_SAMPLES = 16
_SAMPLE = 4096
_MAX_NAME = 200
_WHITEOUTS = {".wh..": "its own folder", ".wh...": "the folder around its own"}

SPECIAL_KINDS = {
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
}
"""Kinds of files, by Unix mode, for the rule `archive/special-file`."""


def bombs(
    name: str, locator: Locator, taken: int, made: Reader, fault: Exception | None, floor: int
) -> Iterator[Finding]:
    """Yield a finding if `taken` bytes expand beyond the limit, or to a repetition of one byte.

    `floor` is the number of bytes that decompression may always produce. Tensors of zeros compress equally well, but
    follow a header of their format.
    """
    fold = made.size // max(taken, 1)
    spent = isinstance(fault, OverLimit) and fold >= _BOMB_RATIO
    if spent or (fold >= _REPEATED_BOMB_RATIO and made.size >= floor // _SHARE and _is_one_byte(made)):
        how = "were made of it before the budget was spent" if spent else "that are all the same"
        evidence: dict[str, Json] = {"ratio": f"{fold:,}", "length": f"{made.size:,}", "how": how}
        yield Finding(BOMB, locator, printable(name, _MAX_NAME), evidence=evidence)


def _is_one_byte(made: Reader) -> bool:
    """Return whether samples all over the data consist of a single repeated byte."""
    first = made.read(0, 1)
    offsets = range(0, max(made.size - _SAMPLE, 1), max(made.size // _SAMPLES, 1))
    return all(not made.read(offset, min(_SAMPLE, made.size - offset)).strip(first) for offset in offsets)


Link = Literal["", "symbolic", "hard"]
MAX_PLACES = 200_000
"""Maximum folders and links of the tree that are kept for comparison with later names."""
MAX_PARTS = 4_096
"""Maximum parts of a path: file systems allow only that many characters."""
SHOWN = 200
"""Maximum characters of a name or link target that are shown."""


class _Place:
    """A link of the tree, or a folder on the way to one; other folders and files are not kept."""

    __slots__ = ("above", "below", "leads_out", "leads_to")

    def __init__(self, above: _Place | None) -> None:
        self.above = above
        self.below: dict[str, _Place] = {}
        self.leads_to: _Place | None = None
        """The target of the link inside the tree."""
        self.leads_out = False
        """Whether it is a link that leads out of the tree."""


class _At(NamedTuple):
    """The end of a path: a kept place, and the folders `beyond` it that are not kept."""

    place: _Place
    beyond: list[str]


class Extraction:
    """The tree that unpacking one archive would create, as far as needed to find what leaves it.

    A `root` is a file system of its own, such as the layer of an image: links that begin with a slash stay in it, and
    devices are legitimate. Members with the archive's own suffix (`ending`) may have the path of the archive: pandas
    before 1.2 named the only member of a compressed file like that.
    """

    def __init__(self, locator: Locator, *, root: bool = False, ending: str = "") -> None:
        self.locator, self.root, self.ending = locator, root, ending
        self._top = _At(_Place(None), [])
        self._kept = 0
        self._has_inside = self._has_outside = self._is_full = False

    def file(self, name: str, offset: int) -> Iterator[Finding]:
        """Yield what is wrong with writing to `name`; `offset` is that of the member's header."""
        reason = _absolute(name)
        if reason and not (self.ending and name.endswith(self.ending)):
            yield self._finding(ABSOLUTE_PATH, name, offset, reason=reason)
        end = _walked(self._top, _parts(name))
        if end is None:
            yield self._finding(PATH_ESCAPE, name, offset, reason="its path climbs out with ..")
        elif self._has_inside and _walked(self._top, _parts(name), follow=True) is None:
            yield self._finding(PATH_ESCAPE, name, offset, reason="it goes through links that together lead outside")
        elif self._has_outside and _is_below_way_out(end):
            yield self._finding(PATH_ESCAPE, name, offset, reason="it goes through a link that points outside")
        whiteout = _WHITEOUTS.get(name.rpartition("/")[2])
        if whiteout:
            yield self._finding(WHITEOUT, name, offset, target=whiteout)

    def link(self, name: str, target: str, kind: Link, offset: int) -> Iterator[Finding | Problem]:
        """Yield what is wrong with creating a link `name` to `target`; hard links count from the archive's root."""
        yield from self.file(name, offset)
        path = _normal(_parts(name)) or []
        start = _walked(self._top, path[:-1] if kind == "symbolic" else [], follow=True)
        end = None if _absolute(target) or start is None else _walked(start, _parts(target), follow=True)
        if end is None and not self.root:
            yield self._finding(LINK_ESCAPE, name, offset, target=printable(target, SHOWN))
        if path and (kind == "symbolic" if end else not self.root):
            yield from self._remember(path, end)

    def _remember(self, path: list[str], end: _At | None) -> Iterator[Problem]:
        """Keep a link for later names, unless no file system would create it."""
        if self._is_full or len(path) > MAX_PARTS or (end and len(end.beyond) > MAX_PARTS):
            return
        link = self._place(_At(self._top.place, path))
        if end is None:
            link.leads_out = self._has_outside = True
        else:
            link.leads_to = self._place(end)
            self._has_inside = True
        if self._kept > MAX_PLACES:
            self._is_full = True
            detail = f"more than {MAX_PLACES:,} folders and links: where names lead through later ones is not known"
            yield Problem(ProblemKind.LIMIT, self.locator, "extraction", detail)

    def _place(self, end: _At) -> _Place:
        """Return the place at the end of a path, and keep it from now on."""
        place = end.place
        for part in end.beyond:
            inner = place.below.get(part)
            if inner is None:
                inner = place.below[part] = _Place(place)
                self._kept += 1
            place = inner
        return place

    def special(self, name: str, kind: str, offset: int) -> Iterator[Finding]:
        """Yield a finding for `name`, which is of a special `kind`, such as a device."""
        yield from self.file(name, offset)
        if not self.root:
            yield self._finding(SPECIAL_FILE, name, offset, kind=kind)

    def _finding(self, rule: Rule, name: str, offset: int, **evidence: str) -> Finding:
        return Finding(rule, self.locator, subject=printable(name, SHOWN), span=Span(offset), evidence={**evidence})


def _absolute(name: str) -> str:
    """Return why `name` is not a relative path, or ""."""
    if name.startswith("/"):
        return "it begins with a slash"
    if name.startswith("\\"):
        return "it begins with a backslash"
    if name[1:2] == ":" and name[2:3] in ("/", "\\") and name[0].isalpha():
        return "it begins with a drive letter"
    return ""


def _parts(name: str) -> list[str]:
    """Return the parts of a path, including `..`."""
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def _normal(parts: list[str]) -> list[str] | None:
    """Return a path with `..` resolved, or None if it climbs above the root."""
    found: list[str] = []
    for part in parts:
        if part != "..":
            found.append(part)
        elif not found:
            return None
        else:
            found.pop()
    return found


def _walked(start: _At, parts: list[str], *, follow: bool = False) -> _At | None:
    """Return the end of a path from `start`, or None if it climbs above the root.

    With `follow`, links of earlier members are followed; otherwise they count as folders. Each part costs the same,
    regardless of its depth.
    """
    place, beyond = start.place, list(start.beyond)
    for part in parts:
        if part == "..":
            if beyond:
                beyond.pop()
            elif place.above is None:
                return None
            else:
                place = place.above
        elif beyond or part not in place.below:
            beyond.append(part)
        else:
            place = place.below[part]
            place = (follow and place.leads_to) or place
    return _At(place, beyond)


def _is_below_way_out(end: _At) -> bool:
    """Return whether a path passes through a link out of the tree."""
    place = end.place if end.beyond else end.place.above
    while place is not None:
        if place.leads_out:
            return True
        place = place.above
    return False
