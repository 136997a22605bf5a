"""Signed models: comparison of the files in a folder with the signed list.

A signature lists the files of its folder, and is one of them. So a first pass notes the folders with a signature, and a
second pass holds the files below such a folder until its end, and compares them with the list. Members of an archive
are all known together, and compared at once. The outcome is that of model_signing, except for the identity of the
signer, which requires a decision about whom to trust.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.related import SIGNATURE
from modelsweep.core.report import UnitResult
from modelsweep.core.text import printable
from scanners.judge.repository.names import folder_of
from scanners.judge.repository.neighbours import path_of
from scanners.judge.repository.rules import ABSENT, CHANGED, CHANGED_TEXT, LEFT_OUT, UNSIGNED, UNSIGNED_TEXT
from scanners.judge.repository.signers import Signers
from scanners.judge.repository.tree import NAME, Addition

MAX_SIGNATURES = 100_000
"""Maximum signatures of a job that are checked."""
MAX_HELD = 200_000
"""Maximum files of signed folders that are held at once."""
MAX_NAMED = 200_000
"""Maximum files on the lists of those folders that are held at once."""
MAX_LISTS = 100
"""Maximum lists with which the files of one folder are compared."""
MAX_REPORTED = 100
"""Maximum files of one kind that are reported one by one."""
_MAX_LISTED = 5
_SHOWN = 200
_WHOLE, _UNNAMED = ".", "a file without a name"
_SIGNATURES = (".sig", ".sigstore", ".sigstore.json", ".sig.json", ".bundle")
_GIT = frozenset({".git", ".gitattributes", ".github", ".gitignore"})
"""Files that model_signing ignores by default: https://github.com/sigstore/model-transparency."""
_TEXTS = (".md", ".rst", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".html", ".bib", ".cff")
_TEXT_NAMES = ("readme", "license", "licence", "notice", "changelog", "copying", "citation", "authors", "use_policy")
_LEFTOVERS = (".ds_store", "thumbs.db", "desktop.ini", "cachedir.tag")
_HUB_METADATA = "/.cache/huggingface/"
"""Folder of metadata for downloads of the Hub."""
_DIGITS = 12
"""Digits of a digest that are shown."""


class Part(NamedTuple):
    """A signed file, or a piece of it: its bytes from `start` to `end`, or -1 for all."""

    algorithm: str
    digest: str
    start: int
    end: int


class Signed(NamedTuple):
    """The files in a signature, by path below its model.

    `model` is the name of the signer's folder; `is_list` tells whether it lists all files there, and the list is
    known; `may_sign` whether the signature is by one of the signers that the user requires.
    """

    order: int
    unit: Locator
    locator: Locator
    model: str
    is_list: bool
    signer: str
    may_sign: bool
    ignored: tuple[str, ...]
    files: dict[str, list[Part]]


class Row(NamedTuple):
    """An existing file: its path below the folder of the signature, size in bytes, and SHA-256 if known."""

    path: str
    size: int
    digest: str


class _Folder(NamedTuple):
    path: str
    first: int
    """Number of files that were held when it began."""
    signed: list[Signed]


class Signatures:
    """The signatures of a job: `note` each result in a first pass, then `compare` all in a second one."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._orders: dict[str, int] = {}
        self._folders: set[str] = set()
        self._open: list[_Folder] = []
        self._rows: list[Row] = []
        self._is_full = False
        self._listed = 0
        self._signers = Signers() if options.require_signers else None

    @property
    def needs_second_pass(self) -> bool:
        """Whether a second pass is needed: signatures were noted, or a signer is required."""
        return bool(self._orders) or self._signers is not None

    def note(self, order: int, result: UnitResult) -> Iterator[Addition]:
        """Remember the folder of a signature, or yield a Problem if there are too many."""
        where = result.unit.locator
        places = dict.fromkeys(fact.locator for fact in result.facts if fact.kind == SIGNATURE)
        if any(place.members for place in places):
            yield from self._inside(order, result, [place for place in places if place.members])
        if where not in places:
            return
        if len(self._orders) < MAX_SIGNATURES:
            self._orders[where.uri] = order
            self._folders.add(folder_of(where.uri))
            return
        detail = f"more than {MAX_SIGNATURES:,} signatures: what this one says of other files is not compared"
        yield Addition(order, where, Problem(ProblemKind.LIMIT, where, NAME, detail))

    def compare(self, results: Iterable[UnitResult]) -> Iterator[Addition]:
        """Yield differences from what was signed; `results` are all of the job, in report order."""
        for order, result in enumerate(results):
            uri = result.unit.locator.uri
            yield from self._leave(uri)
            self._enter(uri)
            if self._signers and _is_to_be_signed(uri):
                yield from self._signers.ask(order, result.unit.locator, waits=bool(self._open))
            if not self._open:
                continue
            if uri in self._orders:
                yield from self._take(_signed(self._orders[uri], result, result.unit.locator))
            if len(self._rows) < MAX_HELD:
                self._rows.append(Row(uri, result.unit.size, result.digest or result.unit.digest))
            else:
                self._is_full = True
        yield from self._leave(None)

    def _take(self, signed: Signed) -> Iterator[Addition]:
        """Keep the list of a signature in the innermost folder, or yield a Problem if that is too much."""
        self._listed += len(signed.files)
        if self._listed <= MAX_NAMED:
            self._open[-1].signed.append(signed)
            return
        detail = f"more than {MAX_NAMED:,} files are listed by the signatures of its folder: this one is not compared"
        yield _addition(signed, Problem(ProblemKind.LIMIT, signed.locator, NAME, detail))

    def _leave(self, uri: str | None) -> Iterator[Addition]:
        """Settle the folders that do not contain a file; all folders if `uri` is None."""
        while self._open and (uri is None or not uri.startswith(self._open[-1].path)):
            folder = self._open.pop()
            rows = _below(folder.path, self._rows[folder.first :])
            yield from self._settled(folder.signed, rows, folder.path)
        if not self._open and self._rows:
            self._rows.clear()
            self._is_full, self._listed = False, 0
            if self._signers:
                yield from self._signers.settle()

    def _enter(self, uri: str) -> None:
        """Open the folders with signatures that contain a file, outermost first."""
        end = uri.find("/", len(self._open[-1].path) if self._open else 0)
        if not self._open and "" in self._folders:
            self._open.append(_Folder("", len(self._rows), []))
        while end >= 0:
            path = uri[: end + 1]
            if path in self._folders:
                self._open.append(_Folder(path, len(self._rows), []))
            end = uri.find("/", end + 1)

    def _inside(self, order: int, result: UnitResult, places: list[Locator]) -> Iterator[Addition]:
        """Yield differences between an archive's members and what signatures among them list."""
        rows = [Row(path_of(item.locator), item.size, item.digest) for item in result.artifacts if item.locator.members]
        folders: dict[str, list[Signed]] = {}
        for place in places:
            folders.setdefault(folder_of(path_of(place)), []).append(_signed(order, result, place))
        for path, signed in list(folders.items())[:MAX_LISTS]:
            yield from self._settled(signed, _below(path, rows), path)
        if self._signers:
            self._signers.settle_archive(order, (row.path for row in rows if _is_to_be_signed(row.path)))
        for signed in list(folders.values())[MAX_LISTS:]:
            detail = f"more than {MAX_LISTS:,} folders with signatures: no more are compared with those"
            yield _addition(signed[0], Problem(ProblemKind.LIMIT, signed[0].locator, NAME, detail))

    def _settled(self, several: list[Signed], rows: dict[str, Row], folder: str) -> Iterator[Addition]:
        if self._is_full:
            for signed in several:
                detail = f"more than {MAX_HELD:,} files beside it: not all of them are compared with what was signed"
                yield _addition(signed, Problem(ProblemKind.LIMIT, signed.locator, NAME, detail))
        lists, digests = 0, _digests(several, rows)
        for signed in several:
            placed, base = _located(signed, rows, digests)
            lists += placed.is_list
            if lists > MAX_LISTS:
                detail = f"more than {MAX_LISTS:,} signatures of models in one folder: this one is not compared"
                yield _addition(signed, Problem(ProblemKind.LIMIT, signed.locator, NAME, detail))
            else:
                yield from self._compared(placed, rows, base, folder)

    def _compared(self, signed: Signed, rows: dict[str, Row], base: str, folder: str) -> Iterator[Addition]:
        below = {name: row for name in signed.files if (row := rows.get(base + name))}
        if self._signers:
            same = (name for name, row in below.items() if _difference(signed.files[name], row) == "")
            self._signers.cover((folder + base + name for name in same), signed.signer, may_sign=signed.may_sign)
        yield from _changes(signed, below)
        yield from self._unknown(signed, below)
        if not self._is_full and len(below) < len(signed.files):
            yield _absent(signed, below)
        if signed.is_list and below:
            yield from _unlisted(signed, rows, base)

    def _unknown(self, signed: Signed, below: dict[str, Row]) -> Iterator[Addition]:
        """Yield a Problem for files whose digest is unknown here, so that they cannot be compared."""
        unknown = [
            name for name, parts in signed.files.items() if name in below and _difference(parts, below[name]) is None
        ]
        if not unknown:
            return
        kinds = sorted({part.algorithm for name in unknown for part in signed.files[name] if part.algorithm})
        chosen = self._options.depth == "quick"
        reason = (
            "quick depth reads no file whole"
            if chosen
            else f"digests of {', '.join(kinds[:_MAX_LISTED])}, perhaps of parts or large members of a zip"
        )
        detail = f"not compared with what was signed: {_some(unknown)} ({reason}); model_signing can verify it"
        kind = ProblemKind.DESELECTED if chosen else ProblemKind.UNSUPPORTED
        yield _addition(signed, Problem(kind, signed.locator, NAME, printable(detail, 5 * _SHOWN)))


def _below(folder: str, rows: Iterable[Row]) -> dict[str, Row]:
    """Return the files in a folder by path below it."""
    size = len(folder)
    return {row.path[size:]: row._replace(path=row.path[size:]) for row in rows if row.path.startswith(folder)}


def _signed(order: int, result: UnitResult, where: Locator) -> Signed:
    own = [fact for fact in result.facts if fact.locator == where]
    told = next(fact for fact in own if fact.kind == SIGNATURE)
    detail = told.detail
    files: dict[str, list[Part]] = {}
    for fact in own:
        if fact.kind == "signed-file":
            files.setdefault(fact.value, []).append(_part(fact))
    if detail.get("method") != "shards":
        files = {name: parts[-1:] for name, parts in files.items()}  # like a dictionary filled from the list
    count, ignored, model = detail.get("files"), detail.get("ignored"), detail.get("model")
    return Signed(
        order=order,
        unit=result.unit.locator,
        locator=where,
        model=model if isinstance(model, str) else "",
        is_list=detail.get("signs") == "model" and count == len(files),
        signer=told.value,
        may_sign=detail.get("may_sign") is True,
        ignored=tuple(name for name in ignored if isinstance(name, str)) if isinstance(ignored, list) else (),
        files=files,
    )


def _part(fact: Fact) -> Part:
    algorithm, digest = fact.detail.get("algorithm"), fact.detail.get("digest")
    start, end = fact.detail.get("start"), fact.detail.get("end")
    return Part(
        algorithm if isinstance(algorithm, str) else "",
        digest if isinstance(digest, str) else "",
        start if type(start) is int else 0,
        end if type(end) is int else -1,
    )


def _located(signed: Signed, rows: dict[str, Row], digests: dict[str, str]) -> tuple[Signed, str]:
    """Return the signature with the names that files have here, and their folder relative to the signature's.

    A signature is in its model, or beside the folder that it signs (`bert.sig`, `bert/`), or beside one file. The
    folder with most of the listed files is chosen.
    """
    stem = stem_of(signed.locator.name)
    if [*signed.files] == [_WHOLE]:
        return signed._replace(files={_single(signed, stem, rows, digests): signed.files[_WHOLE]}, is_list=False), ""
    bases = dict.fromkeys(("", *(f"{name}/" for name in (signed.model, stem) if name.strip("./"))))
    return signed, max(bases, key=lambda base: sum(base + name in rows for name in signed.files))


def _single(signed: Signed, stem: str, rows: dict[str, Row], digests: dict[str, str]) -> str:
    """Return the name of the only signed file: from the signature or its name, or of the file with the same bytes."""
    names = [name for name in (signed.model, stem) if name]
    if names:
        return next((name for name in names if name in rows), names[0])
    return digests.get(signed.files[_WHOLE][-1].digest, _UNNAMED)


def _digests(several: list[Signed], rows: dict[str, Row]) -> dict[str, str]:
    """Return the names of files by digest, if a signature has no name."""
    if all(signed.is_list or signed.model or stem_of(signed.locator.name) for signed in several):
        return {}
    return {row.digest: name for name, row in rows.items()}


def stem_of(name: str) -> str:
    """Return the signed file according to a signature's name: `model.gguf` for `model.gguf.sigstore.json`, or ""."""
    endings = sorted((ending for ending in _SIGNATURES if name.lower().endswith(ending)), key=len)
    return name[: -len(endings[-1])] if endings else ""


def _difference(parts: list[Part], row: Row) -> str | None:
    """Return how a file differs from what was signed, "" if it does not, or None if that is unknown."""
    first, last = parts[0], max(part.end for part in parts)
    if last >= 0 and last != row.size:
        return f"it has {row.size:,} bytes, {last:,} were signed"
    if len(parts) > 1 or first.start or not first.algorithm.startswith("sha256") or not row.digest:
        return None
    if first.digest == row.digest:
        return ""
    return f"its SHA-256 is {row.digest[:_DIGITS]}…, signed is {first.digest[:_DIGITS]}…"


def _changes(signed: Signed, below: dict[str, Row]) -> Iterator[Addition]:
    differences = ((name, _difference(parts, below[name])) for name, parts in signed.files.items() if name in below)
    changed = [(name, difference) for name, difference in differences if difference]
    for name, difference in changed[:MAX_REPORTED]:
        yield _finding(signed, CHANGED_TEXT if is_text(name) else CHANGED, name, difference=difference)
    if len(changed) > MAX_REPORTED:
        yield _finding(
            signed, CHANGED, f"{len(changed) - MAX_REPORTED:,} more files", difference="they are not told one by one"
        )


def _absent(signed: Signed, below: dict[str, Row]) -> Addition:
    absent = [name for name in signed.files if name not in below]
    return _finding(signed, ABSENT, absent[0], count=f"{len(absent):,}", names=_some(absent))


def _unlisted(signed: Signed, rows: dict[str, Row], base: str) -> Iterator[Addition]:
    """Yield the unsigned files, which loaders read like the others."""
    extra: list[str] = []
    left_out: list[str] = []
    texts: list[str] = []
    ignored = frozenset(map(_plain, signed.ignored))
    for path in _others(signed, rows, base):
        if _is_in(path, ignored):
            left_out += [] if _is_read_by_people(path) else [path]
        else:
            (texts if _is_read_by_people(path) else extra).append(path)
    for name in extra[:MAX_REPORTED]:
        yield _finding(signed, UNSIGNED, name)
    if len(extra) > MAX_REPORTED:
        yield _finding(signed, UNSIGNED, f"{len(extra) - MAX_REPORTED:,} more files")
    for rule, names in ((LEFT_OUT, left_out), (UNSIGNED_TEXT, texts)):
        if names:
            yield _finding(signed, rule, names[0], count=f"{len(names):,}", names=_some(names))


def _others(signed: Signed, rows: dict[str, Row], base: str) -> Iterator[str]:
    """Yield the files of a model that are not listed, except those that model_signing ignores."""
    own = "" if base else signed.locator.name
    in_parts = any(part.end >= 0 for parts in signed.files.values() for part in parts)
    for path, row in rows.items():
        name = path[len(base) :]
        if not path.startswith(base) or path == own or name in signed.files or (in_parts and not row.size):
            continue
        if not _is_in(name, _GIT):
            yield name


def _is_read_by_people(path: str) -> bool:
    """Return whether a file is not for loaders: documents and the like, and other signatures."""
    return is_text(path) or path.lower().endswith(_SIGNATURES)


def _is_to_be_signed(path: str) -> bool:
    """Return whether a file must be signed: not documents, signatures and files of git."""
    return not _is_read_by_people(path) and _GIT.isdisjoint(path.split("/"))


def _plain(name: str) -> str:
    """Return an ignored path in the form of file paths; an absolute path matches nothing here."""
    return name if name.startswith("/") else "/".join(part for part in name.split("/") if part not in ("", "."))


def _is_in(path: str, places: frozenset[str]) -> bool:
    """Return whether a path is in `places` or below one of them; the unnamed folder itself contains everything."""
    if "" in places or path in places:
        return True
    end = path.find("/")
    while end >= 0:
        if path[:end] in places:
            return True
        end = path.find("/", end + 1)
    return False


def is_text(path: str) -> bool:
    """Return whether a file is not for loaders: documents, pictures, leftovers of systems and downloads."""
    lower = path.lower()
    name = lower.rpartition("/")[2]
    if name in _LEFTOVERS or _HUB_METADATA in f"/{lower}":
        return True
    stem = name.partition(".")[0]
    return name.endswith(_TEXTS) or (stem in _TEXT_NAMES and name in (stem, f"{stem}.txt"))


def _some(names: list[str]) -> str:
    return printable(", ".join(names[:_MAX_LISTED]) + (", …" if len(names) > _MAX_LISTED else ""), _MAX_LISTED * _SHOWN)


def _finding(signed: Signed, rule: Rule, subject: str, **evidence: Json) -> Addition:
    return _addition(signed, Finding(rule, signed.locator, printable(subject, 2 * _SHOWN), evidence=evidence))


def _addition(signed: Signed, item: Finding | Problem) -> Addition:
    return Addition(signed.order, signed.unit, item)
