"""Files attached to a report as further evidence: what other tools found by running a model, in a few lines.

They are recognised by content and read as hostile input. What they say changes neither a verdict nor an exit code, and
they stay where they are: a report has the name, SHA-256 and size of each, and its summary.

garak (https://github.com/NVIDIA/garak): `*.report.jsonl` and `*.hitlog.jsonl`, a record in each line; its HTML report.
Giskard (https://github.com/Giskard-AI/giskard-oss), `ScanReport.to_json` and `to_html`.
RESTler (https://github.com/microsoft/restler-fuzzer): `testing_summary.json` and `bug_buckets.txt`.
ART (https://github.com/Trusted-AI/adversarial-robustness-toolbox) writes no report, but a confusion matrix as JSON for
defences against poisoning; Armory (https://github.com/twosixlabs/armory), which evaluates with it, writes JSON; and
people write the numbers as JSON or CSV, with names of its modules.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from html import unescape
from itertools import islice
from typing import Any, NamedTuple

from modelsweep.attached_file import WHOLE, Content, opened
from modelsweep.core.report import Attachment, Said
from modelsweep.core.text import printable, redact
from modelsweep.core.units import KIB, counted, format_size

JSON, JSONL, HTML, CSV = "application/json", "application/jsonl", "text/html", "text/csv"
PLAIN, BYTES = "text/plain", "application/octet-stream"
NAME, VALUE = 100, 200
"""Characters of the name of a number, and of a text."""
ROWS = 24
"""Lines of a summary."""
WORST = 10
"""Names of which a count is told: those with the largest ones."""
KINDS = 10_000
"""Names that are counted."""
LINES = 1_000_000
"""Lines that are looked at."""
VALUES = 500_000
"""Values in a JSON text: parsed, each takes up to 240 bytes."""
DEPTH = 6
"""Levels of JSON in which numbers are looked for."""
_LARGEST = 2**53
"""Largest count: what all readers of JSON agree on."""
_SIGNATURES = {
    b"%PDF-": "application/pdf",
    b"PK\x03\x04": "application/zip",
    b"\x1f\x8b": "application/gzip",
    b"\x89PNG\r\n": "image/png",
    b"<?xml": "application/xml",
}
_GARAK = {"start_run setup", "init", "config", "attempt", "eval", "probe_summary", "plugin_cache", "payload_init"}
_GARAK |= {"tree_data", "completion", "digest"}
_EVALUATED = 2
"""Status of an attempt that detectors have seen; each one is recorded before that, too."""
_HIT = {"probe", "detector", "attempt_id"}
_LEVELS = ("major", "medium", "minor")
_GISKARD_COUNT = re.compile(r">\s{0,200}(\d{1,9})\s{1,200}(major|medium|info)\s{0,200}</span>")
_BUCKETS = re.compile(r"(?:(?P<last>Total Buckets)|[\w.-]{1,200}): \d{1,9}")
_ART = re.compile(r"(?<![\w./])art\.(?:attacks|evaluations|metrics)\.\w")
_ATTACK = re.compile(r"(?<![\w./])art\.attacks\.(?:[a-z]\w{0,99}\.){0,6}([A-Z]\w{0,99})")
_TOOLBOX = re.compile(r"(?:ibm )?adversarial[ _-]robustness[ _-]toolbox\b", re.IGNORECASE)
_STATED = ("tool", "toolbox", "toolkit", "framework", "library")
"""Keys by which JSON says what it was made with."""
_MATRIX = ("TruePositive", "TrueNegative", "FalsePositive", "FalseNegative")

Row = tuple[str, Said]


class NotAttachable(ValueError):
    """A file cannot be attached; the sentence names it and says why."""


class Found(NamedTuple):
    """What a file is, whose result it has, what it says, and why that is not all."""

    media_type: str
    tool: str = ""
    summary: tuple[Row, ...] = ()
    note: str = ""


def attached(path: str) -> Attachment:
    """Return what a report has of the file at `path`; raises NotAttachable."""
    try:
        with opened(path) as stream:
            content = Content(stream)
            found = _found(content, path)
            content.drain()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise NotAttachable(f"cannot attach {_shown(path, NAME * 10)!r}: {why}") from error
    return Attachment(path, found.media_type, content.size, content.digest, found.tool, found.summary, found.note)


def _found(content: Content, name: str) -> Found:
    if not content.head:
        return Found(BYTES, note="the file is empty")
    first = next(content.lines(), None)
    record = _parsed(first) if first is not None and first.lstrip().startswith(b"{") else None
    if isinstance(record, dict):
        if record.get("entry_type") in _GARAK:
            return _garak_report(content)
        if record.keys() >= _HIT:
            return _garak_hits(content)
    text = _text(content.head)
    if text is None:
        return Found(next((kind for begin, kind in _SIGNATURES.items() if content.head.startswith(begin)), BYTES))
    if not content.is_whole:
        return Found(PLAIN, note=f"larger than {format_size(WHOLE)}: not summarised")
    if text.lstrip().startswith(("{", "[")):
        return _json(content.head, text, is_lines=record is not None)
    return _html(text) or _buckets(text) or _table(text, name)


def _text(head: bytes) -> str | None:
    """Return text, None for what is no UTF-8; a character may be cut where the rest was not read."""
    if b"\0" in head or head.startswith(tuple(_SIGNATURES)):
        return None
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        is_cut = error.start >= WHOLE - 3
        return head[: error.start].decode("utf-8-sig") if is_cut else None


def _parsed(data: bytes) -> Any:
    """Return a JSON value, None for what is none, too deep, or of too many values."""
    if sum(map(data.count, (b"[", b"{", b",", b":"))) > VALUES:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


# -- names and numbers


def _shown(value: object, limit: int) -> str:
    """Return text of a file as it may be shown anywhere: without secrets, and short."""
    return printable(redact(str(value)[: 8 * KIB]), limit)


def _count(value: object) -> int:
    """Return a count, 0 for what is none."""
    return value if type(value) is int and 0 <= value <= _LARGEST else 0


def _number(value: object) -> Said | None:
    """Return a number, as text where not all readers of JSON take it; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if abs(value) <= _LARGEST or isinstance(value, float) else None


def _rows(*rows: Row) -> tuple[Row, ...]:
    """Return the rows that say something, each name once."""
    said = {_shown(name, NAME): value for name, value in rows if value != ""}
    return tuple(islice(said.items(), ROWS))


class _Counts:
    """How often each of many names was counted."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.total = 0

    def add(self, name: object, count: int) -> None:
        """Count a name; of more names than can be kept, the sum alone is."""
        key = _shown(name, NAME)
        self.total = min(self.total + count, _LARGEST)
        if key in self._counts or len(self._counts) < KINDS:
            self._counts[key] += count

    def __len__(self) -> int:
        return len(self._counts)

    def worst(self, what: str) -> Iterator[Row]:
        """Yield a row for each of the names with most."""
        for name, count in self._counts.most_common(WORST):
            if count:
                yield f"{what} {name}", min(count, _LARGEST)


# -- garak


class _Records:
    """The records of a file with one in each line."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._unread = 0
        self.is_cut = False
        """Whether there were more lines than are looked at."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(self._content.lines()):
            if number == LINES:
                self.is_cut = True
                return
            record = _parsed(line) if line is not None else None
            if isinstance(record, dict):
                yield record
            elif line is None or line.strip():
                self._unread += 1

    def note(self, *others: str) -> str:
        """Return what is to be said of lines that were not read, and `others`."""
        notes = [*filter(None, others)]
        if self._unread:
            notes.append(f"{counted(self._unread, 'line')} could not be read")
        if self.is_cut:
            notes.append(f"only the first {LINES:,} lines were read")
        return "; ".join(notes)


def _garak_report(content: Content) -> Found:
    records, hits = _Records(content), _Counts()
    attempts = evaluated = 0
    version = target = ""
    has_ended = False
    for record in records:
        kind = record.get("entry_type")
        if kind == "attempt":
            attempts += record.get("status") == _EVALUATED
        elif kind == "eval":
            passed, total = _count(record.get("passed")), _count(record.get("total_evaluated", record.get("total")))
            evaluated = min(evaluated + total, _LARGEST)
            hits.add(record.get("probe"), max(0, total - passed))
        elif kind == "init":
            version = _shown(record.get("garak_version", ""), VALUE)
        elif kind in ("start_run setup", "config"):
            target = _garak_target(record)
        has_ended = has_ended or kind == "completion"
    summary = _rows(
        ("garak version", version),
        ("target", target),
        ("probes", len(hits)),
        ("attempts", attempts),
        ("evaluations", evaluated),
        ("hits", hits.total),
        *hits.worst("hits of"),
    )
    return Found(JSONL, "garak", summary, records.note("" if has_ended or records.is_cut else "the run has not ended"))


def _garak_target(record: dict[str, Any]) -> str:
    """Return type and name of what was tested; older versions call it a model."""
    words = (record.get(f"plugins.target_{key}", record.get(f"plugins.model_{key}")) for key in ("type", "name"))
    return _shown(" ".join(str(word) for word in words if word), VALUE)


def _garak_hits(content: Content) -> Found:
    records, hits = _Records(content), _Counts()
    target = ""
    for record in records:
        if record.keys() >= _HIT:
            hits.add(record["probe"], 1)
            target = target or _shown(record.get("generator", ""), VALUE)
    summary = _rows(("target", target), ("probes", len(hits)), ("hits", hits.total), *hits.worst("hits of"))
    return Found(JSONL, "garak", summary, records.note())


# -- JSON


def _json(data: bytes, text: str, *, is_lines: bool) -> Found:
    value = _parsed(data)
    if value is None:
        note = "" if is_lines else "not read: no valid JSON, or too deep, or of too many values"
        return Found(JSONL if is_lines else PLAIN, note=note)
    readers: tuple[Callable[[Any, str], Found | None], ...] = (_restler_summary, _giskard, _poisoning, _art)
    for read in readers if isinstance(value, dict) else (_art,):
        if found := read(value, text):
            return found
    return Found(JSON)


def _restler_summary(value: dict[str, Any], _text: str) -> Found | None:
    if not value.keys() >= {"bug_buckets", "final_spec_coverage", "total_requests_sent"}:
        return None
    bugs, sent = _counted(value["bug_buckets"]), _counted(value["total_requests_sent"])
    reproduced = value.get("reproducible_bug_buckets")
    summary = _rows(
        ("specification covered", _shown(value["final_spec_coverage"], VALUE)),
        ("requests", sent.total),
        ("bugs", bugs.total),
        ("reproduced bugs", "" if reproduced is None else _counted(reproduced).total),
        *bugs.worst("bugs of"),
    )
    return Found(JSON, "RESTler", summary)


def _counted(value: object) -> _Counts:
    """Return the counts of a JSON object."""
    counts = _Counts()
    for name, count in value.items() if isinstance(value, dict) else ():
        counts.add(name, _count(count))
    return counts


def _giskard(value: dict[str, Any], _text: str) -> Found | None:
    """Return what a report says that has lists of issues by level for each detector."""
    is_report = all(isinstance(found, dict) and found.keys() <= {*_LEVELS} for found in value.values())
    if not (is_report and value) or not (any(value.values()) or all(name.endswith("Detector") for name in value)):
        return None
    levels, detectors = dict.fromkeys(_LEVELS, 0), _Counts()
    for name, found in value.items():
        for level, issues in found.items():
            if not isinstance(issues, list):
                return None
            levels[level] += len(issues)
            detectors.add(name, len(issues))
    summary = _rows(("detectors", len(value)), *_levels(levels), *detectors.worst("issues of"))
    return Found(JSON, "Giskard", summary)


def _levels(levels: dict[str, int]) -> Iterator[Row]:
    yield "issues", sum(levels.values())
    for level, count in levels.items():
        yield f"{level} issues", count


def _poisoning(value: dict[str, Any], _text: str) -> Found | None:
    """Return what ART's `evaluate_defence` says: of each class, how many were rightly called poisoned, and wrongly."""
    classes = [found for name, found in value.items() if re.fullmatch(r"class_\d{1,9}", name)]
    if not classes or len(classes) < len(value):
        return None
    if not all(isinstance(found, dict) and found.keys() >= {*_MATRIX} for found in classes):
        return None
    sums = {kind: sum(_of(found[kind], "numerator") for found in classes) for kind in _MATRIX}
    words = (f"{kind[:-8].lower()} {kind[-8:].lower()}s" for kind in _MATRIX)
    return Found(JSON, "ART", _rows(("classes", len(classes)), *zip(words, sums.values(), strict=True)))


def _of(value: object, key: str) -> int:
    return _count(value.get(key)) if isinstance(value, dict) else 0


def _art(value: Any, text: str) -> Found | None:
    top = value if isinstance(value, dict) else {}
    stated = any(_TOOLBOX.match(str(top.get(key))[:NAME]) for key in _STATED)
    if not (stated or "armory_version" in top or _ART.search(text)):
        return None
    version = _shown(top.get("armory_version", ""), VALUE)
    numbers = _numbers(top.get("results", value), "")
    return Found(JSON, "ART", _rows(("Armory version", version), ("attacks", _attacks(text)), *islice(numbers, ROWS)))


def _attacks(text: str) -> str:
    """Return the attacks of ART that a text names."""
    names = dict.fromkeys(islice((found[1] for found in _ATTACK.finditer(text)), KINDS))
    return _shown(", ".join(islice(names, WORST)), VALUE)


def _numbers(value: object, name: str, depth: int = 0) -> Iterator[Row]:
    """Yield the numbers in JSON with the keys that lead there; of a list of numbers, their range."""
    number = _number(value)
    if number is not None:
        yield name or "value", number
    elif isinstance(value, dict) and depth < DEPTH:
        for key, item in value.items():
            yield from _numbers(item, f"{name}.{key[:NAME]}" if name else key[:NAME], depth + 1)
    elif isinstance(value, list) and depth < DEPTH:
        numbers = [item for item in value if isinstance(_number(item), (int, float))]
        if numbers and len(numbers) == len(value):
            yield name or "values", numbers[0] if len(numbers) == 1 else _range(numbers)
            return
        for place, item in enumerate(value):
            yield from _numbers(item, f"{name}[{place}]", depth + 1)


def _range(numbers: Iterable[float]) -> str:
    listed = [*numbers]
    return f"{min(listed):g} to {max(listed):g} ({counted(len(listed), 'value')})"


# -- other text


def _html(text: str) -> Found | None:
    start = text[: 4 * KIB].lstrip().lower()
    if "&quot;gsk-scan&quot;" in text:  # as notebooks hold it, in a frame
        text = unescape(text)
    elif not start.startswith(("<!doctype html", "<html")):
        return None
    if 'id="gsk-scan"' in text:
        levels = dict.fromkeys(_LEVELS, 0)
        for count, level in _GISKARD_COUNT.findall(text):
            levels["minor" if level == "info" else level] += int(count)
        return Found(HTML, "Giskard", _rows(*_levels(levels)))
    return Found(HTML, "garak" if "<title>nvidia garak</title>" in start else "")


def _buckets(text: str) -> Found | None:
    """Return what RESTler's list of bugs says: counts by kind and a sum, then each bug."""
    bugs = _Counts()
    for number, line in enumerate(text.splitlines()):
        found = _BUCKETS.fullmatch(line)
        if not found or number == KINDS:
            return None
        name, _, count = line.rpartition(": ")
        if found["last"]:
            break
        bugs.add(name, int(count))
    else:
        return None
    reproduced, others = text.count(" - Bug was reproduced - "), text.count(" - Unable to reproduce bug - ")
    note = "" if reproduced + others >= bugs.total else f"it lists {reproduced + others:,} of {bugs.total:,} bugs"
    summary = _rows(("bugs", bugs.total), ("reproduced bugs", reproduced), *bugs.worst("bugs of"))
    return Found(PLAIN, "RESTler", summary, note)


def _table(text: str, name: str) -> Found:
    """Return what a table says that names attacks of ART: the range of each column of numbers."""
    heading = text.partition("\n")[0]
    rows, columns = _columns(text) if "," in heading and _ART.search(text) else (0, [])
    if not columns:
        return Found(CSV if name.lower().endswith(".csv") else PLAIN)
    return Found(CSV, "ART", _rows(("rows", rows), ("attacks", _attacks(text)), *columns))


def _columns(text: str) -> tuple[int, list[Row]]:
    """Return the number of rows of a table, and the range of those columns that have numbers only."""
    import csv

    if text.count(",") + text.count("\n") > VALUES:
        return 0, []
    try:
        heading, *rows = filter(None, csv.reader(io.StringIO(text, newline="")))
    except (csv.Error, ValueError):
        return 0, []
    found: list[Row] = []
    for place, name in enumerate(heading[:ROWS]):
        numbers = [number for row in rows if (number := _float(row[place] if len(row) > place else "")) is not None]
        if numbers and len(numbers) == len(rows):
            found.append((name or f"column {place + 1}", _range(numbers)))
    return len(rows), found


def _float(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
