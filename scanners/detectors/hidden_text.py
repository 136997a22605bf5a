"""Text that people do not see but models, assistants or decoders read: in Unicode tags, variation selectors, comments.

Tags (U+E0020 to U+E007E) encode ASCII and are not displayed, and variation selectors can encode any byte: both can
spell whole texts invisibly (https://www.unicode.org/reports/tr51/#Tags, whose only use is in flags;
https://www.unicode.org/Public/UCD/latest/ucd/StandardizedVariants.txt). A model card or page can instruct assistants in
a comment or in hidden elements (OWASP LLM01, indirect prompt injection). Data sets collect such texts and are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelsweep.core.finding import Finding, Json, Rule, Severity, Span
from modelsweep.core.scanner import Blob, Context, Item
from modelsweep.core.text import printable
from modelsweep.core.units import KIB
from scanners import text
from scanners.detector import Detector

INVISIBLE = Rule(
    id="hidden-text/invisible",
    title="Text in invisible characters",
    severity=Severity.WARNING,
    confidence="high",
    message="{subject} at offset {offset} is written in {what}",
    why="The characters take up no space on the screen, so a reviewer sees nothing, while a model, an assistant or a "
    "few lines of code read text, an instruction or a program there.",
    fix="Read the hidden text before any program reads the file, and ask its author what it is for.",
    cwe=506,
    references=("https://atlas.mitre.org/techniques/AML.T0051.001", "https://attack.mitre.org/techniques/T1027/"),
)
INSTRUCTION = Rule(
    id="hidden-text/instruction",
    title="Instruction to assistants where no human reader sees it",
    severity=Severity.WARNING,
    confidence="medium",
    message="{subject} is in {what} at offset {offset}",
    why="An assistant that reads the page follows the text as an instruction, while its user sees nothing of it.",
    fix="Do not let an assistant read the page. Report it to the site you got it from.",
    cwe=506,
    references=(
        "https://atlas.mitre.org/techniques/AML.T0051.001",
        "https://genai.owasp.org/llmrisk/llm01-prompt-injection/",
    ),
)
MIN_HIDDEN = 12
"""Minimum characters of a hidden text: the longest flag in use has six."""
_MIN_DIFFERENT = 5
"""Minimum number of different characters: tokens of vocabularies repeat one."""
_AROUND = 4 * KIB
_HALF_AROUND = _AROUND // 2
_SHOWN = 100
_TAGS = re.compile(rb"(?:\xf3\xa0[\x80\x81][\x80-\xbf]){%d,}" % MIN_HIDDEN)
_SELECTORS = re.compile(rb"(?:\xf3\xa0[\x84-\x87][\x80-\xbf]|\xef\xb8[\x80-\x8f]){%d,}" % MIN_HIDDEN)
_ESCAPED = re.compile(rb"(?:\\udb40\\udc[0-7][0-9a-f]){%d,}" % MIN_HIDDEN)
_FIRST_TAG, _FIRST_SELECTOR, _SECOND_SELECTORS = 0xE0000, 0xFE00, 0xE0100
_DATA = frozenset({".csv", ".tsv", ".jsonl", ".parquet", ".arrow", ".feather", ".txt", ".db", ".sqlite", ".tfrecord"})
_PAGES = frozenset({".md", ".html", ".htm", ".rst", ".mdx", ".ipynb", ".svg"})
_TAG = re.compile(rb"<(\w{1,40})(?!\w)([^<>]{0,640})>")
_HIDING = re.compile(
    rb"(?i)display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden|font-size\s{0,9}:\s{0,9}0(?![.\d])"
    rb"|opacity\s{0,9}:\s{0,9}0(?![.\d])|\shidden(?=[\s>=]|\Z)"
)
_ORDER = re.compile(rb"[^\n<>]{0,60}(?i:ignore)[^\n<>]{0,120}")


def confirm(blob: Blob, offset: int, _context: Context) -> Iterator[Item]:
    """Yield the invisible text around `offset`, or the instruction there if it is hidden."""
    if blob.locator.suffix in _DATA:
        return
    first = max(0, offset - _AROUND)
    data = blob.reader.read(first, min(offset + _AROUND, blob.size) - first)
    if data[offset - first : offset - first + 1] in b"iI":
        yield from _instruction(blob, data, offset - first, first)
        return
    if _is_continued(data, offset - first, offset):
        return
    for pattern, what in ((_TAGS, "tags"), (_SELECTORS, "variation selectors"), (_ESCAPED, "tags")):
        match = next((match for match in pattern.finditer(data) if match.start() <= offset - first < match.end()), None)
        spelled = _spelled(match[0]) if match else ""
        if match and len(set(spelled)) >= _MIN_DIFFERENT:
            span = Span(first + match.start(), len(match[0]))
            evidence: dict[str, Json] = {"offset": span.offset, "what": what}
            yield Finding(INVISIBLE, blob.locator, printable(spelled, _SHOWN), span=span, evidence=evidence)


def _is_continued(data: bytes, place: int, offset: int) -> bool:
    """Return whether the text was also nominated shortly before `offset`, and is reported from there.

    A report covers `_AROUND` bytes, so a very long text is reported once in each half of that.
    """
    matches = _NOMINATED.finditer(data, max(0, place - _NOMINATED_CONTEXT), place + _MAX_NOMINATED)
    earlier = max((match.start() for match in matches if match.start() < place), default=place)
    if earlier == place or offset // _HALF_AROUND != (offset - place + earlier) // _HALF_AROUND:
        return False
    between = data[earlier:place]
    return any(unit.fullmatch(between) is not None for unit in _UNITS)


def _spelled(run: bytes) -> str:
    """Return what tags (ASCII) or selectors (bytes) spell."""
    if run.startswith(b"\\"):
        return "".join(chr(int(low, 16) - 0xDC00) for low in re.findall(r"\\udb40\\u(dc..)", run.decode("ascii")))
    return "".join(map(_plain, run.decode("utf-8", "replace")))


def _plain(character: str) -> str:
    number = ord(character)
    if number >= _SECOND_SELECTORS:
        return chr(number - _SECOND_SELECTORS + 16)
    return chr(number - (_FIRST_TAG if number >= _FIRST_TAG else _FIRST_SELECTOR))


def _instruction(blob: Blob, data: bytes, place: int, first: int) -> Iterator[Item]:
    """Yield the instruction in a page if it is in a comment, or in an element that is not displayed."""
    if blob.locator.suffix not in _PAGES or not text.accepts(blob.with_head()):
        return
    before = data[:place]
    what = "a comment" if before.rfind(b"<!--") > before.rfind(b"-->") else ""
    for match in _TAG.finditer(before):
        if _HIDING.search(match[2]) and before.find(b"</" + match[1], match.end()) < 0:
            what = "what is not displayed"
    order = _ORDER.search(data, max(0, before.rfind(b"\n") + 1, place - 60))
    if what and order:
        shown = printable(" ".join(order[0].decode("utf-8", "replace").split()), _SHOWN)
        evidence: dict[str, Json] = {"offset": first + place, "what": what}
        yield Finding(INSTRUCTION, blob.locator, shown, span=Span(first + place, 1), evidence=evidence)


_LETTER = rb"\xf3\xa0\x81[\xa1-\xba]"
_SELECTED = rb"\xf3\xa0\x85[\x91-\xaa]"
_HALF = rb"[\\]udc[67][0-9a-f][\\]udb40"

_IGNORE = (
    rb"(?i)ignore (?:(?:all|any|your|the|my|of) ){0,3}(?:previous|prior|earlier|above|preceding) "
    rb"(?:instructions|rules|prompts)"
)

_NOMINATED = re.compile(b"|".join((_LETTER * 3, _SELECTED * 3, rb"udb40" + _HALF * 2)))
_UNITS = tuple(
    re.compile(rb"(?:%b)+" % unit)
    for unit in (
        rb"\xf3\xa0[\x80\x81][\x80-\xbf]",
        rb"\xf3\xa0[\x84-\x87][\x80-\xbf]|\xef\xb8[\x80-\x8f]",
        rb"udb40\\udc[0-7][0-9a-f]\\",
    )
)
"""What lies between two nominated places of one text."""
_NOMINATED_CONTEXT, _MAX_NOMINATED = 96, 40
"""Bytes before a place that are checked, and bytes that nominate it."""

DETECTOR = Detector(
    name="hidden-text",
    title="text that nobody sees",
    version=3,
    patterns=(
        _LETTER * 3,
        _SELECTED * 3,
        rb"udb40" + _HALF * 2,
        _IGNORE,
    ),
    confirm=confirm,
    rules=(INVISIBLE, INSTRUCTION),
)
