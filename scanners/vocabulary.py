"""Vocabularies of RWKV tokenizers, which are evaluated line by line: see `scanners.parsing.evaluated_words`.

Their names are `vocabulary.txt` (assets of keras_hub) and `rwkv_vocab*.txt` (RWKV's own repositories). Other files also
have lines of a number, a word and a count, so these are only reported if their words would run something.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core import patterns as re
from modelsweep.core.scanner import Blob, Context, Item, Scanner, Signs
from modelsweep.core.units import MIB
from scanners import text
from scanners.parsing import evaluated_words
from scanners.parsing.evaluated_words import LINE, LITERAL

SIZE_LIMIT = 16 * MIB
"""Maximum bytes of a vocabulary that is read; that of RWKV's World models has 1 MiB."""
_NAME = re.compile(r"(?i)vocabulary\.txt|\w*vocab\w*\.txt")
_RWKV_NAME = re.compile(r"(?i)rwkv")


def accepts(blob: Blob) -> bool:
    """Return whether the blob is text with such a name, and its first line has a number, a word and a number."""
    if not _NAME.fullmatch(blob.locator.name) or not blob.size:
        return False
    first = blob.head.lstrip().split(b"\n", 1)[0].decode("utf-8", "replace")
    return LINE.fullmatch(first) is not None and text.accepts(blob)


def scan(blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the expressions that loading evaluates, singly and all of them as Python."""
    size = min(blob.size, SIZE_LIMIT, context.limits.parsed_bytes)
    lines = blob.reader.read(0, size).decode("utf-8", "replace").splitlines()
    context.operations.spend(len(lines))
    expressions = evaluated_words.code_of(lines)
    if not expressions:
        return
    if _RWKV_NAME.search(blob.locator.name) or any(_is_literal(line) for line in lines):
        yield evaluated_words.expression_fact(expressions[0], blob.locator, "the vocabulary")
    yield evaluated_words.source_of(expressions, blob)


def _is_literal(line: str) -> bool:
    match = LINE.fullmatch(line)
    return match is not None and LITERAL.fullmatch(match["word"]) is not None


SCANNER = Scanner(
    name="vocabulary",
    title="Vocabularies that tokenizers evaluate (RWKV)",
    version=1,
    accepts=accepts,
    scan=scan,
    suffixes=(".txt",),
    signs=Signs(suffixes=(".txt",), plain=True),
)
