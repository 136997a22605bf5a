"""The client of S3 and R2: who we are, whom we ask, and what its errors mean to people.

Who we are is what boto3's chain finds: keys in the environment, a role of the pod, task or machine; where it finds
nothing, requests are not signed, which public buckets allow. Addresses to read from are signed here and read by
`sources.web`, as those of all sources.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NoReturn, TypeVar

from modelsweep.core.reader import SourceFault
from modelsweep.core.text import printable
from modelsweep.core.version import VERSION
from sources.calls import Passing, asked
from sources.connections import TIMEOUT
from sources.retrying import AGAIN
from sources.web import BoundedBody, host_of

ENVIRONMENT = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_PROFILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_REQUEST_PAYER",
    "AWS_CA_BUNDLE",
)
"""What the environment may say; AWS_REQUEST_PAYER=requester reads buckets at our own cost, as GDAL has it."""
SIGNED_FOR = 3600
"""Seconds that a signed address holds; each range gets a fresh one."""
_PASSING = frozenset(
    {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling", "TooManyRequests"}
)
_ELSEWHERE = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError"})
_SENTENCES = {
    "AccessDenied": "access denied: these credentials lack a permission that docs/sources.md names",
    "AllAccessDisabled": "access denied: the owner has closed the bucket",
    "ExpiredToken": "the credentials have expired",
    "TokenRefreshRequired": "the credentials have expired",
    "InvalidToken": "AWS_SESSION_TOKEN is not a valid token",
    "InvalidAccessKeyId": "AWS_ACCESS_KEY_ID is not known there",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID",
    "RequestTimeTooSkewed": "the clock of this machine is wrong",
    "NoSuchBucket": "there is no bucket of this name",
    "NoSuchKey": "there is no such object",
    "BadRequest": "refused: the credentials have expired, or there is no such version",
    "NoSuchVersion": "there is no such version of the object",
    "InvalidObjectState": "the object is archived and must be restored first",
    **dict.fromkeys(_ELSEWHERE, "the bucket lies in another region: set AWS_DEFAULT_REGION"),
}
# An answer to HEAD has no body, and so no code
_OF_STATUS = {400: "BadRequest", 401: "AccessDenied", 403: "AccessDenied", 404: "NoSuchKey", 301: "PermanentRedirect"}
_REGIONS: dict[str, str] = {}
"""Where buckets lie that are not where we thought."""
_Answer = TypeVar("_Answer")


class S3Refused(SourceFault):
    """S3 refuses; `code` is its word for it, `headers` those of its answer."""

    def __init__(self, where: str, code: str, headers: Mapping[str, str] | None = None) -> None:
        self.code, self.headers = code, headers or {}
        super().__init__(f"{printable(where, 200)}: {_SENTENCES.get(code) or f'refused with {printable(code, 60)}'}")


class S3:
    """One client of boto3 for a scheme, `s3` or `r2`, and the region of a bucket where that is known."""

    def __init__(self, scheme: str, bucket: str = "") -> None:
        if scheme == "r2" and not (os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL_S3")):
            raise SourceFault("r2:// addresses need AWS_ENDPOINT_URL: https://ACCOUNT.r2.cloudflarestorage.com")
        fallback = "auto" if scheme == "r2" else "us-east-1"
        self._client = _client(_REGIONS.get(bucket, ""), fallback, tuple(map(os.environ.get, ENVIRONMENT)))
        self._host = host_of(self._client.meta.endpoint_url)
        payer = os.environ.get("AWS_REQUEST_PAYER")
        self._payer = {"RequestPayer": payer} if payer else {}
        self.headers = {"x-amz-request-payer": payer} if payer else {}
        """What is signed in addresses, and sent along."""
        self.authorities = os.environ.get("AWS_CA_BUNDLE", "")
        """A file of certificates to believe, as botocore has it."""

    def ask(self, where: str, operation: str, **parameters: Any) -> Any:
        """Return the answer to one request about `where`, an address for people; raises SourceFault, S3Refused."""
        payer = {} if operation == "head_bucket" else self._payer
        call = getattr(self._client, operation)
        return asked(self._host, lambda: _called(where, call, {**parameters, **payer}))

    def url(self, where: str, **parameters: Any) -> str:
        """Return a signed address to GET an object at; raises SourceFault."""
        sign: Callable[..., str] = self._client.generate_presigned_url
        arguments = {"ClientMethod": "get_object", "Params": {**parameters, **self._payer}, "ExpiresIn": SIGNED_FOR}
        return _called(where, sign, arguments)

    def find_region(self, bucket: str) -> None:
        """Ask where a bucket lies, for all clients that are made for it from now on; raises SourceFault."""
        try:
            headers = self.ask(bucket, "head_bucket", Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
        except S3Refused as refused:
            headers = refused.headers
        if region := headers.get("x-amz-bucket-region", ""):
            _REGIONS[bucket] = region


def is_elsewhere(code: str) -> bool:
    """Return whether an error says that the bucket lies in another region."""
    return code in _ELSEWHERE


@cache
def _client(region: str, fallback: str, _environment: tuple[str | None, ...]) -> Any:
    """Return the client for a region, or that of the environment, which boto3 reads by itself (all but AWS_REGION)."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    session = boto3.session.Session()
    config = Config(
        region_name=region or os.environ.get("AWS_REGION") or session.region_name or fallback,
        signature_version="s3v4" if session.get_credentials() else UNSIGNED,
        retries={"mode": "standard", "total_max_attempts": 1},  # `asked` asks again
        connect_timeout=TIMEOUT.connect_timeout,
        read_timeout=TIMEOUT.read_timeout,
        max_pool_connections=32,
        user_agent_extra=f"modelsweep/{VERSION}",
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = session.client("s3", config=config)
    client._endpoint.http_session = _Bounded(client._endpoint.http_session)
    return client


class _Bounded:
    """Sends requests as botocore's own session does, but holds no more of an answer than a listing needs."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def send(self, request: Any) -> Any:
        """Return the answer to a request, whose body is read where it is asked for; raises SourceFault there."""
        request.stream_output = True  # else it is read here, however long it is
        answer = self._session.send(request)
        answer.raw = BoundedBody(answer.raw)
        return answer


def _called(where: str, call: Callable[..., _Answer], arguments: Mapping[str, Any]) -> _Answer:
    """Make one call; raises SourceFault, and Passing where another try may help."""
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    try:
        return call(**arguments)
    except ClientError as error:
        _refuse(where, error.response)
    except (HTTPClientError, ConnectionError, HTTPError) as error:
        raise Passing(_unreachable(where, error)) from error
    except RecursionError as error:
        # botocore asks for the region of a bucket for ever where the answer is a redirect without one
        raise S3Refused(where, "PermanentRedirect") from error
    except (BotoCoreError, ResponseParserError, ValueError) as error:
        raise _unreachable(where, error) from error


def _refuse(where: str, answer: Mapping[str, Any]) -> NoReturn:
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(answer.get("Error", {}).get("Code", "")) or str(status)
    if code.isdecimal():
        code = _OF_STATUS.get(int(code), code)
    refused = S3Refused(where, code, answer.get("ResponseMetadata", {}).get("HTTPHeaders"))
    if status in AGAIN or code in _PASSING:
        raise Passing(refused)
    raise refused


def _unreachable(where: str, error: Exception) -> SourceFault:
    """Return what went wrong on the way, in the words of botocore, without signed addresses."""
    return SourceFault(f"{printable(where, 200)}: {printable(str(error).partition('?')[0], 200)}")
