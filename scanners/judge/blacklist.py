"""Names that the user has blacklisted: of files, archive members, and models named in metadata."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.options import Options
from modelsweep.core.report import Artifact
from modelsweep.core.text import printable

KINDS = frozenset({"name", "metadata"})
_SHOWN = 200
"""Maximum characters of a name in a finding."""
_STATES_NAME = ("_name", "_name_or_path", "_basename", "_model_id", "_base_model", "_repo_url")
"""Ends of metadata keys whose value names a model: general.name (GGUF) and _name_or_path (transformers)."""

BLACKLISTED = Rule(
    id="name/blacklisted",
    title="Name on the blacklist",
    severity=Severity.CRITICAL,
    message="{subject} is on the blacklist ({pattern})",
    why="The person who started the scan listed models and files that must not be used.",
    fix="Remove the file, or remove the pattern from the blacklist.",
    cwe=1357,
)
RULES = (BLACKLISTED,)


def named(artifacts: Iterable[Artifact]) -> Iterator[Fact]:
    """Yield the name of each artifact as a fact: the whole path or URL of a file, or the name of a member."""
    for artifact in artifacts:
        locator = artifact.locator
        yield Fact("name", locator.members[-1] if locator.members else locator.uri, locator)


def findings(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield a finding for each name that a pattern of the blacklist matches."""
    for fact in facts:
        name = _name(fact)
        pattern = next((pattern for pattern in options.blacklist if name and matches(name, pattern)), None)
        if pattern is not None:
            evidence = {"pattern": printable(pattern, _SHOWN)}
            yield Finding(BLACKLISTED, fact.locator, printable(name, _SHOWN), span=fact.span, evidence=evidence)


def matches(name: str, pattern: str) -> bool:
    """Return whether a pattern matches, ignoring case: a plain word anywhere, one with `*?[` a path or a part of it."""
    from fnmatch import fnmatchcase

    name, pattern = name.lower(), pattern.lower()
    if not set(pattern) & set("*?["):
        return pattern in name
    return any(fnmatchcase(part, pattern) for part in (name, *name.replace("\\", "/").split("/")))


def _name(fact: Fact) -> str:
    """Return the name that a fact states, or nothing."""
    if fact.kind == "name":
        return fact.value
    key, text = fact.detail.get("key", fact.value), fact.detail.get("text")
    states_name = isinstance(key, str) and f"_{key.lower().replace('.', '_')}".endswith(_STATES_NAME)
    return text if states_name and isinstance(text, str) else ""
