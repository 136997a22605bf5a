"""Commands in files that somebody, or something, runs beside a model: attacks, and what merely fetches an installer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Confidence, Fact, Finding, Rule, Severity
from modelsweep.core.options import Options
from modelsweep.core.text import shorten
from scanners.judge.attack_commands import fetched_command, hostile_command

_SHOWN = 160
_WHY = "It fetches what it runs over an open line, opens a shell to another machine, takes keys along, or destroys."


def _rule(what: str, title: str, severity: Severity, message: str, why: str, fix: str, *references: str) -> Rule:
    confidence: Confidence = "high" if severity is Severity.CRITICAL else "medium"
    return Rule(f"commands/{what}", title, severity, message, why, fix, confidence, cwe=506, references=references)


UNASKED = _rule(
    "attack-unasked",
    "Command of attacks that runs without being asked for",
    Severity.CRITICAL,
    "{path}: {subject} ({who})",
    f"{_WHY} Opening, entering or installing the folder is enough.",
    "Do not open the folder in an editor, and do not install it. Tell the place it came from.",
    "https://attack.mitre.org/techniques/T1546/",
)
ATTACK = _rule(
    "attack",
    "Command of attacks in a script",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    _WHY,
    "Do not run it before somebody has read it; ask its author why it is needed.",
    "https://attack.mitre.org/techniques/T1059/004/",
)
FETCHED = _rule(
    "fetched-unasked",
    "Command that fetches what it runs, without being asked for",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "What runs is not in the folder, and may be something else tomorrow.",
    "Read what it fetches before the folder is opened or installed; ask its author to pin it.",
    "https://attack.mitre.org/techniques/T1105/",
)
INSTALLER = _rule(
    "installer",
    "Script that fetches what it runs",
    Severity.INFO,
    "{path}: {subject} ({who})",
    "Installers are fetched so; whoever has the address decides what runs.",
    "Pin what is fetched by its digest.",
    "https://attack.mitre.org/techniques/T1105/",
)
OPENING = _rule(
    "task-on-opening",
    "Command that an editor runs when the folder is opened",
    Severity.INFO,
    "{path}: {subject} ({who})",
    "Editors ask once whether the folder is trusted.",
    "Review the command before the folder is trusted.",
    "https://code.visualstudio.com/docs/editing/workspaces/workspace-trust",
)
CONFIGURED = _rule(
    "git-runs-command",
    "Configuration of git that names a command",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "Git never takes such settings from another repository: who hands out a folder with them wants git to run it.",
    "Do not use git in the folder before somebody has read what it runs; clone the repository anew.",
    "https://git-scm.com/docs/git-config",
)
PIPED = _rule(
    "kaldi-runs-command",
    "Setting of Kaldi that is a command",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "Kaldi, and what is built on it, takes a file name that ends in `|` for a command, and runs that by a shell. "
    "Settings of a model name files.",
    "Do not load the model before somebody has read the command; put what it reads into a file.",
    "https://kaldi-asr.org/doc/io.html#io_sec_xfilename",
)
STARTS = _rule(
    "workflow-starts-program",
    "Script in a workflow that starts a program",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "Scripts of workflows work on tables. One that starts programs does so with the rights of whoever runs it.",
    "Do not run the workflow before somebody has read the script; ask its author what the program is for.",
    "https://attack.mitre.org/techniques/T1059/",
)
DROPPED = _rule(
    "dropper",
    "Program that fetches another one, writes it, and starts it",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "What runs is not in the folder, and whoever has the address decides what it is. Nothing about a model needs it.",
    "Do not run it; delete it. Tell the place it came from.",
    "https://attack.mitre.org/techniques/T1105/",
)
CONCEALED = _rule(
    "concealed-order",
    "Order to an assistant that its user is not to learn of",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "An assistant that works in the folder takes it for its instructions: it sends something away, or takes keys "
    "along, and is told not to say so.",
    "Do not let an assistant work in the folder. Tell the place it came from.",
    "https://genai.owasp.org/llmrisk/llm01-prompt-injection/",
)
REDIRECTED = _rule(
    "redirects-assistant",
    "Settings that send what an assistant is told to a server of their choice",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "Whoever opens the folder with the assistant sends the conversation there, and the key that pays for it.",
    "Remove the setting, or make sure that the server is yours, before an assistant works in the folder.",
    "https://nvd.nist.gov/vuln/detail/CVE-2026-21852",
)
KINDS = frozenset({"shell-command"})
RULES = (UNASKED, ATTACK, FETCHED, INSTALLER, OPENING, CONFIGURED, PIPED, STARTS, DROPPED, CONCEALED, REDIRECTED)
_STATED = {"configured": CONFIGURED, "piped": PIPED, "workflow": STARTS, "dropped": DROPPED}
_OF_ASSISTANTS = {"concealed": CONCEALED, "redirected": REDIRECTED}


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield what is said of each command, by what it does and by who runs it."""
    for fact in facts:
        evidence = {name: fact.detail[name] for name in ("who", "line") if name in fact.detail}
        path, shown = str(fact.detail["path"]), shorten(fact.value, _SHOWN)
        yield Finding(_rule_of(fact), fact.locator, shown, path=path, span=fact.span, evidence=evidence)


def _rule_of(fact: Fact) -> Rule:
    how = fact.detail["how"]
    if how in _OF_ASSISTANTS:
        return _OF_ASSISTANTS[str(how)]
    if hostile_command().search(fact.value):
        return UNASKED if how == "unasked" else ATTACK
    if fetched_command().search(fact.value):
        return FETCHED if how == "unasked" else INSTALLER
    return _STATED.get(str(how), OPENING)
