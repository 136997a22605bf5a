"""The rules of `scanners.judge.pickle_calls`, and a function that makes findings of facts."""

from __future__ import annotations

from collections.abc import Sequence

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity

Opinion = Sequence[Finding] | None
"""Findings, none if the fact is inert, or None if it is unknown: unknown names of a package make one finding."""

_WHY = (
    "Loading a pickle calls what it names, so the author of the file runs code on the machine that loads it, before "
    "the model is ever used."
)
_DO_NOT_LOAD = "Do not load the file. Find out where it came from, and obtain the weights as safetensors."

DANGEROUS_CALL = Rule(
    id="pickle/dangerous-call",
    title="Loading runs a dangerous callable",
    severity=Severity.CRITICAL,
    message="loading would run {shown} ({family})",
    why=_WHY,
    fix=_DO_NOT_LOAD,
    cwe=502,
    references=(
        "https://arxiv.org/abs/2508.19774",
        "https://nvd.nist.gov/vuln/detail/CVE-2025-10157",
    ),
)
DANGEROUS_ARGUMENT = Rule(
    id="pickle/dangerous-argument",
    title="Dangerous callable passed to another callable",
    severity=Severity.CRITICAL,
    message="loading would call {shown}, which is given {subject}",
    why=_WHY + " A callable that calls its arguments runs whatever it is given.",
    fix=_DO_NOT_LOAD,
    cwe=502,
    references=("https://docs.python.org/3/library/pickle.html",),
)
DANGEROUS_IMPORT = Rule(
    id="pickle/dangerous-import",
    title="Dangerous callable named but not called",
    severity=Severity.WARNING,
    message="the pickle names {subject} ({family})",
    why="A model has no reason to carry a reference to such a function. Code that uses the loaded object may call it.",
    fix="Review where the file came from and what uses the object. Prefer a format without callables.",
    confidence="medium",
    cwe=502,
    references=("https://docs.python.org/3/library/pickle.html",),
)
CONSUMED = Rule(
    id="pickle/consumed-object",
    title="Loading iterates over an object, or converts it",
    severity=Severity.WARNING,
    message="loading would pass {subject} to {callee}, which runs it or its methods",
    why="A harmless callable that iterates over its argument, converts it or compares it runs methods of that object. "
    "For example, a data loader calls the function that it holds on its data.",
    fix="Ask how the file was made: no library writes this by itself. Otherwise review what the methods do.",
    confidence="medium",
    cwe=502,
    references=("https://arxiv.org/abs/2508.19774",),
)
HIDDEN_CALL = Rule(
    id="pickle/planted-method",
    title="Callable planted where loading calls a method",
    severity=Severity.CRITICAL,
    message="the pickle stores {subject} under the name {name!r}, which a later opcode calls as a method",
    why="BUILD, APPENDS and ADDITEMS look methods up on the instance, so state that contains them is a call in "
    "disguise.",
    fix=_DO_NOT_LOAD,
    cwe=502,
    references=("https://arxiv.org/abs/2508.19774",),
)
COMPUTED_NAME = Rule(
    id="pickle/computed-name",
    title="Name of a callable is computed while loading",
    severity=Severity.CRITICAL,
    message="the pickle imports a name that it computes: {subject}",
    why="No pickler computes the names that it imports. Doing so hides the import from scanners.",
    fix=_DO_NOT_LOAD,
    cwe=502,
    references=("https://docs.python.org/3/library/pickle.html",),
)
COMPUTED_CALL = Rule(
    id="pickle/computed-call",
    title="Result of a call is called",
    severity=Severity.CRITICAL,
    message="loading would call what {subject} returns",
    why="Picklers call names, not results. The indirection hides what runs.",
    fix=_DO_NOT_LOAD,
    confidence="medium",
    cwe=502,
    references=("https://arxiv.org/abs/2508.19774",),
)
MODIFIED_IMPORT = Rule(
    id="pickle/modified-import",
    title="Loading changes an imported object",
    severity=Severity.CRITICAL,
    message="loading would change the attributes of {subject} itself",
    why="BUILD on a class, function or module replaces its attributes for the whole process.",
    fix=_DO_NOT_LOAD,
    cwe=502,
    references=("https://docs.python.org/3/library/pickle.html",),
)
UNKNOWN = Rule(
    id="pickle/unknown-callable",
    title="Loading calls code from a package not known to be harmless",
    severity=Severity.WARNING,
    message="loading would use names from the package {subject} that nobody has vetted: {names}",
    why="Whatever these callables do happens on load. They are on no list of harmless callables and in no dangerous "
    "family.",
    fix="If the package is yours, allow it with --allow-import 'PACKAGE.*'. Otherwise review what the names do.",
    confidence="medium",
    cwe=502,
    references=("https://arxiv.org/abs/2508.15987",),
)
OWN_CLASS = Rule(
    id="pickle/own-class",
    title="Objects of classes from the code that saved the pickle",
    severity=Severity.INFO,
    message="loading needs classes or functions from the code beside the model, {subject}: {names}",
    why="A whole object names its class, which is looked up in the script or modules of the program that loads the "
    "file. The file cannot bring the class along, and nothing of it is called with arguments.",
    fix="Save a state dict instead of the object, so that the file loads without its code.",
    cwe=502,
    references=("https://docs.python.org/3/library/pickle.html#what-can-be-pickled-and-unpickled",),
)
FILE_ELSEWHERE = Rule(
    id="pickle/file-elsewhere",
    title="Loading reads and unpickles a file elsewhere on the machine",
    severity=Severity.CRITICAL,
    message="loading would read an array from {subject}",
    why="Old joblib files keep arrays in separate files beside themselves, under plain names. joblib joins the name to "
    "the folder without a check, and unpickles what it finds.",
    fix=_DO_NOT_LOAD,
    cwe=22,
    references=("https://joblib.readthedocs.io/en/stable/persistence.html",),
)
EXTENSION = Rule(
    id="pickle/extension-code",
    title="Callable named by a number in the extension registry",
    severity=Severity.WARNING,
    message="the pickle calls entry {subject} of copyreg's extension registry",
    why="What the number means depends on the process that loads it, so nobody can tell from the file what is called.",
    fix="Ask for a file that uses names.",
    confidence="medium",
    cwe=502,
    references=("https://peps.python.org/pep-0307/",),
)
FRAME = Rule(
    id="pickle/frame-mismatch",
    title="Frame that ends within an opcode",
    severity=Severity.CRITICAL,
    message="{subject} ends within an opcode, so loaders see different streams after it",
    why="No pickler writes such frames. Python drops the rest of a frame when it reads from a file, but keeps it when "
    "the bytes are in memory, so opcodes are hidden from one of the two.",
    fix=_DO_NOT_LOAD,
    cwe=436,
    references=("https://peps.python.org/pep-3154/",),
)
CODE = Rule(
    id="pickle/code-object",
    title="Function stored by value",
    severity=Severity.INFO,
    message="the pickle carries the code of {names}",
    why="dill and cloudpickle store functions as bytecode. It does not run on load, but when the object is used.",
    fix="Review the function, or import it from a package instead.",
    cwe=94,
    references=("https://docs.python.org/3/library/pickle.html",),
)
BARE_OBJECT = Rule(
    id="pickle/bare-code-object",
    title="Bytecode that does not become a function",
    severity=Severity.WARNING,
    message="the pickle creates a code object, {subject}, through the type's own name, and no function from it",
    why="dill and cloudpickle, which store functions by value, name the type differently and make a function of the "
    "code. Bytecode by itself waits for something else to run it.",
    fix="Inspect the code with dis, and ask the author of the file what it is for.",
    confidence="medium",
    cwe=94,
    references=("https://docs.python.org/3/library/types.html#types.CodeType",),
)
DANGEROUS_CODE = Rule(
    id="pickle/dangerous-code-object",
    title="Function stored by value that uses a dangerous callable",
    severity=Severity.WARNING,
    message="the pickle carries the code of {subject}(), which uses {names}",
    why="The bytecode runs as soon as somebody uses the loaded object.",
    fix="Before anything uses the object, review the function's code with dis.",
    confidence="medium",
    cwe=94,
    references=("https://docs.python.org/3/library/pickle.html",),
)
OWN_CALL = Rule(
    id="pickle/own-function-called",
    title="Loading calls a function stored in the pickle",
    severity=Severity.WARNING,
    message="loading would call a function stored by value: {subject}",
    why="The bytecode in the file runs on load, and cannot be fully understood without running it.",
    fix="Before anything loads the file, review the function's code with dis.",
    confidence="medium",
    cwe=94,
    references=("https://github.com/cloudpipe/cloudpickle#readme",),
)
RUNNING_CODE = Rule(
    id="pickle/dangerous-code-on-load",
    title="Function stored by value that runs on load and uses a dangerous callable",
    severity=Severity.CRITICAL,
    message="loading would run the code of {subject}(), which uses {names}",
    why="Loading calls the function itself, or a special method of a class stored by value.",
    fix=_DO_NOT_LOAD,
    confidence="medium",
    cwe=94,
    references=("https://arxiv.org/abs/2508.19774",),
)

ALL = (
    DANGEROUS_CALL,
    DANGEROUS_ARGUMENT,
    DANGEROUS_IMPORT,
    CONSUMED,
    HIDDEN_CALL,
    COMPUTED_NAME,
    COMPUTED_CALL,
    MODIFIED_IMPORT,
    UNKNOWN,
    OWN_CLASS,
    FILE_ELSEWHERE,
    EXTENSION,
    FRAME,
    CODE,
    BARE_OBJECT,
    DANGEROUS_CODE,
    OWN_CALL,
    RUNNING_CODE,
)


def finding(rule: Rule, fact: Fact, subject: str = "", **evidence: Json) -> Finding:
    """Return a finding at the location of a fact, about its value unless `subject` is given."""
    return Finding(rule, fact.locator, subject or fact.value, span=fact.span, evidence=evidence)
