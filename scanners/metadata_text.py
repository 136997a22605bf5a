"""Texts in a model's metadata (notes, names and settings), which have no legitimate reason to be code.

No loader runs them by itself. But tools that prepare or serve a model read their settings from there, and a second
stage of an attack can take its code from a checkpoint without pickles (https://attack.mitre.org/techniques/T1027/009/).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.limits import OverLimit
from modelsweep.core.locator import Locator
from modelsweep.core.scanner import Context, Item, problem_of
from modelsweep.core.text import printable, redact
from modelsweep.core.units import KIB
from scanners.parsing.concealed_orders import concealed_order

NAME = "metadata"
LONGEST = 64 * KIB
"""Maximum characters of a text that is examined."""
_SHOWN = 200
_CANDIDATE = re.compile(
    r"\b(?:os|posix|nt|subprocess|sys|pty|builtins|importlib|ctypes|runpy|shutil|socket|pickle|marshal)\.\w"
    r"|\b(?:eval|exec|compile|__import__|getattr)\s*\(|\bimport\s|\{[{%]|python/"
)
_TAG = re.compile(r"!!?<?(?:tag:yaml\.org,2002:)?python/(?:object|module|name)[/:]")
"""A YAML tag with which PyYAML's unsafe loader creates an object of any class, or calls any function."""
_CONCEALS = re.compile(r"\b(?:tell|inform|mention|notify|notifying|alert|knowledge|knowing|noticing)")
"""A word about keeping something from somebody."""
_MAX_WORDS_BEFORE = 4
"""Maximum words before the matching part of a command: a program with options; sentences about a command have more."""
_TARGET = "_target_"
_TARGET_VALUE = re.compile(r"""\\*["']_target_\\*["']\s*:\s*\\*["']([\w.]+)""")
"""A Hydra target in JSON or in a Python literal, possibly quoted inside other JSON (CVE-2026-22584)."""
_MAX_TARGETS = 1_000
_ASSUMED_IMPORTS = b"import builtins, ctypes, importlib, nt, os, posix, pty, runpy, shutil, socket, subprocess, sys\n"
"""Modules that a program which evaluates the text has probably imported."""
_NAME = re.compile(r"(?!www\.)[A-Za-z_]\w*(?:\.\w+)+")
_CALL_KINDS = frozenset({"code", "command", "connection", "memory", "native"})
_FAMILIES = frozenset({"command execution", "code execution"})


def suspicious_facts(
    text: str, locator: Locator, path: str, context: Context, *, names: bool = True, commands: bool = False
) -> Iterator[Item]:
    """Yield what makes the metadata text at `path` suspicious, such as Python that runs code, or an attack template.

    With `names`, the mere name of a callable that runs commands is reported as well. With `commands`, so are shell
    commands; these are needed in text files only, since the detector `scanners.detectors.scripts` finds them in others.
    """
    if len(text) > LONGEST:
        return
    if _TARGET in text:
        yield from _targets(text, locator, path)
    is_template = "template" in path.rpartition(".")[2]  # whose scanner reports this
    if not is_template and _CONCEALS.search(text) and (order := concealed_order(text)):
        detail: dict[str, Json] = {"how": "concealed", "path": path, "line": 1}
        yield Fact("template", printable(redact(order), _SHOWN), locator, detail=detail)
    if commands and (command := attack_in(text)):
        yield code_fact(command, "a command of attacks", locator, path)
        return
    if not _CANDIDATE.search(text):
        return
    from scanners.parsing.jinja_template import held_facts

    yield from held_facts(text, locator, path)
    try:
        how = "" if "{{" in text else _kind(text, context, names=names)
    except OverLimit as limit:
        if context.first(f"problem of {locator}", str(limit)):
            yield problem_of(limit, locator, NAME)
        return
    if how:
        yield code_fact(text, how, locator, path)


def code_fact(text: str, how: str, locator: Locator, path: str) -> Fact:
    """Return the fact that the text at `path` is code of the kind `how`."""
    shown = printable(redact(" ".join(text.split())), _SHOWN)
    return Fact("metadata-code", shown, locator, detail={"how": how, "path": path})


def attack_in(text: str) -> str:
    """Return the line of a text that is an attack command, or "" if prose only mentions one."""
    from scanners.judge.attack_commands import hostile_command

    for line in text.splitlines():
        found = hostile_command().search(line)
        if found and len(line[: found.start].split()) <= _MAX_WORDS_BEFORE:
            return line
    return ""


def _targets(text: str, locator: Locator, path: str) -> Iterator[Fact]:
    """Yield what a Hydra configuration in the text would call, since loaders instantiate it from there."""
    for match in islice(_TARGET_VALUE.finditer(text), _MAX_TARGETS):
        detail: dict[str, Json] = {"how": "hint", "path": f"{path} in its _target_" if path else "a _target_"}
        yield Fact("code-reference", printable(match[1], _SHOWN), locator, detail=detail)


def _kind(text: str, context: Context, *, names: bool) -> str:
    """Return the kind of code that a text is, or ""."""
    from scanners.judge.dangerous_names import family

    if any(len(text[: found.start()].split()) <= _MAX_WORDS_BEFORE for found in islice(_TAG.finditer(text), 1)):
        return "YAML with a tag of Python"
    if _NAME.fullmatch(text):
        return "the name of what runs commands" if names and family(text) in _FAMILIES else ""
    return "Python that runs commands or code" if runs_code(text.encode("utf-8", "replace"), context) else ""


def runs_code(source: bytes, context: Context) -> bool:
    """Return whether the whole text is Python that runs commands or code; raises OverLimit."""
    from scanners.parsing.python_calls import read
    from scanners.parsing.python_syntax import parsed
    from scanners.python_code import check_nesting, may_call_sinks

    if not may_call_sinks(source):
        return False
    context.snippets.spend()
    check_nesting(source)
    tree = parsed(_ASSUMED_IMPORTS + source)
    return tree is not None and any(call.kind in _CALL_KINDS for call in read(tree, context.operations).calls)
