"""Models in an MLflow registry: a version, the latest, an alias, all versions of a model, or the whole registry.

    models:/NAME/VERSION[/PATH]    models:/NAME/Latest    models:/NAME@ALIAS    models:/NAME    models:/*

Which version an alias or `Latest` means is decided when it is listed, and stays. The artifacts are read where they are:
through the tracking server (`mlflow-artifacts:`), or in the bucket that the registry names, with our own credentials
for it. A folder of this machine is read only where the registry itself is one: whoever registers a model at a server
could otherwise have us read any file. https://mlflow.org/docs/latest/ml/model-registry
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.reader import SourceFault
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from modelsweep.core.values import dataclass, replace
from sources.mlflow_registry import PASSWORD, TOKEN, TRACKING, USER, Registry, Version, registry, tracking, web
from sources.source import Elsewhere, Listed, Opened, Source, scheme_of

NAME = "mlflow"
DEPTH = 32
"""Folders inside folders of artifacts."""
FILES = 1_000_000
PINNED_FROM = MIB
"""Bytes from which it is worth a request to know whether an artifact is the one that was read before."""
_STRONG = re.compile(r'"[\x21\x23-\x7e]+"')
_ADDRESS = re.compile(r"models:/(?P<name>[^/@*]+)(?:@(?P<alias>[^/]+)|/(?P<version>\d+|[Ll]atest))?(?:/(?P<path>.*))?")
_PROXY = "/api/2.0/mlflow-artifacts/artifacts"
_BUCKETS = ("s3:", "gs:", "r2:")


@dataclass(frozen=True, slots=True)
class Place:
    """What an address names, with everything that stands before the path as `uri`; without `name` the registry."""

    uri: str
    name: str = ""
    version: str = ""
    alias: str = ""
    path: str = ""


def place_of(target: str) -> Place:
    """Return what an address names; raises SourceFault where it is none."""
    if target == "models:/*":
        return Place("models:")
    found = _ADDRESS.fullmatch(target.rstrip("/"))
    if not found or "'" in found["name"]:
        raise SourceFault(
            "not the address of a model: models:/NAME/VERSION, models:/NAME@ALIAS, models:/NAME or models:/*"
        )
    path = found["path"] or ""
    return Place(
        target.rstrip("/").removesuffix(f"/{path}" if path else ""),
        found["name"],
        (found["version"] or "").lower(),
        found["alias"] or "",
        path,
    )


def list_target(target: str, after: str = "") -> Iterator[Listed | Problem]:
    """Yield the files of the versions that an address names; raises SourceFault.

    Where an address below it is given, the listing goes on `after` it: versions before are not asked for.
    """
    place = place_of(target)
    asked = registry()
    names = [place.name] if place.name else sorted(set(asked.names()), key=lambda name: _ordered(f"{name}/"))
    for name in names:
        if _is_before(f"models:/{name}", after):
            continue
        try:
            for where, version in _places(asked, place, name):
                if not _is_before(where.uri, after):
                    items = _list_version(asked, where, name, version)
                    yield from (item for item in items if not after or _ordered(item.locator.uri) > _ordered(after))
        except SourceFault as fault:
            if place.name:
                raise
            yield Problem(ProblemKind.SOURCE, Locator(f"models:/{name}"), NAME, printable(str(fault), 300))


def _ordered(uri: str) -> bytes:
    return uri.encode("utf-8", "surrogatepass")


def _is_before(folder: str, after: str) -> bool:
    """Return whether all that can be below a folder comes before an address."""
    return _ordered(f"{folder}/\U0010ffff") <= _ordered(after)


def _places(asked: Registry, place: Place, name: str) -> Iterator[tuple[Place, Version]]:
    """Yield the versions of a model that an address means, in byte order; raises SourceFault."""
    if place.alias:
        yield place, asked.named(place.name, place.alias)
    elif place.version and place.version != "latest":
        yield place, asked.version(place.name, place.version)
    elif place.version:
        yield place, max(_versions(asked, name), key=lambda version: int(version.number))
    else:
        for version in sorted(_versions(asked, name)):
            yield Place(f"models:/{name}/{version.number}", name, version.number), version


def _versions(asked: Registry, name: str) -> list[Version]:
    """Return all versions of a model; raises SourceFault."""
    if "'" in name:
        raise SourceFault("a model whose name contains a quotation mark cannot be requested")
    found = list({version.number: version for version in asked.versions(name)}.values())
    if not found:
        raise SourceFault(f"models:/{name}: there is no such model, or it has no version")
    return found


def _list_version(asked: Registry, place: Place, name: str, version: Version) -> Iterator[Listed | Problem]:
    root = _readable(asked.place(name, version.number))
    below = f"{root}/{place.path}" if place.path else root
    count = 0
    for item in _artifacts(below):
        path = item.locator.uri.removeprefix(root).lstrip("/")
        where = Locator(f"{place.uri}/{path}", version=f"{version.number}:{item.locator.version}")
        if isinstance(item, Problem):
            yield replace(item, locator=where)
            continue
        yield replace(item, locator=where, modified=item.modified or version.created)
        count += 1
    if not count and place.path:
        raise SourceFault(f"{place.uri} has no file {printable(place.path, 200)}")


@lru_cache(maxsize=1024)
def _root(name: str, version: str) -> str:
    return _readable(registry().place(name, version))


def _readable(uri: str) -> str:
    """Return where artifacts are read: an http address of the tracking server, a bucket or a folder."""
    scheme = scheme_of(uri)
    server = tracking()
    is_server = scheme_of(server) in ("http:", "https:")
    if scheme == "mlflow-artifacts:" and is_server:
        return f"{server}{_PROXY}/{unquote(urlsplit(uri).path).strip('/')}"
    if scheme in ("http:", "https:") and _PROXY in uri and _is_ours(uri, server):
        return unquote(uri).rstrip("/")
    if scheme in _BUCKETS:
        return uri.rstrip("/")
    if scheme in ("", "file:") and not is_server:
        return urlsplit(uri).path if scheme else uri
    kind = "a folder of some machine" if scheme in ("", "file:") else f"a {scheme} address"
    raise SourceFault(f"the registry keeps it in {kind}, which is not read")


def _is_ours(uri: str, server: str) -> bool:
    from sources.web import host_of

    return scheme_of(server) in ("http:", "https:") and host_of(uri) == host_of(server)


def _artifacts(root: str) -> Iterator[Listed | Problem]:
    """Yield what is below an artifact address, with its own addresses."""
    if scheme_of(root) in ("http:", "https:"):
        yield from _walk(root, DEPTH, [0])
        return
    from sources.opening import source_of

    yield from source_of(root).list(root)


def _walk(url: str, depth: int, count: list[int]) -> Iterator[Listed | Problem]:
    """Yield the files that the tracking server lists below `url`, in byte order, or `url` where it is a file."""
    rows = _rows(url)
    if not rows and depth == DEPTH and "/" in url.partition(_PROXY + "/")[2]:
        folder, _, name = url.rpartition("/")
        rows, url = [row for row in _rows(folder) if row["path"] == name and not row["is_dir"]], folder
    for row in rows:
        count[0] += 1
        where = Locator(f"{url}/{row['path']}")
        if count[0] > FILES or depth == 0:
            raise SourceFault("a listing of artifacts that does not end")
        if not _is_name(row["path"]):
            yield Problem(ProblemKind.SOURCE, where, NAME, "a name that leads out of its folder: not read")
            continue
        if row["is_dir"]:
            yield from _walk(where.uri, depth - 1, count)
        else:
            size = int(row.get("file_size") or 0)
            etag = _etag(where.uri) if size > PINNED_FROM else ""
            yield Listed(replace(where, version=etag), size)


def _etag(url: str) -> str:
    """Return the ETag of an artifact that was left alone for a while, nothing where it has none that holds.

    The server makes it of size and time of writing, which nobody can choose who may only register models: as good as an
    ETag of S3 once no second content can come within one tick of the clock. What the server itself fetches from a
    bucket it copies for each answer, and the ETag is that of the copy: so it is asked for twice, by what it is read by
    (its answers to HEAD bear another one).
    """
    base, _, path = url.partition(_PROXY + "/")
    where = f"{base}{_PROXY}/{quote(path)}"
    try:
        etag = _first_byte_of(where)
        return etag if etag and _first_byte_of(where) == etag else ""
    except SourceFault:
        return ""  # said when it is read


def _first_byte_of(url: str) -> str:
    """Return the strong ETag of an artifact that was left alone, or nothing; raises SourceFault."""
    from sources.web import was_left_alone

    with web().get(url, {"Range": "bytes=0-0", "Accept-Encoding": "identity"}) as answer:
        etag = answer.headers.get("ETag", "")
        return etag if _STRONG.fullmatch(etag) and was_left_alone(answer.headers) else ""


def _rows(url: str) -> list[dict[str, Any]]:
    """Return what the tracking server lists directly below `url`, in byte order."""
    base, _, path = url.partition(_PROXY + "/")
    answer, _ = web().json(f"{base}{_PROXY}?path={quote(path)}")
    rows = answer.get("files", []) if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not all(map(_is_row, rows)):
        raise SourceFault("the tracking server answered with no list of artifacts")
    return sorted(rows, key=_order)


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("path"), str) and "is_dir" in row


def _is_name(path: str) -> bool:
    """Return whether a row of a listing names something directly below."""
    return path not in ("", ".", "..") and not {"/", "\0", "\\"} & set(path)


def _order(row: dict[str, Any]) -> bytes:
    path = row["path"] + "/" if row["is_dir"] else row["path"]
    return str(path).encode("utf-8", "surrogateescape")


def open_object(listed: Listed, target: str) -> Opened | Elsewhere:
    """Open a file of the version that it was listed in; raises SourceFault."""
    from sources.remote import opened_url

    place = place_of(target)
    uri = listed.locator.uri
    name = place.name or uri.split("/")[1]
    version, _, inner = listed.locator.version.partition(":")
    at = place.uri if place.version or place.alias else f"models:/{name}/{version}"
    root = _root(name, version)
    where = f"{root}/{uri.removeprefix(at).lstrip('/')}"
    if scheme_of(root) in ("http:", "https:"):
        base, _, path = where.partition(_PROXY + "/")
        url = f"{base}{_PROXY}/{quote(path)}"
        return opened_url(web(), url, listed.size, inner)
    return Elsewhere(replace(listed, locator=Locator(where, version=inner)), root)


SOURCE = Source(
    name=NAME,
    accepts=lambda target: target.startswith("models:/"),
    list=list_target,
    list_after=list_target,
    open=open_object,
    examples=("models:/Name/3", "models:/Name/Latest", "models:/Name@champion", "models:/*"),
    credentials=(TRACKING, USER, PASSWORD, TOKEN),
    needs=("urllib3",),
)
