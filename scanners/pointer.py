"""Text that replaces weights, or tells where they are: Git LFS, git-annex, XetHub, DVC, downloads of the Hub.

Specifications: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md,
https://git-annex.branchable.com/internals/pointer_file/, https://dvc.org/doc/user-guide/project-structure/dvc-files,
https://huggingface.co/docs/huggingface_hub/guides/download. Pointers of the first three kinds have the name of the
weights, which are elsewhere and not examined. A `.dvc` file and the metadata of a download are beside the weights,
which appear in the listing if they exist. No pointer is followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Problem, ProblemKind, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import KIB, MIB
from modelsweep.core.values import dataclass
from scanners.judge.external_files import outside

NAME = "pointer"
_MAX_LFS = 1_024
"""Upper bound of a Git LFS pointer in bytes, by its specification; those of XetHub are shorter."""
_MAX_ANNEX = 32 * KIB
_MAX_DVC = MIB
_MAX_OUTPUTS = 10_000
_SHOWN = 200
_LFS = re.compile(rb"version https://(?:git-lfs|hawser)\.github\.com/spec/")
_LFS_OBJECT = re.compile(rb"^oid ([a-z0-9]+:[0-9a-f]{16,128})$", re.MULTILINE)
_LFS_LENGTH = re.compile(rb"^size ([0-9]{1,19})$", re.MULTILINE)
_ANNEX = re.compile(rb"/annex/objects/(?P<kind>[A-Z0-9_]+)(?:-s(?P<size>[0-9]{1,19}))?[^/\r\n]*?--(?P<name>[^/\r\n]+)")
_XET = re.compile(rb"# xet version [0-9.]+\r?\n")
_XET_OBJECT = re.compile(rb"^hash = ['\"]([0-9a-f]{16,128})['\"]$", re.MULTILINE)
_XET_LENGTH = re.compile(rb"^filesize = ([0-9]{1,19})$", re.MULTILINE)
_DOWNLOAD = re.compile(rb"(?P<commit>[0-9a-f]{40})\n(?P<etag>[0-9A-Za-z\"/_-]{8,128})\n[0-9.]{1,32}\n?\Z")
_METADATA, _DVC, _DVC_LOCK = ".metadata", ".dvc", "dvc.lock"
_DIGESTS = ("md5", "sha256", "etag", "checksum")

OUTSIDE = Rule(
    id="pointer/path-outside",
    title="Pointer that puts its data outside its folder",
    severity=Severity.WARNING,
    message="the data would be written to {subject}: {reason}",
    why="Fetching the data writes it there, over one of the user's files.",
    fix="Do not fetch it. Correct the path, or ask where the pointer came from.",
    cwe=22,
    references=("https://dvc.org/doc/user-guide/project-structure/dvc-files",),
)


class Target(NamedTuple):
    """What a pointer refers to: its path, its size in bytes (-1 if unknown), and its digest."""

    path: str
    size: int
    digest: str

    @property
    def words(self) -> str:
        """What is known about the target, in brackets, or nothing."""
        known = [f"{self.size:,} bytes"] if self.size >= 0 else []
        known += [self.digest] if self.digest else []
        return f" ({', '.join(known)})" if known else ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of pointer; `instead` tells whether it has the name of the weights themselves."""

    title: str
    accepts: Callable[[Blob], bool]
    targets: Callable[[Blob, Context], Iterator[Target]]
    instead: bool = True


def _is_lfs(blob: Blob) -> bool:
    return blob.size < _MAX_LFS and _LFS.match(blob.head) is not None


def _lfs(blob: Blob, _context: Context) -> Iterator[Target]:
    yield _described(blob, _LFS_OBJECT, _LFS_LENGTH)


def _is_xet(blob: Blob) -> bool:
    return blob.size < _MAX_LFS and _XET.match(blob.head) is not None


def _xet(blob: Blob, _context: Context) -> Iterator[Target]:
    yield _described(blob, _XET_OBJECT, _XET_LENGTH)


def _described(blob: Blob, digest: re.Pattern[bytes], length: re.Pattern[bytes]) -> Target:
    """Return the target whose digest and length are on lines of their own."""
    found, size = digest.search(blob.head), length.search(blob.head)
    return Target(blob.locator.name, int(size[1]) if size else -1, found[1].decode("ascii") if found else "")


def _is_annex(blob: Blob) -> bool:
    return blob.size <= _MAX_ANNEX and _ANNEX.match(blob.head) is not None


def _annex(blob: Blob, _context: Context) -> Iterator[Target]:
    key = _ANNEX.match(blob.head)
    assert key is not None, "scan follows accepts"
    digest = f"{key['kind'].decode('ascii').lower()}:{key['name'].decode('utf-8', 'replace')}"
    yield Target(blob.locator.name, int(key["size"] or -1), printable(digest, _SHOWN))


def _is_dvc(blob: Blob) -> bool:
    named = blob.locator.suffix == _DVC or blob.locator.name == _DVC_LOCK
    return named and b"outs:" in blob.head and b"path:" in blob.head


def _dvc(blob: Blob, context: Context) -> Iterator[Target]:
    """Yield the outputs that the file lists; raises Malformed if it is not YAML, and OverLimit."""
    from scanners.parsing.yaml_events import YamlError, entries

    if blob.size > _MAX_DVC:
        raise OverLimit(f"more than {_MAX_DVC:,} bytes of a pointer")
    content = blob.reader.read(0, blob.size).decode("utf-8-sig", "replace")
    output: dict[str, str] = {}
    within = False
    try:
        for entry in entries(content):
            context.operations.spend()
            if entry.key and not entry.value and entry.key in ("outs", "deps", "params"):
                within = entry.key == "outs"
            elif within and entry.key:
                if entry.key in output:
                    yield _output(output)
                    output = {}
                if entry.value:
                    output[entry.key] = entry.value
    except YamlError as error:
        raise Malformed(f"not YAML: {error}") from None
    if output:
        yield _output(output)


def _output(output: dict[str, str]) -> Target:
    size = output.get("size", "")
    name = next((name for name in _DIGESTS if name in output), "")
    digest = f"{name}:{output[name]}" if name else ""
    return Target(output.get("path", ""), int(size) if size.isdecimal() and len(size) < 20 else -1, digest)


def _is_download(blob: Blob) -> bool:
    return blob.locator.suffix == _METADATA and blob.size < _MAX_LFS and _DOWNLOAD.match(blob.head) is not None


def _download(blob: Blob, _context: Context) -> Iterator[Target]:
    found = _DOWNLOAD.match(blob.head)
    assert found is not None, "scan follows accepts"
    etag = found["etag"].decode("ascii").strip('"')
    yield Target(blob.locator.name[: -len(_METADATA)], -1, f"sha256:{etag}" if len(etag) == 64 else f"etag:{etag}")


KINDS = (
    Kind("Git LFS", _is_lfs, _lfs),
    Kind("git-annex", _is_annex, _annex),
    Kind("XetHub", _is_xet, _xet),
    Kind("DVC", _is_dvc, _dvc, instead=False),
    Kind("Hugging Face Hub", _is_download, _download, instead=False),
)


def _kind(blob: Blob) -> Kind | None:
    return next((kind for kind in KINDS if kind.accepts(blob)), None)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is a pointer, or describes a file beside it."""
    return _kind(blob) is not None


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the targets, and a Problem if a pointer replaces the weights, which are missing then."""
    kind = _kind(blob)
    assert kind is not None, "scan follows accepts"
    for number, target in enumerate(kind.targets(blob, context)):
        if number >= _MAX_OUTPUTS:
            raise OverLimit(f"more than {_MAX_OUTPUTS:,} outputs")
        detail: dict[str, Json] = {"kind": kind.title, "size": target.size, "digest": printable(target.digest, _SHOWN)}
        yield Fact("pointer", printable(target.path, _SHOWN), blob.locator, detail=detail)
        if kind.instead:
            words = f"{kind.title} pointer: the file that it stands for{target.words} is not here"
            yield Problem(ProblemKind.SKIPPED, blob.locator, NAME, printable(words, 300))
        elif blob.locator.suffix == _DVC and "://" not in target.path and (reason := outside(target.path)):
            yield Finding(OUTSIDE, blob.locator, printable(target.path, _SHOWN), evidence={"reason": reason})


SCANNER = Scanner(
    name=NAME,
    title="Pointers to data elsewhere (Git LFS, git-annex, XetHub, DVC)",
    version=3,
    accepts=accepts,
    scan=scan,
    rules=(OUTSIDE,),
    suffixes=(_DVC, _METADATA),
    signs=Signs(b"v/#", (_DVC, _METADATA), (_DVC_LOCK,)),
)
