"""What a model's Python files do on import or use: decode and run code, run commands, contact the network.

Facts of kind `python-call` say in `does` what kind of callable is called, and in `when` on which occasion: importing
the file, using one of its model classes, or running a cell of a notebook. What no honest file does is CRITICAL. A
command or a connection on import calls for review in files that loaders import by name, and in others unless it is a
usual build tool (`git describe`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.options import Options
from modelsweep.core.values import replace
from scanners.judge.attack_commands import hostile_command, private_file
from scanners.judge.python_importers import importer, is_model_file, is_of_tests, is_setup, is_test
from scanners.judge.python_opinions import FETCHING, HIDING, MACHINE, opinion
from scanners.judge.python_rules import (
    ALL,
    ATTACK,
    CELL_ATTACK,
    COMMAND,
    COMPUTED,
    DECODED,
    DEFINED,
    DOWNLOADED,
    FOREIGN,
    HOOK,
    IN_COMMAND,
    METHOD,
    MODEL_COMMAND,
    NETWORK,
    NOTED,
    ORDERED,
    PHONES,
    SCRIPTED,
    SHELL,
    STARTUP,
    STOLEN,
    TESTED,
    TOOL,
)
from scanners.judge.usual_tools import fetches_code, is_usual

KINDS = frozenset({"python-call", "python-startup"})
RULES = ALL
_AGGRAVATING = frozenset({"fetching", "writing", "connection", "descriptor"})
"""Kinds of calls that make other calls of the file worse; files may have thousands of calls of other kinds."""
_OCCASIONS = {
    "import": "importing the file",
    "use": "making or using the model",
    "cell": "a cell of the notebook",
    "asked": "a command of the file",
    "made": "making or using the class",
    "defined": "a function of the file",
    "served": "serving the model",
    "called": "what a library calls",
    "script": "starting the file as a script",
}

_SENDING = frozenset({"sending", "connection"})
_UNCERTAIN = frozenset({"made", "defined"})
"""Occasions that may never occur, unless the file is deployed on a server."""
_EVALUATING = frozenset({"builtins.eval", "builtins.exec"})
_VARIABLE = re.compile(r"\$(?!(?:self|cls)\b)\w+")
"""A variable that is not an attribute of an instance; those are settings."""


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield what importing or using Python files runs."""
    files: dict[object, list[Fact]] = {}
    for fact in facts:
        files.setdefault(fact.locator, []).append(fact)
    for members in files.values():
        yield from findings_of_file(members)


_OUTSIDE_INSTALL = re.compile(
    r"(?:^|[;&|]\s*)(?:id|whoami|hostname|nohup|crontab|nslookup|ping|nc|ncat)\b|://\d"
    r"|[\s>](?:/tmp|/etc|/var|/root|/home|~|\$HOME)(?:/|\s|$)"
)
"""Commands that identify the machine, contact others or run later; hosts by IP address; folders of the system."""


def findings_of_file(facts: Sequence[Fact], *, loaded: bool = False, named: str = "") -> Iterator[Finding]:
    """Yield what importing or using one file runs.

    `loaded` says that a loader imports the file, whatever its name; `named` is the class that the loader instantiates.
    """
    calls = [_as_used(fact, named) for fact in facts if fact.kind == "python-call"]
    for fact in facts:
        if fact.kind == "python-startup":
            yield _finding(HOOK, fact, calls)
    likely = {_likelihood(call): set[tuple[str, Json]]() for call in calls}
    for call in calls:
        likely[_likelihood(call)].add((call.value, call.detail["line"]))
    aggravating = [call for call in calls if _is_aggravating(call)]
    for call in calls:
        more = (found for how, found in likely.items() if how > _likelihood(call))
        if any((call.value, call.detail["line"]) in found for found in more):
            continue  # reported on a more certain occasion
        rule = _rule(call, aggravating, loaded=loaded or is_model_file(call))
        if rule:
            yield _finding(rule, call, calls)


def _likelihood(call: Fact) -> int:
    """Return how likely a call is to run: 2 in any case, 1 if a server or library calls it, 0 perhaps never."""
    if call.detail["when"] not in ("script", *_UNCERTAIN):
        return 2
    return 1 if _is_called(call) else 0


def _is_called(call: Fact) -> bool:
    """Return whether a model server or a library calls the function that contains the call."""
    return not {"served", "called"}.isdisjoint(call.texts("how"))


def _is_aggravating(call: Fact) -> bool:
    does = call.detail["does"]
    return does in _AGGRAVATING or (does == "command" and fetches_code(str(call.detail["text"])))


def _as_used(fact: Fact, named: str) -> Fact:
    """Return a call in a class that may never be instantiated, as a call on use if the loader names the class."""
    if fact.detail["when"] == "made" and fact.detail.get("owner") == named:
        return replace(fact, detail={**fact.detail, "when": "use"})
    return fact


def _finding(rule: Rule, fact: Fact, calls: list[Fact]) -> Finding:
    detail = fact.detail
    if rule is HOOK:
        return Finding(rule, fact.locator, fact.value, evidence={"text": detail["text"]})
    sources = [name for name in fact.texts("sources") if name.startswith((*HIDING, *FETCHING))]
    shown = str(detail["text"])[:160] or "…"
    if rule is STOLEN:
        files = [text for text in fact.texts("mentions") if private_file().search(text)]
        shown = ", ".join(files) or "the environment"
    elif rule is SHELL:
        shown = ", ".join(call.value for call in calls if call.detail["does"] == "connection") or "the network"
    evidence: dict[str, Json] = {
        "line": detail["line"],
        "when": _occasion(fact, rule),
        "text": shown,
        "sources": ", ".join(sources) or shown,
    }
    if rule is COMPUTED:
        evidence["module"] = fact.value.partition(".")[0]
    return Finding(rule, fact.locator, fact.value, evidence=evidence)


def _occasion(fact: Fact, rule: Rule) -> str:
    """Return when a call runs, and who runs it."""
    when = str(fact.detail["when"])
    if when in _UNCERTAIN and "served" in fact.texts("how"):
        when = "served"
    elif when in _UNCERTAIN and rule.severity is Severity.CRITICAL:
        when = "called"
    elif when == "use" and is_setup(fact):
        return "installing the folder"
    occasion = _OCCASIONS[when]
    who = importer(fact)
    return f"{occasion} ({who})" if who and fact.detail["when"] == "import" else occasion


def _rule(fact: Fact, calls: list[Fact], *, loaded: bool) -> Rule | None:
    """Return the rule for a call, given the occasion on which it runs."""
    when = str(fact.detail["when"])
    rule = opinion(fact, calls, loaded=loaded)
    if rule is COMMAND and not loaded and when in ("import", "use") and is_test(fact):
        return TESTED
    worst = rule in (DECODED, SHELL, STOLEN) or (rule is ATTACK and _is_hostile(fact))
    if rule is ORDERED or (rule is FOREIGN and when == "use"):
        return rule
    if when in _UNCERTAIN:
        return _in_uncalled(fact, rule, worst=worst, loaded=loaded)
    if when == "script":
        return SCRIPTED if worst else None
    if when == "cell":
        return _in_cell(fact, rule)
    if when == "asked":
        return _in_command(rule)
    return _in_use(fact, rule, loaded=loaded) if when == "use" and rule else rule


def _in_use(fact: Fact, rule: Rule, *, loaded: bool) -> Rule | None:
    """Return the rule for a call in a class that loaders instantiate or use."""
    if rule is NETWORK and loaded and _sends_to_server(fact):
        return PHONES
    if rule.severity < Severity.CRITICAL:
        runs = fact.detail["does"] in ("command", "code", "memory", "mapping") and rule is not TOOL
        told = runs and (not is_setup(fact) or _reaches_outside_install(fact))
        return rule if rule is COMPUTED else METHOD if told else None
    return METHOD if rule is MODEL_COMMAND else rule


def _sends_to_server(fact: Fact) -> bool:
    """Return whether a model's call sends its input, or the identity of the machine, to a server."""
    machine = MACHINE.intersection(source.removesuffix("()") for source in fact.texts("sources"))
    return bool(machine) or (fact.detail["does"] in _SENDING and bool(fact.detail.get("weights")))


def _in_uncalled(fact: Fact, rule: Rule | None, *, worst: bool, loaded: bool) -> Rule | None:
    """Return the rule for a call in a class or function without a known caller; `rule` applies if it does run."""
    if worst and _is_called(fact):
        return rule
    if "served" in fact.texts("how") and _runs_requests(fact):
        return METHOD
    return METHOD if worst and fact.detail["when"] == "made" else _in_function(fact, rule, loaded=loaded)


def _runs_requests(fact: Fact) -> bool:
    """Return whether a function that a server calls runs its argument unchanged, in a shell or as Python."""
    is_shell = fact.detail["does"] == "command" and "shell" in fact.texts("how")
    runs = is_shell or fact.value in _EVALUATING
    return runs and fact.detail["text"] == "…" and any(map(_VARIABLE.fullmatch, fact.texts("mentions")))


def _reaches_outside_install(fact: Fact) -> bool:
    """Return whether an install command that is fully known reaches beyond the installed folder."""
    text = str(fact.detail["text"])
    return "…" not in text and _OUTSIDE_INSTALL.search(text) is not None


def _in_function(fact: Fact, rule: Rule | None, *, loaded: bool) -> Rule | None:
    """Return the rule for a call in a function that may never be called."""
    if rule in (DECODED, SHELL, STOLEN) or (rule is ATTACK and _is_hostile(fact)) or _runs_answer(fact, rule):
        return DEFINED
    if not loaded or rule is None or rule is TOOL or is_of_tests(fact):
        return None
    if rule in (COMMAND, MODEL_COMMAND) and is_usual(
        str(fact.detail["text"]), shell="shell" in fact.texts("how"), script=True
    ):
        return None
    if rule.severity is Severity.CRITICAL or fact.detail["does"] == "memory":
        return DEFINED
    # A function that runs its argument is reported if more of the command than options is known, and one that runs a
    # shell command also if a library may call it by name, like a method of a subclass.
    how, words = fact.texts("how"), str(fact.detail["text"]).split()
    known = any(not ("…" in word or word.startswith("-")) for word in words)
    known = known or "handed" in how or ({"shell", "hook"} <= {*how} and words == ["…"])
    return DEFINED if fact.detail["does"] == "command" and known else None


def _runs_answer(fact: Fact, rule: Rule | None) -> bool:
    """Return whether the answer of a server is run as Python code."""
    return rule is DOWNLOADED and fact.value in _EVALUATING


def _in_cell(fact: Fact, rule: Rule | None) -> Rule | None:
    """Return the rule for a call in a notebook cell, which runs only when a user runs it and is meant to be seen."""
    if rule is DECODED or rule is None:
        return rule
    if rule in (SHELL, STOLEN, STARTUP) or (rule is ATTACK and _is_hostile(fact)):
        return CELL_ATTACK
    told = fact.detail["does"] == "command" and rule is not TOOL
    return NOTED if told and (rule is ATTACK or not fact.value.startswith("IPython.")) else None


def _in_command(rule: Rule | None) -> Rule | None:
    """Return the rule for a call in a program that a command passes to Python: it may install, but not hide code."""
    if rule is DECODED or rule is None:
        return rule
    return IN_COMMAND if rule.severity is Severity.CRITICAL or rule is COMMAND else None


def _is_hostile(fact: Fact) -> bool:
    return hostile_command().search(str(fact.detail["text"])) is not None
