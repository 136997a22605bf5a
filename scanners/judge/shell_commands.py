"""Commands in files beside a model that people or tools run: attacks, and commands that merely run an installer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Confidence, Fact, Finding, Rule, Severity
from modelsweep.core.options import Options
from modelsweep.core.text import shorten
from scanners.judge.attack_commands import fetched_command, hostile_command

_SHOWN = 160
_WHY = (
    "It runs what it fetches over an unprotected connection, opens a shell to another machine, steals keys, or "
    "destroys data."
)


def _rule(what: str, title: str, severity: Severity, message: str, why: str, fix: str, *references: str) -> Rule:
    confidence: Confidence = "high" if severity is Severity.CRITICAL else "medium"
    return Rule(f"commands/{what}", title, severity, message, why, fix, confidence, cwe=506, references=references)


UNASKED = _rule(
    "attack-unasked",
    "Attack command that runs automatically",
    Severity.CRITICAL,
    "{path}: {subject} ({who})",
    f"{_WHY} Opening, entering or installing the folder is enough to run it.",
    "Do not open the folder in an editor, and do not install it. Report it to the site you got it from.",
    "https://attack.mitre.org/techniques/T1546/",
)
ATTACK = _rule(
    "attack",
    "Attack command in a script",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    _WHY,
    "Do not run it until somebody has read it. Ask its author why it is needed.",
    "https://attack.mitre.org/techniques/T1059/004/",
)
FETCHED = _rule(
    "fetched-unasked",
    "Command that automatically runs what it downloads",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "The code that runs is not in the folder, and may be different tomorrow.",
    "Read what it downloads before you open or install the folder, and ask its author to pin it.",
    "https://attack.mitre.org/techniques/T1105/",
)
INSTALLER = _rule(
    "installer",
    "Script that runs what it downloads",
    Severity.INFO,
    "{path}: {subject} ({who})",
    "Installers are often fetched this way, but whoever controls the address decides what runs.",
    "Pin the download by its digest.",
    "https://attack.mitre.org/techniques/T1105/",
)
OPENING = _rule(
    "task-on-opening",
    "Command that an editor runs when the folder is opened",
    Severity.INFO,
    "{path}: {subject} ({who})",
    "Editors ask only once whether the folder is trusted.",
    "Review the command before you trust the folder.",
    "https://code.visualstudio.com/docs/editing/workspaces/workspace-trust",
)
CONFIGURED = _rule(
    "git-runs-command",
    "Git configuration that names a command",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "Git never copies such settings from another repository. Whoever distributes a folder with them wants git to run "
    "the command.",
    "Do not use git in the folder until somebody has read the command. Clone the repository again.",
    "https://git-scm.com/docs/git-config",
)
PIPED = _rule(
    "kaldi-runs-command",
    "Kaldi setting that is a command",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "Kaldi, and programs built on it, treat a file name that ends in `|` as a command and run it in a shell. A model's "
    "settings should name files.",
    "Do not load the model until somebody has read the command. Put the data that it reads into a file.",
    "https://kaldi-asr.org/doc/io.html#io_sec_xfilename",
)
STARTS = _rule(
    "workflow-starts-program",
    "Workflow script that starts a program",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "Scripts in workflows process tables. One that starts programs does so with the rights of the user who runs it.",
    "Do not run the workflow until somebody has read the script. Ask its author what the program is for.",
    "https://attack.mitre.org/techniques/T1059/",
)
DROPPED = _rule(
    "dropper",
    "Program that downloads another program, writes it and starts it",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "The code that runs is not in the folder: the owner of the address decides what it is. No model needs this.",
    "Do not run it; delete it. Report it to the site you got it from.",
    "https://attack.mitre.org/techniques/T1105/",
)
CONCEALED = _rule(
    "concealed-order",
    "Instruction to an assistant that hides from its user",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "An assistant that works in the folder follows it as an instruction: it sends data away or steals keys, and is "
    "told not to mention it.",
    "Do not let an assistant work in the folder. Report it to the site you got it from.",
    "https://genai.owasp.org/llmrisk/llm01-prompt-injection/",
)
REDIRECTED = _rule(
    "redirects-assistant",
    "Settings that redirect an assistant's conversation to another server",
    Severity.WARNING,
    "{path}: {subject} ({who})",
    "Opening the folder with the assistant sends the conversation to that server, along with the API key that pays for "
    "it.",
    "Before an assistant works in the folder, remove the setting, or make sure that the server is yours.",
    "https://nvd.nist.gov/vuln/detail/CVE-2026-21852",
)
KINDS = frozenset({"shell-command"})
RULES = (UNASKED, ATTACK, FETCHED, INSTALLER, OPENING, CONFIGURED, PIPED, STARTS, DROPPED, CONCEALED, REDIRECTED)
_RULES_BY_HOW = {"configured": CONFIGURED, "piped": PIPED, "workflow": STARTS, "dropped": DROPPED}
_ASSISTANT_RULES = {"concealed": CONCEALED, "redirected": REDIRECTED}


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield a finding for each command, depending on what it does and what runs it."""
    for fact in facts:
        evidence = {name: fact.detail[name] for name in ("who", "line") if name in fact.detail}
        path, shown = str(fact.detail["path"]), shorten(fact.value, _SHOWN)
        yield Finding(_rule_of(fact), fact.locator, shown, path=path, span=fact.span, evidence=evidence)


def _rule_of(fact: Fact) -> Rule:
    how = fact.detail["how"]
    if how in _ASSISTANT_RULES:
        return _ASSISTANT_RULES[str(how)]
    if hostile_command().search(fact.value):
        return UNASKED if how == "unasked" else ATTACK
    if fetched_command().search(fact.value):
        return FETCHED if how == "unasked" else INSTALLER
    return _RULES_BY_HOW.get(str(how), OPENING)
