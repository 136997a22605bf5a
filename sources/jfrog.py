"""Files, folders and repositories of JFrog Artifactory: `https://HOST/artifactory/REPOSITORY[/PATH]`.

Tokens (JFROG_ACCESS_TOKEN, else JFROG_API_TOKEN) are sent to the host of JFROG_URL and to no other. The SHA-1 of a
listing pins the version. The SHA-256 among its `checksums` is what Artifactory itself computed (since 5.5; those that
an uploader names are `originalChecksums`), and is taken for the store's word at JFROG_URL; elsewhere it is anybody's.
https://jfrog.com/help/r/jfrog-rest-apis/artifacts-storage https://www.jfrog.com/confluence/display/JFROG/SHA-256+Support
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.reader import SourceFault
from sources.source import Listed, Opened, Source

if TYPE_CHECKING:
    from sources.web import Web

NAME = "jfrog"
URL, ACCESS_TOKEN, API_TOKEN = "JFROG_URL", "JFROG_ACCESS_TOKEN", "JFROG_API_TOKEN"
FILES = 1_000_000
DEPTH = 64
_ARTIFACTORY = "/artifactory"
_SHA256 = re.compile("[0-9a-f]{64}")


def accepts(target: str) -> bool:
    """Return whether `target` is an address of Artifactory: at JFROG_URL, or with its usual path."""
    parts = urlsplit(target) if target.startswith(("http://", "https://")) else None
    return parts is not None and parts.path.startswith(_ARTIFACTORY + "/")


def canonical(target: str) -> str:
    """Return an address without query, fragment, doubled slashes and escapes but those that it needs."""
    parts = urlsplit(target)
    path = "/".join(filter(None, unquote(parts.path).split("/")))
    for character in "%#?":
        path = path.replace(character, quote(character))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}/{path}"


def list_target(target: str) -> Iterator[Listed | Problem]:
    """Yield the file, or the files below the folder or repository, in byte order; raises SourceFault."""
    base, path = _split(target)
    about = _json(f"{base}/api/storage/{quote(path)}")
    if "children" not in about:
        yield _listed(target.rstrip("/"), about, about.get("checksums"))
        return
    rows = _deep(base, path)
    if rows is None:
        yield from _walk(base, path, target.rstrip("/"), about, DEPTH)
        return
    for row in sorted(rows, key=_order):
        inner = str(row["uri"]).lstrip("/")
        where = f"{target.rstrip('/')}/{inner}"
        if _leads_out(inner):
            yield Problem(ProblemKind.SOURCE, Locator(where), NAME, "a path that leads out of the folder: not read")
        else:
            yield _listed(where, row, row)


def _deep(base: str, path: str) -> list[dict[str, Any]] | None:
    """Return all files below a folder in one answer, None where the server (an edition without it) refuses."""
    from sources.web import Refused

    try:
        answer = _json(f"{base}/api/storage/{quote(path)}?list&deep=1&listFolders=0")
    except Refused as refusal:
        if refusal.status in (400, 403, 405, 501):
            return None
        raise
    rows = answer.get("files")
    if not isinstance(rows, list) or len(rows) > FILES or not all(map(_is_row, rows)):
        raise SourceFault("Artifactory answered with no list of files, or one that is too long")
    return [row for row in rows if not row.get("folder")]


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("uri"), str)


def _walk(base: str, path: str, place: str, about: dict[str, Any], depth: int) -> Iterator[Listed | Problem]:
    """Yield the files below the folder `path`, whose address is `place`, one request for each of them."""
    if depth == 0:
        raise SourceFault(f"folders deeper than {DEPTH}")
    children = [child for child in about["children"] if isinstance(child, dict) and child.get("uri")]
    for child in sorted(children, key=lambda child: _order(child) + (b"/" if child.get("folder") else b"")):
        name = str(child["uri"]).lstrip("/")
        if "/" in name or _leads_out(name):
            continue
        found = _json(f"{base}/api/storage/{quote(f'{path}/{name}')}")
        if "children" in found:
            yield from _walk(base, f"{path}/{name}", f"{place}/{name}", found, depth - 1)
        else:
            yield _listed(f"{place}/{name}", found, found.get("checksums"))


def _order(row: dict[str, Any]) -> bytes:
    return str(row["uri"]).lstrip("/").encode("utf-8", "surrogateescape")


def _leads_out(path: str) -> bool:
    return bool({"", ".", ".."} & set(path.split("/"))) or "\0" in path


def _listed(where: str, about: dict[str, Any], checksums: Any) -> Listed | Problem:
    size = str(about.get("size", ""))
    if not size.isascii() or not size.isdecimal():
        return Problem(ProblemKind.SOURCE, Locator(where), NAME, "Artifactory does not say how large it is")
    sums = checksums if isinstance(checksums, dict) else {}
    digest = str(sums.get("sha256") or sums.get("sha2") or "").lower()
    vouched = digest if _SHA256.fullmatch(digest) and _is_ours(where) else ""
    written = _time(str(about.get("lastModified", "")))
    return Listed(Locator(where, version=str(sums.get("sha1") or "")), int(size), vouched, written)


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def open_object(listed: Listed, target: str) -> Opened:
    """Open a file for reading by range; makes no request."""
    from sources.remote import opened_url

    base, path = _split(target)
    # Names are as they are: only in targets, which people write, does `%23` stand for `#`
    inner = listed.locator.uri.removeprefix(target.rstrip("/"))
    path += inner
    return opened_url(_web(base), f"{base}/{quote(path)}", listed.size, listed.locator.version)


def _split(address: str) -> tuple[str, str]:
    """Return the address of Artifactory itself, and the path below it."""
    parts = urlsplit(address)
    path = unquote(parts.path).removeprefix(_ARTIFACTORY).strip("/")
    if _leads_out(path):
        raise SourceFault("an address of Artifactory names a repository: https://HOST/artifactory/REPOSITORY/PATH")
    return f"{parts.scheme}://{parts.netloc}{_ARTIFACTORY}", path


def _json(url: str) -> dict[str, Any]:
    from sources.web import Refused

    try:
        answer, _ = _web(url).json(url)
    except Refused as refusal:
        if refusal.status in (401, 403) and "?" not in url:
            hint = f"set {URL} and {ACCESS_TOKEN} (or {API_TOKEN}) to read it"
            raise SourceFault(f"Artifactory refuses us ({refusal.status}): {hint}") from refusal
        raise
    if not isinstance(answer, dict):
        raise SourceFault("Artifactory did not answer with a JSON object")
    return answer


def _is_ours(url: str) -> bool:
    """Return whether an address is at the configured host."""
    from sources.web import host_of

    ours = os.environ.get(URL, "")
    return bool(ours) and host_of(ours if "://" in ours else f"https://{ours}") == host_of(url)


def _web(url: str) -> Web:
    """Return what asks Artifactory: with a token at the configured host only."""
    from sources.web import Web

    if not _is_ours(url):
        return Web(conditional=False)
    if token := os.environ.get(ACCESS_TOKEN):
        return Web({"Authorization": f"Bearer {token}"}, conditional=False)
    token = os.environ.get(API_TOKEN)
    return Web({"X-JFrog-Art-Api": token} if token else {}, conditional=False)


SOURCE = Source(
    name=NAME,
    accepts=accepts,
    list=list_target,
    open=open_object,
    canonical=canonical,
    examples=("https://host/artifactory/repository", "https://host/artifactory/repository/folder/model.pt"),
    credentials=(URL, ACCESS_TOKEN, API_TOKEN),
    needs=("urllib3",),
)
