"""The rules about what Python files of a model do: CRITICAL is what no honest file does."""

from __future__ import annotations

from modelsweep.core.finding import Confidence, Rule, Severity

_ATTACK = "https://attack.mitre.org/techniques/"


def _rule(what: str, title: str, severity: Severity, message: str, why: str, *references: str) -> Rule:
    confidence: Confidence = "high" if severity is Severity.CRITICAL else "medium"
    fix = "Do not import or start the file before somebody has read it; ask its author why it is needed."
    return Rule(f"python/{what}", title, severity, message, why, fix, confidence, cwe=94, references=references)


DECODED = _rule(
    "decoded-code",
    "Python file that decodes code and runs it",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line} on what {sources} returns",
    "Code that is encoded is hidden from whoever reads the file, and runs as soon as a loader imports it.",
    f"{_ATTACK}T1027/",
)
DOWNLOADED = _rule(
    "downloaded-code",
    "Python file that fetches code and runs it",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line} on what it fetched before ({sources})",
    "What runs is not in the file, and may be something else tomorrow.",
    f"{_ATTACK}T1105/",
)
ATTACK = _rule(
    "attack-command",
    "Python file that runs a command of attacks",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line}: {text}",
    "Fetching a script for a shell, decoding a payload or connecting a shell to a socket has no place in a model.",
    f"{_ATTACK}T1059/",
)
SHELL = _rule(
    "reverse-shell",
    "Python file that connects a shell to the network",
    Severity.CRITICAL,
    "{when} connects to {text}, and runs {subject} in line {line}",
    "Whoever answers the connection commands the machine.",
    f"{_ATTACK}T1059/006/",
)
STARTUP = _rule(
    "startup-file",
    "Python file that writes to a file which runs later",
    Severity.CRITICAL,
    "{when} writes to {text} in line {line}",
    "What is written there runs at each login or start, long after the model is gone.",
    f"{_ATTACK}T1546/004/",
)
MODEL_COMMAND = _rule(
    "command-in-model-code",
    "Model code that runs a shell command when it is imported",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line}: {text}",
    "Loaders import files of this name before the model is used; the command runs with all rights of whoever loads it.",
    f"{_ATTACK}T1059/",
)
COMMAND = _rule(
    "command-on-import",
    "Python file that runs a command on import",
    Severity.WARNING,
    "{when} runs {subject} in line {line}: {text}",
    "A command is run with all rights of whoever imports the file.",
    f"{_ATTACK}T1059/",
)
TOOL = _rule(
    "tool-on-import",
    "Python file that runs a usual tool on import",
    Severity.INFO,
    "{when} runs {subject} in line {line}: {text}",
    "Build scripts ask git for a version or a compiler for its flags; a model has no need of it.",
    f"{_ATTACK}T1059/",
)
TESTED = _rule(
    "command-in-test",
    "Test that runs a command when it is imported",
    Severity.INFO,
    "{when} runs {subject} in line {line}: {text}",
    "Tests try out programs. Only whoever runs the tests imports the file; no loader of models does.",
    f"{_ATTACK}T1059/",
)
CODE = _rule(
    "code-on-import",
    "Model code that runs computed code",
    Severity.WARNING,
    "{when} runs {subject} in line {line} on text that is put together",
    "What runs cannot be read in the file.",
    f"{_ATTACK}T1059/006/",
)
COMPUTED = _rule(
    "computed-call",
    "Model code that calls what it looks up under a name that nobody can read",
    Severity.WARNING,
    "{when} calls a function of {module} in line {line} whose name is worked out when it runs",
    "The module has functions that run commands or code. Which one is called is put together at run time, or comes "
    "from another file: that is how calls are hidden from whoever reads this one.",
    f"{_ATTACK}T1027/",
)
RENAMED = _rule(
    "renamed-callable",
    "Model code that gives what runs commands or code another name",
    Severity.WARNING,
    "{when} gives {subject} the name {text} in line {line}, which nothing in the file uses",
    "Other files of the model may import it by that name and call it: that is how calls are hidden from whoever reads "
    "one of the files.",
    f"{_ATTACK}T1027/",
)
NETWORK = _rule(
    "network-on-import",
    "Python file that reaches the network on import",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "Importing a model needs no network: what is sent tells that, and where, the model is used; what is fetched is no "
    "part of what was reviewed.",
    f"{_ATTACK}T1071/",
)
STOLEN = _rule(
    "sends-secrets",
    "Python file that sends keys or the whole environment away",
    Severity.CRITICAL,
    "{when} hands {text} to {subject} in line {line}",
    "The environment and such files hold the keys of whoever runs it; no model has a use for them on another machine.",
    f"{_ATTACK}T1552/001/",
)
DESTROYS = _rule(
    "destroys-files",
    "Python file that removes a home folder or a system",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line} on {text}",
    "Nothing but destruction removes such a folder with all that is in it.",
    f"{_ATTACK}T1485/",
)
UNPICKLES = _rule(
    "unpickles-on-import",
    "Model code that loads a pickle when it is imported",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "A pickle runs what it names. A loader that was asked for weights without code gets it all the same, since "
    "importing the file loads it.",
    "https://docs.python.org/3/library/pickle.html",
)
FOREIGN = _rule(
    "remote-code-on-import",
    "Model code that runs the code of another repository when it is imported",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "What runs is fetched from elsewhere, is no part of what was reviewed, and may be something else tomorrow.",
    f"{_ATTACK}T1195/002/",
)
LOADS = _rule(
    "loads-on-import",
    "Python file that loads a pickle or another repository's code on import",
    Severity.INFO,
    "{when} calls {subject} in line {line}: {text}",
    "Scripts that use a model do so; nothing imports the file by its name.",
    "https://docs.python.org/3/library/pickle.html",
)
CELL_ATTACK = _rule(
    "attack-in-notebook",
    "Notebook with a command of attacks",
    Severity.WARNING,
    "{when} runs {subject} in line {line} of it: {text}",
    "Whoever runs all cells runs it, too: it fetches a script unprotected, opens a shell to another machine, or takes "
    "keys along.",
    f"{_ATTACK}T1204/002/",
)
IN_COMMAND = _rule(
    "attack-in-command",
    "Command that hands Python a program of attacks",
    Severity.WARNING,
    "{when} runs {subject} in line {line}: {text}",
    "Whoever runs the command runs it: it starts a shell, opens one to another machine, runs what it fetches, or takes "
    "keys along. A script that means to run a command has no need of Python for it.",
    f"{_ATTACK}T1059/006/",
)
NATIVE = _rule(
    "native-code-on-import",
    "Model code that loads native code on import",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "A library that is loaded runs at once, and what it does cannot be read.",
    f"{_ATTACK}T1129/",
)
DEFINED = _rule(
    "execution-in-function",
    "Model code with a function that runs commands or code",
    Severity.WARNING,
    "{when} runs {subject} in line {line}: {text}",
    "Nothing in the file was seen to call the function, but a loader, a hook, a decorator or another file may; a model "
    "has no reason to run commands.",
    f"{_ATTACK}T1059/",
)
SCRIPTED = _rule(
    "attack-in-script",
    "Python file that attacks whoever starts it",
    Severity.WARNING,
    "{when} runs {subject} in line {line}: {text}",
    "Importing the file does not run this, but starting it as a program does, as servers do with an app.py: decoding a "
    "payload, or connecting a shell to a socket, has no place in a model.",
    f"{_ATTACK}T1059/",
)
PRELOADED = _rule(
    "preloads-code",
    "Model code that has other programs load code",
    Severity.WARNING,
    "{when} sets {text} in line {line}",
    "Programs that are started later, or Python itself, load and run what this variable of the environment names.",
    f"{_ATTACK}T1574/006/",
)
SETUID = _rule(
    "sets-user-id",
    "Python file that lets a program run with the rights of its owner",
    Severity.CRITICAL,
    "{when} calls {subject} in line {line}: {text}",
    "With this bit whoever starts the file does so with the rights of its owner: a door that stays open.",
    f"{_ATTACK}T1548/001/",
)
WRITES = _rule(
    "writes-code",
    "Model code that writes code",
    Severity.WARNING,
    "{when} writes {text} in line {line}",
    "What is written runs as soon as something imports or starts it, and is not what was reviewed.",
    f"{_ATTACK}T1027/",
)
METHOD = _rule(
    "execution-in-model",
    "Model class that runs commands or code",
    Severity.WARNING,
    "{when} runs {subject} in line {line}: {text}",
    "Loading the model with its own code, or using it once, runs the method.",
    f"{_ATTACK}T1059/",
)
PHONES = _rule(
    "network-in-model",
    "Model class that sends something to a server while it is used",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "A module with weights computes, and its settings are settings: neither has a reason to tell a server of what it "
    "is given, which may be what its user typed.",
    f"{_ATTACK}T1041/",
)
HOOK = _rule(
    "startup-hook",
    "File that runs Python at each start of the interpreter",
    Severity.INFO,
    "each start of Python would run: {text}",
    "In a folder of packages, lines of a .pth file that begin with import run before any program does.",
    "https://docs.python.org/3/library/site.html",
    f"{_ATTACK}T1546/018/",
)
NOTED = _rule(
    "execution-in-notebook",
    "Notebook that runs commands",
    Severity.INFO,
    "{when} runs {subject} in line {line} of it: {text}",
    "Cells run only where somebody runs them.",
    f"{_ATTACK}T1204/002/",
)
UNGUARDED = _rule(
    "turns-safeguard-off",
    "Model code that answers for a safeguard of a library",
    Severity.WARNING,
    "{when} sets {subject} in line {line}",
    "Libraries ask this before they run code of a repository, load a pickle or choose the server that files come from. "
    "From then on it is answered for every model that the process loads.",
    f"{_ATTACK}T1562/001/",
)
ALL = (
    *(DECODED, DOWNLOADED, ATTACK, SHELL, STARTUP, MODEL_COMMAND, COMMAND, TOOL, CODE, NETWORK, NATIVE, METHOD, HOOK),
    *(STOLEN, DESTROYS, UNPICKLES, FOREIGN, LOADS, NOTED, CELL_ATTACK, IN_COMMAND, DEFINED, PRELOADED, SETUID, WRITES),
    *(COMPUTED, RENAMED, TESTED, PHONES, UNGUARDED, SCRIPTED),
)
