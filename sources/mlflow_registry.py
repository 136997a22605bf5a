"""What an MLflow registry is asked: which models and versions there are, and where a version's artifacts stand.

A tracking server is asked over its REST API, through `sources.web`: politely, with bounded answers, with the
credentials of MLFLOW_TRACKING_* and no others. A registry in a database or folder is read by the package mlflow.
https://mlflow.org/docs/latest/rest-api.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlencode

from modelsweep.core.reader import SourceFault
from sources.source import scheme_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from sources.web import Web

TRACKING, USER, PASSWORD, TOKEN = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
)
PAGE = 200
MOST = 1_000_000
"""Models, or versions of one, that are listed."""
_API = "/api/2.0/mlflow"
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "INVALID_PARAMETER_VALUE")
"""Codes of what is not there; an alias that is not is the last of them."""
_REFUSED = ("PERMISSION_DENIED", "UNAUTHENTICATED")
_UNREACHED = "the registry cannot be reached, or answers nonsense"
_GIVEN_UP = re.compile(r"too many ([45]\d\d) error responses")
"""What the package's HTTP says when it gives up asking again."""


class Version(NamedTuple):
    """A version of a model, and when it was registered (seconds since the epoch, 0 where that is not told)."""

    number: str
    created: float


class Registry(Protocol):
    """What is asked; all of it raises SourceFault."""

    def names(self) -> list[str]:
        """Return the names of all models."""

    def versions(self, name: str) -> list[Version]:
        """Return all versions of a model."""

    def version(self, name: str, number: str) -> Version:
        """Return one version."""

    def named(self, name: str, alias: str) -> Version:
        """Return the version that an alias means now."""

    def place(self, name: str, number: str) -> str:
        """Return where the artifacts of a version are."""


def registry() -> Registry:
    """Return the registry that the environment names; raises SourceFault where it names none."""
    return _Server(tracking()) if scheme_of(tracking()) in ("http:", "https:") else _Package()


def tracking() -> str:
    """Return the address of the registry; raises SourceFault where none is named."""
    uri = os.environ.get(TRACKING, "").rstrip("/")
    if not uri:
        raise SourceFault(f"which registry? Set {TRACKING}")
    return uri


def web() -> Web:
    """Return what asks the tracking server, with the credentials for it."""
    from urllib3.util import make_headers

    from sources.web import Web

    if token := os.environ.get(TOKEN):
        return Web({"Authorization": f"Bearer {token}"})
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    return Web(dict(make_headers(basic_auth=f"{user}:{password}")) if user and password else {})


class _Server:
    """The REST API of a tracking server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def names(self) -> list[str]:
        """As the protocol says."""
        return [str(row["name"]) for row in self._rows("registered-models", "registered_models", {})]

    def versions(self, name: str) -> list[Version]:
        """As the protocol says."""
        return [
            _version(row) for row in self._rows("model-versions", "model_versions", {"filter": f"name='{name}'"}, name)
        ]

    def version(self, name: str, number: str) -> Version:
        """As the protocol says."""
        with explained(f"models:/{name}/{number}"):
            return _version(self._asked("model-versions/get", {"name": name, "version": number})["model_version"])

    def named(self, name: str, alias: str) -> Version:
        """As the protocol says."""
        with explained(f"models:/{name}@{alias}"):
            return _version(self._asked("registered-models/alias", {"name": name, "alias": alias})["model_version"])

    def place(self, name: str, number: str) -> str:
        """As the protocol says."""
        with explained(f"models:/{name}/{number}"):
            answer = self._asked("model-versions/get-download-uri", {"name": name, "version": number})
            return str(answer["artifact_uri"])

    def _asked(self, what: str, query: dict[str, str]) -> dict[str, Any]:
        answer, _ = web().json(f"{self._url}{_API}/{what}?{urlencode(query)}")
        if not isinstance(answer, dict):
            raise TypeError("no object")
        return answer

    def _rows(self, what: str, key: str, query: dict[str, str], about: str = "") -> list[dict[str, Any]]:
        from sources.paging import pages

        where = f"models:/{about}" if about else "the registry"

        def page(token: str) -> tuple[list[dict[str, Any]], str]:
            following = {"page_token": token} if token else {}
            answer = self._asked(f"{what}/search", {**query, "max_results": str(PAGE), **following})
            return list(answer.get(key) or ()), str(answer.get("next_page_token") or "")

        found: list[dict[str, Any]] = []
        with explained(where):
            for rows in pages(where, page):
                found += rows
                if len(found) > MOST:
                    raise SourceFault(f"{where}: a listing that does not end")
        return found


def _version(row: dict[str, Any]) -> Version:
    return Version(str(int(row["version"])), float(row.get("creation_timestamp") or 0) / 1000)


class _Package:
    """The package mlflow, for a registry that is no server."""

    def __init__(self) -> None:
        self._client = client()

    def names(self) -> list[str]:
        """As the protocol says."""
        with client_explained("the registry"):
            return [
                model.name for model in _all(lambda at: self._client.search_registered_models(None, PAGE, None, at))
            ]

    def versions(self, name: str) -> list[Version]:
        """As the protocol says."""
        with client_explained(f"models:/{name}"):
            wanted = f"name='{name}'"
            return [_known(row) for row in _all(lambda at: self._client.search_model_versions(wanted, PAGE, None, at))]

    def version(self, name: str, number: str) -> Version:
        """As the protocol says."""
        with client_explained(f"models:/{name}/{number}"):
            return _known(self._client.get_model_version(name, number))

    def named(self, name: str, alias: str) -> Version:
        """As the protocol says."""
        with client_explained(f"models:/{name}@{alias}"):
            return _known(self._client.get_model_version_by_alias(name, alias))

    def place(self, name: str, number: str) -> str:
        """As the protocol says."""
        with client_explained(f"models:/{name}/{number}"):
            return str(self._client.get_model_version_download_uri(name, number))


def _known(version: Any) -> Version:
    return Version(str(version.version), float(version.creation_timestamp or 0) / 1000)


def _all(page_behind: Callable[[str | None], Any]) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = page_behind(token)
        found += page
        token = page.token
        if not token:
            return found
        if len(found) > MOST:
            raise SourceFault("a listing that does not end")


def client() -> MlflowClient:
    """Return the package's client; raises SourceFault where no registry is named, or the package is missing."""
    # Its own patience is minutes, it would tell its makers of our calls, and send what ~/.netrc holds
    for name, value in (
        ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3"),
        ("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1"),
        ("MLFLOW_HTTP_REQUEST_TIMEOUT", "60"),
        ("MLFLOW_DISABLE_TELEMETRY", "true"),
        ("NETRC", os.devnull),
    ):
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
    except ModuleNotFoundError as error:
        from modelsweep.core.installing import how_to_install

        raise SourceFault(f"a registry that is not a server needs mlflow: {how_to_install('mlflow')}") from error
    return MlflowClient(tracking_uri=tracking(), registry_uri=tracking())


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what goes wrong at a tracking server into a sentence, which holds no password."""
    from sources.web import NoJson, Refused

    try:
        yield
    except Refused as refused:
        raise _fault(what, refused.code, refused.status) from refused
    except NoJson as error:
        raise SourceFault(f"{what}: {_UNREACHED}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceFault(f"{what}: {_UNREACHED} ({type(error).__name__})") from error


@contextmanager
def client_explained(what: str) -> Iterator[None]:
    """Turn what the package raises into a sentence, which holds no password."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if given_up := _GIVEN_UP.search(str(error)):
            raise SourceFault(f"{what}: the registry answered {given_up[1]}, each time") from error
        if isinstance(error.__context__, OSError):
            raise SourceFault(f"{what}: {_UNREACHED} ({type(error.__context__).__name__})") from error
        raise _fault(what, str(error.error_code), error.get_http_status_code()) from error
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise SourceFault(f"{what}: {_UNREACHED} ({type(error).__name__})") from error


def _fault(what: str, code: str, status: int) -> SourceFault:
    if code in _ABSENT:
        return SourceFault(f"{what}: there is no such model, version or alias")
    if code in _REFUSED or status in (401, 403):
        return SourceFault(f"{what}: the registry refuses us (see {USER}, {PASSWORD}, {TOKEN})")
    return SourceFault(f"{what}: the registry answered {status}{f' ({code})' if code else ''}")
