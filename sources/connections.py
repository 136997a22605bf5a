"""Connections to servers of HTTP: whom may be spoken with, by which proxy, whom to believe, and how long headers take.

An address is looked at once connected, before a byte is sent: a name may resolve otherwise the second time.
"""

from __future__ import annotations

import io
import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from functools import cache
from http.client import HTTPResponse
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout, make_headers

from modelsweep.core.reader import SourceFault
from modelsweep.core.text import printable

ALLOW_PRIVATE = "MODELSWEEP_ALLOW_PRIVATE"
AUTHORITIES = "REQUESTS_CA_BUNDLE"
"""Environment variable of a file of certificates, which the clients of Google, the Hub and MLflow know too."""
TIMEOUT = Timeout(connect=20, read=60)
PATIENCE = 60.0
"""Seconds in which all headers of an answer have to come."""
# What is stored compressed (Content-Encoding) is read as it is stored: that is what sizes, ranges and digests are of.
_AS_IT_IS: dict[str, Any] = {
    "preload_content": False,
    "decode_content": False,
    "redirect": False,
    "retries": False,
    "timeout": TIMEOUT,
}


def request(
    method: str, url: str, headers: Mapping[str, str], *, private: bool, authorities: str, body: bytes | None = None
) -> urllib3.BaseHTTPResponse:
    """Make one request, and return the answer with its body to be read.

    `private` says that the host may have a private address, `authorities` is a file of certificates to believe. Raises
    PrivateAddress, HTTPError, ValueError for what is no address, and SourceFault where the file cannot be used.
    """
    proxied = _proxy(url)
    allowed = bool(os.environ.get(ALLOW_PRIVATE))
    manager = _manager(private, allowed, proxied, authorities or os.environ.get(AUTHORITIES, ""))
    try:
        if not proxied:
            # A manager would resolve the dots of `bucket/a/../key`, which is a key like any other
            pool = manager.connection_from_url(url)
            return pool.urlopen(method, _path(url), body, headers=dict(headers), **_AS_IT_IS)
        # A proxy resolves names itself; addresses are looked at here
        if not allowed and (address := _address(urlsplit(url).hostname or "")):
            (_of_the_user if private else _of_anybody)(address)
        return manager.request(method, url, body=body, headers=dict(headers), **_AS_IT_IS)
    except HTTPError as error:
        if isinstance(error.__cause__, PrivateAddress):
            raise error.__cause__ from error
        raise


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


class PrivateAddress(Exception):
    """An address that is not to be read from."""


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _of_anybody(address: Address) -> None:
    """Raise PrivateAddress where somebody else than the user led to an address that is not public."""
    if not address.is_global or address.is_multicast:
        raise PrivateAddress(
            f"a redirect or answer leads to {address}, which is not a public address ({ALLOW_PRIVATE}=1 allows it)"
        )


def _of_the_user(address: Address) -> None:
    """Raise PrivateAddress for link-local addresses, where clouds hand out credentials and nobody keeps models.

    Users name them hardly ever, files that they did not write (`.dvc/config`) may.
    """
    if address.is_link_local:
        raise PrivateAddress(f"{address} is a link-local address, which is not read ({ALLOW_PRIVATE}=1 allows it)")


def _address(text: str) -> Address | None:
    """Return the address that is written as `text`, that of IPv4 within one of IPv6; None where it is a name."""
    try:
        found = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


class _Timed(io.RawIOBase):
    """What `raw` receives from a socket, until `deadline` (monotonic), where there is one."""

    def __init__(self, raw: io.RawIOBase, peer: socket.socket) -> None:
        self._raw, self._peer, self._patience = raw, peer, peer.gettimeout()
        self.deadline = time.monotonic() + PATIENCE

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Receive; raises TimeoutError where that takes too long, as the socket does."""
        if self.deadline:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no whole answer after {PATIENCE:.0f} seconds")
            self._peer.settimeout(min(left, self._patience or left))
        return self._raw.readinto(buffer)

    def end_of_headers(self) -> None:
        """Leave what follows to whoever reads the body."""
        self.deadline = 0.0
        self._peer.settimeout(self._patience)

    def close(self) -> None:
        """Close what is below, which the socket counts."""
        self._raw.close()
        super().close()


class _InTime(HTTPResponse):
    """An answer whose headers come within `PATIENCE`: a byte now and then would keep us for ever."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self._timed = _Timed(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._timed)

    def begin(self) -> None:
        """Read status and headers; raises TimeoutError."""
        super().begin()
        self._timed.end_of_headers()


def _guarded(check: Callable[[Address], None]) -> type[urllib3.PoolManager]:
    """Return connections that `check` looks at once they are made, before a byte is sent.

    So a name that resolves otherwise the second time gains nothing: what counts is whom we speak with.
    """

    class Guard:
        def _new_conn(self) -> Any:
            sock = super()._new_conn()  # type: ignore[misc]
            try:
                address = _address(sock.getpeername()[0])
                if address is not None:
                    check(address)
            except PrivateAddress:
                sock.close()
                raise
            return sock

    class Plain(Guard, HTTPConnection):
        response_class = _InTime

    class Secure(Guard, HTTPSConnection):
        response_class = _InTime

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    class Manager(urllib3.PoolManager):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    return Manager


def _of_all(address: Address) -> None:
    pass


_Public, _Named, _All = _guarded(_of_anybody), _guarded(_of_the_user), _guarded(_of_all)


@cache
def _manager(private: bool, allowed: bool, proxy: str, authorities: str) -> urllib3.PoolManager:
    """Return the connections to hosts that may be `private`, or may not unless all are `allowed`.

    Raises SourceFault where the file of `authorities` (a folder, too) cannot be used.
    """
    folder = os.path.isdir(authorities)
    try:
        context = ssl.create_default_context(
            cafile=authorities if authorities and not folder else None, capath=authorities if folder else None
        )
    except OSError as error:  # ssl.SSLError is one
        raise SourceFault(f"{printable(authorities, 200)}: no file of certificates ({type(error).__name__})") from error
    options: dict[str, Any] = {"num_pools": 32, "maxsize": 32, "ssl_context": context}
    if proxy:
        user = unquote(urlsplit(proxy).netloc.rpartition("@")[0])
        found = urllib3.ProxyManager(proxy, proxy_headers=make_headers(proxy_basic_auth=user or None), **options)
        found.pool_classes_by_scheme = _All().pool_classes_by_scheme
        return found
    if allowed:
        return _All(**options)
    return _Named(**options) if private else _Public(**options)


def _proxy(url: str) -> str:
    """Return the proxy that the environment names for `url`, or nothing."""
    parts = urlsplit(url)
    proxies = getproxies()
    if not proxies or proxy_bypass(parts.hostname or ""):
        return ""
    return proxies.get(parts.scheme, "")
