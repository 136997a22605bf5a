"""Addresses that models have no use for: onion services, raw public addresses, tunnels, pastes, collectors, webhooks.

They are INFO and never change a verdict: the judges of pickles and Python decide what loading does with an address.
Ordinary addresses are not reported, and none in plain text, since data sets, logs and documentation are full of them.
"""

from __future__ import annotations

import re
from base64 import b32decode
from collections.abc import Iterator
from hashlib import sha3_256

from modelsweep.core.finding import Fact, Finding, Rule, Severity, Span
from modelsweep.core.scanner import RAW, Blob, Context, Item
from scanners import text
from scanners.detector import Detector

_FIX = "Find out what the address is for, and whether the file's author documents it."
SERVICE = Rule(
    id="network/suspicious-host",
    title="Address of a service that hides who receives the data",
    severity=Severity.INFO,
    confidence="medium",
    message="{subject}, {what}, appears at offset {offset}",
    why="Payloads fetch code from, and send data to, onion services, tunnels, paste sites, request collectors and chat "
    "webhooks, because nobody is named behind them. Weights and metadata rarely need one.",
    fix=_FIX,
    references=("https://attack.mitre.org/techniques/T1567/", "https://attack.mitre.org/techniques/T1102/"),
)
ADDRESS = Rule(
    id="network/raw-address",
    title="Public host addressed by number",
    severity=Severity.INFO,
    confidence="low",
    message="{subject} appears at offset {offset}",
    why="Publishers give their servers names. Bare numbers with a port or a path are what payloads call.",
    fix=_FIX,
    references=("https://attack.mitre.org/techniques/T1071/",),
)
MAX_SAMPLE = 100
"""Maximum places that are examined: data sets contain millions of addresses."""
CODE_SUFFIXES = frozenset({".py", ".sh", ".bash", ".ps1", ".bat", ".pth"})
"""Suffixes of text that is run, in which an address is more than a mention."""
_KINDS = (
    (r"[a-z2-7]{56}\.onion", "an onion service"),
    (r"(?:[\w-]+\.)*(?:ngrok\.(?:io|app|dev)|ngrok-free\.(?:app|dev)|trycloudflare\.com|serveo\.net)", "a tunnel"),
    (r"(?:[\w-]+\.)?(?:loca\.lt|localhost\.run|lhr\.life)", "a tunnel"),
    (
        r"(?:www\.)?(?:pastebin\.com|paste\.ee|hastebin\.com|ghostbin\.com|termbin\.com|transfer\.sh)",
        "a store of pastes",
    ),
    (r"(?:[\w-]+\.)*(?:webhook\.site|requestbin\.(?:com|net)|m\.pipedream\.net|requestcatcher\.com)", "a collector"),
    (r"(?:[\w-]+\.)*(?:interact\.sh|oast\.(?:pro|live|site|online|fun|me)|burpcollaborator\.net)", "a collector"),
    (r"(?:discord|discordapp)\.com(?=/api/webhooks/)|hooks\.slack\.com(?=/services/T)", "the webhook of a chat"),
    (r"api\.telegram\.org(?=/bot)", "the interface of chat bots"),
)
_NUMBERS = r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?=:\d{2,5}(?!\d)|/[\w.-])(?::\d{2,5})?"
_SCHEME = rb"(?i:https?|wss?|tcp|ftp|socks5h?)\Z"
_KNOWN = frozenset({"1.1.1.1", "1.2.3.4", "8.8.8.8", "8.8.4.4", "169.254.169.254"})
_PRIVATE = ("0.", "10.", "127.", "192.168.", "169.254.", "192.0.2.", "198.51.100.", "203.0.113.", "198.18.", "198.19.")


def confirm(blob: Blob, offset: int, _context: Context) -> Iterator[Item]:
    """Yield the address whose `://` is at `offset`, unless it is in plain text that nothing runs."""
    first = max(0, offset - 8)
    data = blob.reader.read(first, min(offset + 200, blob.size) - first)
    scheme = re.search(_SCHEME, data[: offset - first])
    address = data[offset - first + 3 :].decode("latin-1")
    found = _service(address) or _number(address)
    if scheme is None or found is None or _is_prose(blob):
        return
    rule, subject, what = found
    span = Span(first + scheme.start(), len(scheme[0]) + 3 + len(subject))
    yield Fact("url", f"{scheme[0].decode().lower()}://{subject}", blob.locator, span)
    yield Finding(rule, blob.locator, subject, span=span, evidence={"offset": span.offset, "what": what})


def _service(address: str) -> tuple[Rule, str, str] | None:
    for pattern, what in _KINDS:
        match = re.match(rf"(?i)(?:{pattern})(?![\w.-])", address)
        if match and (not match[0].endswith(".onion") or _is_onion(match[0])):
            return SERVICE, match[0].lower(), what
    return None


def _is_onion(host: str) -> bool:
    """Return whether the name of an onion service contains its checksum (rend-spec-v3, 6)."""
    raw = b32decode(host.partition(".")[0].upper())
    key, checksum, version = raw[:32], raw[32:34], raw[34:]
    return version == b"\x03" and sha3_256(b".onion checksum" + key + version).digest()[:2] == checksum


def _number(address: str) -> tuple[Rule, str, str] | None:
    match = re.match(_NUMBERS, address)
    if match is None or any(int(part) > 255 or str(int(part)) != part for part in match.groups()):
        return None
    host = ".".join(match.groups())
    first, second = int(match[1]), int(match[2])
    local = host.startswith(_PRIVATE) or first >= 224 or (first == 172 and 16 <= second < 32)
    shared = first == 100 and 64 <= second < 128
    return None if local or shared or host in _KNOWN else (ADDRESS, match[0], "")


def _is_prose(blob: Blob) -> bool:
    return blob.expect != RAW and blob.locator.suffix not in CODE_SUFFIXES and text.accepts(blob.with_head())


# By whole labels: to try every character of every address would be slow
_NAMES = (
    rb"(?:onion|ngrok|trycloudflare|serveo|loca\.lt|localhost\.run|lhr\.life|pastebin|paste\.ee|hastebin|ghostbin|termbin"
    rb"|transfer\.sh|webhook\.site|requestbin|pipedream|requestcatcher|interact\.sh|oast\.|burpcollaborator"
    rb"|discord(?:app)?\.com/api/|hooks\.slack|api\.telegram\.org/bot)"
)

DETECTOR = Detector(
    name="network",
    title="an address that models have no use for",
    version=4,
    patterns=(
        rb"://(?:(?:[A-Za-z0-9_-]{1,63}\.){0,3}" + _NAMES + rb"|[1-9][0-9]{0,2}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9])",
    ),
    confirm=confirm,
    rules=(SERVICE, ADDRESS),
    sample=MAX_SAMPLE,
)
