"""Commands in scripts, editor tasks, hooks, start-up files of shells, containers and build files.

Nobody loads a model through them, but many open its folder in an editor (tasks of VS Code that run on opening,
https://code.visualstudio.com/docs/debugtest/tasks; containers, https://containers.dev/implementors/json_reference/),
enter it (direnv), use git in it (https://git-scm.com/docs/githooks), or install it (npm). Kaldi runs the commands in
its tables (https://kaldi-asr.org/doc/io.html). Lines that contain a command as attacks use it are reported; the judge
knows which of these installers use too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json, Problem, ProblemKind
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.text import printable, redact
from modelsweep.core.values import replace
from scanners import text
from scanners.command_documents import WORKSPACES, document, is_document
from scanners.command_lines import (
    BEFORE,
    CHUNK,
    COMMENT,
    MAX_COMMANDS,
    MAX_PIECE,
    OVERLAP,
    PRINTING,
    SHOWN,
    command_fact,
    hostile,
    is_hostile,
    is_suspicious,
    lines,
)
from scanners.parsing.command_runners import (
    BUILT,
    ENTRY,
    GIT_SETTING,
    JOB,
    ORDERED,
    PROGRAM,
    SCRIPT,
    SUFFIXES,
    VALUE,
    Runner,
    runner_of,
)

_ZERO_WIDTH = re.compile("[\u200b-\u200d\u2060-\u2064\ufeff]{16}")
"""More zero-width characters in a row than any script needs: they encode hidden text."""
_OPTION = re.compile(r"\s*--[A-Za-z][\w.:-]*=[^#]*\|\s*(?:#.*)?$")
"""An option of Kaldi, which runs a value that ends with `|` instead of opening it as a file, also in its settings."""
_OWN_TOOLS = r"\"?(?:git[- ]\w|\S*python\S*\s+-m\s+nb|nb\w+|(?:\S*[\\/])?(?:gpg2?|ssh-keygen|op-ssh-sign|gitsign)\b)"
_GIT_RUNS = re.compile(
    r"\s*(?:(?:fsmonitor|hooksPath|askPass|gitProxy|textconv|process|smudge|clean|driver|external|program|uploadpack"
    rf"|receivepack)\s*=(?!\s*+(?:(?:true|false|\d+)\s*+)?$|\s*+{_OWN_TOOLS})"
    r"|sshCommand\s*=(?!\s*\"?ssh\s)|helper\s*=\s*!(?!\S*gh\s+auth\b)|update\s*=\s*!|(?:url|path)\s*=\s*\"?-"
    r"|path\s*=\s*\"?\.\./|path\s*=\s*\"[^\"\n]*\r|(?:url|pushurl)\s*=\s*\"?(?:ext::|\w+://-)"
    r"|\[submodule\s+\"[^\"]*\.\./|\[url\s+\"ext::"
    r"|(?:editor|pager)\s*=\s*\"?\.{0,2}/(?!usr/|bin/|opt/))",
    re.IGNORECASE,
)
"""Settings of git whose values are commands, except those of git and Git LFS, and names that it reads as options."""
_RUNNING = {GIT_SETTING: (_GIT_RUNS, "configured"), VALUE: (_OPTION, "piped")}
"""Patterns of settings that are commands, with how they run, by the runner's kind."""
_SCRIPT_HOST_SUFFIXES = frozenset({".vbs", ".vba", ".bas", ".js", ".wsf", ".hta", ".sct"})
_DROPPER_STEPS = (
    re.compile(r"(?i)\b(?:(?:Server)?XMLHTTP|WinHttpRequest|URLDownloadToFile)\b"),
    re.compile(r"(?i)\b(?:SaveToFile|responseBody|CreateTextFile)\b"),
    re.compile(r"(?i)(?:\.(?:Run|Exec|ShellExecute)\b|\bExecute(?:Global)?\b|\beval\b)"),
)
"""Steps of a Windows Script Host program that downloads another one, writes it and starts it."""
_HANDLER = re.compile(r"\s*\[(handler|formatter)_\w+\]")
_EVALUATED = re.compile(r"\s*(?:class|args|kwargs)\s*[=:]\s*(.{1,2000})")
_BEYOND_LOGGING = re.compile(
    r"__\w+__|\b(?:os\.(?:system|popen|exec\w*|spawn\w*)|subprocess\.\w|builtins\.\w|importlib\.\w)"
    r"|\b(?:eval|exec|compile|getattr|open)\s*\("
)
"""Calls that no logging handler needs."""
_HOSTILE_WORDS = re.compile(
    rb"curl|wget|/dev/(?:tcp|udp)|base64|sh -[ic]|\bnc |netcat|ncat|mkfifo|socat|powershell|-urlcache|mshta|rundll32"
    rb"|regsvr32|CurrentVersion|ld\.so\.preload|authorized_keys|pip3? install|xmrig|stratum|WScript"
    rb"|\$_(?:GET|POST|REQ|COO)|getRuntime|atob|Buffer\.from|iex\b|invoke-|rm -|xxd|openssl"
    rb"|secrets\.|python[\d.]* -\w*c|wmic|bitsadmin|msiexec|amsi|MpPreference|schtasks|ScheduledTask|Startup"
    rb"|vssadmin|wbadmin|bcdedit|wevtutil|net1? (?:user|localgroup)|::Load|TCPClient"
    rb"|Win32_|Execute|\.Run\b|\.Exec\b|scrobj|#@~\^|XMLHTTP",
    re.IGNORECASE,
)
"""Lines of programs and settings are only matched if the file contains one of these."""
_INI = frozenset({".ini", ".cfg", ".conf"})
_JAVASCRIPT = frozenset({".js", ".mjs", ".cjs", ".ts"})
_JAVASCRIPT_COMMANDS = re.compile(rb"child_process|ActiveXObject|WScript\.")
"""What JavaScript needs to run a command; scripts in web pages have none of it."""
_PYTHON = re.compile(
    r"\bpython[\d.]*w?(?:\.exe)?(?:\s+-[A-Zbdisuvx]+)*\s+"
    r"(?:-\w*c\s+(?P<quote>\\?[\"'])|(?:-\s+)?<<-?\s*(?P<mark>[\"']?\w+[\"']?)[^\n]*\n)"
)
"""Python whose program comes from the shell, on the command line or from a here-document."""
_MAX_PROGRAM, _MAX_PROGRAMS = 20_000, 1_000
"""Maximum characters of such a program, and maximum programs per file."""
_INSTALLED = re.compile(
    r"\bpip[\d.]*\s+install\s[^\n;&|]{0,300}?(?<=\s)(?:-[rc]|--requirement|--constraint)[ =]?[\"']?([\w./-]{1,200})"
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text with a name from which a shell, an editor, git or a build tool takes commands."""
    known = is_document(blob) or runner_of(blob) is not None
    return known and blob.size > 0 and text.accepts(blob)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the lines that resemble attacks, with what runs them."""
    if is_document(blob) and blob.size <= CHUNK:
        yield from document(blob, context)
        return
    yield from _inline(blob, context)
    yield from _loggers(blob)
    yield from _droppers(blob)
    runner = runner_of(blob) or SCRIPT
    if runner is ORDERED:
        yield from _orders(blob)
    if runner in (PROGRAM, ORDERED) and not _may_match(blob):
        return
    yield from _commands(blob, runner, context)


def _commands(blob: Blob, runner: Runner, context: Context) -> Iterator[Item]:
    """Yield the lines, or pieces of long lines, that contain or set a reportable command."""
    setting, as_setting = _RUNNING.get(runner, (None, runner.how))
    only_hostile = runner in (PROGRAM, ORDERED)
    counts: Counter[str] = Counter()
    for number, whole in lines(blob):
        context.operations.spend(len(whole) // OVERLAP + 1)
        line = _piped(whole) if runner is ENTRY else whole
        yield from _lists(blob, line, number) if runner in (BUILT, JOB, SCRIPT) else ()
        for start in range(0, max(len(line), 1), MAX_PIECE - OVERLAP):
            piece = line[start : start + MAX_PIECE]
            tells = is_suspicious(piece) and (not only_hostile or is_hostile(piece, runner))
            if not tells and (setting is None or not setting.match(piece)):
                continue
            sort = "configured" if not tells else "hostile" if hostile(piece) else "other"
            counts[sort] += 1
            if counts["hostile"] > MAX_COMMANDS:  # nothing worse can follow
                return
            if counts[sort] <= MAX_COMMANDS:
                fact = command_fact(blob, piece, runner if tells else runner._replace(how=as_setting), f"line {number}")
                yield replace(fact, detail={**fact.detail, "line": number})


def _lists(blob: Blob, line: str, number: int) -> Iterator[Item]:
    """Yield the requirement files that a line installs, whatever their names."""
    for match in _INSTALLED.finditer(line) if "install" in line and not COMMENT.match(line) else ():
        detail: dict[str, Json] = {"line": number, "named": True}
        yield Fact("requirement-list", printable(match[1], SHOWN), blob.locator, detail=detail)


def _inline(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what Python programs on command lines or in here-documents run."""
    from scanners.python_code import calls_in

    content = blob.reader.read(0, min(blob.size, CHUNK))
    if b"python" not in content:
        return
    written = content.decode("utf-8", "replace")
    at = read = 0
    while (match := _PYTHON.search(written, at)) is not None:
        source, at = _program(written, match)
        line = written[written.rfind("\n", 0, match.start()) + 1 : match.start()]
        if not source or COMMENT.match(line) or PRINTING.match(line):
            continue
        if match["quote"] and match["quote"].endswith('"'):
            source = source.replace('\\"', '"').replace("\\$", "$")
        read += 1
        if read > _MAX_PROGRAMS:
            detail = f"more than {_MAX_PROGRAMS:,} programs for Python: only these were read"
            yield Problem(ProblemKind.LIMIT, blob.locator, SCANNER.name, detail)
            return
        context.operations.spend(len(source) // OVERLAP + 1)
        above = written.count("\n", 0, match.end())
        yield from (_moved(item, above) for item in calls_in(blob, _dedented(source).encode(), context))


def _moved(item: Item, lines: int) -> Item:
    """Return `item` with its line number moved by `lines`, from the program to the file around it."""
    if not isinstance(item, Fact) or not isinstance(line := item.detail.get("line"), int):
        return item
    return replace(item, detail={**item.detail, "line": line + lines})


def _program(written: str, match: re.Match[str]) -> tuple[str, int]:
    """Return the program that `match` begins, or "" if it does not end, and where to look for the next one."""
    start = match.end()
    stop = min(start + _MAX_PROGRAM, len(written))
    end = rf"(?<!\\){re.escape(match['quote'])}" if match["quote"] else rf"\n[ \t\r]*{re.escape(match['mark'])}"
    found = re.compile(end).search(written, start + 1, stop)
    return (written[start : found.start()], found.end()) if found else ("", match.end())


def _loggers(blob: Blob) -> Iterator[Item]:
    """Yield what logging.config.fileConfig would evaluate of handlers: https://docs.python.org/3/library/logging.config.html."""
    if blob.locator.suffix not in _INI or b"[handler" not in blob.reader.read(0, min(blob.size, CHUNK)):
        return
    inside = False
    for number, line in lines(blob):
        if line.lstrip().startswith("["):
            inside = _HANDLER.match(line) is not None
        match = _EVALUATED.match(line) if inside else None
        if match and _BEYOND_LOGGING.search(match[1]):
            detail: dict[str, Json] = {"how": "evaluated", "path": f"line {number}"}
            yield Fact("code-reference", printable(redact(match[1].strip()), SHOWN), blob.locator, detail=detail)


def _droppers(blob: Blob) -> Iterator[Item]:
    """Yield a program that downloads, writes and starts another one, one step per line."""
    if blob.locator.suffix not in _SCRIPT_HOST_SUFFIXES:
        return
    content = blob.reader.read(0, min(blob.size, CHUNK)).decode("utf-8", "replace")
    found = [step.search(content) for step in _DROPPER_STEPS]
    if all(found):
        shown = ", ".join(step[0] for step in found if step)
        detail: dict[str, Json] = {"who": SCRIPT.who, "how": "dropped", "path": "the script"}
        yield Fact("shell-command", printable(shown, SHOWN), blob.locator, detail=detail)


def _dedented(source: str) -> str:
    """Return `source` without the common indentation of all lines but the first."""
    first, newline, rest = source.partition("\n")
    lines = rest.split("\n")
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return first.lstrip() + newline + "\n".join(line[indent:] for line in lines)


def _may_match(blob: Blob) -> bool:
    """Return whether the blob contains a word that hostile commands need; JavaScript must also be able to run commands.

    UTF-16 is not searched, and always may match.
    """
    if blob.head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    needed = [_HOSTILE_WORDS, _JAVASCRIPT_COMMANDS] if blob.locator.suffix in _JAVASCRIPT else [_HOSTILE_WORDS]
    for start in range(0, blob.size, CHUNK):
        piece = blob.reader.read(start, min(CHUNK + BEFORE, blob.size - start))
        needed = [words for words in needed if not words.search(piece)]
        if not needed:
            return True
    return False


def _orders(blob: Blob) -> Iterator[Item]:
    """Yield instructions to an assistant to act without telling its user."""
    from scanners.parsing.concealed_orders import concealed_order

    content = blob.reader.read(0, min(blob.size, CHUNK)).decode("utf-8", "replace")
    order = concealed_order(content) or ("marks of no width" if _ZERO_WIDTH.search(content) else "")
    if order:
        detail: dict[str, Json] = {"who": ORDERED.who, "how": "concealed", "path": "the text"}
        yield Fact("shell-command", printable(redact(order), 4 * SHOWN), blob.locator, detail=detail)


def _piped(line: str) -> str:
    """Return the command in an entry of a Kaldi table, or nothing if the entry is a file."""
    _, *command = line.split(None, 1) or [""]
    return command[0] if command and command[0].rstrip().endswith("|") else ""


SCANNER = Scanner(
    name="commands",
    title="Commands of scripts, editors, hooks, containers and builds",
    version=24,
    accepts=accepts,
    scan=scan,
    suffixes=(*SUFFIXES, *WORKSPACES),
    signs=Signs(plain=True),
)
