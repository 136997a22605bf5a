"""What a chat template must not reach, since loaders render it, some of them without a sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options

_CVE = "https://nvd.nist.gov/vuln/detail/CVE-2024-34359"


def _rule(what: str, title: str, severity: Severity, message: str, why: str, cwe: int = 1336) -> Rule:
    return Rule(
        id=f"template/{what}",
        title=title,
        severity=severity,
        message=message,
        why=why,
        fix="Use the template that the model's authors published, and a loader that renders templates in a sandbox.",
        confidence="high" if severity is Severity.CRITICAL else "medium",
        cwe=cwe,
        references=(_CVE, "https://jinja.palletsprojects.com/en/stable/sandbox/"),
    )


INTERNALS = _rule(
    "code-execution",
    "Template that reaches into the interpreter",
    Severity.CRITICAL,
    "{path} reaches {subject} in line {line}",
    "Attributes with double underscores lead from any object to the interpreter, and from there to running commands. "
    "No chat template needs one. Rendering this one without a sandbox runs its code.",
)
HELD = _rule(
    "setting-reaches-interpreter",
    "Setting that reaches into the interpreter when it is rendered",
    Severity.WARNING,
    "the setting {path} reaches {subject} in line {line}",
    "It is written as a Jinja template that leads from any object to running commands. A program that renders its "
    "settings without a sandbox runs them; such a text has no other use.",
)
LOAD = _rule(
    "loads-template",
    "Template that loads another template",
    Severity.CRITICAL,
    "{path} loads {subject} in line {line}",
    "A chat template is self-contained. Loading another one reads files on the machine that renders it.",
)
UNUSUAL = _rule(
    "unusual-global",
    "Template that uses a global that attacks use",
    Severity.WARNING,
    "{path} uses {subject} in line {line}",
    "A chat template has no use for the name. Attacks on templates begin with it.",
)
DYNAMIC = _rule(
    "dynamic-attribute",
    "Template that computes attribute names",
    Severity.WARNING,
    "{path} accesses an attribute whose name is computed during rendering: {subject}, in line {line}",
    "Names computed at run time hide from a reviewer what is accessed.",
)
INSTRUCTION = _rule(
    "hidden-instruction",
    "Template that adds instructions when certain words appear",
    Severity.WARNING,
    "{path} adds text when certain words appear, or from a certain day or message on, in line {line}: {subject}",
    "The model is given instructions that its users never see, or words other than theirs, and only when they mention "
    "something or talk for long enough: a backdoor that needs no change to the weights.",
    cwe=506,
)
CONCEALED = _rule(
    "concealed-order",
    "Template with an instruction hidden from the user",
    Severity.WARNING,
    "{path} instructs the model in line {line}: {subject}",
    "The model is told to send data away, or to write something that does, and to keep this from its user.",
    cwe=506,
)
EXHAUSTION = _rule(
    "exhausts-memory",
    "Template that counts or writes without end",
    Severity.WARNING,
    "{path} computes {subject} in line {line}",
    "Rendering it uses up all memory, or never ends. A single request is enough to stop the server of the model.",
    cwe=400,
)
INVISIBLE = _rule(
    "invisible-text",
    "Template with invisible text",
    Severity.WARNING,
    "{path} holds invisible characters in line {line}: {subject}",
    "Models read tag characters and zero-width characters as well as letters. Instructions written in them are "
    "invisible to a reviewer, and direction marks display the template in a different order.",
    cwe=506,
)
SENDING = _rule(
    "address-with-content",
    "Template that appends the conversation to an address",
    Severity.WARNING,
    "{path} writes the conversation after {subject} in line {line}",
    "If the answer is displayed with its pictures and links, fetching the address sends the conversation to its owner.",
    cwe=200,
)
URL = _rule(
    "url",
    "Address in a chat template",
    Severity.INFO,
    "{path} holds the address {subject} in line {line}",
    "A template that tells the model an address can make it send its users there, or their data.",
    cwe=0,
)
# Jinja's `lipsum` and `self`, and globals that web frameworks and careless loaders add
_GLOBALS = frozenset(
    "lipsum self request url_for get_flashed_messages open exec eval compile getattr setattr globals locals vars os "
    "sys subprocess builtins importlib popen system requests httpx urllib socket".split()
)
_RULES = {
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
_MAX_NAMES, _MAX_COMPARED = 8, 100
"""Maximum names of one line in a finding, and maximum names of a template that each is compared with."""
KINDS = frozenset({"template"})
RULES = (INTERNALS, HELD, LOAD, UNUSUAL, DYNAMIC, INSTRUCTION, CONCEALED, EXHAUSTION, INVISIBLE, SENDING, URL)


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield what templates should not reach; a known chat template is not reported as a setting too."""
    rendered = {(fact.locator, fact.detail["path"]) for fact in facts if fact.detail["how"] != "held"}
    reached: dict[tuple[Locator, str], list[Fact]] = {}
    for fact in facts:
        how, path, line = str(fact.detail["how"]), str(fact.detail["path"]), fact.detail["line"]
        if how == "held" and (fact.locator, path) in rendered:
            continue
        if how == "attribute":
            reached.setdefault((fact.locator, path), []).append(fact)
            continue
        rule = UNUSUAL if how == "global" and _is_unusual(fact.value) else _RULES.get(how)
        if rule:
            yield Finding(rule, fact.locator, fact.value, path=path, evidence={"line": line})
    for (locator, path), attributes in reached.items():
        for line, names in _chains(attributes).items():
            yield Finding(INTERNALS, locator, names, path=path, evidence={"line": line})


def _chains(attributes: Sequence[Fact]) -> dict[Json, str]:
    """Return what each line reaches as one subject, innermost first, without names that are parts of others."""
    names = [fact.value for fact in attributes]
    chains: dict[Json, list[str]] = {}
    for fact in reversed(attributes):
        if not any(fact.value != other and fact.value in other for other in names[:_MAX_COMPARED]):
            chains.setdefault(fact.detail["line"], []).append(fact.value)
    return {
        line: ", ".join(each[:_MAX_NAMES]) + (", …" if len(each) > _MAX_NAMES else "") for line, each in chains.items()
    }


def _is_unusual(name: str) -> bool:
    return name in _GLOBALS or "__" in name
