"""What a report was made with: all scanners, detectors and judges, and one digest over them and their rules."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from modelsweep.core.finding import Json, Rule
from modelsweep.core.report import Tool
from modelsweep.core.scanner import Scanner
from modelsweep.core.version import VERSION
from modelsweep.core.wire import dumps, encode_rule
from scanners.detector import Detector
from scanners.detectors import DETECTORS
from scanners.judge import JUDGES, Judge
from scanners.late import Late


def rules_digest(part: Scanner | Detector | Judge) -> str:
    """Return the SHA-256 of the rules of a scanner, detector or judge, from the index where it stands there."""
    return part.digest if isinstance(part, Late) else digest_of(part.rules)


def digest_of(rules: Sequence[Rule]) -> str:
    """Return a SHA-256 over rules, all of their wording included."""
    return hashlib.sha256(dumps([encode_rule(rule) for rule in rules])).hexdigest()


def tool(scanners: Sequence[Scanner], plugins: Sequence[str] = ()) -> Tool:
    """Return this program with `scanners`, those of `plugins` (`NAME==VERSION`) included; `ruleset` is a SHA-256.

    It changes whenever the same bytes might be judged otherwise: a name, a version or a rule is another one.
    """
    parts: tuple[Scanner | Detector | Judge, ...] = (*scanners, *DETECTORS, *JUDGES)
    identity: Json = [[part.name, part.version, rules_digest(part)] for part in parts]
    digest = hashlib.sha256(dumps([identity, *plugins])).hexdigest()
    return Tool(VERSION, digest, tuple(scanner.name for scanner in scanners))
