"""Commands in scripts, tasks of editors, hooks, start-up files of shells, containers and build files.

Nobody loads a model through them, but many open its folder in an editor (tasks of VS Code that run on opening,
https://code.visualstudio.com/docs/debugtest/tasks; containers, https://containers.dev/implementors/json_reference/),
enter it (direnv), use git in it (https://git-scm.com/docs/githooks), or install it (npm). Lines are told that hold a
command as attacks use it; the judge knows which of them installers use, too.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.text import printable, redact
from modelsweep.core.units import KIB, MIB
from scanners import text
from scanners.judge.attack_commands import fetched_command, hostile_command

UNASKED, CONTAINER, ASKED = "unasked", "container", "asked"
_SCRIPTS = (".sh", ".bash", ".zsh", ".ksh", ".fish", ".bat", ".cmd", ".ps1", ".psm1", ".command")
_PAGES = (".svg", ".html", ".htm", ".hta")
_SUFFIXES = (*_SCRIPTS, ".desktop", ".service", *_PAGES)
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
_JSON = ("tasks.json", "devcontainer.json", ".devcontainer.json", "package.json")
_ON_INSTALL = ("preinstall", "install", "postinstall", "prepare")
_GIT = re.compile(rb"\s*\[(?:core|filter|alias|diff|merge|credential|include|remote|branch|submodule|user|init)\b")
_GIT_RUNS = re.compile(
    r"\s*(?:(?:fsmonitor|hooksPath|askPass|gitProxy|textconv|process|smudge|clean|driver|external|program|uploadpack"
    r"|receivepack)\s*=(?!\s*(?:true|false|\d+)?\s*$|\s*\"?(?:git[- ]\w|\S*python\S*\s+-m\s+nb|nb\w+|gpg\b))"
    r"|sshCommand\s*=(?!\s*\"?ssh\s)|helper\s*=\s*!(?!\S*gh\s+auth\b)|update\s*=\s*!|(?:url|path)\s*=\s*-)",
    re.IGNORECASE,
)
"""Settings of git that are commands, other than its own and those of Git LFS, and names that it takes for options."""
_LINES = (
    ("git runs it by its name", UNASKED),
    ("each shell runs it", UNASKED),
    ("direnv runs it when the folder is entered", UNASKED),
    ("git runs it in the folder that this configures", UNASKED),
    ("opening the file runs it", UNASKED),
    ("building runs it", ASKED),
    ("whoever opens the page runs it", ASKED),
    ("continuous integration, or a project's tool, runs it", ASKED),
    ("whoever runs the script", ASKED),
)
_OF_GIT = 3
_COMMENT = re.compile(r"\s*(?:#|::|//|rem\b)", re.IGNORECASE)
_SHOWING = re.compile(r"\s*@?(?:echo\b|printf\b|Write-(?:Host|Output)\b)", re.IGNORECASE)
_PIPED = re.compile(r"\|\s*(?:sudo\s+)?(?:\S*/)?(?:ba|z|da|k)?sh\b[^|'\"]*$")
_JSON_COMMENT = re.compile(r"(?m)^\s*//.*$|/\*[\s\S]*?\*/|,(?=\s*[}\]])")
_PIECE = 2 * KIB
"""Characters of a line that are looked at at once."""
_OVERLAP = 512
_CHUNK = MIB
_TOLD = 100
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
        or name == ".envrc"
        or _BUILD.fullmatch(name) is not None
        or _SHEBANG.match(blob.head) is not None
        or _is_of_git(blob)
        or _is_project(blob)
    )
    return known and blob.size > 0 and text.accepts(blob)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the lines that attacks are made of, with who runs them."""
    if blob.locator.name in _JSON and blob.size <= _CHUNK:
        yield from _document(blob)
        return
    kind = _kind(blob)
    who, how = _LINES[kind]
    told = 0
    for number, line in _lines(blob):
        context.operations.spend(len(line) // _OVERLAP + 1)
        for start in range(0, max(len(line), 1), _PIECE - _OVERLAP):
            piece = line[start : start + _PIECE]
            runs = kind == _OF_GIT and _GIT_RUNS.match(piece) is not None
            if told < _TOLD and (runs or _tells(piece)):
                told += 1
                yield _fact(blob, piece, who, "configured" if runs and not _tells(piece) else how, f"line {number}")


def _is_of_git(blob: Blob) -> bool:
    return blob.locator.name in ("config", ".gitconfig", ".gitmodules") and _GIT.match(blob.head) is not None


def _is_project(blob: Blob) -> bool:
    """Return whether the blob describes jobs of continuous integration, or what a tool of the project runs."""
    workflow = blob.locator.suffix in (".yml", ".yaml") and _WORKFLOW.search(blob.head) is not None
    return workflow or blob.locator.name in _PROJECTS


def _kind(blob: Blob) -> int:
    """Return the place of who runs it in the list."""
    name, suffix = blob.locator.name, blob.locator.suffix
    if name in _HOOKS:
        return 0
    if name in _SHELL_FILES:
        return 1
    if name == ".envrc":
        return 2
    if _is_of_git(blob):
        return 3
    if suffix == ".desktop":
        return 4
    if suffix in _PAGES:
        return 6
    if _is_project(blob):
        return 7
    return 5 if _BUILD.fullmatch(name) else 8


def _tells(piece: str) -> bool:
    """Return whether a piece of a line holds a command that is told, and runs: comments and messages do not."""
    if _COMMENT.match(piece) or (_SHOWING.match(piece) and not _PIPED.search(piece)):
        return False
    return _telling(piece) is not None


def _telling(command: str) -> re.Match[str] | None:
    return hostile_command().search(command) or fetched_command().search(command)


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


def _document(blob: Blob) -> Iterator[Item]:
    """Yield the commands of tasks, containers and packages."""
    from scanners.parsing.json_text import JsonFault, as_utf8, documents

    content = as_utf8(blob.reader.read(0, blob.size)).decode("utf-8", "replace")
    for form in (content, _JSON_COMMENT.sub("", content)):
        try:
            found = documents(form)
        except JsonFault:
            continue
        for document in found:
            if isinstance(document, dict):
                yield from _entries(blob, document)
        return


def _entries(blob: Blob, document: dict[str, Json]) -> Iterator[Item]:
    tasks, scripts = document.get("tasks"), document.get("scripts")
    if blob.locator.name == "tasks.json":
        for place, task in enumerate(tasks if isinstance(tasks, list) else ()):
            if isinstance(task, dict):
                yield from _task(blob, task, place)
    elif blob.locator.name == "package.json":
        for name, command in scripts.items() if isinstance(scripts, dict) else ():
            how = UNASKED if name in _ON_INSTALL else ASKED
            who = "npm runs it to install the folder" if how == UNASKED else "whoever runs the script"
            yield from _told(blob, command, who, how, f"scripts.{name}")
    else:
        for name, command in document.items():
            if name.endswith("Command"):
                host = name == "initializeCommand"
                who = "opening the folder in its container runs it" + (" on the machine itself" if host else "")
                yield from _told(blob, command, who, UNASKED if host else CONTAINER, name)


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
    for piece in telling[:_TOLD] or (pieces[:1] if whole else []):
        yield _fact(blob, piece, who, how, path)


def _fact(blob: Blob, command: str, who: str, how: str, path: str) -> Fact:
    """Return a command with what surrounds the part that tells."""
    match = _telling(command)
    start = max(0, match.start() - _BEFORE) if match else 0
    shown = printable(redact(" ".join(command[start:].split())), 4 * _SHOWN)
    return Fact("shell-command", shown, blob.locator, detail={"who": who, "how": how, "path": path})


SCANNER = Scanner(
    name="commands",
    title="Commands of scripts, editors, hooks, containers and builds",
    version=3,
    accepts=accepts,
    scan=scan,
    suffixes=_SUFFIXES,
    signs=Signs(plain=True),
)
