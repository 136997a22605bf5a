"""Lines of text that contain a command as attacks use it: which ones are reported, and how much of them is shown."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import lru_cache

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact
from modelsweep.core.scanner import Blob
from modelsweep.core.text import printable, redact
from modelsweep.core.units import KIB, MIB
from scanners.judge.attack_commands import Found, fetched_command, hostile_command
from scanners.parsing.command_runners import PROGRAM, Runner

COMMENT = re.compile(r"\s*(?:#|::|//(?!go:generate\b)|rem\b)", re.IGNORECASE)
PRINTING = re.compile(r"\s*@?(?:echo\b|printf\b|Write-(?:Host|Output)\b)", re.IGNORECASE)
_TEXT_SETTING = re.compile(
    r"\s*(?:-\s+)?[\"']?(?:\w+_)?(?:keyword|pattern|regex|phrase|example|description|summary|title|text|prompt|question|"
    r"answer|instruction|message|content|comment|note|reason|label)s?[\"']?\s*[:=]\s*[\"'\w]",
    re.IGNORECASE,
)
"""Keys of settings whose texts are patterns, or are read by people and models."""
_PLANTED = re.compile(
    r"(?:>>?|\|\s*(?:sudo\s+)?tee\b(?:\s+-a)?)\s*[\"']?[^\s|;&<>]*"
    r"(?:\.(?:bashrc|bash_profile|profile|zshrc|zshenv)|authorized_keys|/ld\.so\.preload|/etc/(?:cron|rc\.local|profile|systemd/)"
    r"|/\.git/hooks/)|\|\s*crontab\b"
)
"""A message written to a file that a shell, a scheduler or a server reads as commands or as a key."""
_PIPED = re.compile(r"\|\s*(?:sudo\s+)?(?:[^\s|]*/)?(?:ba|z|da|k)?sh\b[^|'\"]*$")
MAX_PIECE = 2 * KIB
"""Maximum characters of a line that are matched at once."""
OVERLAP = 512
CHUNK = MIB
MAX_COMMANDS = 100
"""Maximum commands of one sort that are reported per file, so that they cannot hide others."""
SHOWN = 160
BEFORE = 20
"""Characters shown before the matching part."""


def is_suspicious(piece: str) -> bool:
    """Return whether a piece of a line contains a reportable command that runs; comments and messages do not."""
    shows = PRINTING.match(piece) and not (_PIPED.search(piece) or _PLANTED.search(piece))
    if shows or COMMENT.match(piece):
        return False
    return suspicious(piece) is not None


def is_hostile(piece: str, runner: Runner) -> bool:
    """Return whether a line contains a command without an honest use, and is no setting that only mentions it."""
    speaks = runner is PROGRAM and _TEXT_SETTING.match(piece) is not None
    return not speaks and hostile(piece) is not None


@lru_cache(2)  # asked up to three times for the same piece
def hostile(piece: str) -> Found | None:
    """Return the part of a piece that is a command without an honest use."""
    return hostile_command().search(piece)


@lru_cache(2)
def suspicious(command: str) -> Found | None:
    """Return the part of a command that attacks use, though installers may use it too."""
    return hostile(command) or fetched_command().search(command)


def lines(blob: Blob) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers, continued lines as one; lines above 1 MiB are split."""
    number, rest = 1, ""
    encoding = "utf-16" if blob.head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for start in range(0, blob.size, CHUNK):
        chunk = blob.reader.read(start, min(CHUNK, blob.size - start))
        pieces = (rest + decoder.decode(chunk)).split("\n")
        rest = pieces.pop()[-CHUNK:]
        joined = ""
        for line in pieces:
            if line.rstrip("\r").endswith(("\\", "`", "^")) and len(joined) < MAX_PIECE:
                joined += line.rstrip("\r")[:-1] + " "
            else:
                yield number, joined + line
                joined = ""
            number += 1
        rest = joined + rest
    yield number, rest


def _word_at(line: str, at: int) -> int:
    """Return the offset of the start of the word around `at`, or `at` itself if the word is long."""
    begin = line.rfind(" ", max(0, at - BEFORE), at) + 1
    return begin if begin or at <= BEFORE else at


def command_fact(blob: Blob, command: str, runner: Runner, path: str) -> Fact:
    """Return the fact of a command, which shows the matching part with its surroundings."""
    match = suspicious(command)
    start = _word_at(command, max(0, match.start - BEFORE)) if match else 0
    shown = printable(redact(" ".join(command[start:].split())), 4 * SHOWN)
    return Fact("shell-command", shown, blob.locator, detail={"who": runner.who, "how": runner.how, "path": path})
