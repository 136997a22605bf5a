"""Compiled Python files: on their own they hide what they do, in `__pycache__` they belong to their source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.options import Options

_IMPORTS = "https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation"


def _rule(what: str, title: str, severity: Severity, message: str, why: str) -> Rule:
    return Rule(
        id=f"python/{what}",
        title=title,
        severity=severity,
        message=message,
        why=why,
        fix="Delete the compiled files, and let Python compile the reviewed sources again.",
        confidence="medium",
        cwe=506,
        references=(_IMPORTS, "https://attack.mitre.org/techniques/T1027/"),
    )


ALONE = _rule(
    "compiled-code",
    "Compiled Python outside a cache folder",
    Severity.WARNING,
    "{subject} is compiled Python; it names {names}",
    "Python imports the file like a source file, but nobody can read what it does.",
)
UNCHECKED = _rule(
    "unchecked-cache",
    "Compiled Python that runs regardless of its source",
    Severity.WARNING,
    "{subject} says that it must not be compared with its source; it names {names}",
    "Python runs the compiled file even if the source beside it does something else, so reviewing the source proves "
    "nothing.",
)
CACHED = _rule(
    "cached-code",
    "Compiled Python in a cache folder",
    Severity.INFO,
    "{subject} is compiled Python; it names {names}",
    "Python runs this file instead of its source if the source has the recorded time and size.",
)
KINDS = frozenset({"python-compiled"})
RULES = (ALONE, UNCHECKED, CACHED)
_RULES = {"beside": ALONE, "unchecked": UNCHECKED, "cached": CACHED}


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield a finding for each compiled file, by the kind of folder it is in."""
    for fact in facts:
        names = fact.detail["names"]
        shown = ", ".join(map(str, names)) if isinstance(names, list) else ""
        if not shown and fact.detail["place"] == "cached":
            continue  # Python itself writes such files for every source
        evidence: dict[str, Json] = {"names": shown or "nothing of note"}
        yield Finding(_RULES[str(fact.detail["place"])], fact.locator, fact.value, evidence=evidence)
