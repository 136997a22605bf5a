"""Logs of the fleet: one JSON object a line on standard error, with job, chunk and unit, and without secrets.

On a terminal the same is said for people. Records of the standard library's `logging` (Celery, kombu, redis) go the
same way, so that none of them says what ours may not.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import TextIO
from urllib.parse import quote, unquote, urlsplit

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.processors import JSONRenderer
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import EventDict, Processor

from modelsweep.core.text import printable, redact

LEVEL_VARIABLE = "MODELSWEEP_LOG_LEVEL"
LEVELS = ("debug", "info", "warning", "error")
TALKATIVE = ("celery", "kombu", "amqp")
"""Libraries that say at each level what we would at the one below."""
FIRST = ("time", "level", "logger", "event", "job", "chunk", "unit")
HIDDEN = "[redacted]"
TEXT_LENGTH = 2000
"""Characters of one value, longer ones are cut."""
MOST_ITEMS = 100
"""Items of one collection."""
DEEPEST = 6
"""Collections inside collections; below that, only that there is more."""
SHORTEST_SECRET = 6
"""Characters: hiding every `a` because a password is `a` would hide the log, and tell the password."""
# Names whose values are hidden. A bare `key` is not among them: it is the name of an object in a bucket.
_SECRET_NAME = re.compile(
    r"(?i)passw(or)?d|passphrase|secret|token|credential|cookie|authori[sz]ation|signature"
    r"|(?:api|access|private|signing|account|modelsweep|hmac|encryption)[_-]?key"
)
# The password is all that stands between the first colon behind the scheme and the last @ before the next space: people
# forget to encode slashes and ats.
_URL_PASSWORD = re.compile(r"(?i)(?P<before>\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@'\"]{0,100}:)[^\s'\"]{0,1000}(?=@)")
# Services of the web take a token in place of the user.
_URL_USER = re.compile(r"(?i)(?P<before>\bhttps?://)[^\s:/@'\"]{1,1000}(?=@)")
_PARAMETER = re.compile(
    r"(?i)(?P<before>[?&;](?:[a-z0-9_.-]{0,64}(?:signature|credential|token|secret|password|api_?key|accesskeyid)|sig|key)=)"
    r"[^&;\s'\"#]+"
)
_PATTERNS = (_URL_PASSWORD, _URL_USER, _PARAMETER)

_SHARED: list[Processor] = [
    merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
]
# Where nobody configured logging, Python would write warnings to standard error, and nobody would have cleaned them.
logging.getLogger("modelsweep").addHandler(logging.NullHandler())

bound: Callable[..., AbstractContextManager[object]] = bound_contextvars
"""`with bound(job=..., chunk=..., unit=...)`: every line that this thread logs meanwhile carries these."""


class UnknownLevel(ValueError):
    """The message names the level, and those that exist."""


def logger(name: str) -> BoundLogger:
    """Return the logger of a module: `log.info("chunk done", units=64)`. Until `configure` it says nothing.

    What structlog is configured to in this process, which may be somebody else's, plays no part.
    """
    ours: BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=BoundLogger,
        context_class=dict,
        cache_logger_on_first_use=False,
    )
    return ours


def configure(
    level: str = "",
    stream: TextIO | None = None,
    *,
    console: bool | None = None,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Send all logs of this process to `stream` (standard error), as JSON unless it is a terminal.

    `level` comes from the flag, else from MODELSWEEP_LOG_LEVEL, else it is `info`. Secrets in the values of
    `environment` are hidden wherever they appear. Raises UnknownLevel.
    """
    stream = stream or sys.stderr
    number = _number(level or environment.get(LEVEL_VARIABLE, "") or "info")
    clean = Cleaner(secrets_of(environment))
    people = stream.isatty() if console is None else console
    rendering: list[Processor] = [_join_lines, _for_people(stream)] if people else [_in_order, JSONRenderer()]
    last: list[Processor] = [ProcessorFormatter.remove_processors_meta, _exceptions, clean, *rendering]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ProcessorFormatter(processors=last, foreign_pre_chain=_SHARED))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(number + 10)


def _in_order(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Put first what readers look for first."""
    return {name: event[name] for name in FIRST if name in event} | dict(event)


def _number(level: str) -> int:
    if level.lower() not in LEVELS:
        raise UnknownLevel(f"{level!r} is not a log level: choose from {', '.join(LEVELS)}")
    return logging.getLevelNamesMapping()[level.upper()]


def _for_people(stream: TextIO) -> Processor:
    return structlog.dev.ConsoleRenderer(colors=stream.isatty(), timestamp_key="time")


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what must appear nowhere: values of variables with such a name, and passwords of URLs, longest first."""
    found: set[str] = set()
    for name, value in environment.items():
        if _SECRET_NAME.search(name):
            found.add(value)
        found.update(_passwords(value))
    spelled = {spelling for secret in found for spelling in (secret, quote(secret, safe=""), unquote(secret))}
    return tuple(sorted((text for text in spelled if len(text) >= SHORTEST_SECRET), key=len, reverse=True))


def _passwords(value: str) -> Iterable[str]:
    """Yield the password of a URL, and what a sloppy one has in its place."""
    if "://" not in value:
        return
    for match in _URL_PASSWORD.finditer(value):
        yield match[0][len(match["before"]) :]
    try:
        yield urlsplit(value).password or ""
    except ValueError:  # no address that anybody could use
        return


class Cleaner:
    """The processor that hides secrets in every value, and escapes what would rewrite a terminal or split a line."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self._secrets = re.compile("|".join(map(re.escape, secrets))) if secrets else None

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        return {self.text(str(name)): self._named(str(name), value, 0) for name, value in event.items()}

    def text(self, text: str) -> str:
        """Return `text` without secrets and control characters, and not too long."""
        if self._secrets is not None:
            text = self._secrets.sub(HIDDEN, text)
        text = _cut(text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\g<before>{HIDDEN}", text)
        return printable(redact(text), TEXT_LENGTH)

    def _named(self, name: str, value: object, depth: int) -> object:
        if value and _SECRET_NAME.search(name):
            return HIDDEN
        return self._value(value, depth)

    def _value(self, value: object, depth: int) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            return self._collection(value, depth + 1) if depth < DEEPEST else "…"
        if isinstance(value, bytes | bytearray):
            return self.text(bytes(value[:TEXT_LENGTH]).decode("utf-8", "backslashreplace"))
        return self.text(_said(value))

    def _collection(self, value: Mapping[object, object] | Iterable[object], depth: int) -> object:
        if isinstance(value, Mapping):
            items = list(value.items())[:MOST_ITEMS]
            return {self.text(str(name)): self._named(str(name), item, depth) for name, item in items}
        ordered = sorted(value, key=repr) if isinstance(value, set | frozenset) else list(value)
        return [self._value(item, depth) for item in ordered[:MOST_ITEMS]]


def _cut(text: str) -> str:
    """Return what of `text` is worth searching: the patterns below take longer than in proportion.

    A URL that the cut would part from its @ goes altogether, since its password could not be told any more.
    """
    if len(text) <= 2 * TEXT_LENGTH:
        return text
    kept, _, torn = text[: 2 * TEXT_LENGTH].rpartition(" ")
    return f"{kept} {HIDDEN if '://' in torn else torn}".lstrip()


def _said(value: object) -> str:
    """Return what a value says of itself; one that cannot must not end the worker that logs it."""
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - str() of foreign objects may raise anything
        return f"<{type(value).__name__} that raises {type(error).__name__}>"


def _exceptions(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by `exception`: the lines of the traceback, each a value of its own to be cleaned."""
    info = event.pop("exc_info", None)
    if info:
        event["exception"] = _traceback(info).splitlines()[-MOST_ITEMS:]
    return event


def _traceback(info: object) -> str:
    if isinstance(info, BaseException):
        return "".join(traceback.format_exception(info))
    if isinstance(info, tuple):
        return "".join(traceback.format_exception(*info))
    return traceback.format_exc()


def _join_lines(_logger: object, _method: str, event: MutableMapping[str, object]) -> EventDict:
    """Let a traceback stand below its line, where people read: each of its lines is clean by now."""
    lines = event.get("exception")
    if isinstance(lines, list):
        event["exception"] = "\n".join(map(str, lines))
    return dict(event)
