"""Passwords in the URLs of databases and servers (RFC 3986, 3.2.1), except placeholders of documentation."""

from __future__ import annotations

import re
from typing import NamedTuple

from scanners.parsing.credential_checks import FILLERS, is_random

_SCHEMES = {
    "postgres": "PostgreSQL",
    "postgresql": "PostgreSQL",
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "mongodb": "MongoDB",
    "mongodb+srv": "MongoDB",
    "redis": "Redis",
    "rediss": "Redis",
    "amqp": "AMQP",
    "amqps": "AMQP",
    "mssql": "SQL Server",
    "clickhouse": "ClickHouse",
    "ftp": "FTP",
    "http": "HTTP",
    "https": "HTTP",
    "ssh": "SSH",
}
_PAGES = frozenset({"FTP", "HTTP", "SSH"})
_SCHEME = rb"(?:^|[^A-Za-z0-9+.-])([a-z]{3,10}(?:\+[a-z0-9]{2,12})?)\Z"
_LOGIN = rb"://([A-Za-z0-9._%+-]{0,64}):([^\s:@/<>{}\[\]$\"'`\\*]{4,128})@([A-Za-z0-9.-]{1,200})"
_COMMON = (
    rb"(?i)pass.*|pwd.*|passwd|secret.*|root.*|admin.*|postgres|mysql|mongo.*|redis|guest|test.*|tiger|user.*|default"
    rb"|change.*|my.*|some.*|your.*|.*example.*|.*password.*|foo.*|bar|pw\w?|hunter2|xxx+|\.+|[0-9]{1,8}|s3cr3t|abc.*"
)
_NO_HOST = (
    rb"(?i)(?:127\..*|0\.0\.0\.0|host(?:name)?\..*|your.*|.*example.*|.*\.(?:local|test|invalid|localhost|internal)"
    rb"|[^.]+|x+\..*)"
)
_EXAMPLE = rb"(?i)127\..*|0\.0\.0\.0|your.*|.*example.*|.*\.(?:test|invalid|localhost)|localhost|x+\..*"
"""Hosts of examples, and the local machine, which is used for experiments."""


class Login(NamedTuple):
    """A password in `start:stop`; `sure` tells whether it varies like a well-chosen password."""

    title: str
    start: int
    stop: int
    password: bytes
    host: str
    sure: bool


def login_at(data: bytes, at: int) -> Login | None:
    """Return the login in the URL whose `://` is at `at`, or None if there is none, or only an example."""
    scheme, login = re.search(_SCHEME, data[max(0, at - 24) : at]), re.match(_LOGIN, data[at : at + 512])
    if scheme is None or login is None:
        return None
    name = scheme[1].decode()
    title = _SCHEMES.get(name) or _SCHEMES.get(name.partition("+")[0])
    user, password, host = login.groups()
    if title is None or re.fullmatch(_COMMON, password) or password.lower() == user.lower():
        return None
    if FILLERS.search(password) or len(set(password)) < 4:
        return None
    kinds = sum(re.search(kind, password) is not None for kind in (rb"[A-Z]", rb"[a-z]", rb"\d", rb"[^A-Za-z0-9]"))
    sure = len(password) >= 8 and kinds >= 2
    if re.fullmatch(_NO_HOST, host):  # an example, or a machine in a local network
        if kinds < 3 or len(password) < 8 or title in _PAGES:
            return None
        sure = is_random(password) and not re.fullmatch(_EXAMPLE, host)
    if title in _PAGES and not is_random(password):  # their addresses hold all sorts of things before an at sign
        return None
    return Login(
        f"{title} password", at - min(at, 24) + scheme.start(1), at + login.end(), password, host.decode(), sure
    )
