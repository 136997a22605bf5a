"""Java sources: models that H2O writes as programs (POJO), and classes that DJL compiles beside a model.

H2O compiles and runs a POJO to load it (https://docs.h2o.ai/h2o/latest-stable/h2o-docs/pojo-quickstart.html); DJL
compiles the sources in the folder `libs/classes` of a model, and instantiates the translator among them
(`ServingTranslatorFactory`). Other sources are ordinary programs: what they run is only INFO. Comments and string
literals are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners import text

NAME = "java-source"
_SUFFIXES = (".java",)
_MAX_SIZE = 32 * MIB

_SHOWN = 120
# Comments and texts, in which nothing runs, with escapes of Unicode undone before
_COMMENT_OR_STRING = re.compile(
    r'//[^\n]*+|/\*.*?(?:\*/|\Z)|"""(?:[^"\\]++|\\.|"(?!""))*+(?:"""|\Z)?|"(?:[^"\\\n]++|\\.)*+"?'
    r"|'(?:[^'\\\n]++|\\.)*+'?",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\u+([0-9a-fA-F]{4})")
_SUSPICIOUS_WORDS = re.compile(
    rb"Runtime|Process|Script|ClassLoader|Shell|Interpreter|define|load|forName|getDeclared|MethodHandles|Object|Context|\\u"
)
"""Words of which a source must contain one to do anything reportable."""
_JAVA = r"\bnew\s+(?:java\s*\.\s*\w+\s*\.\s*)?"
_RUNS = (
    ("runs a command", re.compile(rf"\bRuntime\s*\.\s*getRuntime\s*\(|{_JAVA}ProcessBuilder\b")),
    (
        "runs a script",
        re.compile(r"\bScriptEngineManager\b|\bGroovyShell\b|\bJShell\s*\.\s*create\b|\bPythonInterpreter\b"),
    ),
    ("loads code", re.compile(rf"{_JAVA}URLClassLoader\b|\bdefine(?:Hidden)?Class\s*\(")),
    ("loads native code", re.compile(r"\bSystem\s*\.\s*load(?:Library)?\s*\(")),
    (
        "calls methods by name",
        re.compile(r"\bClass\s*\.\s*forName\s*\(|\.\s*getDeclaredMethod\s*\(|\bMethodHandles\s*\."),
    ),
    ("reads objects", re.compile(rf"{_JAVA}ObjectInputStream\b|\bnew\s+InitialContext\b")),
)
_REACHES = re.compile(
    r"\bnew\s+(?:java\s*\.\s*\w+\s*\.\s*)?(?:FileOutputStream|FileWriter|FileInputStream|FileReader|RandomAccessFile|Socket"
    r"|ServerSocket|URL)\b|\bFiles\s*\.\s*\w+\s*\(|\bHttpClient\b"
)
_POJO = re.compile(r"\bextends\s+(?:hex\s*\.\s*genmodel\s*\.\s*)?GenModel\b")
_DJL = re.compile(r"\b(?:implements|extends)\b[^{]{0,200}\b(?:Serving|Batch|NoBatchify)?Translator(?:Factory)?\b")
_TRANSLATOR_PATTERNS = 3
"""Number of patterns that apply to translators: reflection, objects and files may have a legitimate use there."""
_REFERENCES = (
    "https://docs.h2o.ai/h2o/latest-stable/h2o-docs/pojo-quickstart.html",
    "https://github.com/deepjavalibrary/djl/blob/master/api/src/main/java/ai/djl/util/ClassLoaderUtils.java",
)

RUNS = Rule(
    id="java-source/model-runs-code",
    title="Java source of a model that does more than compute",
    severity=Severity.CRITICAL,
    message="line {path}: the source {subject}",
    why="Loading the model compiles and runs the source. Scoring needs only sums and comparisons: source that starts "
    "programs or loads other code was not written by the model's framework.",
    fix="Do not load the model. Find out where it came from.",
    cwe=506,
    references=_REFERENCES,
)
REACHES = Rule(
    id="java-source/model-reaches-out",
    title="Java source of a model that opens files or addresses",
    severity=Severity.WARNING,
    message="line {path}: the source opens {subject}",
    why="Loading the model compiles and runs the source with the user's rights.",
    fix="Before you compile it, read what it opens and why.",
    confidence="medium",
    cwe=829,
    references=_REFERENCES,
)
PROGRAM = Rule(
    id="java-source/program-runs-code",
    title="Java source that runs other code",
    severity=Severity.INFO,
    message="line {path}: the source {subject}",
    why="A program beside a model may have a reason to start others. It runs only if somebody compiles and starts it.",
    fix="Read it before you run it.",
    cwe=829,
    references=("https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/lang/ProcessBuilder.html",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text with the suffix of Java."""
    return blob.locator.suffix in _SUFFIXES and blob.size > 0 and text.accepts(blob)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield what the source does besides computing, graded by its role; raises OverLimit above 32 MiB."""
    if blob.size > min(_MAX_SIZE, context.limits.parsed_bytes):
        raise OverLimit(f"more than {_MAX_SIZE:,} bytes of source")
    data = blob.reader.read(0, blob.size)
    context.operations.spend(len(data))
    source = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), data.decode("utf-8", "replace"))
    code = _COMMENT_OR_STRING.sub(_blank, source)
    model = "H2O" if _POJO.search(code) else "DJL" if "ai.djl" in code and _DJL.search(code) else ""
    if model:
        yield Fact("framework", f"{model} (Java source)", blob.locator)
    if _SUSPICIOUS_WORDS.search(data):
        yield from _runs(blob, code, model)
    if model == "H2O" and (match := _REACHES.search(code)):
        what = printable(" ".join(match[0].split()).removeprefix("new "), _SHOWN)
        yield _finding(REACHES, blob, code, match.start(), what)


def _runs(blob: Blob, code: str, model: str) -> Iterator[Finding]:
    for number, (what, pattern) in enumerate(_RUNS):
        of_model = model == "H2O" or (model == "DJL" and number < _TRANSLATOR_PATTERNS)
        if match := pattern.search(code):
            yield _finding(RUNS if of_model else PROGRAM, blob, code, match.start(), what)


def _finding(rule: Rule, blob: Blob, code: str, offset: int, subject: str) -> Finding:
    line = code.count("\n", 0, offset) + 1
    return Finding(rule, blob.locator, subject, str(line))


def _blank(match: re.Match[str]) -> str:
    """Return the replacement of a comment or a string literal, which keeps only its line breaks."""
    return " " + "\n" * match[0].count("\n")


SCANNER = Scanner(
    name=NAME,
    title="Java sources (POJO of H2O, classes for DJL)",
    version=1,
    accepts=accepts,
    scan=scan,
    rules=(RUNS, REACHES, PROGRAM),
    suffixes=_SUFFIXES,
    signs=Signs(suffixes=_SUFFIXES, plain=True),
)
