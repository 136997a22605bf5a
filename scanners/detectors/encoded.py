"""Payloads in base64 or hexadecimal, compressed or not: in text, configurations, notebooks, metadata of models.

A run of such characters is nominated if its beginning decodes to that of a pickle, an executable, a script, Python code
or compressed bytes. It is decoded in layers, and reported only if the structure of the result proves what it is, so
images, embeddings, keys and checksums cause no findings. In prose and data sets, which explain and collect such things,
only executables are reported; in Python files, their own scanner follows what the code decodes.
https://attack.mitre.org/techniques/T1027/013/.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from modelsweep.core.finding import Fact, Finding, Json, Problem, Rule, Severity, Span
from modelsweep.core.limits import OverLimit
from modelsweep.core.reader import MemoryReader
from modelsweep.core.scanner import RAW, Blob, Context, Item
from modelsweep.core.text import printable, redact
from modelsweep.core.units import KIB, MIB
from scanners.detector import AS_RAW, Detector, isolated
from scanners.detectors.pickles import confirm as pickle_at
from scanners.detectors.pickles import exactly, has_header, imports_in, whole
from scanners.parsing.bytes_as_text import AS_TEXT
from scanners.parsing.encoded_runs import MAX_RUN, RUN, beginnings, letters_of, list_at, padded, run_at
from scanners.parsing.encoded_starts import BEFORE, COMPRESSED, DEFLATED, INSIDE, RUNS, ZLIB

if TYPE_CHECKING:
    from scanners.parsing.disguise_starts import Starts
    from scanners.parsing.disguises import Disguise

MAX_EXPANDED = 16 * MIB
"""Maximum decompressed bytes of one layer; more is cut off, since the beginning is sufficient."""
MAX_SOURCE = 256 * KIB
"""Maximum bytes of a decoded script or source that are examined."""
_FIX = (
    "Do not use the file until somebody has read the decoded text: a model has no reason to hide what it says. If one "
    "of your own tools wrote it, allow the rule for this file."
)
_REFERENCES = ("https://attack.mitre.org/techniques/T1027/013/", "https://attack.mitre.org/techniques/T1140/")
EXECUTABLE = Rule(
    id="encoded/executable",
    title="Executable encoded in text",
    severity=Severity.CRITICAL,
    message="{subject} in {encoding} at offset {offset}",
    why="Native code written as text passes for a configuration or a comment, until a second step that looks harmless "
    "by itself decodes it, writes it to disk and starts it.",
    fix=_FIX,
    cwe=506,
    references=_REFERENCES,
)
SCRIPT = Rule(
    id="encoded/script",
    title="Script encoded in text",
    severity=Severity.WARNING,
    confidence="medium",
    message="{subject} in {encoding} at offset {offset}: {text}",
    why="A script that is meant to be read is written in the open. An encoded one waits to be decoded and run.",
    fix=_FIX,
    cwe=506,
    references=_REFERENCES,
)
PYTHON = Rule(
    id="encoded/python",
    title="Python code encoded in text",
    severity=Severity.WARNING,
    confidence="medium",
    message="code that calls {subject} in {encoding} at offset {offset}: {text}",
    why="The decoded text is Python that runs commands, code or downloads. Encoding such text keeps a payload out of "
    "sight of anybody who reads the file.",
    fix=_FIX,
    cwe=506,
    references=_REFERENCES,
)
_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_")
_LINE = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}")
_LINE_BEFORE = re.compile(rb"[A-Za-z0-9+/_-](?:\r?\n[ \t]{0,16}|(?:\\r)?\\n)\Z")
_LINE_CONTEXT = 24
"""Bytes before a line that are checked for a previous line."""
_LETTERS = bytes(sorted(_ALPHABET))
_STRAY_LIMIT = 5
"""One more than the number of letters with which binary data may end by chance."""
_PLAIN = frozenset(b"\t\n\r") | frozenset(range(0x20, 0x7F))
_UNKNOWN_TO_PICKLE = ("reversed", "XORed", "uuencoded", "quoted-printable", "escapes", "UTF-16")
"""Encodings that the pickle scanner does not decode in the strings of a pickle."""
_USTAR = 257
"""Offset of the magic in the header of a tar."""
_CHUNK = 64 * KIB
_DISGUISE_COST = 1_000
_EXAMINED_TEXT = -1
"""Marks a text that was examined, in place of a length."""
_DECODED_PER_LETTER = 4
"""Decoded bytes that cost as much as one encoded letter."""
_PYTHON_COST = 16
"""Cost of a letter of Python in encoded letters: parsing takes that much longer than decoding."""
_MIN_STRING = 16
"""Minimum bytes of a string that could hold a payload."""
_DECOMPRESSING = frozenset({"compressed", "sevenzip"})
"""Scanners that decompress the content of their files."""
_CODECS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"]\0\0": "LZMA"} | {
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
}
_AS_TEXT = (b"\x1f\xc2\x8b", b"\xc3\xbd7zXZ\0", b"\x28\xc2\xb5/\xc3\xbd")
"""Three of these magic numbers as text with one character per byte; bzip2 begins with letters."""
_MAGIC = max(map(len, (*_CODECS, *_AS_TEXT)))
_PROBE = 400
"""Characters that are read to recognise an unusual encoding."""
_PROSE = frozenset({".md", ".rst", ".txt", ".html", ".tex", ".csv", ".tsv", ".jsonl", ".log"})
_JSON = ".json"
_QUOTE = re.compile(rb"(?<!\\)(?:\\\\){0,8}\"")
_LEADING = (b":", b"[", b",")
"""Characters that precede a JSON string."""
_WORDS = re.compile(r"[A-Za-z]{1,20},? [A-Za-z]{1,20} [A-Za-z]{1,20}")
"""Three words of a sentence."""
_BASE64 = ("A-Za-z0-9+/=", "A-Za-z0-9_=-")
"""Both alphabets of base64 (RFC 4648 sections 4 and 5)."""
_PYTHON = frozenset({".py", ".pyi", ".pth", ".ipynb"})
_CALL_KINDS = frozenset({"code", "command", "connection", "sending", "fetching", "memory", "native"})
_COMMANDS = (b"powershell", b"iex", b"invoke-expression", b"downloadstring", b"frombase64string", b"net.webclient")


class Surroundings(NamedTuple):
    """The `scanners` that examine a blob; `innermost` returns the member at an offset, and its start."""

    scanners: frozenset[str]
    innermost: Callable[[int], tuple[Blob, int]]

    def is_member(self, offset: int) -> bool:
        """Return whether an offset lies in a member, which has scanners of its own."""
        return self.innermost(offset)[0] is not self.innermost(0)[0]


def disguised_payloads(
    blob: Blob, data: bytes, starts: Starts, around: Surroundings, context: Context
) -> Iterator[Item]:
    """Yield disguised payloads in `data`, the bytes of a blob, in which they may begin at `starts`."""
    from scanners.parsing.disguises import disguises, inside_strings

    context.operations.spend(len(data))
    reported = set[Problem]()
    for disguise in disguises(data, starts):
        if (disguise.how == "zlib" and _DECOMPRESSING & around.scanners) or _is_nominated(data, disguise):
            continue
        inner, start = around.innermost(disguise.offset)
        found = _decoded_disguise(inner, start, disguise, context)
        yield from isolated(found, inner.locator, DETECTOR.name, reported)
    if "pickle" in around.scanners:
        for offset in inside_strings(data, starts):
            if not around.is_member(offset):
                yield from isolated(pickle_at(blob, offset, context), blob.locator, DETECTOR.name, reported)
        yield from _without_header(blob, data, starts, around, context)


def _decoded_disguise(blob: Blob, start: int, disguise: Disguise, context: Context) -> Iterator[Item]:
    """Yield what `disguise` hides; each may extend to the end of the data, so the total is bounded."""
    from scanners.parsing.disguises import MAY_BEGIN_STREAM

    context.operations.spend(len(disguise.data) // 8 + _DISGUISE_COST)
    context.undone.spend(len(disguise.data))
    span = Span(disguise.offset - start, len(disguise.data))
    if disguise.how == MAY_BEGIN_STREAM:
        yield from confirm(blob, span.offset, context)
        return
    items = list(_layered(blob, span, disguise.how, disguise.data, context))
    yield from items
    if not items and disguise.how == "base64":  # it may continue elsewhere
        yield from confirm(blob, span.offset, context)


def _is_nominated(data: bytes, disguise: Disguise) -> bool:
    """Return whether the patterns find this run of ordinary base64 or hexadecimal digits anyway."""
    at = disguise.offset
    if disguise.how not in ("base64", "hexadecimal") or (at and data[at - 1] in _ALPHABET):
        return False
    return any(re.compile(run, re.DOTALL).match(data, at - (run in ZLIB)) for run in DETECTOR.runs)


def _without_header(blob: Blob, data: bytes, starts: Starts, around: Surroundings, context: Context) -> Iterator[Item]:
    """Yield streams of protocols 0 and 1 in strings of a pickle, found by the dangerous name at their start."""
    from scanners.parsing.disguises import dangerous_beginnings

    offsets = [offset for offset in dangerous_beginnings(data, starts) if not around.is_member(offset)]
    named = imports_in(blob, context) if offsets else frozenset()
    for offset in offsets:
        end = data.find(b"\n", data.find(b"\n", offset) + 1) + 1
        if end not in named:
            yield from exactly(blob, offset, context)


def confirm(blob: Blob, offset: int, context: Context) -> Iterator[Item]:
    """Yield what the run of encoded characters that begins at `offset` hides."""
    if blob.reader.read(offset, min(_MAGIC, blob.size - offset)).startswith((*_CODECS, *_AS_TEXT)):
        yield from _packed(blob, offset, context)
        return
    start = offset + (blob.reader.read(offset, 1) in BEFORE)
    begins = start == 0 or start > offset or blob.reader.read(start - 1, 1)[0] not in _ALPHABET
    if (begins or _may_be_cut(blob, start)) and (items := list(_hidden(blob, start, context))):
        yield from items
    elif _names_a_module(blob, offset):
        for start in beginnings(blob, offset, context):
            yield from _hidden(blob, start, context)


def _hidden(blob: Blob, start: int, context: Context) -> Iterator[Item]:
    """Yield what the text that begins at `start` hides, only once per text."""
    key = (blob.locator, start, _EXAMINED_TEXT)
    if key in context.extracted:
        return
    context.extracted.add(key)
    continues = _continues(blob, start)
    if found := _unusual(blob, start, context, continues):
        yield from found
        return
    if continues and (items := list(_decoded(blob, start, _line(blob, start), context))):
        yield from items
        return
    run = run_at(blob, start, context, continues=continues)
    counted = run[: _counted(blob, start) or len(run)]
    first = re.split(rb"[\r\n\\]", run, maxsplit=1)[0]
    for text in dict.fromkeys((list_at(blob, start, context), run, first, counted)):
        items = list(_decoded(blob, start, text, context))
        if items:
            yield from items
            return


def _names_a_module(blob: Blob, offset: int) -> bool:
    """Return whether the letters were nominated for the name of a module inside a text, not for its beginning."""
    head = blob.reader.read(offset, min(_PROBE, blob.size - offset))
    return any(re.match(name, head) for name in INSIDE)


def begins_deflated(head: bytes) -> bool:
    """Return whether bytes begin like base64 of zlib data: two letters, which are no evidence on their own."""
    return re.match(DEFLATED, head) is not None


def _continues(blob: Blob, start: int) -> bool:
    """Return whether another line of letters precedes the one at `start`: both may belong to one run."""
    before = blob.reader.read(max(0, start - _LINE_CONTEXT), min(_LINE_CONTEXT, start))
    return _LINE_BEFORE.search(before) is not None


def _line(blob: Blob, start: int) -> bytes:
    match = _LINE.match(blob.reader.read(start, min(_CHUNK, blob.size - start)))
    return match[0] if match else b""


def _packed(blob: Blob, offset: int, context: Context) -> Iterator[Item]:
    """Yield what the compressed bytes at `offset` hold; a whole compressed file is left to its scanner."""
    if (offset == 0 and blob.expect != RAW) or _is_zip_member(blob, offset):
        return
    head = blob.reader.read(offset, min(_CHUNK, blob.size - offset))
    context.operations.spend(len(head))
    yield from _layered(blob, Span(offset, blob.size - offset), "", head, context, more=True)


def _is_zip_member(blob: Blob, offset: int) -> bool:
    """Return whether these bytes are a member of a zip archive, which the zip scanner decompresses."""
    before = blob.reader.read(max(0, offset - KIB), min(KIB, offset))
    at = before.rfind(b"PK\x03\x04")
    lengths = before[at + 26 : at + 30]
    return at >= 0 and at + 30 + sum(struct.unpack("<HH", lengths)) == len(before) if len(lengths) == 4 else False


def _unusual(blob: Blob, start: int, context: Context, continues: bool) -> list[Item]:
    """Return what is in an encoding that only its first letters identify."""
    from scanners.parsing.pickle_encodings import unusual

    head = blob.reader.read(start, min(_PROBE, blob.size - start))
    match = RUN.match(head)
    if match is None or unusual(match[0]) is None:
        return []
    run = run_at(blob, start, context, continues=continues)
    kind, data = unusual(run) or ("", b"")
    return list(_layered(blob, Span(start, len(run)), kind, data, context))


def _layered(blob: Blob, span: Span, kind: str, data: bytes, context: Context, *, more: bool = False) -> Iterator[Item]:
    """Yield what `data` is, or what its further encodings hide; `more` tells that it is only the beginning."""
    from scanners.parsing.pickle_encodings import LAYERS, is_telling, undo

    layers = [kind] if kind else []
    for _ in range(LAYERS):
        found = list(_judged(blob, span, " of ".join(reversed(layers)), data, context))
        below = None if found else undo(data, MAX_EXPANDED)
        if below is None:
            yield from found
            return
        if more and not (is_telling(below[:_PROBE]) or below.startswith(b"MZ") or _is_container(below)):
            return
        if more:
            more = False
            below = undo(blob.reader.read(span.offset, min(MAX_RUN, span.length)), MAX_EXPANDED) or below
        _spend(context, len(data), len(below))
        layers.append(_encoding(data))
        data = below


def _spend(context: Context, encoded: int, decoded: int) -> None:
    """Charge the budget for one layer of encoding; raises OverLimit."""
    context.operations.spend(decoded)
    context.expanded.spend(max(0, decoded - encoded))
    context.undone.spend(decoded // _DECODED_PER_LETTER)


def _may_be_cut(blob: Blob, start: int) -> bool:
    """Return whether the letter before `start` may belong to something else.

    It may be the last letter of `\\n`, a few letters of binary data by chance, or the length of what follows.
    """
    before = blob.reader.read(max(0, start - _STRAY_LIMIT), min(_STRAY_LIMIT, start))
    if before[-2:] in (b"\\n", b"\\r", b"\\t"):
        return True
    bare = before.rstrip(_LETTERS)
    if len(bare) and bare[-1] not in _PLAIN:
        return True
    return _counted(blob, start) > 0


def _counted(blob: Blob, start: int) -> int:
    """Return the byte before `start` as the length of the letters after it, or 0 if it does not match that."""
    length = blob.reader.read(start - 1, 1)[0] if start else 0
    after = blob.reader.read(start, min(length + _STRAY_LIMIT, blob.size - start)) if length in _LETTERS else b""
    letters = len(after) - len(after.lstrip(_LETTERS))
    return length if length <= letters < length + _STRAY_LIMIT or letters == len(after) == length else 0


def _decoded(blob: Blob, start: int, run: bytes, context: Context) -> Iterator[Item]:
    """Yield what the encodings of `run` hide, as far as its structure proves it."""
    from scanners.parsing.pickle_encodings import LAYERS, undo

    data = letters_of(run)
    layers: list[str] = []
    for _ in range(LAYERS + 1):
        name = _encoding(data)
        below = undo(_padded(data, name), MAX_EXPANDED)
        if below is None:
            return
        _spend(context, len(data), len(below))
        layers.append(name)
        data = below
        found = list(_judged(blob, Span(start, len(run)), " of ".join(reversed(layers)), data, context))
        if found:
            yield from found
            return


def _encoding(data: bytes) -> str:
    for magic, name in _CODECS.items():
        if data.startswith(magic):
            return name
    if data.startswith((*_AS_TEXT, b"x\xc2\x9c", b"x\xc3\x9a")):
        return AS_TEXT
    if data[:1] == b"\x78":
        return "base64" if _is_text(data[:64]) else "zlib"
    return "hexadecimal" if re.fullmatch(rb"[0-9a-fA-F]+", data[:256]) else "base64"


def _is_text(head: bytes) -> bool:
    return all(byte in _ALPHABET for byte in head)


def _padded(data: bytes, name: str) -> bytes:
    """Return base64 with the missing padding that a decoder may add, or cut to a valid length."""
    if name == "hexadecimal":
        return data[: len(data) & ~1]
    if name != "base64":
        return data
    return padded(data)


def _judged(blob: Blob, span: Span, encoding: str, data: bytes, context: Context) -> Iterator[Item]:
    from scanners.parsing.native_code import native_code_at
    from scanners.parsing.pickle_stream import begins_stream

    suffix = blob.locator.suffix
    if data[:4] in (b"\x7fELF", b"!<ar") or data[:2] == b"MZ" or data[:1] in b"\xcf\xce\xfe\xca":
        code = native_code_at(MemoryReader(data), _header(data))
        if code and code.start == 0:
            evidence: dict[str, Json] = {"offset": span.offset, "encoding": encoding}
            yield Fact("embedded", code.title, blob.locator, span)
            yield Finding(EXECUTABLE, blob.locator, code.title, span=span, evidence=evidence)
    elif suffix in _PROSE or (suffix == _JSON and _is_quoted(blob, span.offset, encoding, data, context)):
        return
    elif _is_container(data):
        inside = blob.nested(f"{encoding} at {span.offset}", MemoryReader(data), expect=AS_RAW, expanded=True)
        yield from _with_limits(iter((inside,)), blob, context)
    elif _begins_plainly(data) or begins_stream(MemoryReader(data)):
        if suffix not in _PYTHON:
            yield from _with_limits(_stream(blob, span, encoding, data, context), blob, context)
    elif found := _script(data[:MAX_SOURCE]):
        yield from _report(SCRIPT, blob, span, encoding, *found)
    elif suffix not in _PYTHON:
        yield from _with_limits(_python(blob, span, encoding, data[:MAX_SOURCE], context), blob, context)


def _begins_plainly(data: bytes) -> bool:
    """Return whether bytes begin with the header of a pickle, or as those of protocols 0 and 1 mostly do."""
    return has_header(data) or re.match(rb"[ci][A-Za-z_][\w.]{0,60}\n[A-Za-z_][\w.]{0,60}\n|\(", data) is not None


def _stream(blob: Blob, span: Span, encoding: str, data: bytes, context: Context) -> Iterator[Item]:
    """Yield what a pickle would call, unless it is in a string of another pickle whose scanner has reported it.

    The pickle scanner finds streams without a header under fewer encodings, and only by their beginnings.
    """
    from scanners.parsing.pickle_encodings import UNUSUAL, is_telling

    plain = encoding in UNUSUAL or " of " in encoding
    turned = any(word in encoding for word in _UNKNOWN_TO_PICKLE) or (plain and not has_header(data))
    known = _begins_plainly(data) or is_telling(data[:_PROBE])
    if turned or not known or not _begins_string(blob, span.offset):
        yield from whole(blob.nested(f"{encoding} at {span.offset}", MemoryReader(data)), context)


def _is_quoted(blob: Blob, offset: int, encoding: str, data: bytes, context: Context) -> bool:
    """Return whether a JSON string has a sentence before the payload, and does not load as a whole.

    Data sets quote payloads like that. Decoders skip spaces, and opcodes can look like words, so the sentence is
    decoded too.
    """
    sentence = _string_before(blob, offset)
    if not _WORDS.search(sentence):
        return False
    outermost = encoding.rpartition(" of ")[2]
    if outermost == "base64":
        # A decoder that skips other characters would start elsewhere, unless the sentence has whole groups of letters
        return all(len(re.sub(f"[^{letters}]", "", sentence)) % 4 for letters in _BASE64)
    if outermost == "escapes":
        fronts = (sentence.encode(codec, "replace") for codec in ("latin-1", "utf-8"))
        wholes = (blob.nested("text", MemoryReader(front + data)) for front in fronts)
        return not any(True for whole in wholes for _ in exactly(whole, 0, context))
    return outermost == "hexadecimal"


def _string_before(blob: Blob, offset: int) -> str:
    """Return the part before `offset` of the JSON string around it, or nothing if none begins nearby."""
    before = blob.reader.read(max(0, offset - 2 * KIB), min(2 * KIB, offset))
    quote = max((found.end() for found in _QUOTE.finditer(before)), default=0)
    if before[: max(quote - 1, 0)].rstrip()[-1:] not in _LEADING:
        return ""
    try:
        return str(json.loads(b'"%s"' % before[quote:], strict=False))
    except ValueError:
        return ""


def _is_container(data: bytes) -> bool:
    """Return whether bytes begin like a zip, a tar or an array, which are searched like any bytes."""
    return data.startswith((b"PK\x03\x04", b"\x93NUMPY")) or data[_USTAR : _USTAR + 5] == b"ustar"


def _with_limits(items: Iterator[Item], blob: Blob, context: Context) -> Iterator[Item]:
    """Yield the items, and a limit or damage that ends them as a Problem, once per blob."""
    for item in isolated(items, blob.locator, DETECTOR.name, set()):
        if not isinstance(item, Problem) or context.first(f"problem of {blob.locator}", item.detail):
            yield item


def _begins_string(blob: Blob, offset: int) -> bool:
    """Return whether a pickle's string begins here, which the pickle scanner has decoded."""
    before = blob.reader.read(max(0, offset - 5), min(5, offset))
    room = range(_MIN_STRING, blob.size - offset + 1)
    long = before[-5:-4] in (b"X", b"T", b"B") and int.from_bytes(before[-4:], "little") in room
    return long or (before[-2:-1] in (b"\x8c", b"U", b"C") and before[-1] in room)


def _report(rule: Rule, blob: Blob, span: Span, encoding: str, subject: str, text: str) -> Iterator[Item]:
    shown = printable(redact(" ".join(text.split())), 120)
    evidence: dict[str, Json] = {"offset": span.offset, "encoding": encoding, "text": shown}
    yield Fact("script", "Python code" if rule is PYTHON else subject, blob.locator, span, {"text": shown})
    yield Finding(rule, blob.locator, subject, span=span, evidence=evidence)


def _header(data: bytes) -> int:
    """Return the offset of the magic number that identifies native code; that of PE follows a DOS header."""
    return int.from_bytes(data[60:64], "little") if data[:2] == b"MZ" else 0


def _script(data: bytes) -> tuple[str, str] | None:
    """Return the language of a decoded script, and its text; PowerShell takes encoded commands in UTF-16."""
    if data.startswith(b"#!") and re.match(rb"#![ \t]*/[\w./ \t-]{2,80}\r?\n\s*[\x20-\x7e]", data):
        return "script", data.decode("utf-8", "replace")
    if len(data) > 8 and data[1:16:2] == bytes(len(data[1:16:2])):
        text = data[: len(data) & ~1].decode("utf-16-le", "replace")
        if any(word.decode() in text.lower() for word in _COMMANDS):
            return "PowerShell command", text
    return None


def _python(blob: Blob, span: Span, encoding: str, source: bytes, context: Context) -> Iterator[Item]:
    from scanners.parsing.python_calls import read
    from scanners.parsing.python_syntax import parsed
    from scanners.python_code import check_nesting, may_call_sinks

    if not _is_python(source) or not may_call_sinks(source):
        return
    check_nesting(source)
    context.undone.spend(_PYTHON_COST * len(source))
    context.snippets.spend()
    tree = parsed(source)
    if tree is None:
        return
    found = read(tree, context.operations)
    call = next((call for call in found.calls if call.kind in _CALL_KINDS), None)
    if call:
        yield from _report(PYTHON, blob, span, encoding, call.name, call.text)
    if found.unread:
        raise OverLimit(found.unread)


def _is_python(source: bytes) -> bool:
    return re.match(rb"[\t\n\r\x20-\x7e]{8,64}", source) is not None and b"\0" not in source


DETECTOR = Detector(
    name="encoded",
    title="an encoded payload",
    version=22,
    patterns=COMPRESSED,
    runs=RUNS,
    confirm=confirm,
    rules=(EXECUTABLE, SCRIPT, PYTHON),
    owners=frozenset({"executable", "python-compiled"}),
)
