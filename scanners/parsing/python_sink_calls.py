"""Calls of sinks: their arguments, as far as these are constant, and the code that they run."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from scanners.parsing.python_arguments import arguments, command, made_of, spawned
from scanners.parsing.python_constants import constant
from scanners.parsing.python_decoders import text_of
from scanners.parsing.python_found import Body, Call
from scanners.parsing.python_scope import Scope
from scanners.parsing.python_sinks import READ, SPAWNERS, SWITCHES, UNSAFE_YAML
from scanners.parsing.python_syntax import is_on, is_shell, matters

_NON_ARCHIVE_PATH = re.compile(r"[^/\\. …][^/\\…]*\.(?!(?:zip|egg|whl|pex)$)[A-Za-z][A-Za-z0-9]{0,11}$")
"""Paths of files that are not named as package archives: Python imports from an archive of any name."""
_PYTHON_C = re.compile(r"\bpython[\d.]*\s+-c\s*([\"'])([\s\S]*)\1")
MAGICS = frozenset(f"IPython.get_ipython().run_{kind}_magic" for kind in ("line", "cell"))
_SHELL_MAGICS = frozenset("bash sh system sx cmd powershell perl ruby script alias".split())
_PYTHON_MAGICS = frozenset("time timeit prun python python3 memit capture".split())
_COMMAND_KEYWORDS = frozenset("args bash_command cmd command commands".split())
"""Keywords that take the command of a call."""
_JOB_KEYWORDS = _COMMAND_KEYWORDS | frozenset(
    "actions entrypoint job_script_prologue run script setup slurm_setup".split()
)
"""Keywords that take the command of a workflow step, a container or a job."""
_RUNNER_NAMES = re.compile(
    r"run|sudo|local|shell|spawn|popen|system|exec(?:ute)?|run_(?:commands?|shell|bash|cmd|script|expect)"
    r"|exec(?:ute)?_(?:command|cmd|shell|shell_command|script)|submit_job|\w{1,20}_shell"
)
"""Names of methods that take a command to run."""
_ATTACK_TOOLS = re.compile(r"\b(?:curl|wget|nc|ncat|powershell|base64|xxd|openssl)\b|/dev/(?:tcp|udp)/")
_MAX_SOURCES = 10
_MAX_LIST_ITEMS = 10
_MAX_MODE_LENGTH = 10
_MAX_MENTIONS = 20
_ROOTS = ("/", "~")
_MAX_MENTION_LENGTH = 200
"""Maximum characters of a constant that is recorded in `mentions`."""


class SinkCall(NamedTuple):
    """A call, or None if it only runs code that is analysed anyway, and the constant code that it runs."""

    call: Call | None
    code: str


def sink_call(
    name: str, kind: str, given: list[ast.expr], node: ast.Call, body: Body, *, handed: bool
) -> SinkCall | None:
    """Return what matters about a call of `name` with the arguments `given`, or None if nothing does."""
    scope = body.scope
    if name == "yaml.load" and not UNSAFE_YAML.intersection(map(scope.name_of, given[1:])):
        return None
    if (name in SWITCHES and not is_on(scope, node, *SWITCHES[name])) or not matters(kind, node):
        return None
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    given = _main_argument_first(name, kind, given, owner, node)
    first = given[0] if given else None
    known = constant(scope, first) if first else None
    made = made_of(scope, given)
    listed = arguments(scope, first) if first else []
    text = command(scope, first) if first else ""
    if kind == "path" and not (any("download" in call for call in made.calls) or _NON_ARCHIVE_PATH.search(text)):
        return None
    if kind == "command" and name.startswith(SPAWNERS):
        listed = spawned(scope, name, given)
        text = " ".join(listed)
    if name.startswith("pip."):
        text = f"pip {text}"
    code = _inner_code(kind, known, listed or [text])
    folded = isinstance(known, (str, bytes))
    if folded and name in READ and not made.calls - {"builtins.compile"}:
        return SinkCall(None, code)  # only the code matters
    call = Call(
        name=name,
        kind=kind,
        when=body.when,
        line=body.line or node.lineno,
        text=text,
        sources=tuple(sorted(made.calls)[:_MAX_SOURCES]),
        mentions=frozenset(
            sorted(text for text in made.mentions if 1 < len(text) < _MAX_MENTION_LENGTH or text in _ROOTS)[
                :_MAX_MENTIONS
            ]
        ),
        folded=folded,
        encoded=made.encoded,
        shell=is_shell(scope, name, node),
        mode=_mode(node, given[1:], scope),
        owner=body.owner,
        handed=handed or body.handed,
        weights=body.weights,
        hook=body.hook,
        served=body.served,
        called=body.called,
        function=body.function,
        given=tuple(at for at, name in enumerate(body.parameters) if f"${name}" in made.mentions),
    )
    return SinkCall(call, code)


def method_of(node: ast.Call) -> str:
    """Return the last part of the name of the called function or method."""
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def command_argument(node: ast.Call) -> ast.expr | None:
    """Return the argument of any call that is a constant command, or a list with one, and may be an attack."""
    given = [item.value for item in node.keywords if item.arg in _JOB_KEYWORDS]
    if node.args and _RUNNER_NAMES.fullmatch(method_of(node)):
        listed = ast.Tuple(node.args, ast.Load()) if len(node.args) > 1 else node.args[0]
        given.append(ast.copy_location(listed, node))
    return next((item for item in given if _may_attack(item)), None)


def _may_attack(node: ast.expr) -> bool:
    parts = node.elts[:_MAX_LIST_ITEMS] if isinstance(node, ast.List | ast.Tuple) else [node]
    return any(
        (
            isinstance(part, ast.Constant)
            and isinstance(part.value, str)
            and _ATTACK_TOOLS.search(part.value) is not None
        )
        or (isinstance(part, ast.List | ast.Tuple) and _may_attack(part))
        for part in parts
    )


def expand_magic(node: ast.Call, scope: Scope) -> ast.Call:
    """Return the shell or Python call that an IPython magic is equivalent to; any other call unchanged."""
    magic = constant(scope, node.args[0]) if node.args else None
    if magic in _SHELL_MAGICS:
        owner = ast.Call(ast.Name("get_ipython"), [], [])
        made = ast.Call(ast.Attribute(owner, "system"), node.args[-1:], [])
    elif magic in _PYTHON_MAGICS:
        made = ast.Call(ast.Name("exec"), node.args[-1:], [])
    else:
        return node
    return ast.copy_location(made, node)


def _main_argument_first(
    name: str, kind: str, given: list[ast.expr], owner: ast.expr | None, node: ast.Call
) -> list[ast.expr]:
    """Return the arguments, the most important one first: the command, the path that owns the method, or the target."""
    if name.startswith("pathlib.") and owner:
        given = [owner, *given]
    if kind == "command" and not node.args:
        named = [item.value for item in node.keywords if item.arg in _COMMAND_KEYWORDS]
        given = [*named, *(item for item in given if item not in named)]
    if kind == "copying":
        return [*given[1:], *given[:1]]
    return given[1:] if name == "sys.path.insert" else given


def _inner_code(kind: str, known: object, listed: list[str]) -> str:
    """Return the constant code that a call runs by exec, eval or `python -c`, or an empty string."""
    code = text_of(known) if kind == "code" and isinstance(known, (str, bytes)) else ""
    if kind == "command" and "-c" in listed[:-1] and "python" in listed[0]:
        code = listed[listed.index("-c") + 1]
    elif kind == "command" and (match := _PYTHON_C.search(listed[0])):
        code = match[2]
    return code


def _mode(node: ast.Call, rest: list[ast.expr], scope: Scope) -> str:
    """Return the mode in which a call opens a file, or an empty string."""
    if isinstance(node.func, ast.Attribute) and node.func.attr == "open" and rest:
        flags = {part.attr for part in ast.walk(rest[0]) if isinstance(part, ast.Attribute)}
        if flags & {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND"}:
            return "w"
    named = [item.value for item in node.keywords if item.arg == "mode"]
    found = constant(scope, (named or rest)[0]) if named or rest else ""
    return found if isinstance(found, str) and len(found) < _MAX_MODE_LENGTH else ""
