"""Vowpal Wabbit: a header with the options of the training, followed by the weights.

Layout: `save_load_header` of https://github.com/VowpalWabbit/vowpal_wabbit/blob/master/vowpalwabbit/core/src/parse_regressor.cc.
A program that loads the model adds these options to its own: those that open, write or send something take effect as
if they had been typed. The checksum does not prevent changes of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.scanner import RAW, Blob, Context, Item, Malformed, Scanner, Signs
from modelsweep.core.text import printable
from modelsweep.core.units import MIB
from scanners.judge.external_files import outside
from scanners.parsing.cursor import Cursor

NAME = "vowpal-wabbit"
_BEGINNING = re.compile(rb"[\x06-\x0c]\0\0\0(\d{1,2})\.(\d{1,3})\.(\d{1,3})\0")
"""Length and text of the program version that wrote the model."""
_TEXT = re.compile(rb"[ -~]{8,}")
_IDENTIFIER_SINCE = (8, 0, 2)
"""First release with an identifier after the version, and with all interactions among the options."""
_MAX_TEXT = MIB
_SHOWN = 200
_WRITES = frozenset(
    "final_regressor f predictions p raw_predictions r audit_regressor readable_model invert_hash cache_file "
    "output_feature_regularizer_binary output_feature_regularizer_text pid_file port_file extra_metrics".split()
)
_REACHES = frozenset("daemon port sendto span_server span_server_port foreground".split())
_SAVED_OPTION = "dictionary"
_READS = frozenset("data d initial_regressor i feature_mask dictionary dictionary_path".split())

OBEYED = Rule(
    id="vowpal-wabbit/obeyed-option",
    title="Model whose options write files or open the network",
    severity=Severity.CRITICAL,
    message="loading the model {path}: {subject}",
    why="Vowpal Wabbit adds the options saved in a model to the user's own. It never saves options that write files or "
    "listen on a port: somebody put this one there, and it takes effect with the user's rights.",
    fix="Do not load the model. Report it to the site you got it from.",
    cwe=73,
    references=("https://github.com/VowpalWabbit/vowpal_wabbit/wiki/Command-Line-Arguments",),
)
READS = Rule(
    id="vowpal-wabbit/reads-file",
    title="Model whose options read another file",
    severity=Severity.WARNING,
    message="loading the model reads {subject}",
    why="Options saved in a model take effect when it is loaded. This one opens a file on the user's machine.",
    fix="Make sure that the file comes with the model.",
    confidence="medium",
    cwe=73,
    references=("https://github.com/VowpalWabbit/vowpal_wabbit/wiki/Command-Line-Arguments",),
)


def accepts(blob: Blob) -> bool:
    """Return whether the blob begins with the length and the text of a version."""
    begun = _BEGINNING.match(blob.head)
    return begun is not None and begun.end() == 4 + blob.head[0]


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield options that do more than configure the computation; raises Malformed, Truncated and OverLimit."""
    begun = _BEGINNING.match(blob.head)
    assert begun is not None, "scan follows accepts"
    version = tuple(map(int, begun.groups()))
    yield Fact("framework", "vowpal wabbit " + ".".join(map(str, version)), blob.locator)
    if version < _IDENTIFIER_SINCE:
        yield from _options_anywhere(blob)
        raise Malformed("the release that wrote the model is unknown", 4)
    cursor = Cursor(blob.reader, begun.end())
    yield from _options(blob, cursor, context)  # an identifier, which is added to the options unchanged
    if cursor.take(1) != b"m":
        raise Malformed("no model follows the version", cursor.position - 1)
    cursor.skip(16)  # least and greatest label, bits of the hash, topics
    for _ in range(2):  # n-grams and skips
        cursor.skip(3 * _length(cursor, context))
    yield from _options(blob, cursor, context)
    if cursor.position < blob.size:
        yield blob.window("weights", cursor.position, blob.size - cursor.position, RAW)


def _length(cursor: Cursor, context: Context) -> int:
    length = cursor.number("I")
    if length > min(_MAX_TEXT, context.limits.parsed_bytes):
        raise OverLimit(f"{length:,} bytes of a header")
    return length


def _options(blob: Blob, cursor: Cursor, context: Context) -> Iterator[Item]:
    """Yield what the options in the next string open; raises Truncated, and OverLimit above 1 MiB."""
    length = _length(cursor, context)
    start = cursor.position
    yield from _option_findings(blob, cursor.take(length).rstrip(b"\0").decode("utf-8", "replace"), start)


def _options_anywhere(blob: Blob) -> Iterator[Item]:
    """Yield the same for all strings at the beginning of a model with an unknown header."""
    for text in _TEXT.finditer(blob.head):
        yield from _option_findings(blob, text[0].decode("ascii"), text.start())


def _option_findings(blob: Blob, options: str, start: int) -> Iterator[Item]:
    """Yield the options that open something; a value is the next word, or follows an equals sign."""
    words = options.replace("=", " ").split()
    for place, word in enumerate(words):
        name = word.lstrip("-")
        if not word.startswith("-") or name not in _WRITES | _REACHES | _READS:
            continue
        value = words[place + 1] if place + 1 < len(words) and not words[place + 1].startswith("-") else ""
        subject = printable(f"{word} {value}".rstrip(), _SHOWN)
        span = Span(start, len(options))
        if name == _SAVED_OPTION and not outside(value.rpartition(":")[2]):
            continue  # beside the model: the only one of them that is saved honestly
        if name in _READS:
            yield Finding(READS, blob.locator, subject, span=span)
        else:
            does = "writes a file" if name in _WRITES else "uses the network"
            yield Finding(OBEYED, blob.locator, subject, path=does, span=span)


SCANNER = Scanner(
    name=NAME,
    title="Vowpal Wabbit",
    version=3,
    accepts=accepts,
    scan=scan,
    rules=(OBEYED, READS),
    suffixes=(".vw", ".model"),
    signs=Signs(bytes(range(6, 13))),
)
