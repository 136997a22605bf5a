"""Commands in JSON documents: tasks and settings of editors and assistants, containers, package scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.scanner import Blob, Context, Item
from modelsweep.core.text import printable, redact
from scanners.command_lines import MAX_COMMANDS, MAX_PIECE, OVERLAP, SHOWN, command_fact, hostile, suspicious
from scanners.parsing.command_runners import ASKED, CONTAINER, UNASKED, Runner

_SETTINGS = (
    "settings.json",
    "settings.local.json",
    "launch.json",
    "mcp.json",
    ".mcp.json",
    "mcp_config.json",
    "claude_desktop_config.json",
    "cline_mcp_settings.json",
    "mcp_settings.json",
    "opencode.json",
    "opencode.jsonc",
    "run.json",
    "kernel.json",
)
WORKSPACES = (".code-workspace", ".sublime-project")
_DENO = "Deno"
_PACKAGES = {"package.json": "npm", "composer.json": "Composer", "deno.json": _DENO, "deno.jsonc": _DENO}
NAMES = ("tasks.json", "devcontainer.json", ".devcontainer.json", *_PACKAGES, *_SETTINGS)
_ON_INSTALL = (
    *("preinstall", "install", "postinstall", "prepare"),
    *("pre-install-cmd", "post-install-cmd", "pre-update-cmd", "post-update-cmd", "post-autoload-dump"),
)
_JSON_COMMENT = re.compile(r"(?m)^[ \t]*//.*$|/\*[\s\S]*?(?:\*/|\Z)|,(?=\s*[}\]])")
_REDIRECTING = re.compile(
    r"(?:ANTHROPIC|OPENAI|GEMINI|GOOGLE|MISTRAL|AZURE_OPENAI)_(?:\w+_)?(?:BASE_URL|API_BASE|ENDPOINT|HOST)"
)
_FOREIGN = re.compile(
    r"https?://(?!(?:localhost|127\.|0\.0\.0\.0|\[::1\])|(?:[\w-]+\.)*(?:anthropic|openai|azure|mistral|googleapis)\.(?:com|ai)[:/])"
)
_PROGRAM_KEYS = ("command", "path", "program", "runtimeExecutable", "shell_cmd", "cmd", "argv")
_IN_FOLDER = Runner("the editor or assistant runs it in the folder", UNASKED)
_ON_OPENING = Runner("the editor runs it when the folder is opened", UNASKED)
_TASK = Runner("running the task runs it", ASKED)


def is_document(blob: Blob) -> bool:
    """Return whether the blob has the name of such a document."""
    return blob.locator.name in NAMES or blob.locator.suffix in WORKSPACES


def document(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the commands of tasks, containers and packages."""
    from scanners.parsing.json_text import JsonFault, documents, text_of

    for form in _forms(text_of(blob.reader.read(0, blob.size))):
        try:
            found = documents(form)
        except JsonFault:
            continue
        for document in found:
            if isinstance(document, dict | list):
                whole: dict[str, Json] = {"tasks": document} if isinstance(document, list) else document
                yield from _entries(blob, whole, context)  # Zed has a list of tasks
        return


def _forms(content: str) -> Iterator[str]:
    """Yield the text, then the text without comments (also an unterminated one), as lenient JSON readers see it."""
    from scanners.parsing.json_lenient import NoJson, strict

    yield content
    with suppress(NoJson):
        yield strict(content)
    yield _JSON_COMMENT.sub("", content)


def _entries(blob: Blob, document: dict[str, Json], context: Context) -> Iterator[Item]:
    manager = _PACKAGES.get(blob.locator.name)
    named = "tasks" if manager == _DENO else "scripts"
    tasks, scripts = document.get("tasks"), document.get(named)
    if isinstance(tasks, dict):  # of a workspace, or of settings
        tasks = tasks.get("tasks")
    if not manager and isinstance(tasks, list):
        for place, task in enumerate(tasks):
            if isinstance(task, dict):
                yield from _task(blob, task, place)
    elif manager:
        for name, command in scripts.items() if isinstance(scripts, dict) else ():
            how = UNASKED if name in _ON_INSTALL else ASKED
            who = f"{manager} runs it to install the folder" if how == UNASKED else "running the script runs it"
            yield from _command_facts(blob, command, Runner(who, how), f"{named}.{name}")
    elif blob.locator.name in _SETTINGS or blob.locator.suffix in WORKSPACES:
        yield from _settings(blob, {name: part for name, part in document.items() if name != "tasks"}, "", context)
    else:
        yield from _container(blob, document)


def _container(blob: Blob, document: dict[str, Json]) -> Iterator[Item]:
    """Yield the commands and variables of a development container."""
    for name in ("containerEnv", "remoteEnv"):
        yield from _start_variables(blob, document.get(name), name)
    for name, command in document.items():
        if name.endswith("Command"):
            host = name == "initializeCommand"
            who = "opening the folder in its container runs it" + (" on the machine itself" if host else "")
            yield from _command_facts(blob, command, Runner(who, UNASKED if host else CONTAINER), name)


def _python_arguments(blob: Blob, words: list[Json], context: Context) -> Iterator[Item]:
    """Yield what Python code in an argument of a program does."""
    from scanners.python_code import calls_in

    flat = [str(word) for item in words for word in (item if isinstance(item, list) else [item])]
    if "-c" in flat[:-1] and re.match(r"(?:\S*/)?python[\d.]*$", flat[0]):
        yield from calls_in(blob, flat[flat.index("-c") + 1].encode("utf-8", "replace"), context)


def _settings(blob: Blob, part: Json, path: str, context: Context) -> Iterator[Item]:
    """Yield what settings of an editor or an assistant start: a program with its arguments, or a command line."""
    if isinstance(part, dict):
        yield from _redirections(blob, part.get("env"), f"{path}.env" if path else "env")
        yield from _start_variables(blob, part, path)
        words = [part.get(name) for name in (*_PROGRAM_KEYS, "args") if part.get(name)]
        command = " ".join(" ".join(map(str, word)) if isinstance(word, list) else str(word) for word in words)
        yield from _command_facts(blob, command, _IN_FOLDER, path or "command")
        yield from _python_arguments(blob, words, context)
        for name, value in part.items():
            if name not in (*_PROGRAM_KEYS, "args"):
                yield from _settings(blob, value, f"{path}.{name}" if path else name, context)
    elif isinstance(part, list):
        if all(isinstance(word, str) for word in part):
            yield from _command_facts(blob, [*part], _IN_FOLDER, path)
            return
        for value in part:
            yield from _settings(blob, value, path, context)
    elif isinstance(part, str):
        yield from _command_facts(blob, part, _IN_FOLDER, path)


def _redirections(blob: Blob, variables: Json, path: str) -> Iterator[Item]:
    """Yield variables that make an assistant send its conversations and its user's key to another server."""
    for name, value in variables.items() if isinstance(variables, dict) else ():
        if isinstance(value, str) and _REDIRECTING.fullmatch(name) and _FOREIGN.match(value):
            detail: dict[str, Json] = {"who": "assistants that work in the folder use it", "how": "redirected"}
            shown = printable(redact(f"{name}={value}"), SHOWN)
            yield Fact("shell-command", shown, blob.locator, detail={**detail, "path": path})


def _start_variables(blob: Blob, variables: Json, path: str) -> Iterator[Item]:
    """Yield variables in settings of editors and containers that make programs run or load something."""
    from scanners.judge.start_variables import NAMES, what_of
    from scanners.persistence import order

    for name, value in variables.items() if isinstance(variables, dict) else ():
        if name in NAMES and isinstance(value, str) and (what := what_of(name, value, "beside")):
            yield order(blob.locator, what, f"{name}={value}", "programs that are started there obey it", path)


def _task(blob: Blob, task: dict[str, Json], place: int) -> Iterator[Item]:
    options = task.get("runOptions")
    opening = isinstance(options, dict) and options.get("runOn") == "folderOpen"
    runner = _ON_OPENING if opening else _TASK
    systems = (part for name in ("linux", "osx", "windows") if isinstance(part := task.get(name), dict))
    for part in (task, *systems):
        listed = part.get("args")
        words = [part.get("command"), *(listed if isinstance(listed, list) else ())]
        command = " ".join(
            str(word.get("value", "")) if isinstance(word, dict) else str(word) for word in words if word
        )
        if command:
            yield from _command_facts(blob, command, runner, f"tasks[{place}]", whole=opening)


def _command_facts(blob: Blob, command: Json, runner: Runner, path: str, *, whole: bool = False) -> Iterator[Item]:
    """Yield a command, or those in a list or a table, if they resemble an attack; with `whole`, in any case."""
    if isinstance(command, dict):
        for name, value in command.items():
            if not isinstance(value, dict):
                yield from _command_facts(blob, value, runner, f"{path}.{name}", whole=whole)
        return
    shown = " ".join(map(str, command)) if isinstance(command, list) else str(command)
    pieces = [shown[start : start + MAX_PIECE] for start in range(0, len(shown), MAX_PIECE - OVERLAP)]
    found = sorted((piece for piece in pieces if suspicious(piece)), key=lambda piece: hostile(piece) is None)
    for piece in found[:MAX_COMMANDS] or (pieces[:1] if whole else []):
        yield command_fact(blob, piece, runner, path)
