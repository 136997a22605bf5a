"""RESTler (https://github.com/microsoft/restler-fuzzer): `testing_summary.json` and `bug_buckets.txt`."""

from __future__ import annotations

import re
from typing import Any

from modelsweep.evidence.summary import JSON, KINDS, PLAIN, VALUE, Counts, Found, count_of, rows_of, shown

_BUCKETS = re.compile(r"(?:(?P<last>Total Buckets)|[\w.-]{1,200}): \d{1,9}")


def summary(value: dict[str, Any]) -> Found | None:
    if not value.keys() >= {"bug_buckets", "final_spec_coverage", "total_requests_sent"}:
        return None
    bugs, sent = counts_in(value["bug_buckets"]), counts_in(value["total_requests_sent"])
    reproduced = value.get("reproducible_bug_buckets")
    summary = rows_of(
        ("specification covered", shown(value["final_spec_coverage"], VALUE)),
        ("requests", sent.total),
        ("bugs", bugs.total),
        ("reproduced bugs", "" if reproduced is None else counts_in(reproduced).total),
        *bugs.worst("bugs of"),
    )
    return Found(JSON, "RESTler", summary)


def counts_in(value: object) -> Counts:
    """Return the counts of a JSON object."""
    counts = Counts()
    for name, count in value.items() if isinstance(value, dict) else ():
        counts.add(name, count_of(count))
    return counts


def buckets(text: str) -> Found | None:
    """Return what RESTler's list of bugs says: counts by kind and a sum, then each bug."""
    bugs = Counts()
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
    summary = rows_of(("bugs", bugs.total), ("reproduced bugs", reproduced), *bugs.worst("bugs of"))
    return Found(PLAIN, "RESTler", summary, note)
