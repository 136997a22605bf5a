"""Commands in scripts, tasks of editors, hooks, start-up files of shells, containers and build files.

Nobody loads a model through them, but many open its folder in an editor (tasks of VS Code that run on opening,
https://code.visualstudio.com/docs/debugtest/tasks; containers, https://containers.dev/implementors/json_reference/),
enter it (direnv), use git in it (https://git-scm.com/docs/githooks), or install it (npm). Kaldi runs the commands in
its tables (https://kaldi-asr.org/doc/io.html). Lines are told that hold a command as attacks use it; the judge knows
which of them installers use, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json, Problem, ProblemKind
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.text import printable, redact
from modelsweep.core.units import KIB, MIB
from modelsweep.core.values import replace
from scanners import text
from scanners.judge.attack_commands import Found, fetched_command, hostile_command
from scanners.parsing.start_places import ORDERS, place_of

UNASKED, CONTAINER, ASKED = "unasked", "container", "asked"
_SCRIPTS = (".sh", ".bash", ".zsh", ".ksh", ".fish", ".bat", ".cmd", ".ps1", ".psm1", ".command")
_PAGES = (".svg", ".html", ".htm", ".hta")
_PROGRAMS = (
    *(".toml", ".cfg", ".ini", ".conf", ".yaml", ".yml", ".nix", ".gradle", ".cmake", ".mk", ".bzl", ".bazel", ".tf"),
    *(".r", ".rprofile", ".jl", ".rb", ".pl", ".pm", ".lua", ".js", ".mjs", ".cjs", ".ts", ".php", ".jsp", ".groovy"),
    *(".nf", ".smk", ".vbs", ".vba", ".wsf", ".reg", ".inf", ".el", ".m", ".wl", ".wls", ".sas", ".do", ".ado", ".sps"),
    ".config",
)
"""Settings and programs in other languages: only commands are told that have no honest reason anywhere."""
_PROGRAM_NAMES = frozenset(
    "Jenkinsfile Vagrantfile Procfile CMakeLists.txt Brewfile Tiltfile Snakefile packages.txt".split()
)
_ORDERS = frozenset(
    "CLAUDE.md CLAUDE.local.md AGENTS.md AGENT.md GEMINI.md QWEN.md SKILL.md CONVENTIONS.md copilot-instructions.md "
    ".cursorrules .windsurfrules .clinerules .roorules .goosehints llms.txt llms-full.txt Modelfile".split()
)
_ORDERS_IN = re.compile(
    r"(?:^|/)\.(?:(?:claude|cursor|roo|clinerules|kiro|windsurf|junie|continue)/(?:[^/]+/){0,2}[^/]+\.mdc?"
    r"|github/(?:[^/]+/)?[^/]+\.(?:instructions|prompt|chatmode|agent)\.md)$"
)
"""What assistants that work in a folder take for their instructions."""
_ENTERED = frozenset(
    ".envrc .mise.toml mise.toml .exrc .vimrc .lvimrc .gdbinit .lldbinit .Rprofile .dir-locals.el .pdbrc .irbrc .pryrc "
    ".ghci .pythonrc .pythonrc.py .octaverc .psqlrc .sqliterc".split()
)
"""What direnv and mise, editors, debuggers, R and other interpreters read in the folder in which they are started."""
_NO_WIDTH = re.compile("[\u200b-\u200d\u2060-\u2064\ufeff]{16}")
"""More marks in a row than any script needs: they spell what only a machine reads."""
_TABLE = ".scp"
"""Of Kaldi: each line is a name, and a file or a command whose output is read, behind which stands a `|`."""
_OPTIONS = ".conf"
_OPTION = re.compile(r"\s*--[A-Za-z][\w.:-]*=[^#]*\|\s*(?:#.*)?$")
"""An option of Kaldi, which runs what ends in `|` in the place of a file, of its own settings too."""
_HAS_FILTER = re.compile(rb"(?m)^[ \t]*(?:[A-Z]\w*:[ \t]*)?H[A-Z]{2,12}FILTER[ \t]*=")
"""A setting of HTK that names the command through which it reads or writes files of a kind."""
_HAS_OPTION = re.compile(rb"(?m)^[ \t]*--[A-Za-z][\w.:-]*=")
_SUFFIXES = (*_SCRIPTS, ".desktop", ".service", _TABLE, *_PAGES, *_PROGRAMS, ".code-workspace", ".sublime-project")
_PROJECTS = frozenset({"MLproject", ".pre-commit-config.yaml", "crontab", "workspace.xml", ".gitlab-ci.yml"})
_WORKFLOW = re.compile(rb"(?m)^[ \t]+runs-on[ \t]*:|^[ \t]*(?:before_)?script[ \t]*:[ \t]*$")
"""What says where a job of a workflow runs, or what one of GitLab does."""
_SHEBANG = re.compile(rb"(?:\xef\xbb\xbf)?#![^\n]{0,100}\b(?:ba|z|da|k|fi|a)?sh\b")
_HOOKS = frozenset(
    "applypatch-msg pre-applypatch post-applypatch pre-commit pre-merge-commit prepare-commit-msg commit-msg "
    "post-commit pre-rebase post-checkout post-merge pre-push post-rewrite pre-auto-gc fsmonitor-watchman".split()
)
_SHELL_FILES = frozenset(".bashrc .bash_profile .bash_login .bash_logout .profile .zshrc .zshenv .zprofile".split())
_BUILD = re.compile(r"(?:GNU)?[Mm]akefile|Dockerfile(?:\.\w+)?|.*\.dockerfile|Containerfile|justfile", re.IGNORECASE)
_SETTINGS = (
    "settings.json",
    "settings.local.json",
    "launch.json",
    "mcp.json",
    ".mcp.json",
    "mcp_config.json",
    "kernel.json",
)
_WORKSPACES = (".code-workspace", ".sublime-project")
_PACKAGES = {"package.json": "npm", "composer.json": "Composer"}
_JSON = ("tasks.json", "devcontainer.json", ".devcontainer.json", *_PACKAGES, *_SETTINGS)
_ON_INSTALL = (
    *("preinstall", "install", "postinstall", "prepare"),
    *("pre-install-cmd", "post-install-cmd", "pre-update-cmd", "post-update-cmd", "post-autoload-dump"),
)
_GIT = re.compile(
    rb"\s*\[(?:core|filter|alias|diff|merge|credential|include|remote|branch|submodule|user|init|url|gpg|pager"
    rb"|sequence|protocol|difftool|mergetool)\b"
)
_OWN_TOOLS = r"\"?(?:git[- ]\w|\S*python\S*\s+-m\s+nb|nb\w+|(?:\S*[\\/])?(?:gpg2?|ssh-keygen|op-ssh-sign|gitsign)\b)"
_GIT_RUNS = re.compile(
    r"\s*(?:(?:fsmonitor|hooksPath|askPass|gitProxy|textconv|process|smudge|clean|driver|external|program|uploadpack"
    rf"|receivepack)\s*=(?!\s*+(?:(?:true|false|\d+)\s*+)?$|\s*+{_OWN_TOOLS})"
    r"|sshCommand\s*=(?!\s*\"?ssh\s)|helper\s*=\s*!(?!\S*gh\s+auth\b)|update\s*=\s*!|(?:url|path)\s*=\s*-"
    r"|path\s*=\s*\"?\.\./|(?:url|pushurl)\s*=\s*\"?ext::|\[url\s+\"ext::"
    r"|(?:editor|pager)\s*=\s*\"?\.{0,2}/(?!usr/|bin/|opt/))",
    re.IGNORECASE,
)
"""Settings of git that are commands, other than its own and those of Git LFS, and names that it takes for options."""
_HOOK = ("git runs it by its name", UNASKED)
_SHELL = ("each shell runs it", UNASKED)
_STARTED = ("what is started in the folder, or enters it, runs it", UNASKED)
_GIT_SETTING = ("git runs it in the folder that this configures", UNASKED)
_SYSTEM = ("the system, or each login, runs it", UNASKED)
_OPENED = ("opening the file runs it", UNASKED)
_BUILT = ("building runs it", ASKED)
_PAGE = ("whoever opens the page runs it", ASKED)
_JOB = ("continuous integration, or a project's tool, runs it", ASKED)
_SCRIPT = ("whoever runs the script", ASKED)
_PROGRAM = ("whoever uses the file", ASKED)
_ORDERED = ("an assistant that works in the folder is told of it", ASKED)
_ENTRY = ("Kaldi runs it to read the entry", UNASKED)
_VALUE = ("Kaldi runs it in the place of a file", UNASKED)
_FILTER = ("HTK runs it to read or write a file", UNASKED)
_RUNNING = {_GIT_SETTING: (_GIT_RUNS, "configured"), _VALUE: (_OPTION, "piped")}
"""What settings look like that are commands."""
_STEPPING = frozenset({".vbs", ".vba", ".bas", ".js", ".wsf", ".hta", ".sct"})
_STEPS = (
    re.compile(r"(?i)\b(?:(?:Server)?XMLHTTP|WinHttpRequest|URLDownloadToFile)\b"),
    re.compile(r"(?i)\b(?:SaveToFile|responseBody|CreateTextFile)\b"),
    re.compile(r"(?i)(?:\.(?:Run|Exec|ShellExecute)\b|\bExecute(?:Global)?\b|\beval\b)"),
)
"""What a program of Windows' script host does that fetches another, writes it and starts it."""
_HANDLER = re.compile(r"\s*\[(handler|formatter)_\w+\]")
_EVALUATED = re.compile(r"\s*(?:class|args|kwargs)\s*[=:]\s*(.{1,2000})")
_REACHING = re.compile(
    r"__\w+__|\b(?:os\.(?:system|popen|exec\w*|spawn\w*)|subprocess\.\w|builtins\.\w|importlib\.\w)"
    r"|\b(?:eval|exec|compile|getattr|open)\s*\("
)
"""What no handler of a logger is made of."""
_COMMENT = re.compile(r"\s*(?:#|::|//|rem\b)", re.IGNORECASE)
_SHOWING = re.compile(r"\s*@?(?:echo\b|printf\b|Write-(?:Host|Output)\b)", re.IGNORECASE)
_SPEAKING = re.compile(
    r"\s*(?:-\s+)?[\"']?(?:\w+_)?(?:keyword|pattern|regex|phrase|example|description|summary|title|text|prompt|question|"
    r"answer|instruction|message|content|comment|note|reason|label)s?[\"']?\s*[:=]\s*[\"'\w]",
    re.IGNORECASE,
)
"""Keys of settings under which texts are matched, or read by people and models."""
_PLANTED = re.compile(
    r"(?:>>?|\|\s*(?:sudo\s+)?tee\b(?:\s+-a)?)\s*[\"']?[^\s|;&<>]*"
    r"(?:\.(?:bashrc|bash_profile|profile|zshrc|zshenv)|authorized_keys|/ld\.so\.preload|/etc/(?:cron|rc\.local|profile|systemd/)"
    r"|/\.git/hooks/)|\|\s*crontab\b"
)
"""A message that is written where a shell, a clock or a server takes it for an order, or for a key."""
_PIPED = re.compile(r"\|\s*(?:sudo\s+)?(?:\S*/)?(?:ba|z|da|k)?sh\b[^|'\"]*$")
_HOSTILE_WORDS = re.compile(
    rb"curl|wget|/dev/(?:tcp|udp)|base64|sh -[ic]|\bnc |netcat|ncat|mkfifo|socat|powershell|-urlcache|mshta|rundll32"
    rb"|regsvr32|CurrentVersion|ld\.so\.preload|authorized_keys|pip3? install|xmrig|stratum|WScript"
    rb"|\$_(?:GET|POST|REQ|COO)|getRuntime|atob|Buffer\.from|iex\b|invoke-|rm -|xxd|openssl"
    rb"|secrets\.|python[\d.]* -\w*c|wmic|bitsadmin|msiexec|amsi|MpPreference|schtasks|ScheduledTask|Startup"
    rb"|vssadmin|wbadmin|bcdedit|wevtutil|net1? (?:user|localgroup)|::Load|TCPClient"
    rb"|Win32_|Execute|\.Run\b|\.Exec\b|scrobj|#@~\^|XMLHTTP",
    re.IGNORECASE,
)
"""Without any of these no line of a program or of settings is looked at."""
_INI = frozenset({".ini", ".cfg", ".conf"})
_JAVASCRIPT = frozenset({".js", ".mjs", ".cjs", ".ts"})
_SERVERS = re.compile(rb"child_process|ActiveXObject|WScript\.")
"""What JavaScript needs to run a command: pages, of which most of it is, cannot."""
_JSON_COMMENT = re.compile(r"(?m)^[ \t]*//.*$|/\*[\s\S]*?(?:\*/|\Z)|,(?=\s*[}\]])")
_PYTHON = re.compile(
    r"\bpython[\d.]*w?(?:\.exe)?(?:\s+-[A-Zbdisuvx]+)*\s+"
    r"(?:-\w*c\s+(?P<quote>\\?[\"'])|(?:-\s+)?<<-?\s*(?P<mark>[\"']?\w+[\"']?)[^\n]*\n)"
)
"""Python that is given its program by the shell; a mark in quotes ends without them, which few of them do."""
_PROGRAM_LENGTH, _PYTHONS = 20_000, 1_000
"""Characters of such a program, and how many of them are read in one file."""
_INSTALLED = re.compile(
    r"\bpip[\d.]*\s+install\s[^\n;&|]{0,300}?(?<=\s)(?:-[rc]|--requirement|--constraint)[ =]?[\"']?([\w./-]{1,200})"
)
_PIECE = 2 * KIB
"""Characters of a line that are looked at at once."""
_OVERLAP = 512
_CHUNK = MIB
_TOLD = 100
"""Commands of one sort that are told of a file: more of them change nothing, others must not hide among them."""
_SHOWN = 160
_BEFORE = 20
"""Characters before the part that tells."""


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text that a shell, an editor, git or a builder takes commands from by its name."""
    name = blob.locator.name
    known = (
        blob.locator.suffix in _SUFFIXES
        or name in _HOOKS
        or name in _SHELL_FILES
        or name in _JSON
        or name in _ENTERED
        or name in _PROGRAM_NAMES
        or _is_order(blob)
        or _BUILD.fullmatch(name) is not None
        or _SHEBANG.match(blob.head) is not None
        or _is_of_git(blob)
        or _is_of_htk(blob)
        or _is_project(blob)
        or place_of(blob.locator) == ORDERS
    )
    return known and blob.size > 0 and text.accepts(blob)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the lines that attacks are made of, with who runs them."""
    if (blob.locator.name in _JSON or blob.locator.suffix in _WORKSPACES) and blob.size <= _CHUNK:
        yield from _document(blob, context)
        return
    yield from _inline(blob, context)
    yield from _loggers(blob)
    yield from _droppers(blob)
    who, how = runner = _runner(blob)
    if runner is _ORDERED:
        yield from _orders(blob)
    if runner in (_PROGRAM, _ORDERED) and not _may_tell(blob):
        return
    setting, as_setting = _RUNNING.get(runner, (None, how))
    told: Counter[str] = Counter()
    for number, whole in _lines(blob):
        context.operations.spend(len(whole) // _OVERLAP + 1)
        line = _piped(whole) if runner is _ENTRY else whole
        yield from _lists(blob, line, number) if runner in (_BUILT, _JOB, _SCRIPT) else ()
        for start in range(0, max(len(line), 1), _PIECE - _OVERLAP):
            piece = line[start : start + _PIECE]
            runs = setting is not None and setting.match(piece) is not None
            tells = _tells(piece) and (runner not in (_PROGRAM, _ORDERED) or _is_hostile(piece, runner))
            if runs or tells:
                sort = "configured" if not tells else "hostile" if _hostile(piece) else "other"
                told[sort] += 1
                if told["hostile"] > _TOLD:  # and nothing that is told later is worse
                    return
                if told[sort] <= _TOLD:
                    fact = _fact(blob, piece, who, as_setting if runs and not tells else how, f"line {number}")
                    yield replace(fact, detail={**fact.detail, "line": number})


def _lists(blob: Blob, line: str, number: int) -> Iterator[Item]:
    """Yield the lists of packages that a line has installed, by whichever name they go."""
    for match in _INSTALLED.finditer(line) if "install" in line and not _COMMENT.match(line) else ():
        detail: dict[str, Json] = {"line": number, "named": True}
        yield Fact("requirement-list", printable(match[1], _SHOWN), blob.locator, detail=detail)


def _inline(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what Python runs that is given its program on the command line, or by the lines that follow."""
    from scanners.python_code import calls_in

    content = blob.reader.read(0, min(blob.size, _CHUNK))
    if b"python" not in content:
        return
    written = content.decode("utf-8", "replace")
    at = read = 0
    while (match := _PYTHON.search(written, at)) is not None:
        source, at = _program(written, match)
        line = written[written.rfind("\n", 0, match.start()) + 1 : match.start()]
        if not source or _COMMENT.match(line) or _SHOWING.match(line):
            continue
        if match["quote"] and match["quote"].endswith('"'):
            source = source.replace('\\"', '"').replace("\\$", "$")
        read += 1
        if read > _PYTHONS:
            detail = f"more than {_PYTHONS:,} programs for Python: only these were read"
            yield Problem(ProblemKind.LIMIT, blob.locator, SCANNER.name, detail)
            return
        context.operations.spend(len(source) // _OVERLAP + 1)
        above = written.count("\n", 0, match.end())
        yield from (_below(item, above) for item in calls_in(blob, _dedented(source).encode(), context))


def _below(item: Item, lines: int) -> Item:
    """Return what was said of a program by the lines of the file that it stands in, behind so many."""
    if not isinstance(item, Fact) or not isinstance(line := item.detail.get("line"), int):
        return item
    return replace(item, detail={**item.detail, "line": line + lines})


def _program(written: str, match: re.Match[str]) -> tuple[str, int]:
    """Return the program that is begun, nothing where it does not end, and where to look for the next one."""
    start = match.end()
    stop = min(start + _PROGRAM_LENGTH, len(written))
    end = rf"(?<!\\){re.escape(match['quote'])}" if match["quote"] else rf"\n[ \t\r]*{re.escape(match['mark'])}"
    found = re.compile(end).search(written, start + 1, stop)
    return (written[start : found.start()], found.end()) if found else ("", match.end())


def _loggers(blob: Blob) -> Iterator[Item]:
    """Yield what logging.config.fileConfig would evaluate of handlers: https://docs.python.org/3/library/logging.config.html."""
    if blob.locator.suffix not in _INI or b"[handler" not in blob.reader.read(0, min(blob.size, _CHUNK)):
        return
    inside = False
    for number, line in _lines(blob):
        if line.lstrip().startswith("["):
            inside = _HANDLER.match(line) is not None
        match = _EVALUATED.match(line) if inside else None
        if match and _REACHING.search(match[1]):
            detail: dict[str, Json] = {"how": "evaluated", "path": f"line {number}"}
            yield Fact("code-reference", printable(redact(match[1].strip()), _SHOWN), blob.locator, detail=detail)


def _droppers(blob: Blob) -> Iterator[Item]:
    """Yield what a program fetches, writes and starts, a step on each line."""
    if blob.locator.suffix not in _STEPPING:
        return
    content = blob.reader.read(0, min(blob.size, _CHUNK)).decode("utf-8", "replace")
    found = [step.search(content) for step in _STEPS]
    if all(found):
        shown = ", ".join(step[0] for step in found if step)
        detail: dict[str, Json] = {"who": _SCRIPT[0], "how": "dropped", "path": "the script"}
        yield Fact("shell-command", printable(shown, _SHOWN), blob.locator, detail=detail)


def _dedented(source: str) -> str:
    """Return lines without the indentation that the file around them gave all of them but the first."""
    first, newline, rest = source.partition("\n")
    lines = rest.split("\n")
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return first.lstrip() + newline + "\n".join(line[indent:] for line in lines)


def _may_tell(blob: Blob) -> bool:
    """Return whether any word that hostile commands need stands in the blob; of a page's program one of servers, too.

    What is written in UTF-16 is not searched for them.
    """
    if blob.head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    needed = [_HOSTILE_WORDS, _SERVERS] if blob.locator.suffix in _JAVASCRIPT else [_HOSTILE_WORDS]
    for start in range(0, blob.size, _CHUNK):
        piece = blob.reader.read(start, min(_CHUNK + _BEFORE, blob.size - start))
        needed = [words for words in needed if not words.search(piece)]
        if not needed:
            return True
    return False


def _is_of_git(blob: Blob) -> bool:
    return blob.locator.name in ("config", ".gitconfig", ".gitmodules") and _GIT.match(blob.head) is not None


def _is_of_htk(blob: Blob) -> bool:
    return b"FILTER" in blob.head and _HAS_FILTER.search(blob.head) is not None


def _is_project(blob: Blob) -> bool:
    """Return whether the blob describes jobs of continuous integration, or what a tool of the project runs."""
    workflow = blob.locator.suffix in (".yml", ".yaml") and _WORKFLOW.search(blob.head) is not None
    return workflow or blob.locator.name in _PROJECTS


def _is_order(blob: Blob) -> bool:
    """Return whether assistants that work in a folder take the blob for their instructions."""
    name, path = blob.locator.name, _path(blob).replace("\\", "/")
    return name in _ORDERS or (name.endswith((".md", ".mdc")) and _ORDERS_IN.search(path) is not None)


def _orders(blob: Blob) -> Iterator[Item]:
    """Yield what an assistant is to do without a word to its user."""
    from scanners.parsing.concealed_orders import concealed_order

    content = blob.reader.read(0, min(blob.size, _CHUNK)).decode("utf-8", "replace")
    order = concealed_order(content) or ("marks of no width" if _NO_WIDTH.search(content) else "")
    if order:
        detail: dict[str, Json] = {"who": _ORDERED[0], "how": "concealed", "path": "the text"}
        yield Fact("shell-command", printable(redact(order), 4 * _SHOWN), blob.locator, detail=detail)


def _path(blob: Blob) -> str:
    """Return the path of the blob, or that of the member of an archive that it is."""
    return blob.locator.members[-1] if blob.locator.members else blob.locator.path


def _runner(blob: Blob) -> tuple[str, str]:
    """Return who runs the commands of the blob, and whether they are asked."""
    name, suffix = blob.locator.name, blob.locator.suffix
    runners = (
        (name in _HOOKS, _HOOK),
        (name in _SHELL_FILES, _SHELL),
        (name in _ENTERED, _STARTED),
        (_is_of_git(blob), _GIT_SETTING),
        (place_of(blob.locator) == ORDERS, _SYSTEM),
        (suffix == ".desktop", _OPENED),
        (suffix in _PAGES, _PAGE),
        (_is_project(blob), _JOB),
        (suffix == _TABLE, _ENTRY),
        (_is_of_htk(blob), _FILTER),
        (suffix == _OPTIONS and _HAS_OPTION.search(blob.head), _VALUE),
        (_BUILD.fullmatch(name), _BUILT),
        (_SHEBANG.match(blob.head), _SCRIPT),
        (_is_order(blob), _ORDERED),
        (suffix in _PROGRAMS or name in _PROGRAM_NAMES, _PROGRAM),
    )
    return next((runner for holds, runner in runners if holds), _SCRIPT)


def _tells(piece: str) -> bool:
    """Return whether a piece of a line holds a command that is told, and runs: comments and messages do not."""
    shows = _SHOWING.match(piece) and not (_PIPED.search(piece) or _PLANTED.search(piece))
    if shows or _COMMENT.match(piece):
        return False
    return _telling(piece) is not None


def _is_hostile(piece: str, runner: tuple[str, str]) -> bool:
    """Return whether a line holds a command without an honest reason, and is no setting that just speaks of it."""
    speaks = runner is _PROGRAM and _SPEAKING.match(piece) is not None
    return not speaks and _hostile(piece) is not None


@lru_cache(2)  # asked of one piece three times, by whoever tells it
def _hostile(piece: str) -> Found | None:
    return hostile_command().search(piece)


@lru_cache(2)
def _telling(command: str) -> Found | None:
    return _hostile(command) or fetched_command().search(command)


def _lines(blob: Blob) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers, continued ones as one; what is longer than 1 MiB comes in pieces."""
    number, rest = 1, ""
    encoding = "utf-16" if blob.head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    for start in range(0, blob.size, _CHUNK):
        chunk = blob.reader.read(start, min(_CHUNK, blob.size - start))
        lines = (rest + chunk.decode(encoding, "replace")).split("\n")
        rest = lines.pop()[-_CHUNK:]
        joined = ""
        for line in lines:
            if line.rstrip("\r").endswith(("\\", "`", "^")) and len(joined) < _PIECE:
                joined += line.rstrip("\r")[:-1] + " "
            else:
                yield number, joined + line
                joined = ""
            number += 1
        rest = joined + rest
    yield number, rest


def _piped(line: str) -> str:
    """Return the command of an entry of Kaldi's, nothing where it is a file."""
    _, *command = line.split(None, 1) or [""]
    return command[0] if command and command[0].rstrip().endswith("|") else ""


def _document(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the commands of tasks, containers and packages."""
    from scanners.parsing.json_text import JsonFault, documents, text_of

    for form in _forms(text_of(blob.reader.read(0, blob.size))):
        try:
            found = documents(form)
        except JsonFault:
            continue
        for document in found:
            if isinstance(document, dict):
                yield from _entries(blob, document, context)
        return


def _forms(content: str) -> Iterator[str]:
    """Yield a text of JSON as it stands, and as readers see it that take comments, also one that never ends."""
    from scanners.parsing.json_lenient import NoJson, strict

    yield content
    with suppress(NoJson):
        yield strict(content)
    yield _JSON_COMMENT.sub("", content)


def _entries(blob: Blob, document: dict[str, Json], context: Context) -> Iterator[Item]:
    tasks, scripts = document.get("tasks"), document.get("scripts")
    if isinstance(tasks, dict):  # of a workspace, or of settings
        tasks = tasks.get("tasks")
    manager = _PACKAGES.get(blob.locator.name)
    if not manager and isinstance(tasks, list):
        for place, task in enumerate(tasks):
            if isinstance(task, dict):
                yield from _task(blob, task, place)
    elif manager:
        for name, command in scripts.items() if isinstance(scripts, dict) else ():
            how = UNASKED if name in _ON_INSTALL else ASKED
            who = f"{manager} runs it to install the folder" if how == UNASKED else "whoever runs the script"
            yield from _told(blob, command, who, how, f"scripts.{name}")
    elif blob.locator.name in _SETTINGS or blob.locator.suffix in _WORKSPACES:
        yield from _settings(blob, {name: part for name, part in document.items() if name != "tasks"}, "", context)
    else:
        yield from _container(blob, document)


def _container(blob: Blob, document: dict[str, Json]) -> Iterator[Item]:
    """Yield the commands and variables of a container for development."""
    for name in ("containerEnv", "remoteEnv"):
        yield from _started_with(blob, document.get(name), name)
    for name, command in document.items():
        if name.endswith("Command"):
            host = name == "initializeCommand"
            who = "opening the folder in its container runs it" + (" on the machine itself" if host else "")
            yield from _told(blob, command, who, UNASKED if host else CONTAINER, name)


_REDIRECTING = re.compile(
    r"(?:ANTHROPIC|OPENAI|GEMINI|GOOGLE|MISTRAL|AZURE_OPENAI)_(?:\w+_)?(?:BASE_URL|API_BASE|ENDPOINT|HOST)"
)
_FOREIGN = re.compile(
    r"https?://(?!(?:localhost|127\.|0\.0\.0\.0|\[::1\])|(?:[\w-]+\.)*(?:anthropic|openai|azure|mistral|googleapis)\.(?:com|ai)[:/])"
)
_PROGRAM_KEYS = ("command", "path", "program", "runtimeExecutable", "shell_cmd", "cmd", "argv")


def _handed_to_python(blob: Blob, words: list[Json], context: Context) -> Iterator[Item]:
    """Yield what Python does that settings hand it as an argument."""
    from scanners.python_code import calls_in

    flat = [str(word) for item in words for word in (item if isinstance(item, list) else [item])]
    if "-c" in flat[:-1] and re.match(r"(?:\S*/)?python[\d.]*$", flat[0]):
        yield from calls_in(blob, flat[flat.index("-c") + 1].encode("utf-8", "replace"), context)


def _settings(blob: Blob, part: Json, path: str, context: Context) -> Iterator[Item]:
    """Yield what settings of an editor or an assistant start: a program with its arguments, or a text that is run."""
    who = "the editor or assistant runs it in the folder"
    if isinstance(part, dict):
        yield from _redirected(blob, part.get("env"), f"{path}.env" if path else "env")
        yield from _started_with(blob, part, path)
        words = [part.get(name) for name in (*_PROGRAM_KEYS, "args") if part.get(name)]
        command = " ".join(" ".join(map(str, word)) if isinstance(word, list) else str(word) for word in words)
        yield from _told(blob, command, who, UNASKED, path or "command")
        yield from _handed_to_python(blob, words, context)
        for name, value in part.items():
            if name not in (*_PROGRAM_KEYS, "args"):
                yield from _settings(blob, value, f"{path}.{name}" if path else name, context)
    elif isinstance(part, list):
        if all(isinstance(word, str) for word in part):
            yield from _told(blob, [*part], who, UNASKED, path)
            return
        for value in part:
            yield from _settings(blob, value, path, context)
    elif isinstance(part, str):
        yield from _told(blob, part, who, UNASKED, path)


def _redirected(blob: Blob, variables: Json, path: str) -> Iterator[Item]:
    """Yield variables by which an assistant sends what it is told, with its user's key, to a server of somebody's."""
    for name, value in variables.items() if isinstance(variables, dict) else ():
        if isinstance(value, str) and _REDIRECTING.fullmatch(name) and _FOREIGN.match(value):
            detail: dict[str, Json] = {"who": "assistants that work in the folder take it", "how": "redirected"}
            shown = printable(redact(f"{name}={value}"), _SHOWN)
            yield Fact("shell-command", shown, blob.locator, detail={**detail, "path": path})


def _started_with(blob: Blob, variables: Json, path: str) -> Iterator[Item]:
    """Yield variables that make programs run or load something, as settings of an editor or a container set them."""
    from scanners.judge.start_variables import NAMES, what_of
    from scanners.persistence import order

    for name, value in variables.items() if isinstance(variables, dict) else ():
        if name in NAMES and isinstance(value, str) and (what := what_of(name, value, "beside")):
            yield order(blob.locator, what, f"{name}={value}", "programs that are started there obey it", path)


def _task(blob: Blob, task: dict[str, Json], place: int) -> Iterator[Item]:
    options = task.get("runOptions")
    opening = isinstance(options, dict) and options.get("runOn") == "folderOpen"
    who = "the editor runs it when the folder is opened" if opening else "whoever runs the task"
    systems = (part for name in ("linux", "osx", "windows") if isinstance(part := task.get(name), dict))
    for part in (task, *systems):
        listed = part.get("args")
        words = [part.get("command"), *(listed if isinstance(listed, list) else ())]
        command = " ".join(
            str(word.get("value", "")) if isinstance(word, dict) else str(word) for word in words if word
        )
        if command:
            yield from _told(blob, command, who, UNASKED if opening else ASKED, f"tasks[{place}]", whole=opening)


def _told(blob: Blob, command: Json, who: str, how: str, path: str, *, whole: bool = False) -> Iterator[Item]:
    """Yield a command, or those of a list or a table; `whole` also where nothing about it is known from attacks."""
    if isinstance(command, dict):
        for name, value in command.items():
            if not isinstance(value, dict):
                yield from _told(blob, value, who, how, f"{path}.{name}", whole=whole)
        return
    shown = " ".join(map(str, command)) if isinstance(command, list) else str(command)
    pieces = [shown[start : start + _PIECE] for start in range(0, len(shown), _PIECE - _OVERLAP)]
    telling = [piece for piece in pieces if _telling(piece)]
    telling.sort(key=lambda piece: _hostile(piece) is None)
    for piece in telling[:_TOLD] or (pieces[:1] if whole else []):
        yield _fact(blob, piece, who, how, path)


def _fact(blob: Blob, command: str, who: str, how: str, path: str) -> Fact:
    """Return a command with what surrounds the part that tells."""
    match = _telling(command)
    start = max(0, match.start - _BEFORE) if match else 0
    shown = printable(redact(" ".join(command[start:].split())), 4 * _SHOWN)
    return Fact("shell-command", shown, blob.locator, detail={"who": who, "how": how, "path": path})


SCANNER = Scanner(
    name="commands",
    title="Commands of scripts, editors, hooks, containers and builds",
    version=17,
    accepts=accepts,
    scan=scan,
    suffixes=_SUFFIXES,
    signs=Signs(plain=True),
)
