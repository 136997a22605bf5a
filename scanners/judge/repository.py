"""What the files of one repository make of each other: what makes which file run, which shards are there.

Judged are the members of one archive; `scanners.repository.across` does the same for the files of a job.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Confidence, Fact, Finding, Rule, Severity
from modelsweep.core.options import Options
from modelsweep.core.related import KINDS

_CUSTOM_MODELS = "https://huggingface.co/docs/transformers/custom_models"
_INDEX = "https://huggingface.co/docs/transformers/big_models"
_ATTACK = "https://attack.mitre.org/techniques/T1195/001/"


def _rule(what: str, title: str, severity: Severity, message: str, why: str, fix: str, *references: str) -> Rule:
    confidence: Confidence = "high" if severity is Severity.INFO else "medium"
    return Rule(f"repository/{what}", title, severity, message, why, fix, confidence, cwe=829, references=references)


LOADED = _rule(
    "loaded-code",
    "Python file that a configuration makes run",
    Severity.INFO,
    "{config} makes {subject} run ({key}): {does}",
    "Whoever loads the model and trusts its code imports the file, with all that it imports, and makes an instance of "
    "a class in it.",
    "Review the file, and pin the revision that was reviewed.",
    _CUSTOM_MODELS,
)
SUSPICIOUS = _rule(
    "suspicious-code",
    "Python file that a configuration makes run, and that runs commands or reaches out",
    Severity.WARNING,
    "{config} makes {subject} run ({key}): {does}",
    "Loading the model with its own code runs this, without a word of the program that loads it.",
    "Do not load the model before somebody has read the file; ask its author why it is needed.",
    _CUSTOM_MODELS,
    _ATTACK,
)
DANGEROUS = _rule(
    "dangerous-code",
    "Python file that a configuration makes run, and that does what no honest file does",
    Severity.CRITICAL,
    "{config} makes {subject} run ({key}): {does}",
    "Loading the model with its own code runs this: whoever made it commands the machine that loads it.",
    "Do not load the model. Tell the place it came from.",
    _CUSTOM_MODELS,
    _ATTACK,
)
COMPILED = _rule(
    "compiled-code",
    "Compiled code that a configuration makes run",
    Severity.WARNING,
    "{config} makes {subject} run ({key}): {does}",
    "Python imports compiled files like sources, and nobody can read what they do.",
    "Ask for the source, review it, and build it yourself.",
    "https://docs.python.org/3/reference/import.html",
)
MISSING = _rule(
    "missing-code",
    "Configuration that names code which is not beside it",
    Severity.INFO,
    "{path} names {subject}, which is not among the files that were examined",
    "What is not there was not reviewed; where a loader finds the code elsewhere, that is what runs.",
    "Scan the whole repository, at the revision that is loaded.",
    _CUSTOM_MODELS,
)
__all__ = ["KINDS", "RULES", "findings"]
RULES = (LOADED, SUSPICIOUS, DANGEROUS, COMPILED, MISSING)


def findings(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield what the members of an archive make of each other."""
    inner = [fact for fact in facts if fact.locator.members]
    if inner:
        from scanners.repository.across import within

        yield from within(inner, options)
