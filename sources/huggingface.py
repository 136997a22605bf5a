"""Models on the Hugging Face Hub: a file, a repository at a revision, or all of an organisation or user.

    hf://ORG/NAME[@REVISION][/PATH]    hf://ORG/*    hf://NAME[@REVISION/PATH] for the old names without an organisation
    https://huggingface.co/ORG/NAME[/tree|blob|resolve/REVISION[/PATH]], and the same at hf.co and HF_ENDPOINT

A listing is pinned to the commit that the revision is then, and files are read by range from the very commit. The
object id of a file in LFS is its SHA-256, which the Hub itself has checked; a mirror's word is not taken for it. The
Hub is asked as its own client does (a test compares), but through `sources.web`: politely, and with bounded answers.
Slashes in a revision are `%2F`. https://huggingface.co/docs/hub/api, https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.reader import SourceFault
from modelsweep.core.text import printable
from modelsweep.core.values import dataclass
from sources.source import Listed, Opened, Source

if TYPE_CHECKING:
    from sources.web import Web

NAME = "huggingface"
HUB = "https://huggingface.co"
TOKEN, ENDPOINT = "HF_TOKEN", "HF_ENDPOINT"
FILES = 1_000_000
"""Files of one repository, or repositories of one organisation, that are listed."""
PAGE = 1000
"""Repositories of one answer."""
_NEXT = re.compile(r'<([^<>]*)>;\s*rel="next"')
_OTHERS = ("datasets", "spaces")
_SITES = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)(?=/|$)")
_PAGE = re.compile(r"(?P<repository>[^/]+(?:/[^/]+)?)/(?:tree|blob|resolve|raw)/(?P<revision>[^/]+)(?:/(?P<path>.*))?")
_SHA256 = re.compile("[0-9a-f]{64}")
_PART = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """What an address names: `owner` alone is all of an organisation; `path` may be a file, a folder or everything."""

    owner: str
    repository: str
    revision: str = ""
    path: str = ""

    @property
    def uri(self) -> str:
        """The canonical address, without the path."""
        revision = f"@{self.revision.replace('/', '%2F')}" if self.revision else ""
        return f"hf://{self.repository}{revision}"


def accepts(target: str) -> bool:
    """Return whether `target` is an address on the Hub."""
    return target.startswith("hf://") or _on_site(target) is not None


def _on_site(target: str) -> str | None:
    """Return the path of `target` on the web site of the Hub, None where it is none."""
    found = _SITES.match(target)
    if found:
        return target[found.end() :].strip("/")
    mirror = os.environ.get(ENDPOINT, "").rstrip("/")
    return target[len(mirror) :].strip("/") if mirror and target.startswith(mirror + "/") else None


def canonical(target: str) -> str:
    """Return `target` as `hf://`; the revision `main` is left out where nothing is lost by it."""
    site = _on_site(target)
    if site is None:
        return target
    site = site.partition("?")[0].partition("#")[0]
    if page := _PAGE.fullmatch(site):
        repository, revision, path = page["repository"], page["revision"], page["path"] or ""
        if revision == "main" and ("/" in repository or not path):
            revision = ""
        return Place("", repository, revision).uri + (f"/{path}" if path else "")
    return f"hf://{site}"


def place_of(target: str) -> Place:
    """Return what a canonical address names; raises SourceFault where it is none."""
    rest = target.removeprefix("hf://").strip("/")
    owner, star, after = rest.partition("/*")
    if star and not after and "/" not in owner:
        return Place(_checked(owner), "")
    parts = rest.split("/")
    count = 1 if "@" in parts[0] or len(parts) == 1 else 2
    repository, _, revision = "/".join(parts[:count]).partition("@")
    for part in repository.split("/"):
        _checked(part)
    return Place("", repository, revision.replace("%2F", "/").replace("%2f", "/"), "/".join(parts[count:]))


def _checked(name: str) -> str:
    if not _PART.fullmatch(name) or name in (".", ".."):
        raise SourceFault(f"{printable(name, 100)!r} is not a name on the Hub: hf://ORG/NAME, or hf://ORG/* for all")
    return name


def list_target(target: str, after: str = "") -> Iterator[Listed | Problem]:
    """Yield the files below an address in byte order; raises SourceFault.

    Where an address below it is given, the listing goes on `after` it: repositories before are not asked for.
    """
    kind = target.removeprefix("hf://").partition("/")[0]
    if kind in _OTHERS:
        yield Problem(ProblemKind.SKIPPED, Locator(target), NAME, f"{kind} are not scanned, only models are")
        return
    place = place_of(target)
    if not place.owner:
        yield from _behind(_list_repository(place), after)
        return
    for repository in _repositories(place.owner):
        where = f"hf://{repository}"
        if _ordered(f"{where}/\U0010ffff") <= _ordered(after):
            continue
        try:
            yield from _behind(_list_repository(Place("", repository)), after)
        except SourceFault as fault:
            yield Problem(ProblemKind.SOURCE, Locator(where), NAME, printable(str(fault), 300))


def _behind(items: Iterator[Listed | Problem], after: str) -> Iterator[Listed | Problem]:
    return (item for item in items if not after or _ordered(item.locator.uri) > _ordered(after))


def _ordered(uri: str) -> bytes:
    return uri.encode("utf-8", "surrogatepass")


def _repositories(owner: str) -> list[str]:
    """Return the names of all models of an organisation or user, in the byte order of their addresses."""
    query = urlencode({"author": owner, "limit": PAGE})
    with _explained(f"hf://{owner}/*"):
        found = {str(row["id"]) for row in _rows(f"{_endpoint()}/api/models?{query}", f"hf://{owner}/*")}
    # The Hub finds authors regardless of case
    names = [name for name in found if name.count("/") == 1 and name.lower().startswith(owner.lower() + "/")]
    return sorted((f"{owner}/{name.partition('/')[2]}" for name in names), key=lambda name: _ordered(f"{name}/"))


def _list_repository(place: Place) -> Iterator[Listed | Problem]:
    revision = f"/revision/{quote(place.revision, safe='')}" if place.revision else ""
    with _explained(place.uri):
        about, _ = _web().json(f"{_endpoint()}/api/models/{place.repository}{revision}")
        commit, written = str(about["sha"] or ""), _time(about.get("lastModified"))
    if not re.fullmatch("[0-9a-f]{40,64}", commit):
        raise SourceFault(f"{place.uri}: the Hub names no commit")
    files = _files(place, commit)
    found = [path for path in sorted(files, key=_ordered) if _is_below(path, place.path)]
    if place.path and not found:
        raise SourceFault(f"{place.uri} has no file {printable(place.path, 200)} (commit {commit[:12]})")
    vouches = _endpoint() == HUB
    for path in found:
        where = Locator(f"{place.uri}/{path}", version=commit)
        size, object_id = files[path]
        if ".." in path.split("/") or "\0" in path:
            yield Problem(ProblemKind.SOURCE, where, NAME, "a path that leads out of the repository: not read")
            continue
        yield Listed(where, size, object_id if vouches and _SHA256.fullmatch(object_id) else "", written)


def _time(text: Any) -> float:
    """Return when the last commit of a revision was made: what single files are of takes the Hub long to find out."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _is_below(path: str, wanted: str) -> bool:
    return not wanted or path == wanted or path.startswith(wanted + "/")


def _files(place: Place, commit: str) -> dict[str, tuple[int, str]]:
    """Return size and LFS object id of each file; the Hub's order is not ours, so all of them are held."""
    files: dict[str, tuple[int, str]] = {}
    with _explained(place.uri):
        for row in _rows(f"{_endpoint()}/api/models/{place.repository}/tree/{commit}?recursive=true", place.uri):
            if row["type"] != "file":
                continue
            path, lfs = row["path"], row.get("lfs") or {}
            if not isinstance(path, str) or type(row["size"]) is not int:
                raise TypeError("a file without a path or a size")
            if path in files or len(files) >= FILES:
                raise SourceFault(f"{place.uri}: a listing that goes in circles, or has more than {FILES:,} files")
            files[path] = (row["size"], str(lfs.get("oid", "")))
    return files


def _rows(url: str, about: str) -> Iterator[dict[str, Any]]:
    """Yield what all pages of a listing hold; raises SourceFault where they go in circles, or to another host."""
    from sources.paging import pages
    from sources.web import host_of

    def page(token: str) -> tuple[list[dict[str, Any]], str]:
        rows, headers = _web().json(token or url)
        following = _NEXT.search(headers.get("Link", ""))
        if following and host_of(following[1]) != host_of(url):
            raise SourceFault(f"{about}: the listing continues on another host, which is not contacted")
        return list(rows), following[1] if following else ""

    count = 0
    for rows in pages(about, page):
        yield from rows
        count += len(rows)
        if count > 2 * FILES:
            raise SourceFault(f"{about}: a listing that goes in circles, or has more than {FILES:,} entries")


def open_object(listed: Listed, target: str) -> Opened:
    """Open a file of the commit that it was listed at, for reading by range; makes no request."""
    from sources.remote import opened_url

    place = place_of(target)
    if place.owner:
        place = place_of("/".join(listed.locator.uri.split("/")[:4]))
    path = listed.locator.uri.removeprefix(place.uri + "/")
    url = f"{_endpoint()}/{place.repository}/resolve/{quote(listed.locator.version, safe='')}/{quote(path)}"
    return opened_url(_web(), url, listed.size)


def _endpoint() -> str:
    return (os.environ.get(ENDPOINT) or HUB).rstrip("/")


def _web() -> Web:
    """Return what asks the Hub, with the token for it."""
    from sources.web import Web

    token = os.environ.get(TOKEN, "")
    return Web({"Authorization": f"Bearer {token}"} if token else {})


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Turn what the Hub refuses into a sentence, which holds no token.

    https://github.com/huggingface/huggingface_hub/blob/main/src/huggingface_hub/utils/_http.py (hf_raise_for_status)
    """
    from sources.web import NoJson, Refused

    try:
        yield
    except Refused as refused:
        code = refused.headers.get("X-Error-Code", "")
        if code == "GatedRepo":
            detail = f"{uri} is gated: accept its terms, and set {TOKEN} to a token that may read it"
        elif code == "RevisionNotFound":
            detail = f"{uri}: there is no such revision"
        elif code == "RepoNotFound" or refused.status == 401:
            hint = "" if os.environ.get(TOKEN) else f", or private: set {TOKEN} to a token that may read it"
            detail = f"{uri}: there is no such repository{hint}"
        else:
            detail = f"{uri}: the Hub answered {refused.status}"
        raise SourceFault(detail) from refused
    except NoJson as error:
        raise SourceFault(f"{uri}: the Hub's answer cannot be read: {error}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SourceFault(f"{uri}: the Hub's answer cannot be read ({type(error).__name__})") from error


SOURCE = Source(
    name=NAME,
    accepts=accepts,
    list=list_target,
    list_after=list_target,
    open=open_object,
    canonical=canonical,
    examples=(
        "hf://org/name",
        "hf://org/name@revision/model.safetensors",
        "hf://org/*",
        "https://huggingface.co/org/name",
    ),
    credentials=(TOKEN, ENDPOINT),
    needs=("urllib3",),
)
