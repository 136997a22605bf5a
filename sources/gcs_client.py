"""The client of Google Cloud Storage: who we are, whom we ask, and what its errors mean to people.

Who we are is what Google's chain finds: GOOGLE_APPLICATION_CREDENTIALS, a login of gcloud, the account of the machine
or pod; where it finds nothing, requests say nothing of us, which public buckets allow.

https://cloud.google.com/storage/docs/json_api/v1/status-codes
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote

from modelsweep.core.reader import SourceFault
from modelsweep.core.text import printable
from sources.calls import Passing, asked
from sources.connections import TIMEOUT
from sources.retrying import AGAIN
from sources.web import BoundedBody, host_of

ENVIRONMENT = ("GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT")
_SENTENCES = {
    401: "the credentials are not valid, or have expired",
    403: "access denied: these credentials lack a permission that docs/sources.md names",
    404: "there is no such bucket or object",
}
_Answer = TypeVar("_Answer")


class GcsRefused(SourceFault):
    """Google refuses; `status` is the number of its answer."""

    def __init__(self, where: str, status: int) -> None:
        self.status = status
        super().__init__(f"{printable(where, 200)}: {_SENTENCES.get(status) or f'refused with status {status}'}")


class Gcs:
    """The client for the environment that it finds."""

    def __init__(self) -> None:
        self.client = _client(tuple(map(os.environ.get, ENVIRONMENT)))
        # Asks for the bucket itself beside each request, for traces that nobody has switched on (3.17): past our limits
        # on requests, and with a permission that reading objects does not need
        self.client._bucket_metadata_cache = None
        _confine(self.client._http)
        self._home = os.environ.get("STORAGE_EMULATOR_HOST") or "https://storage.googleapis.com"

    def ask(self, where: str, call: Callable[[], _Answer]) -> _Answer:
        """Return what one request about `where`, an address for people, answers; raises SourceFault, GcsRefused."""
        return asked(host_of(self._home), lambda: _called(where, call))

    def url(self, bucket: str, key: str, **query: str) -> str:
        """Return the address to GET an object at."""
        asked_for = "".join(f"&{name}={value}" for name, value in query.items())
        return f"{self._home}/download/storage/v1/b/{quote(bucket)}/o/{quote(key, safe='')}?alt=media{asked_for}"

    def headers(self) -> dict[str, str]:
        """Return what says who we are, fresh where it had expired; raises SourceFault."""
        from google.auth.transport.requests import Request

        # Stored compressed, an object would be given expanded, and without ranges, to who does not take it as it is
        headers = {"Accept-Encoding": "gzip"}
        _called(self._home, lambda: self.client._credentials.before_request(Request(), "GET", self._home, headers))
        return headers


@cache
def _client(_environment: tuple[str | None, ...]) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
    from google.cloud import storage

    try:
        if os.environ.get("STORAGE_EMULATOR_HOST"):
            return storage.Client(project="none", credentials=AnonymousCredentials())
        return storage.Client(project=os.environ.get("GOOGLE_CLOUD_PROJECT", "none"))
    except DefaultCredentialsError as error:
        if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
            raise SourceFault("the file that GOOGLE_APPLICATION_CREDENTIALS names holds no credentials") from error
        return storage.Client.create_anonymous_client()
    except (GoogleAuthError, OSError, ValueError) as error:
        raise SourceFault(f"the Google credentials cannot be used: {type(error).__name__}") from error


def _confine(session: Any) -> None:
    """Let a session hold no more than a listing needs in memory, follow nobody, and send nothing of ~/.netrc."""
    from requests.adapters import HTTPAdapter

    class Bounded(HTTPAdapter):  # type: ignore[misc]
        def send(self, *arguments: Any, **options: Any) -> Any:
            answer = super().send(*arguments, **options)
            answer.raw = BoundedBody(answer.raw)
            return answer

    session.max_redirects = 0  # the API has no redirects; one would lead who knows where, unseen by `sources.web`
    if session.auth is None:
        session.auth = _as_it_is
        for scheme in ("https://", "http://"):
            session.mount(scheme, Bounded())


def _as_it_is(request: Any) -> Any:
    return request


def _called(where: str, call: Callable[[], _Answer]) -> _Answer:
    """Make one call; raises SourceFault, and Passing where another try may help."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException, TooManyRedirects

    try:
        return call()
    except GoogleAPICallError as error:
        refused = GcsRefused(where, int(error.code or 0))
        raise Passing(refused) if refused.status in AGAIN else refused from error
    except GoogleAuthError as error:
        raise SourceFault(f"the Google credentials cannot be used: {type(error).__name__}") from error
    except TooManyRedirects as error:
        raise SourceFault(f"{printable(where, 200)}: redirected elsewhere, which is not followed") from error
    except RequestException as error:
        raise Passing(SourceFault(f"{printable(where, 200)}: no connection ({type(error).__name__})")) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SourceFault(f"{printable(where, 200)}: the answer does not follow the protocol") from error


TIMEOUTS = (TIMEOUT.connect_timeout, TIMEOUT.read_timeout)
