"""What a chat template may reach, and what it may not: loaders render it, some of them without a sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.options import Options

_CVE = "https://nvd.nist.gov/vuln/detail/CVE-2024-34359"


def _rule(what: str, title: str, severity: Severity, message: str, why: str, cwe: int = 1336) -> Rule:
    return Rule(
        id=f"template/{what}",
        title=title,
        severity=severity,
        message=message,
        why=why,
        fix="Use the template that the authors of the model published, and a loader that renders in a sandbox.",
        confidence="high" if severity is Severity.CRITICAL else "medium",
        cwe=cwe,
        references=(_CVE, "https://jinja.palletsprojects.com/en/stable/sandbox/"),
    )


INTERNALS = _rule(
    "code-execution",
    "Template that reaches into the interpreter",
    Severity.CRITICAL,
    "{path} reaches {subject} in line {line}",
    "Attributes with double underscores lead from any object to the interpreter and to running commands. No chat "
    "template needs one; rendering this one without a sandbox runs its code.",
)
HELD = _rule(
    "setting-reaches-interpreter",
    "Setting that reaches into the interpreter when it is rendered",
    Severity.WARNING,
    "the setting {path} reaches {subject} in line {line}",
    "It is written as a Jinja template, and what it names leads from any object to running commands. A program that "
    "renders its settings without a sandbox runs them; nothing else has a use for such a text.",
)
LOAD = _rule(
    "loads-template",
    "Template that loads another",
    Severity.CRITICAL,
    "{path} loads {subject} in line {line}",
    "A chat template stands for itself. Loading others reads files of whoever renders it.",
)
UNUSUAL = _rule(
    "unusual-global",
    "Template that uses a global of attacks",
    Severity.WARNING,
    "{path} uses {subject} in line {line}",
    "The name has no use in a chat template; it is where attacks on templates begin.",
)
DYNAMIC = _rule(
    "dynamic-attribute",
    "Template that works out names of attributes",
    Severity.WARNING,
    "{path} reaches an attribute whose name is worked out when it is rendered: {subject}, in line {line}",
    "Names put together at run time hide from review what is reached.",
)
INSTRUCTION = _rule(
    "hidden-instruction",
    "Template that adds instructions when certain words are said",
    Severity.WARNING,
    "{path} adds text where certain words are said, or from some day on, in line {line}: {subject}",
    "The model is given instructions that its users never see, and only when they speak of something: a backdoor "
    "that needs no change of weights.",
    cwe=506,
)
CONCEALED = _rule(
    "concealed-order",
    "Template with an order that the user is not to learn of",
    Severity.WARNING,
    "{path} orders the model in line {line}: {subject}",
    "The model is told to send something away, or to write what does so, and to keep it from whoever uses it.",
    cwe=506,
)
EXHAUSTION = _rule(
    "exhausts-memory",
    "Template that counts or writes without end",
    Severity.WARNING,
    "{path} works out {subject} in line {line}",
    "Rendering it takes all memory, or never ends: one request is enough to stop whoever serves the model.",
    cwe=400,
)
INVISIBLE = _rule(
    "invisible-text",
    "Template with text that is not seen",
    Severity.WARNING,
    "{path} holds characters that are not shown in line {line}: {subject}",
    "Models read tags and marks of no width as well as letters: instructions written in them are seen by nobody who "
    "reviews the template, and marks that turn the direction show it other than it is.",
    cwe=506,
)
SENDING = _rule(
    "address-with-content",
    "Template that writes what was said behind an address",
    Severity.WARNING,
    "{path} writes what was said behind {subject} in line {line}",
    "Where the answer is shown with its pictures and links, fetching the address sends the conversation to whoever "
    "has it.",
    cwe=200,
)
URL = _rule(
    "url",
    "Address in a chat template",
    Severity.INFO,
    "{path} holds the address {subject} in line {line}",
    "A template that tells the model of an address can make it send its users there, or their data.",
    cwe=0,
)
# Jinja's `lipsum` and `self`, and what web frameworks and careless loaders add
_GLOBALS = frozenset(
    "lipsum self request url_for get_flashed_messages open exec eval compile getattr setattr globals locals vars os "
    "sys subprocess builtins importlib popen system requests httpx urllib socket".split()
)
_RULES = {
    "attribute": INTERNALS,
    "held": HELD,
    "load": LOAD,
    "dynamic-attribute": DYNAMIC,
    "instruction": INSTRUCTION,
    "url": URL,
    "exhaustion": EXHAUSTION,
    "invisible": INVISIBLE,
    "sending": SENDING,
    "concealed": CONCEALED,
}
KINDS = frozenset({"template"})
RULES = (INTERNALS, HELD, LOAD, UNUSUAL, DYNAMIC, INSTRUCTION, CONCEALED, EXHAUSTION, INVISIBLE, SENDING, URL)


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield what templates reach that they should not; of one that is known to be rendered not as a setting, too."""
    rendered = {(fact.locator, fact.detail["path"]) for fact in facts if fact.detail["how"] != "held"}
    for fact in facts:
        how = str(fact.detail["how"])
        if how == "held" and (fact.locator, fact.detail["path"]) in rendered:
            continue
        rule = UNUSUAL if how == "global" and _is_unusual(fact.value) else _RULES.get(how)
        if rule:
            path, line = str(fact.detail["path"]), fact.detail["line"]
            yield Finding(rule, fact.locator, fact.value, path=path, evidence={"line": line})


def _is_unusual(name: str) -> bool:
    return name in _GLOBALS or "__" in name
