"""HTTP as all sources use it: what is asked for again, where a redirect may lead, and who gets to see a token.

- Answers 429, 500, 502, 503 and 504, and broken connections, are asked for again with growing, random pauses;
  `Retry-After` is honoured.
- A body that breaks off goes on from where it broke; one that drips slower than `SLOWEST` is given up.
- A redirect takes no credentials to another host, does not leave https, and does not lead to a private address, which
  is looked at once connected (names may resolve otherwise the second time), unless MODELSWEEP_ALLOW_PRIVATE says so.

https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from typing import Any, BinaryIO
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from modelsweep.core.reader import ContentChanged, SourceFault
from modelsweep.core.text import printable
from modelsweep.core.units import KIB, MIB, format_size
from modelsweep.core.values import dataclass, field
from modelsweep.core.version import VERSION
from sources.connections import PrivateAddress, request
from sources.politeness import Host, politeness
from sources.retrying import AGAIN, LONGEST_PAUSE, TRIES, pauses, retry_after, time_of, wait

HOPS = 10
"""Redirects that are followed."""
SLOWEST = 4 * KIB
"""Bytes per second below which a body, after a minute, is given up."""
PATIENCE = 60.0
SETTLED = 60.0
"""Seconds that an object must have been left alone for its ETag to tell it from the next."""
PIECE = 256 * KIB
DOCUMENT = 64 * MIB
"""Bytes of a document (a listing, a manifest) at most."""
_CODE = re.compile(rb'<Code>([A-Za-z]{1,60})</Code>|"error_code"\s*:\s*"([A-Z_]{1,60})"')
_REDIRECTS = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)


class Refused(SourceFault):
    """The server answered with a status that is no success; `status` is its number, `code` what an error of S3 says."""

    def __init__(self, status: int, url: str, headers: Mapping[str, str] | None = None, code: str = "") -> None:
        self.status, self.headers, self.code = status, headers or {}, code
        super().__init__(f"{shown(url)} answered {status} {_phrase(status)}")


class NoJson(SourceFault):
    """The answer is not JSON, or nested deeper than anything is."""


class RangesIgnored(SourceFault):
    """The server answers a request for a range with everything."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def shown(url: str) -> str:
    """Return `url` for people: without user, password, query and fragment, which may hold signatures."""
    parts = urlsplit(url)
    return printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", 200)


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: where it came from in the end, its status and headers, and the body to be read once."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: urllib3.BaseHTTPResponse


@dataclass(slots=True)
class Expected:
    """What all answers about an object say, or nothing of: its ETag, and how many bytes it has (-1: any number).

    Where it `learns`, the first ETag that is given is that of all answers behind it, if the object was left alone for
    a while before: some servers make a copy for each answer, and an ETag of that.
    """

    etag: str = ""
    size: int = -1
    learns: bool = False

    @property
    def condition(self) -> Mapping[str, str]:
        """The header that asks for this version only; a weak ETag never matches (RFC 9110, section 13.1.1)."""
        return {"If-Match": self.etag} if self.etag and not self.etag.startswith("W/") else {}

    def check(self, answer: Answer) -> None:
        """Raise ContentChanged where an answer is about another version: servers need not know conditions."""
        etag = answer.headers.get("ETag", "")
        if self.etag and etag and _bare(etag) != _bare(self.etag):
            raise ContentChanged("the object was replaced after it was listed")
        total = answer.headers.get("Content-Range", "").rpartition("/")[2]
        if self.size >= 0 and total.isascii() and total.isdecimal() and int(total[:20]) != self.size:
            raise ContentChanged(f"the object has {int(total[:20]):,} bytes, and had {self.size:,} when it was listed")
        if self.learns and etag and was_left_alone(answer.headers):
            self.etag = etag


@dataclass(slots=True)
class Trail:
    """Where the redirects from an address led to, at another host: a signed link that holds for a while."""

    end: str = ""


@dataclass(frozen=True, slots=True)
class Web:
    """Makes requests; `credentials` are headers that only the host that a request begins at gets to see.

    With `public_only` that host must have a public address, too: somebody else than the user has named it.
    """

    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    public_only: bool = False
    conditional: bool = True
    """Whether to send conditions (If-Match); elsewhere only the versions of what comes are compared."""
    authorities: str = ""
    """A file of certificates to believe, as the store's client has it; else REQUESTS_CA_BUNDLE or the system says."""

    def json(self, url: str, headers: Mapping[str, str] | None = None) -> tuple[Any, Mapping[str, str]]:
        """Return the JSON document at `url`, and the headers of the answer; raises SourceFault, Refused."""
        import json

        data, found = self.document(url, headers)
        try:
            return json.loads(data), found
        except (ValueError, RecursionError) as error:
            raise NoJson(f"{shown(url)} did not answer with JSON") from error

    def document(self, url: str, headers: Mapping[str, str] | None = None) -> tuple[bytes, Mapping[str, str]]:
        """Return a document of at most `DOCUMENT` bytes, and the headers of its answer; raises SourceFault."""
        fault = ""
        for seconds in pauses():
            with self.get(url, headers) as answer:
                try:
                    return _whole(answer), answer.headers
                except HTTPError as error:
                    fault = _reason(error)
            time.sleep(seconds)
        raise SourceFault(f"{shown(url)} broke off: {fault}")

    def head(self, url: str, headers: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Return the headers that a request for `url` is answered with; raises SourceFault, Refused."""
        with self._answered("HEAD", url, headers or {}) as answer:
            return answer.headers

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
        """Yield the answer to a request for `url`, redirects followed; raises SourceFault, Refused."""
        with self._answered("GET", url, headers or {}) as answer:
            yield answer

    def range(
        self, url: str, offset: int, length: int, expected: Expected | None = None, trail: Trail | None = None
    ) -> bytes:
        """Return exactly `length` bytes at `offset` of what `url` stands for, of the version that is expected.

        Where a `trail` is given, it learns where redirects led to, and is followed from its end the next time.
        Raises SourceFault, ContentChanged, RangesIgnored.
        """
        received = bytearray()
        begun, vain, fault = time.monotonic(), 0, ""
        while len(received) < length and vain < TRIES:
            before = len(received)
            try:
                self._continue(url, offset, length, expected or Expected(), received, trail or Trail())
            except HTTPError as error:
                fault = f"{shown(url)} broke off after {format_size(offset + len(received))}: {_reason(error)}"
            else:
                fault = f"{shown(url)} gave {len(received):,} of {length:,} bytes at offset {offset:,}"
            vain = 0 if len(received) > before else vain + 1
            taken = time.monotonic() - begun
            if len(received) < length and taken > PATIENCE and len(received) < taken * SLOWEST:
                raise SourceFault(f"{shown(url)} gives less than {format_size(SLOWEST)} a second")
            if vain:
                wait(vain)
        if len(received) < length:
            raise SourceFault(fault)
        return bytes(received)

    def _continue(
        self, url: str, offset: int, length: int, expected: Expected, received: bytearray, trail: Trail
    ) -> None:
        """Ask for the rest of a range, and add what comes to `received`; raises HTTPError where it breaks off."""
        start = offset + len(received)
        headers = {"Range": f"bytes={start}-{offset + length - 1}", "Accept-Encoding": "identity"}
        if self.conditional:
            headers |= expected.condition
        with self._shortest(url, headers, trail) as answer:
            expected.check(answer)
            if answer.status != HTTPStatus.PARTIAL_CONTENT:
                if start or int(answer.headers.get("Content-Length", -1)) != length:
                    raise RangesIgnored(f"{shown(url)} does not give ranges")
            elif _first_byte(answer) != start:
                raise SourceFault(f"{shown(url)} gave another range than the one asked for")
            _take(answer, length - len(received), received)

    @contextmanager
    def _shortest(self, url: str, headers: Mapping[str, str], trail: Trail) -> Iterator[Answer]:
        """Yield the answer from where `trail` ends, or from its beginning where that is not given any more."""
        with ExitStack() as stack:
            answer = None
            if trail.end:
                try:
                    # No host of ours: it sees no credentials, and may not be a private one
                    answer = stack.enter_context(self._tried("GET", trail.end, url, headers))
                except Refused:
                    trail.end = ""
            if answer is None or answer.status in _REDIRECTS:
                answer = stack.enter_context(self.get(url, headers))
                trail.end = answer.url if host_of(answer.url) != host_of(url) else ""
            yield answer

    def copy(self, url: str, size: int, file: BinaryIO, expected: Expected | None = None) -> None:
        """Write all `size` bytes behind `url` into `file`; raises SourceFault, also where there are more or less."""
        expected = expected or Expected()
        condition = expected.condition if self.conditional else {}
        with self.get(url, {"Accept-Encoding": "identity", **condition}) as answer:
            expected.check(answer)
            left = size
            try:
                while left and (piece := answer.body.read(min(PIECE, left))):
                    file.write(piece)
                    left -= len(piece)
                    politeness().received(len(piece))
                more = bool(left or answer.body.read(1))
            except HTTPError as error:
                raise SourceFault(f"{shown(url)} broke off: {_reason(error)}") from error
        if more:
            raise SourceFault(f"{shown(url)} gave more or less than the {size:,} bytes that it said")

    @contextmanager
    def _answered(self, method: str, url: str, headers: Mapping[str, str]) -> Iterator[Answer]:
        origin, place = url, url
        for _ in range(HOPS):
            with self._tried(method, place, origin, headers) as answer:
                if answer.status not in _REDIRECTS:
                    yield answer
                    return
                place = _followed(place, answer.headers["Location"])
        raise SourceFault(f"{shown(url)} redirects more than {HOPS} times")

    @contextmanager
    def _tried(self, method: str, url: str, origin: str, headers: Mapping[str, str]) -> Iterator[Answer]:
        """Yield a success or a redirect; what may pass is asked for again."""
        at_home = host_of(url) == host_of(origin)
        sent = {"User-Agent": f"modelsweep/{VERSION}", **headers, **(self.credentials if at_home else {})}
        host = politeness().host(host_of(url))
        fault: SourceFault = SourceFault(f"{shown(url)}: no answer")
        for seconds in pauses():
            with host.request():
                answer = _asked(method, url, sent, at_home and not self.public_only, self.authorities)
                if isinstance(answer, SourceFault):
                    fault = answer
                else:
                    try:
                        if answer.status not in AGAIN:
                            _check_status(answer, url)
                            yield answer
                            return
                        fault = Refused(answer.status, url)
                        _obey(answer, host, fault)
                    finally:
                        _finish(answer.body)
            time.sleep(seconds)
        raise fault


def _asked(method: str, url: str, headers: Mapping[str, str], private: bool, authorities: str) -> Answer | SourceFault:
    """Make one request; returns a fault that another try may not have, raises one that it will."""
    try:
        body = request(method, url, headers, private=private, authorities=authorities)
    except PrivateAddress as error:
        raise SourceFault(str(error)) from error
    except (HTTPError, ValueError) as error:
        return SourceFault(f"{shown(url)} cannot be reached: {_reason(error)}")
    return Answer(url, body.status, body.headers, body)


def _finish(body: urllib3.BaseHTTPResponse) -> None:
    """Give the connection back, or close it where a rest would have to be read for nothing."""
    if body.length_remaining:
        body.close()
    else:
        body.drain_conn()
        body.release_conn()


def _check_status(answer: Answer, url: str) -> None:
    if answer.status == HTTPStatus.PRECONDITION_FAILED:
        raise ContentChanged("the object was replaced after it was listed")
    if answer.status >= HTTPStatus.BAD_REQUEST or (answer.status in _REDIRECTS and "Location" not in answer.headers):
        raise Refused(answer.status, url, answer.headers, _error_code(answer))


def _error_code(answer: Answer) -> str:
    """Return the code in an answer such as `<Error><Code>ExpiredToken</Code>`, `{"error_code": "X"}`, or nothing."""
    try:
        start = answer.body.read1(KIB)
    except HTTPError:
        return ""
    found = _CODE.search(start)
    return (found[1] or found[2]).decode() if found else ""


def was_left_alone(headers: Mapping[str, str]) -> bool:
    """Return whether an object was last written `SETTLED` seconds or more before an answer, both by its server."""
    written = time_of(headers.get("Last-Modified", ""))
    return bool(written) and time_of(headers.get("Date", "")) - written >= SETTLED


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def _first_byte(answer: Answer) -> int:
    """Return where the range of an answer begins (RFC 9110, section 14.4), -1 where it does not say."""
    unit, _, rest = answer.headers.get("Content-Range", "").partition(" ")
    first = rest.partition("-")[0]
    return int(first) if unit == "bytes" and first.isascii() and first.isdecimal() else -1


def _take(answer: Answer, wanted: int, received: bytearray) -> None:
    """Add up to `wanted` bytes of a body to `received`; raises SourceFault where more come, or too slowly."""
    begun, got, polite = time.monotonic(), 0, politeness()
    while got < wanted:
        # read1 gives what has arrived: a body that breaks off loses nothing, one that drips is noticed
        piece = answer.body.read1(min(PIECE, wanted - got))
        if not piece:
            return
        received += piece
        got += len(piece)
        polite.received(len(piece))
        taken = time.monotonic() - begun
        if taken > PATIENCE and got < taken * SLOWEST:
            raise SourceFault(f"{shown(answer.url)} gives less than {format_size(SLOWEST)} a second")


def _whole(answer: Answer) -> bytes:
    received = bytearray()
    _take(answer, DOCUMENT + 1, received)
    if len(received) > DOCUMENT:
        raise SourceFault(f"{shown(answer.url)} is larger than {format_size(DOCUMENT)}")
    return bytes(received)


class BoundedBody:
    """A body as clients of clouds read it, whole and expanded: no more than `DOCUMENT` bytes, else a SourceFault."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def stream(self, *arguments: Any, **options: Any) -> Iterator[bytes]:
        """Yield the body piece by piece; raises SourceFault."""
        got = 0
        for piece in self._body.stream(*arguments, **options):
            got += len(piece)
            if got > DOCUMENT:
                raise SourceFault(f"the answer is larger than {format_size(DOCUMENT)}")
            yield piece


def _followed(place: str, location: str) -> str:
    """Return where a redirect leads; raises SourceFault where that is no place to follow it to."""
    target = urljoin(place, location)
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or (urlsplit(place).scheme == "https" and parts.scheme != "https"):
        raise SourceFault(f"{shown(place)} redirects to an address that is not followed: {shown(target)}")
    return target


def host_of(url: str) -> str:
    """Return scheme, host and port of `url`: who gets to see credentials."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _obey(answer: Answer, host: Host, fault: SourceFault) -> None:
    """Let no request go to the host before the time that it asks for; raises `fault` where that is too long."""
    seconds = retry_after(answer.headers.get("Retry-After", ""))
    if seconds > LONGEST_PAUSE:
        raise fault
    if seconds:
        host.pace.defer(seconds)


def _reason(error: Exception) -> str:
    """Return what went wrong on the way, without the objects that urllib3 names."""
    cause = error.__cause__ or (error.args[1] if len(error.args) > 1 and isinstance(error.args[1], Exception) else None)
    text = str(cause or error)
    return printable(text.rpartition(": ")[2] or type(error).__name__, 120)
