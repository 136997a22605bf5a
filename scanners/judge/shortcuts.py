"""What shortcuts start and where settings of file managers lead, as far as no model needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core import patterns as re
from modelsweep.core.finding import Confidence, Fact, Finding, Rule, Severity
from modelsweep.core.options import Options
from modelsweep.core.text import shorten
from scanners.judge.attack_commands import fetched_command, hostile_command
from scanners.judge.start_orders import stray_place

_SHOWN = 200
_MAX_ARGUMENTS = 1_000
"""Maximum characters of arguments that a person would write."""


def _rule(what: str, title: str, message: str, why: str, *references: str) -> Rule:
    confidence: Confidence = "medium"
    fix = "Delete the file. Do not open it, or browse its folder in a file manager, before that."
    return Rule(
        f"shortcut/{what}", title, Severity.WARNING, message, why, fix, confidence, cwe=506, references=references
    )


PROGRAM = _rule(
    "starts-program",
    "Shortcut that starts a program the way attacks do",
    "{path} starts {subject}",
    "It looks like a document or a folder, but starts an interpreter with commands, or a system program that runs "
    "other people's code. Honest shortcuts beside a model open a page, or a script that is there in the open.",
    "https://attack.mitre.org/techniques/T1204/002/",
)
SHARE = _rule(
    "other-machine",
    "Shortcut or icon on another machine",
    "{path} points to {subject}",
    "Viewing the folder is enough: Windows fetches the icon or the target, and sends the user's name and hashed "
    "password to that machine.",
    "https://attack.mitre.org/techniques/T1187/",
)
REGISTRY = _rule(
    "registry-start",
    "Registry file that makes Windows start something, or weakens its protection",
    "{path} is set to {subject}",
    "Merging the file into the registry starts a program at every login or in place of another program, or turns off "
    "what protects the machine.",
    "https://attack.mitre.org/techniques/T1547/001/",
)
HOSTS = _rule(
    "script-host",
    "HTML application or scriptlet that does more than a page may",
    "{path} uses {subject}",
    "Windows runs it with all rights of the user, not as a page in a browser.",
    "https://attack.mitre.org/techniques/T1218/005/",
)
ENCODED = _rule(
    "encoded-script",
    "Encoded Windows script",
    "{path} is {subject}",
    "The encoding exists only to keep people from reading the script. Windows runs it like any other.",
    "https://attack.mitre.org/techniques/T1027/",
)
KINDS = frozenset({"shortcut"})
RULES = (PROGRAM, SHARE, REGISTRY, HOSTS, ENCODED)
_SHARE = re.compile(
    r"(?:[^\s\\]{0,3})?\\\\(?!\?\\|\.\\|localhost\b|127\.)[\w.@$-]+|file:/{2,5}(?:localhost)?(?=[\w.-]+\.[\w.-]+/|\d+\.)|file:\\\\\\\\"
)
"""A network share, also as an address."""
_INTERPRETERS = re.compile(
    r"(?:mshta|rundll32|regsvr32|wscript|cscript|certutil|bitsadmin|msiexec|forfiles|pcalua|hh|odbcconf|installutil|msbuild|regasm"
    r"|regsvcs|cmstp|schtasks|wmic|ftp|ssh|conhost|scriptrunner|curl|ieexec|msdt|control|syncappvpublishingserver)(?:\.exe|\.vbs)?"
)
"""Programs of Windows that run their arguments."""
_SHELL = re.compile(
    r"(?:cmd|powershell|pwsh|bash|wsl|wt)(?:\.exe)?|.*/(?:ba|z|da)?sh|.*/(?:osascript|python[\d.]*|perl|ruby|curl)"
)
_SUSPICIOUS_ARGUMENTS = re.compile(
    r"https?://(?!localhost|127\.)|\\\\[\w.-]+\\|(?:^|\s)[-/](?:e|ec|enc\w*|w\s+h\w*|win\w*\s+h\w*|nop\w*)(?:\s|$)|%(?:TEMP|APPDATA|PUBLIC)%"
    r"|\b(?:curl|certutil|bitsadmin|powershell|mshta|rundll32|regsvr32|[wc]script|msiexec|copy|iex|iwr|irm|Invoke-\w+|Start-Process)\b"
    r"|\bstart\s+(?!https?://(?:localhost|127\.))(?!\"\"\s+\S+\.(?:bat|cmd|py)\b)[\w\"%.\\]|\s{20}|(?:\^.?){4}|\.(?:bin|dat|pt|onnx|gguf|png|jpg|txt)\b",
    re.IGNORECASE,
)
"""Arguments of a shell that start more than a script beside the shortcut."""
_PLAIN_ARGUMENTS = re.compile(
    r"(?:\s{0,3}[/-]\w{1,20}(?::\w{1,10}|\s+(?:Bypass|RemoteSigned|Unrestricted))?){0,8}\s{0,3}[\"']{0,3}"
    r"(?:cd\s+(?:/d\s+)?[^&|<>^]{1,300}&{1,2}\s?)?(?:call\s+|\./)?[^&|<>^`$]{0,400}"
)
_SCRIPT_ARGUMENTS = re.compile(
    r"\.(?:bat|cmd|ps1|py|sh|psm1|jar)\b|\b(?:activate|jupyter|conda|python\w{0,6}(?:\.exe)?)\b", re.IGNORECASE
)
"""Arguments of a shell that start a visible script, or a Python environment."""
_SCHEMES = re.compile(r"(?:https?|ftp|mailto|steam|vscode|ms-settings|obsidian|about|itms-apps?|tel):", re.IGNORECASE)
_REGISTERED = re.compile(
    r"\\(?:CurrentVersion\\(?:Run(?:Once|Services|OnceEx)?|Policies\\Explorer\\Run|Winlogon|Windows\\(?:AppInit_DLLs|Load|Run)"
    r"|Image File Execution Options|Explorer\\(?:User )?Shell Folders\\(?:Common )?Startup)"
    r"|(?:ms-settings|exefile|mscfile|batfile|htafile|Folder|txtfile)\\shell\\open\\command"
    r"|Environment\\UserInitMprLogonScript"
    r"|Command Processor\\AutoRun|Windows Defender\\|Services\\[^\\]+\\ImagePath|Control\\Lsa\\"
    r"|SilentProcessExit|InprocServer32|PowerShell\\(?:ScriptBlockLogging|1\\ShellIds)|Security\\(?:VBAWarnings|AccessVBOM)|Policies\\System\\EnableLUA)",
    re.IGNORECASE,
)


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield each unusual shortcut once."""
    told: set[tuple[Rule, str]] = set()
    for fact in facts:
        arguments, path = str(fact.detail.get("arguments", "")), str(fact.detail["path"])
        rule = _rule_of(str(fact.detail["form"]), fact.value, arguments, path)
        subject = shorten(f"{fact.value} {' '.join(arguments.split())}".strip(), _SHOWN)
        if rule and (rule, subject) not in told:
            told.add((rule, subject))
            yield Finding(rule, fact.locator, subject, path=shorten(path, _SHOWN))


def _rule_of(form: str, value: str, arguments: str, path: str) -> Rule | None:
    plain = {"autorun": PROGRAM, "installs": PROGRAM, "runs": PROGRAM, "hosts": HOSTS, "encoded": ENCODED}
    if form in plain:
        return plain[form]
    if form == "registers":
        return REGISTRY if _REGISTERED.search(path) or _is_attack(value) else None
    if _SHARE.match(value):
        return SHARE
    if form == "opens":
        return PROGRAM if _is_suspicious_address(value) else None
    if form in ("starts", "stays"):
        return PROGRAM if _is_suspicious_program(value, arguments) else None
    return None


def _is_suspicious_address(address: str) -> bool:
    return re.match(r"[A-Za-z][\w+.-]+:", address) is not None and _SCHEMES.match(address) is None


def _is_suspicious_program(target: str, arguments: str) -> bool:
    """Return whether a shortcut starts a program that runs foreign code, or has arguments as attacks use them."""
    name = re.split(r"[\\/]", target.strip("\"' "))[-1].lower().removesuffix("%")
    name = {"%comspec": "cmd"}.get(name, name)
    if _INTERPRETERS.fullmatch(name) or stray_place().search(f"{target} ") or _is_attack(f"{name} {arguments}"):
        return True
    if _SHELL.fullmatch(name) or _SHELL.fullmatch(target.lower()):
        odd = _SUSPICIOUS_ARGUMENTS.search(arguments) is not None or not (
            _PLAIN_ARGUMENTS.fullmatch(arguments[:_MAX_ARGUMENTS])
            and _SCRIPT_ARGUMENTS.search(arguments[:_MAX_ARGUMENTS])
        )
        return arguments.strip() != "" and odd
    return name in ("explorer.exe", "explorer") and _SUSPICIOUS_ARGUMENTS.search(arguments) is not None


def _is_attack(command: str) -> bool:
    return hostile_command().search(command) is not None or fetched_command().search(command) is not None
