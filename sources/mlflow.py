"""Models in an MLflow registry: a version, the latest, an alias, all versions of a model, or the whole registry.

    models:/NAME/VERSION[/PATH]    models:/NAME/Latest    models:/NAME@ALIAS    models:/NAME    models:/*

Which version an alias or `Latest` means is decided when it is listed, and stays. The artifacts are read where they are:
through the tracking server (`mlflow-artifacts:`), or in the bucket that the registry names, with our own credentials
for it. A folder of this machine is read only where the registry itself is one: whoever registers a model at a server
could otherwise have us read any file. https://mlflow.org/docs/latest/ml/model-registry
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from modelsweep.core.finding import Problem, ProblemKind
from modelsweep.core.locator import Locator
from modelsweep.core.reader import SourceFault
from modelsweep.core.text import printable
from modelsweep.core.values import dataclass, replace
from sources.source import Elsewhere, Listed, Opened, Source, scheme_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from sources.web import Web

NAME = "mlflow"
TRACKING, USER, PASSWORD, TOKEN = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
)
PAGE = 200
DEPTH = 32
"""Folders inside folders of artifacts."""
FILES = 1_000_000
_ADDRESS = re.compile(r"models:/(?P<name>[^/@*]+)(?:@(?P<alias>[^/]+)|/(?P<version>\d+|[Ll]atest))?(?:/(?P<path>.*))?")
_PROXY = "/api/2.0/mlflow-artifacts/artifacts"
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "INVALID_PARAMETER_VALUE")
"""Codes of what is not there; an alias that is not is the last of them."""
_REFUSED = ("PERMISSION_DENIED", "UNAUTHENTICATED")
_UNREACHED = "the registry cannot be reached, or answers nonsense"
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
        raise SourceFault("no address of a model: models:/NAME/VERSION, models:/NAME@ALIAS, models:/NAME or models:/*")
    path = found["path"] or ""
    return Place(
        target.rstrip("/").removesuffix(f"/{path}" if path else ""),
        found["name"],
        (found["version"] or "").lower(),
        found["alias"] or "",
        path,
    )


def list_target(target: str) -> Iterator[Listed | Problem]:
    """Yield the files of the versions that an address names; raises SourceFault."""
    place = place_of(target)
    names = [place.name] if place.name else _names()
    for name in names:
        try:
            for where in _places(place, name):
                yield from _list_version(where, name, where.version)
        except SourceFault as fault:
            if place.name:
                raise
            yield Problem(ProblemKind.SOURCE, Locator(f"models:/{name}"), NAME, printable(str(fault), 300))


def _places(place: Place, name: str) -> Iterator[Place]:
    """Yield the versions of a model that an address means; raises SourceFault."""
    if place.version or place.alias:
        yield replace(place, version=_version(place))
        return
    for version in _versions(name):
        yield Place(f"models:/{name}/{version}", name, version)


def _names() -> list[str]:
    """Return the names of all models in byte order."""
    names: list[str] = []
    token = None
    with explained("the registry"):
        while True:
            page = client().search_registered_models(max_results=PAGE, page_token=token)
            names += [model.name for model in page]
            token = page.token
            if not token:
                return sorted(set(names), key=str.encode)
            if len(names) > FILES:
                raise SourceFault("a listing of models that does not end")


def _versions(name: str) -> list[str]:
    """Return all versions of a model in byte order; raises SourceFault."""
    if "'" in name:
        raise SourceFault("a model whose name holds a quotation mark cannot be asked for")
    found: list[str] = []
    token = None
    with explained(f"models:/{name}"):
        while True:
            page = client().search_model_versions(f"name='{name}'", max_results=PAGE, page_token=token)
            found += [str(version.version) for version in page]
            token = page.token
            if not token:
                break
            if len(found) > FILES:
                raise SourceFault("a listing of versions that does not end")
    if not found:
        raise SourceFault(f"models:/{name}: there is no such model, or it has no version")
    return sorted(set(found))


def _version(place: Place) -> str:
    """Return the version that an address means now; raises SourceFault."""
    if place.alias:
        with explained(place.uri):
            return str(client().get_model_version_by_alias(place.name, place.alias).version)
    return max(_versions(place.name), key=int) if place.version == "latest" else place.version


def _list_version(place: Place, name: str, version: str) -> Iterator[Listed | Problem]:
    root = _root(name, version)
    below = f"{root}/{place.path}" if place.path else root
    count = 0
    for item in _artifacts(below):
        path = item.locator.uri.removeprefix(root).lstrip("/")
        where = Locator(f"{place.uri}/{path}", version=f"{version}:{item.locator.version}")
        yield replace(item, locator=where)
        count += isinstance(item, Listed)
    if not count and place.path:
        raise SourceFault(f"{place.uri} has no file {printable(place.path, 200)}")


@lru_cache(maxsize=1024)
def _root(name: str, version: str) -> str:
    """Return where the artifacts of a version are: an http address of the tracking server, a bucket or a folder."""
    with explained(f"models:/{name}/{version}"):
        uri = str(client().get_model_version_download_uri(name, version))
    scheme = scheme_of(uri)
    tracking = _tracking()
    is_server = scheme_of(tracking) in ("http:", "https:")
    if scheme == "mlflow-artifacts:" and is_server:
        return f"{tracking}{_PROXY}/{unquote(urlsplit(uri).path).strip('/')}"
    if scheme in ("http:", "https:") and _PROXY in uri and _is_ours(uri, tracking):
        return unquote(uri).rstrip("/")
    if scheme in _BUCKETS:
        return uri.rstrip("/")
    if scheme in ("", "file:") and not is_server:
        return urlsplit(uri).path if scheme else uri
    kind = "a folder of some machine" if scheme in ("", "file:") else f"a {scheme} address"
    raise SourceFault(f"the registry says that it is kept in {kind}, which is not read")


def _is_ours(uri: str, tracking: str) -> bool:
    from sources.web import host_of

    return scheme_of(tracking) in ("http:", "https:") and host_of(uri) == host_of(tracking)


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
    if not rows and depth == DEPTH:
        folder, _, name = url.rpartition("/")
        rows, url = [row for row in _rows(folder) if row["path"] == name and not row["is_dir"]], folder
    for row in rows:
        count[0] += 1
        where = Locator(f"{url}/{row['path']}")
        if count[0] > FILES or depth == 0:
            raise SourceFault("a listing of artifacts that does not end")
        if row["is_dir"]:
            yield from _walk(where.uri, depth - 1, count)
        else:
            yield Listed(where, int(row.get("file_size") or 0))


def _rows(url: str) -> list[dict[str, Any]]:
    """Return what the tracking server lists directly below `url`, in byte order."""
    base, _, path = url.partition(_PROXY + "/")
    answer, _ = _web().json(f"{base}{_PROXY}?path={quote(path)}")
    rows = answer.get("files") if isinstance(answer, dict) else None
    return sorted(filter(_is_row, rows if isinstance(rows, list) else ()), key=_order)


def _is_row(row: Any) -> bool:
    """Return whether a row of a listing names something directly below; what leads elsewhere is none."""
    path = row.get("path") if isinstance(row, dict) else None
    if not isinstance(path, str) or "is_dir" not in row:
        return False
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
        return opened_url(_web(), f"{base}{_PROXY}/{quote(path)}", listed.size)
    return Elsewhere(replace(listed, locator=Locator(where, version=inner)), root)


def _tracking() -> str:
    uri = os.environ.get(TRACKING, "").rstrip("/")
    if not uri:
        raise SourceFault(f"which registry? Set {TRACKING}")
    return uri


def _web() -> Web:
    """Return what asks the tracking server, with the credentials for it."""
    from urllib3.util import make_headers

    from sources.web import Web

    if token := os.environ.get(TOKEN):
        return Web({"Authorization": f"Bearer {token}"})
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    return Web(dict(make_headers(basic_auth=f"{user}:{password}")) if user and password else {})


def client() -> MlflowClient:
    """Return what asks the registry; raises SourceFault where none is named."""
    # Its own patience is minutes
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=_tracking(), registry_uri=_tracking())


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what the client raises into a sentence, which holds no password."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        code = error.error_code
        if code in _ABSENT:
            raise SourceFault(f"{what}: there is no such model, version or alias") from error
        if code in _REFUSED:
            raise SourceFault(f"{what}: the registry refuses us (see {USER}, {PASSWORD}, {TOKEN})") from error
        if isinstance(error.__context__, OSError):
            raise SourceFault(f"{what}: {_UNREACHED} ({type(error.__context__).__name__})") from error
        raise SourceFault(f"{what}: the registry failed ({code})") from error
    except (OSError, ValueError, KeyError) as error:
        raise SourceFault(f"{what}: {_UNREACHED} ({type(error).__name__})") from error


SOURCE = Source(
    name=NAME,
    accepts=lambda target: target.startswith("models:/"),
    list=list_target,
    open=open_object,
    examples=("models:/Name/3", "models:/Name/Latest", "models:/Name@champion", "models:/*"),
    credentials=(TRACKING, USER, PASSWORD, TOKEN),
    needs=("mlflow", "urllib3"),
)
