"""The rules about what a model's Python files do: what no honest file does is CRITICAL."""

from __future__ import annotations

from modelsweep.core.finding import Confidence, Rule, Severity

_ATTACK = "https://attack.mitre.org/techniques/"


def _rule(what: str, title: str, severity: Severity, message: str, why: str, *references: str) -> Rule:
    confidence: Confidence = "high" if severity is Severity.CRITICAL else "medium"
    fix = "Do not import or run the file until somebody has read it. Ask its author why it does this."
    return Rule(f"python/{what}", title, severity, message, why, fix, confidence, cwe=94, references=references)


DECODED = _rule(
    "decoded-code",
    "Python file that decodes code and runs it",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line} on what {sources} returns",
    "Encoded code is hidden from a reviewer of the file, and runs as soon as a loader imports it.",
    f"{_ATTACK}T1027/",
)
DOWNLOADED = _rule(
    "downloaded-code",
    "Python file that downloads code and runs it",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line} on downloaded data ({sources})",
    "The code that runs is not in the file, and may be different tomorrow.",
    f"{_ATTACK}T1105/",
)
ATTACK = _rule(
    "attack-command",
    "Python file that runs an attack command",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line}: {text}",
    "A model has no reason to pipe a download into a shell, decode a payload or connect a shell to a socket.",
    f"{_ATTACK}T1059/",
)
SHELL = _rule(
    "reverse-shell",
    "Python file that connects a shell to the network",
    Severity.CRITICAL,
    "{when} connects to {text}, and runs {subject} in line {line}",
    "Whoever answers the connection controls the machine.",
    f"{_ATTACK}T1059/006/",
)
STARTUP = _rule(
    "startup-file",
    "Python file that writes to a start-up file",
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
    "Loaders import files of this name before the model is used. The command runs with all rights of the user who "
    "loads the model.",
    f"{_ATTACK}T1059/",
)
COMMAND = _rule(
    "command-on-import",
    "Python file that runs a command on import",
    Severity.WARNING,
    "{when} runs {subject} in line {line}: {text}",
    "The command runs with all rights of the user who imports the file.",
    f"{_ATTACK}T1059/",
)
TOOL = _rule(
    "tool-on-import",
    "Python file that runs a common tool on import",
    Severity.INFO,
    "{when} runs {subject} in line {line}: {text}",
    "Build scripts ask git for a version, or a compiler for its flags. A model does not need that.",
    f"{_ATTACK}T1059/",
)
TESTED = _rule(
    "command-in-test",
    "Test that runs a command when it is imported",
    Severity.INFO,
    "{when} runs {subject} in line {line}: {text}",
    "Tests try out programs. The file is imported only when the tests are run; no model loader does that.",
    f"{_ATTACK}T1059/",
)
CODE = _rule(
    "code-on-import",
    "Model code that runs computed code",
    Severity.WARNING,
    "{when} runs {subject} in line {line} on computed text",
    "The code that runs cannot be read in the file.",
    f"{_ATTACK}T1059/006/",
)
COMPUTED = _rule(
    "computed-call",
    "Model code that calls a function by a computed name",
    Severity.WARNING,
    "{when} calls a function of {module} in line {line} by a name that is computed at run time",
    "The module has functions that run commands or code. Which one is called is computed at run time, or comes from "
    "another file: this hides calls from a reviewer of this file.",
    f"{_ATTACK}T1027/",
)
RENAMED = _rule(
    "renamed-callable",
    "Model code that gives another name to a callable that runs commands or code",
    Severity.WARNING,
    "{when} names {subject} {text} in line {line}, but nothing in the file uses that name",
    "Other files of the model may import it under that name and call it: this hides calls from a reviewer of a single "
    "file.",
    f"{_ATTACK}T1027/",
)
NETWORK = _rule(
    "network-on-import",
    "Python file that accesses the network on import",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "Importing a model needs no network. What is sent reveals that, and where, the model is used; what is downloaded "
    "was not reviewed.",
    f"{_ATTACK}T1071/",
)
STOLEN = _rule(
    "sends-secrets",
    "Python file that sends away keys or the whole environment",
    Severity.CRITICAL,
    "{when} passes {text} to {subject} in line {line}",
    "The environment and such files hold the user's keys, which no model needs on another machine.",
    f"{_ATTACK}T1552/001/",
)
DESTROYS = _rule(
    "destroys-files",
    "Python file that deletes a home folder or a system",
    Severity.CRITICAL,
    "{when} runs {subject} in line {line} on {text}",
    "Deleting such a folder with everything in it serves no purpose but destruction.",
    f"{_ATTACK}T1485/",
)
UNPICKLES = _rule(
    "unpickles-on-import",
    "Model code that loads a pickle when it is imported",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "A pickle runs what it names. Importing the file loads the pickle, even where the loader was asked for weights "
    "without code.",
    "https://docs.python.org/3/library/pickle.html",
)
FOREIGN = _rule(
    "remote-code-on-import",
    "Model code that runs another repository's code when it is imported or used",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "The code that runs comes from elsewhere, was not reviewed with the model, and may be different tomorrow.",
    f"{_ATTACK}T1195/002/",
)
LOADS = _rule(
    "loads-on-import",
    "Python file that loads a pickle or another repository's code on import",
    Severity.INFO,
    "{when} calls {subject} in line {line}: {text}",
    "Scripts that use a model do this, and no loader imports a file of this name.",
    "https://docs.python.org/3/library/pickle.html",
)
CELL_ATTACK = _rule(
    "attack-in-notebook",
    "Notebook with an attack command",
    Severity.WARNING,
    "{when} runs {subject} in line {line} of it: {text}",
    "Running all cells runs it too: it fetches a script over an unprotected connection, opens a shell to another "
    "machine, or steals keys.",
    f"{_ATTACK}T1204/002/",
)
IN_COMMAND = _rule(
    "attack-in-command",
    "Command that passes an attack program to Python",
    Severity.WARNING,
    "{when} runs {subject} in line {line}: {text}",
    "Running the command runs that program: it starts a shell, opens one to another machine, runs what it fetches, or "
    "steals keys. A script does not need Python to run a command.",
    f"{_ATTACK}T1059/006/",
)
ORDERED = _rule(
    "attack-in-argument",
    "Attack command that a Python file passes on to be run",
    Severity.WARNING,
    "{when} passes a command to {subject} in line {line}: {text}",
    "A step of a flow, a container, a job or another machine is given the command, and runs it later. No honest one "
    "fetches a program from an address without a name and starts it, or connects a shell to a socket.",
    f"{_ATTACK}T1059/",
)
NATIVE = _rule(
    "native-code-on-import",
    "Model code that loads native code on import",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "A library runs as soon as it is loaded, and nobody can read what it does.",
    f"{_ATTACK}T1129/",
)
DEFINED = _rule(
    "execution-in-function",
    "Model code with a function that runs commands or code",
    Severity.WARNING,
    "{when} runs {subject} in line {line}: {text}",
    "Nothing in the file was seen to call the function, but a loader, a hook, a decorator or another file may. A model "
    "has no reason to run commands.",
    f"{_ATTACK}T1059/",
)
SCRIPTED = _rule(
    "attack-in-script",
    "Python file that attacks when it is run as a script",
    Severity.WARNING,
    "{when} runs {subject} in line {line}: {text}",
    "Importing the file does not run this, but starting it as a program does, as servers do with an app.py. A model "
    "has no reason to decode a payload or connect a shell to a socket.",
    f"{_ATTACK}T1059/",
)
PRELOADED = _rule(
    "preloads-code",
    "Model code that makes other programs load code",
    Severity.WARNING,
    "{when} sets {text} in line {line}",
    "Programs that are started later, or Python itself, load and run what this environment variable names.",
    f"{_ATTACK}T1574/006/",
)
SETUID = _rule(
    "sets-user-id",
    "Python file that makes a program run with its owner's rights",
    Severity.CRITICAL,
    "{when} calls {subject} in line {line}: {text}",
    "With this bit set, whoever starts the file does so with its owner's rights: a permanent back door.",
    f"{_ATTACK}T1548/001/",
)
WRITES = _rule(
    "writes-code",
    "Model code that writes code",
    Severity.WARNING,
    "{when} writes {text} in line {line}",
    "The written code runs as soon as something imports or starts it, and was not reviewed.",
    f"{_ATTACK}T1027/",
)
METHOD = _rule(
    "execution-in-model",
    "Model class that runs commands or code",
    Severity.WARNING,
    "{when} runs {subject} in line {line}: {text}",
    "Loading the model with its own code, or using it once, runs this method.",
    f"{_ATTACK}T1059/",
)
PHONES = _rule(
    "network-in-model",
    "Model class that contacts a server while it is used",
    Severity.WARNING,
    "{when} calls {subject} in line {line}: {text}",
    "A module computes with its weights, and settings are only settings. Neither has a reason to send its input, which "
    "may be what the user typed, to a server.",
    f"{_ATTACK}T1041/",
)
HOOK = _rule(
    "startup-hook",
    "File that runs Python at every start of the interpreter",
    Severity.INFO,
    "every start of Python would run: {text}",
    "In a package folder, the lines of a .pth file that begin with import run before any program does.",
    "https://docs.python.org/3/library/site.html",
    f"{_ATTACK}T1546/018/",
)
NOTED = _rule(
    "execution-in-notebook",
    "Notebook that runs commands",
    Severity.INFO,
    "{when} runs {subject} in line {line} of it: {text}",
    "Cells run only when somebody runs them.",
    f"{_ATTACK}T1204/002/",
)
UNGUARDED = _rule(
    "turns-safeguard-off",
    "Model code that overrides a library's safeguard",
    Severity.WARNING,
    "{when} sets {subject} in line {line}",
    "Libraries check this setting before they run a repository's code, load a pickle or choose the server that files "
    "come from. Once set, it applies to every model that the process loads.",
    f"{_ATTACK}T1562/001/",
)
ALL = (
    *(DECODED, DOWNLOADED, ATTACK, SHELL, STARTUP, MODEL_COMMAND, COMMAND, TOOL, CODE, NETWORK, NATIVE, METHOD, HOOK),
    *(STOLEN, DESTROYS, UNPICKLES, FOREIGN, LOADS, NOTED, CELL_ATTACK, IN_COMMAND, DEFINED, PRELOADED, SETUID, WRITES),
    *(COMPUTED, RENAMED, TESTED, PHONES, UNGUARDED, SCRIPTED, ORDERED),
)
