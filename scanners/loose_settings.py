"""Settings that are suspicious under any key: names of callables that run commands, expressions, private files.

Programs resolve settings without a common convention: txtai imports the values of `backend`, `transform` and
`functions`, fairseq evaluates shapes of layers, and LangChain, NeMo and BentoML open paths. Lists of objects are data,
and so are settings whose key says that they describe or forbid something.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, problem_of
from modelsweep.core.text import printable, redact
from scanners.judge.external_files import outside
from scanners.parsing.code_keys import KEYS, TOKENIZER_FILES, runs_something
from scanners.parsing.json_text import Entry

_SHOWN = 200
_DESCRIBES = re.compile(
    r"(?i)(?:^|_)(?:name|desc\w*|title|text|label|message|msg|example|pattern|regex|rule|id|prompt|question|answer"
    r"|input|output|summary|comment|note|reason|docs?|docstring|path|symbol|token|keyword|word|api|signature|caller|callee|sink"
    r"|source|qualname|expected|value|deny|denied|ban\w*|block\w*|forbid\w*|disallow\w*|unsafe|danger\w*|exclude\w*"
    r"|ignore\w*|skip\w*|black\w*|bad|risk\w*|malicious|attack|payload)s?$"
)
"""Keys whose values describe something, or are forbidden."""
_MAX_KEY = 100
"""Maximum characters at the end of a key that are matched, since each word of a long key costs a match to its end."""
_CALLABLE_LISTS = re.compile(
    r"(?i)(?:^|_)(?:functions|callbacks|hooks|plugins|transforms|callables|resolvers|handlers)$"
)
"""Keys of lists whose elements are called."""
_PRIVATE = re.compile(
    r"(?:[a-z][a-z+.-]{1,15}:(?://)?)?(?:\.{0,2}[/\\]|~[\w.-]*[/\\]|\$\{?\w+\}?[/\\]|[A-Za-z]:[/\\])(?:[^\s:;,|*?<>\"']*[/\\])?"
    r"(?:etc/(?:passwd|g?shadow|sudoers)|proc/(?:self|\d+)/(?:environ|cmdline|maps|mem|fd/\d+)"
    r"|\.ssh/(?:id_\w+|authorized_keys)|\.aws/credentials|\.netrc|\.git-credentials|\.pypirc|\.kube/config"
    r"|\.(?:bash|zsh)_history|\.cache/huggingface/(?:stored_)?tokens?|run/secrets/[\w./-]+)"
)
_ACCOUNT_KEYS = re.compile(
    r"(?i)key|ssh|identit|cred|secret|token|auth|cert|mount|volume|passw|kube|gpg|netrc|aws|azure|gcp|google|docker_?config|(?:^|_)env(?:_|$)"
    r"|source|bind|host|user|shadow|history|deny|allow|block|forbid|exclude|ignore|protect|sensitive|danger"
)
"""Keys that tell programs where an account stores its keys, or what nobody may read."""
_NEMO_PREFIX = "nemo:"
"""Prefix of a file name inside a NeMo archive, which is joined to the folder where the archive is unpacked."""
_SEARCHED_KEYS = re.compile(
    r"(?i)(?:pattern|regex|rule|contains|example|sample|signature|match|condition|deny|denied|block\w*|forbid\w*|ban\w*"
    r"|black\w*|disallow\w*|malicious|attack|payload)s?$"
)
"""Keys whose values are searched for or blocked."""
_COMMAND_LISTS = re.compile(r"(?i)(?:hook|command|cmd|script|run|exec|init|setup|start|step|action|arg)\w{0,12}$")
"""Keys of lists whose strings are run, one by one or as one command."""
_MAX_LISTED = 200
_CALLS = re.compile(
    r"__import__|\b(?:os|subprocess|pty|builtins|importlib|runpy|posix)\.\w|\b(?:eval|exec|compile)\s*\("
)
_MAX_EXPRESSION = 4_000
"""Maximum characters of a one-line text that is parsed as an expression."""


def loose_facts(blob: Blob, entry: Entry) -> Iterator[Fact]:
    """Yield what is suspicious about the value of one setting by itself."""
    value = entry.value
    if isinstance(value, list) and _CALLABLE_LISTS.search(entry.key) and _may_be_called(entry.key):
        for item in value:
            if isinstance(item, str) and runs_something(item.replace(":", ".", 1)):
                yield _fact(blob, entry, item, "mention")
    if not isinstance(value, str):
        return
    name = value.replace(":", ".", 1)
    if runs_something(name) and _may_be_called(entry.key):
        yield _fact(blob, entry, name, "mention")
    if value.startswith(_NEMO_PREFIX) and outside(value.removeprefix(_NEMO_PREFIX)):
        yield _fact(blob, entry, value, "outside")
    elif _PRIVATE.fullmatch(value) and entry.key not in TOKENIZER_FILES and not _ACCOUNT_KEYS.search(entry.key):
        yield _fact(blob, entry, value, "private")


def expression_facts(blob: Blob, entry: Entry, context: Context) -> Iterator[Item]:
    """Yield a text that is exactly one Python expression, and runs commands or code."""
    from scanners.metadata_text import NAME, runs_code

    text = entry.value
    if not isinstance(text, str) or len(text) > _MAX_EXPRESSION or "\n" in text.strip() or not _CALLS.search(text):
        return
    if "{{" in text or _DESCRIBES.search(entry.key[-_MAX_KEY:]):
        return
    try:
        runs = "(" in text and runs_code(f"({text.strip()})".encode("utf-8", "replace"), context)
    except OverLimit as limit:
        if context.first(f"problem of {blob.locator}", str(limit)):
            yield problem_of(limit, blob.locator, NAME)
        return
    if runs:
        shown = printable(redact(" ".join(text.split())), _SHOWN)
        detail: dict[str, Json] = {"how": "Python that runs commands or code", "path": printable(entry.path, _SHOWN)}
        yield Fact("metadata-code", shown, blob.locator, detail=detail)


def command_facts(blob: Blob, entry: Entry) -> Iterator[Fact]:
    """Yield a text that is an attack command; in text files, no detector reports it."""
    from scanners.metadata_text import LONGEST, attack_in, code_fact

    listed = (
        entry.value if isinstance(entry.value, list) and _COMMAND_LISTS.search(entry.key[-_MAX_KEY:]) else [entry.value]
    )
    for text in listed[:_MAX_LISTED]:
        if isinstance(text, str) and len(text) <= LONGEST and not _SEARCHED_KEYS.search(entry.key[-_MAX_KEY:]):
            command = attack_in(text)
            if command:
                yield code_fact(command, "a command of attacks", blob.locator, printable(entry.path, _SHOWN))
                return


def _may_be_called(key: str) -> bool:
    """Return whether a key may name a component that a program resolves, and no convention covers it."""
    return len(key) > 1 and key[0].isalpha() and key not in KEYS and not _DESCRIBES.search(key[-_MAX_KEY:])


def _fact(blob: Blob, entry: Entry, name: str, how: str) -> Fact:
    detail: dict[str, Json] = {"how": how, "path": printable(entry.path, _SHOWN)}
    return Fact("code-reference", printable(name, _SHOWN), blob.locator, detail=detail)
