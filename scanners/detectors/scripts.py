"""Script payloads inside binary files: shell, PowerShell and Python in weights or padding, to be carved out later.

Text files and pickles are left to their scanners: documentation and source code legitimately contain such scripts.
Compressed data is skipped too: its content is examined separately, and compressors store text without repetitions
unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelsweep.core.finding import Fact, Finding, Rule, Severity, Span
from modelsweep.core.scanner import Blob, Context, Item
from modelsweep.core.text import printable
from scanners.detector import Detector

SCRIPT = Rule(
    id="script/embedded",
    title="Script hidden inside a binary file",
    severity=Severity.WARNING,
    confidence="medium",
    message="{subject} at offset {offset}: {text}",
    why="Weights hold numbers. A script among them is meant for a loader that extracts it and runs it.",
    fix="Look at the bytes at the offset. If one of your own tools stored source code there, allow the rule for this "
    "file.",
    cwe=506,
    references=("https://attack.mitre.org/techniques/T1027/009/",),
)
ATTACK = Rule(
    id="script/attack-command",
    title="Attack command hidden inside a binary file",
    severity=Severity.CRITICAL,
    message="{subject} at offset {offset}: {text}",
    why="It opens a shell to another machine, runs what it fetches over an unprotected connection, or steals keys. "
    "Among weights its only purpose is to be extracted and run.",
    fix="Do not load the file. Find out where it came from, and what reads these bytes.",
    cwe=506,
    references=("https://attack.mitre.org/techniques/T1059/004/", "https://attack.mitre.org/techniques/T1027/009/"),
)
_DATA_SUFFIXES = frozenset({".arrow", ".parquet", ".feather", ".tfrecord", ".db", ".sqlite", ".lance", ".bin.zst"})
"""Suffixes of data sets, which contain texts about anything."""
_SHEBANG = rb"#![ \t]*[\w./+-]+(?:[ \t]+[\w.=+/-]+){0,4}[ \t]*\r?\n\s*\S"
_POWERSHELL = (b"powershell", b"iex", b"invoke-expression", b"iwr", b"irm")
_UNIX = (
    b"/dev/",
    b"curl",
    b"wget",
    b" -e ",
    b"sh -i",
    b"sh <(",
    b"sh -c",
    b"base64 ",
    b"connect((",
    b"chmod ",
    b"rm -",
    b"<?php",
)
_COMMANDS = (*_UNIX, b"mshta", b"certutil", b"bitsadmin", b"regsvr32", b"rundll32")
"""Beginnings of commands that are reported only if they match an attack."""
_CALLS = (b"os.", b"io.")
"""Beginnings of calls that are reported only as statements, and not in data sets, which are full of programs."""
_CONNECTS = re.compile(r"\.connect\(\(\s*['\"]")
_SHELLS = re.compile(r"dup2\(|pty\.spawn|['\"/]sh['\"]|cmd\.exe|powershell")
MAX_BEFORE = 160
"""Maximum bytes before the nominated offset that may belong to the command."""
_MAX_STRAY = 2
"""Maximum letters after a command that may not belong to it: tag and length of the next field in Protocol Buffers."""
EXCERPT = 200
"""Bytes after the nominated offset that must read as text, and that the finding shows."""


def confirm(blob: Blob, offset: int, _context: Context) -> Iterator[Item]:
    """Yield the script at `offset` if at least one line of text follows."""
    data = blob.reader.read(offset, min(EXCERPT, blob.size - offset))
    text = re.match(rb"[\t\n\r\x20-\x7e]*", data)
    if text is None or not _reads_as_script(text[0]):
        return
    attack = _attack(blob, offset, text[0])
    is_data = blob.locator.suffix in _DATA_SUFFIXES
    if not attack and data[:16].lower().startswith(_COMMANDS):
        return
    if not attack and data.startswith(_CALLS) and (is_data or not _begins_statement(blob, offset)):
        return
    if not attack and _is_quoted(blob, offset, text[0]):
        return
    title = "command of attacks" if attack else _title(text[0])
    shown = printable(attack or text[0].decode("ascii"), 120)
    span = Span(offset, len(text[0]))
    yield Fact("script", title, blob.locator, span, {"text": shown})
    rule = ATTACK if attack and not is_data else SCRIPT
    yield Finding(rule, blob.locator, title, span=span, evidence={"offset": offset, "text": shown})


def _attack(blob: Blob, offset: int, text: bytes) -> str:
    """Return the attack command in the text around the nominated offset, or nothing."""
    from scanners.judge.attack_commands import hostile_command

    before = blob.reader.read(max(0, offset - MAX_BEFORE), min(MAX_BEFORE, offset))
    start = re.search(rb"[\t\n\r\x20-\x7e]*\Z", before)
    whole = ((start[0] if start else b"") + text).decode("ascii")
    if _CONNECTS.search(whole) and _SHELLS.search(whole):
        return whole
    lines = re.split(r"[\r\n]|\\[rnt]", whole)  # real line ends, and escaped ones of JSON
    cuts = (line[: len(line) - stray] for line in lines for stray in range(_MAX_STRAY + 1))
    return next((cut for cut in cuts if hostile_command().search(cut)), "")


def _begins_statement(blob: Blob, offset: int) -> bool:
    """Return whether the text at `offset` begins a line or is assigned, since prose mentions calls too."""
    before = blob.reader.read(max(0, offset - 8), min(8, offset))
    return re.search(rb"(?:\A|[^\x20-\x7e]|=)[ \t]*\Z", before) is not None


def _is_quoted(blob: Blob, offset: int, text: bytes) -> bool:
    """Return whether `text` begins with a span of code of Markdown, as prose for people and models has them."""
    return b"`" in text.splitlines()[0] and offset > 0 and blob.reader.read(offset - 1, 1) == b"`"


def _reads_as_script(text: bytes) -> bool:
    """Return whether `text` is code; a shell script needs a line with only its interpreter, and another line."""
    return not text.startswith(b"#!") or re.match(_SHEBANG, text) is not None


def _title(text: bytes) -> str:
    if text.startswith(b"#!"):
        return "script"
    if text.startswith((b"os.execute", b"io.popen")):
        return "Lua code"
    return "PowerShell command" if text.lower().startswith(_POWERSHELL) else "Python code"


_PATH = rb"[ \t]{0,2}/(?:usr/)?(?:local/)?bin/"
_SHELL = rb"(?:env[ \t]{1,2}(?:-S[ \t]{1,2})?)?(?:sh|bash|dash|zsh|ksh|ash|python|perl|pwsh|ruby|node|php)"
_FETCHED = rb"(?:download(?:string|data|file)|i(?:wr|rm)[ \t]|invoke-(?:webrequest|restmethod))"
_BASE64 = rb"['\x22]?[a-z0-9+/]{16}"
_LINE_END = rb"[ \t]{0,2}(?:[;\r\n]|\\[rn])(?:[ \t\r\n]|\\[rnt]){0,8}"  # as it stands, and as JSON writes it

DETECTOR = Detector(
    name="scripts",
    title="a script",
    version=14,
    patterns=(
        rb"#!" + _PATH + _SHELL,
        rb"(?i)powershell(?:\.exe)?['\x22]?[ \t][^\n\x00]{0,120}-e(?:nc|ncodedcommand)?[ \t]{1,4}" + _BASE64,
        rb"(?i)iex(?:[ \t(]{1,4})[^\n\x00]{0,60}" + _FETCHED,
        rb"(?i)invoke-expression(?:[ \t(]{1,4})[^\n\x00]{0,60}" + _FETCHED,
        rb"(?i)i(?:wr|rm) [^\n\x00]{4,160}\|[ \t]{0,2}i(?:ex|nvoke-expression)",
        rb"exec[ \t]{0,2}\([ \t]{0,2}(?:__import__|compile|base64|zlib|marshal|bytes\.fromhex|codecs)[ \t]{0,2}[.(]",
        rb"eval[ \t]{0,2}\([ \t]{0,2}(?:__import__|compile|base64|zlib|marshal|bytes\.fromhex|codecs)[ \t]{0,2}[.(]",
        rb"__import__[ \t]{0,2}\([ \t]{0,2}['\x22](?:os|subprocess|socket|pty)['\x22][ \t]{0,2}\)[ \t]{0,2}\.",
        rb"import os" + _LINE_END + rb"os\.(?:system|popen|exec[lv])",
        rb"import subprocess" + _LINE_END + rb"subprocess\.(?:run|call|Popen|check_)",
        rb"import socket,subprocess,os",
        rb"os\.(?:system|popen|execute)[ \t]{0,2}\([ \t]{0,2}(?:['\x22]|\[\[)",
        rb"io\.popen[ \t]{0,2}\([ \t]{0,2}(?:['\x22]|\[\[)",  # of Lua, as os.execute above
        rb"/dev/(?:tcp|udp)/[\w.${-]{2,64}/",
        rb"curl [^\n\x00]{4,160}\|[ \t]{0,2}(?:sudo[ \t])?(?:/bin/)?(?:ba|z)?sh",
        rb"wget [^\n\x00]{4,160}(?:\||;|&&)[ \t]{0,2}(?:sudo[ \t])?(?:/bin/)?(?:ba|z)?sh",
        rb"chmod (?:[ua]?\+x|[0-7]{3,4}) [^\n\x00]{1,160}(?:;|&&)",
        rb"rm -[A-Za-z]{0,6}r[A-Za-z]{0,6} (?:/|~|\$HOME)",
        rb"sh <\([ \t]{0,2}(?:curl|wget) ",
        rb"sh -c [\x22'\\]{0,2}\$\([ \t]{0,2}(?:curl|wget) ",
        rb"(?i)mshta(?:\.exe)?[ \t]{1,4}https?:",
        rb"(?i)certutil(?:\.exe)?[ \t][^\n\x00]{0,60}-urlcache",
        rb"(?i)bitsadmin(?:\.exe)?[ \t][^\n\x00]{0,60}/transfer",
        rb"(?i)regsvr32(?:\.exe)?[ \t][^\n\x00]{0,60}/i:http",
        rb"(?i)rundll32(?:\.exe)?[ \t]{1,4}javascript:",
        rb" -e /bin/(?:ba|z)?sh",  # of netcat, by whatever name
        rb"sh -i[ '\x22)][^\n]",
        rb"\x3c\x3fphp[ \t\r\n]",
        rb"base64 -(?:d|D|-decode)[^\n\x00]{0,80}\|[ \t]{0,2}(?:/bin/)?(?:ba|z)?sh",
        rb"connect\x28\x28[ \t]{0,2}['\x22][\w.-]{3,80}['\x22],[ \t]{0,2}\d{1,5}",
    ),
    confirm=confirm,
    rules=(SCRIPT, ATTACK),
    owners=frozenset({"text", "executable", "pickle", "python", "python-compiled", "compressed", "sevenzip"}),
)
