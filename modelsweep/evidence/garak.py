"""garak (https://github.com/NVIDIA/garak): `*.report.jsonl` and `*.hitlog.jsonl`, a record in each line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelsweep.core.units import counted
from modelsweep.evidence.content import Content
from modelsweep.evidence.summary import JSONL, LARGEST, VALUE, Counts, Found, count_of, parsed, rows_of, shown

LINES = 1_000_000
"""Lines that are looked at."""
_TYPES = {"start_run setup", "init", "config", "attempt", "eval", "probe_summary", "plugin_cache", "payload_init"}
_TYPES |= {"tree_data", "completion", "digest"}
_EVALUATED = 2
"""Status of an attempt that detectors have seen; each one is recorded before that, too."""
_HIT = {"probe", "detector", "attempt_id"}


def read(record: dict[str, Any], content: Content) -> Found | None:
    """Return what a file says, by its first record; None if it is not garak's."""
    if str(record.get("entry_type")) in _TYPES:
        return _report(content)
    return _hit_log(content) if record.keys() >= _HIT else None


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
            record = parsed(line) if line is not None else None
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


def _report(content: Content) -> Found:
    records, hits = _Records(content), Counts()
    attempts = evaluated = 0
    version = target = ""
    has_ended = False
    for record in records:
        kind = record.get("entry_type")
        if kind == "attempt":
            attempts += record.get("status") == _EVALUATED
        elif kind == "eval":
            passed, total = count_of(record.get("passed")), count_of(record.get("total_evaluated", record.get("total")))
            evaluated = min(evaluated + total, LARGEST)
            hits.add(record.get("probe"), max(0, total - passed))
        elif kind == "init":
            version = shown(record.get("garak_version", ""), VALUE)
        elif kind in ("start_run setup", "config"):
            target = _target(record)
        has_ended = has_ended or kind == "completion"
    summary = rows_of(
        ("garak version", version),
        ("target", target),
        ("probes", len(hits)),
        ("attempts", attempts),
        ("evaluations", evaluated),
        ("hits", hits.total),
        *hits.worst("hits of"),
    )
    return Found(JSONL, "garak", summary, records.note("" if has_ended or records.is_cut else "the run has not ended"))


def _target(record: dict[str, Any]) -> str:
    """Return type and name of what was tested; older versions call it a model."""
    words = (record.get(f"plugins.target_{key}", record.get(f"plugins.model_{key}")) for key in ("type", "name"))
    return shown(" ".join(str(word) for word in words if word), VALUE)


def _hit_log(content: Content) -> Found:
    records, hits = _Records(content), Counts()
    target = ""
    for record in records:
        if record.keys() >= _HIT:
            hits.add(record["probe"], 1)
            target = target or shown(record.get("generator", ""), VALUE)
    summary = rows_of(("target", target), ("probes", len(hits)), ("hits", hits.total), *hits.worst("hits of"))
    return Found(JSONL, "garak", summary, records.note())
