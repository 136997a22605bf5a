"""The vocabulary of RWKV tokenizers: lines of a number, a Python literal and a length; the literals are evaluated.

Readers: keras_hub's rwkv7_tokenizer.py, RWKV's own rwkv_tokenizer.py: `eval(line[line.index(" ") : line.rindex(" ")])`.
"""

from __future__ import annotations

from collections.abc import Iterable

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Json
from modelsweep.core.locator import Locator
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import Blob
from modelsweep.core.text import printable

LINE = re.compile(r"\s*\d{1,9} (?P<word>.+) \d{1,9}\s*")
LITERAL = re.compile(r"""\s*[bBrRuU]{0,2}(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*""")
_MAX_REPORTED = 200
"""Maximum lines with code that are reported: more do not make a file more dangerous."""
_SHOWN = 200


def code_of(lines: Iterable[str]) -> list[str]:
    """Return the first 200 expressions in `lines` that are not literals and call something."""
    found: list[str] = []
    for line in lines:
        match = LINE.fullmatch(line)
        if match and "(" in match["word"] and not LITERAL.fullmatch(match["word"]):
            found.append(match["word"].strip())
            if len(found) == _MAX_REPORTED:
                break
    return found


def expression_fact(expression: str, locator: Locator, path: str) -> Fact:
    """Return the fact of an expression that a loader evaluates."""
    detail: dict[str, Json] = {"how": "evaluated", "path": printable(path, _SHOWN)}
    return Fact("code-reference", printable(" ".join(expression.split()), _SHOWN), locator, detail=detail)


def source_of(expressions: list[str], blob: Blob) -> Blob:
    """Return the expressions as a Python file, which is judged as code that runs on load."""
    source = "\n".join(expressions) + "\n"
    return blob.nested("evaluated_words.py", MemoryReader(source.encode("utf-8", "replace")), expanded=True)
