"""What is said of a file: facts without opinion, rules, the findings they lead to, and what could not be examined."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from modelsweep.core.locator import Locator
from modelsweep.core.values import dataclass, field

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
JsonObject = dict[str, Json]


class Severity(enum.IntEnum):
    """How bad a finding is: CRITICAL is definite, WARNING wants a review, INFO informs, DEBUG is for developers."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    CRITICAL = 3


FILE_LINE = "file_line"
"""What facts and findings call the line of their file, beside that of a template or a cell inside it."""
Confidence = Literal["low", "medium", "high"]


class Span(NamedTuple):
    """A run of bytes: `offset` from the start of what the locator addresses, `length` in bytes."""

    offset: int
    length: int = 0


@dataclass(frozen=True, slots=True)
class Fact:
    """Something extracted from bytes, without opinion: small, bounded, redacted.

    `kind` is a word such as `call`, `import`, `operator`, `url`; `value` is what people search for (`os.system`);
    `detail` holds the rest as JSON.
    """

    kind: str
    value: str
    locator: Locator
    span: Span | None = None
    detail: Mapping[str, Json] = field(default_factory=dict)

    def texts(self, key: str) -> list[str]:
        """Return the texts that its detail lists under a key, none where it has no list there."""
        listed = self.detail.get(key)
        return [str(item) for item in listed] if isinstance(listed, list) else []


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong with a file: the one home of its wording and severity.

    `id` is a slug such as `pickle/dangerous-call`; `message` is a template over {subject} and the evidence.
    """

    id: str
    title: str
    severity: Severity
    message: str
    why: str
    fix: str
    confidence: Confidence = "high"
    cwe: int = 0
    references: tuple[str, ...] = ()
    since: str = "0.1.0"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a file breaks: what (`subject`), where in the format (`path`) and where in the bytes (`span`)."""

    rule: Rule
    locator: Locator
    subject: str = ""
    path: str = ""
    span: Span | None = None
    evidence: Mapping[str, Json] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """The rule's severity."""
        return self.rule.severity

    @property
    def message(self) -> str:
        """The rule's wording, filled in."""
        return self.rule.message.format_map({"subject": self.subject, "path": self.path, **self.evidence})

    @property
    def fingerprint(self) -> str:
        """An identity that survives rewording, other severities, moved bytes and another address: 32 hex digits."""
        import hashlib  # loads OpenSSL, 2 ms that the command line does not need for a text report

        parts = (self.rule.id, *self.locator.members, "", self.path, self.subject)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the worst first, each once: two scanners of a polyglot may see the same thing at the same place."""
    once: dict[tuple[str, int], Finding] = {}
    for finding in findings:
        once.setdefault((finding.fingerprint, _offset(finding)), finding)
    return tuple(sorted(once.values(), key=_order))


def _offset(finding: Finding) -> int:
    return finding.span.offset if finding.span else -1


def _order(finding: Finding) -> tuple[int, tuple[str, ...], int, str, str]:
    return (-finding.severity, finding.locator.members, _offset(finding), finding.rule.id, finding.subject)


class ProblemKind(enum.StrEnum):
    """Why something was not examined."""

    MALFORMED = "malformed"
    LIMIT = "limit"
    UNSUPPORTED = "unsupported"
    ENCRYPTED = "encrypted"
    SKIPPED = "skipped"
    DESELECTED = "deselected"
    DEPENDENCY = "dependency"
    SOURCE = "source"
    CHANGED = "changed"
    TIMEOUT = "timeout"
    CRASH = "crash"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Problem:
    """Bytes that should have been examined and were not: everything unexamined is said."""

    kind: ProblemKind
    locator: Locator
    scanner: str
    detail: str
    span: Span | None = None
