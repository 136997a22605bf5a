"""Judges measured numbers of weights, and data hidden in their lowest bits.

Findings about numbers are INFO, because some networks are trained oddly. Hidden data is proven by its structure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.units import MIB

KINDS = frozenset({"weights", "hidden-in-weights"})
_MIN_NUMBERS = 64
"""Minimum numbers of a tensor that is judged: smaller ones are counters, ranges of observers and the like."""
_MIN_SCORE, _MIN_LEAD = 10.0, 3.0
"""Minimum deviations of an outlier above the median, and minimum ratio to those of the next unit."""
_MIN_CONSTANT, _MIN_SHARE = 1 * MIB, 4
"""Minimum bytes of constant matrices that are reported, and their minimum share (one in `_MIN_SHARE`) of all."""
_EVIL_MODEL, _STEGANALYSIS = "https://arxiv.org/abs/2107.08590", "https://arxiv.org/abs/2310.01969"


def _hidden(what: str, severity: Severity, title: str, content: str, fix: str) -> Rule:
    return Rule(
        id=f"weights/{what}",
        title=title,
        severity=severity,
        message="{subject} in the {plane}, in tensor {tensor}",
        why="The lowest bits of weights can be replaced without harm to the model. Read in sequence, these form "
        + content,
        fix=fix,
        cwe=506,
        references=(_EVIL_MODEL, _STEGANALYSIS, "https://attack.mitre.org/techniques/T1027/003/"),
    )


def _numbers(what: str, title: str, message: str, why: str, fix: str, *references: str) -> Rule:
    return Rule(
        id=f"weights/{what}",
        title=title,
        severity=Severity.INFO,
        confidence="low",
        message=message,
        why=why,
        fix=fix,
        references=references,
    )


HIDDEN_EXECUTABLE = _hidden(
    "hidden-executable",
    Severity.CRITICAL,
    "Executable hidden in the lowest bits of weights",
    "a program with all the headers that a system requires, which no training produces. A loader extracts it and "
    "starts it.",
    "Do not use the model. Report it to the site you got it from.",
)
HIDDEN_DATA = _hidden(
    "hidden-data",
    Severity.WARNING,
    "Data of another format in the lowest bits of weights",
    "a file of another kind, which somebody put there to be extracted.",
    "Do not use the model until its author has explained what the data is for.",
)
NOT_FINITE = _numbers(
    "not-finite",
    "Weights that are not numbers",
    "{nan} NaN and {infinite} infinite numbers among {seen} in tensor {subject}; number of such tensors: {tensors}",
    "A model that computes with them answers only NaN. Training failed, the file is damaged, or the bytes are not "
    "weights at all.",
    "Ask the author for a working file. If only this tensor is affected, look at it.",
    "https://numpy.org/doc/stable/user/misc.html#ieee-754-floating-point-special-values",
)
IMPLAUSIBLE = _numbers(
    "implausible-magnitude",
    "Implausibly large weights",
    "{extreme} of {seen} numbers in tensor {subject} are larger than weights ever get; number of such tensors: "
    "{tensors}",
    "No training leaves numbers of more than 20 digits. Other data (compressed, encrypted, code) looks like this when "
    "it is read as weights.",
    "Find out what the tensor is for, and whether the model uses it.",
    _EVIL_MODEL,
)
CONSTANT = _numbers(
    "constant",
    "Matrices that hold a single number",
    "{constant} of the {matrices} matrix bytes that were read hold one number per matrix: {subject} and others",
    "Such layers have learned nothing. An interrupted download leaves zeros like these, and so does a tool that "
    "reserved space and never filled it.",
    "Compare the file's digest with that of its source.",
    "https://man7.org/linux/man-pages/man3/posix_fallocate.3.html",
)
OUTLIER = _numbers(
    "outlier-unit",
    "One unit of the last layer differs from all others (experimental)",
    "unit {unit} of {units} in {subject} is {score} deviations above the median by {what}; the next one is {next}",
    "A backdoor that sends marked inputs to one class often leaves that class with larger weights than all others. So "
    "does an unusual class, so this is a hint, not proof.",
    "Ask which class the unit stands for, and try the model on inputs that should not belong to it.",
    "https://arxiv.org/abs/2109.02836",
)
RULES = (HIDDEN_EXECUTABLE, HIDDEN_DATA, NOT_FINITE, IMPLAUSIBLE, CONSTANT, OUTLIER)


def findings(facts: Sequence[Fact], _options: Options) -> Iterator[Finding]:
    """Yield hidden data, each rule about numbers once per blob, and the outliers of its last layers."""
    blobs: dict[Locator, list[Mapping[str, Json]]] = {}
    for fact in facts:
        if fact.kind == "hidden-in-weights":
            rule = HIDDEN_EXECUTABLE if fact.detail["runs"] else HIDDEN_DATA
            evidence = {key: fact.detail[key] for key in ("plane", "tensor")}
            yield Finding(rule, fact.locator, fact.value, path=str(evidence["tensor"]), evidence=evidence)
        elif fact.value == "numbers":
            blobs.setdefault(fact.locator, []).append(fact.detail)
        elif fact.value == "constant":
            yield from _constant(fact)
        else:
            yield from _outliers(fact)
    for locator, measured in blobs.items():
        yield from _once(NOT_FINITE, locator, list(filter(_is_not_finite, measured)))
        yield from _once(IMPLAUSIBLE, locator, list(filter(_is_implausible, measured)))


def _once(rule: Rule, locator: Locator, measured: Sequence[Mapping[str, Json]]) -> Iterator[Finding]:
    """Yield one finding for the first tensor, with the number of tensors."""
    for detail in measured[:1]:
        evidence: dict[str, Json] = {key: detail[key] for key in ("seen", "nan", "infinite", "extreme")}
        yield Finding(rule, locator, str(detail["tensor"]), evidence={**evidence, "tensors": len(measured)})


def _is_not_finite(detail: Mapping[str, Json]) -> bool:
    """Return whether some numbers are not finite among others; NaN in data, masks of -inf and the like are usual."""
    seen, nan, infinite = _integer(detail, "seen"), _integer(detail, "nan"), _integer(detail, "infinite")
    positive = infinite - _integer(detail, "negative_infinite")
    return not detail["data"] and seen >= _MIN_NUMBERS and bool(nan or positive) and infinite < seen


def _is_implausible(detail: Mapping[str, Json]) -> bool:
    """Return whether several magnitudes are implausible; a single one is a sentinel, as in masks."""
    extreme = _integer(detail, "extreme")
    return not detail["data"] and extreme > 1 and not detail["sentinel"] and _integer(detail, "seen") >= _MIN_NUMBERS


def _constant(fact: Fact) -> Iterator[Finding]:
    constant, matrices = _integer(fact.detail, "constant"), _integer(fact.detail, "matrices")
    if constant >= max(_MIN_CONSTANT, matrices // _MIN_SHARE):
        evidence: dict[str, Json] = {"constant": constant, "matrices": matrices}
        yield Finding(CONSTANT, fact.locator, str(fact.detail["tensor"]), evidence=evidence)


def _outliers(fact: Fact) -> Iterator[Finding]:
    for what in ("size", "shift"):
        found = fact.detail.get(what)
        if isinstance(found, dict) and _stands_out(found.get("score"), found.get("next")):
            evidence: dict[str, Json] = {**found, "units": fact.detail["units"], "what": what}
            yield Finding(OUTLIER, fact.locator, str(fact.detail["tensor"]), path=what, evidence=evidence)
            return


def _stands_out(score: Json, following: Json) -> bool:
    if not isinstance(score, int | float) or not isinstance(following, int | float):
        return False
    return score >= _MIN_SCORE and score >= _MIN_LEAD * following


def _integer(detail: Mapping[str, Json], key: str) -> int:
    value = detail[key]
    return value if isinstance(value, int) else 0
