"""Names in skops files, judged by the tables for pickles: inert, dangerous by family, everything else unknown.

skops asks the caller for a list of trusted types, and many callers pass whatever the file asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.options import Options
from scanners.judge.allowed import is_allowed
from scanners.judge.dangerous_names import family, family_of_function

_NAMES_SHOWN = 5
_SKOPS = "https://skops.readthedocs.io/en/stable/persistence.html"

DANGEROUS = Rule(
    id="skops/dangerous-callable",
    title="The file names a callable that runs commands or code",
    severity=Severity.CRITICAL,
    message="{path} ({kind}) names {subject} ({family})",
    why="As soon as the type is trusted, loading imports what a node names, and calls it, or puts it where the model "
    "calls it. Many programs trust whatever get_untrusted_types returns.",
    fix="Do not load the file. Find out where it came from.",
    cwe=502,
    references=(_SKOPS, "https://nvd.nist.gov/vuln/detail/CVE-2024-37065"),
)
ACCESS = Rule(
    id="skops/file-or-network-access",
    title="The file names a callable that accesses files or the network",
    severity=Severity.WARNING,
    message="{path} ({kind}) names {subject} ({family})",
    why="The loaded model, or the code that uses it, gets a function that opens files or addresses.",
    fix="Review what the model does with it before you add it to the trusted types.",
    cwe=829,
    references=(_SKOPS,),
)
METHOD = Rule(
    id="skops/method-by-name",
    title="Function that reaches into whatever it is given",
    severity=Severity.WARNING,
    message="{path} creates {subject} from {arguments}",
    why="The model keeps a function that looks up an attribute or calls a method of its data by a name from the file.",
    fix="Make sure that the names are those of plain data, such as a column's `lower`.",
    confidence="medium",
    cwe=470,
    references=(_SKOPS, "https://nvd.nist.gov/vuln/detail/CVE-2025-54412"),
)
UNKNOWN = Rule(
    id="skops/unknown-type",
    title="The file needs types from a package not known to be harmless",
    severity=Severity.WARNING,
    message="loading would use {count} unknown name(s) from the package {subject}: {names}",
    why="skops rejects such types until they are listed as trusted. What importing and creating them does is not in "
    "the file.",
    fix="If the package is yours, allow it with --allow-import 'PACKAGE.*'. Otherwise review what the names do before "
    "you trust them.",
    confidence="medium",
    cwe=502,
    references=(_SKOPS,),
)
KINDS = frozenset({"skops-node"})
RULES = (DANGEROUS, ACCESS, METHOD, UNKNOWN)
_ACCESS = frozenset({"network access", "file access"})
_GETTERS = frozenset({"operator.attrgetter", "operator.itemgetter", "operator.methodcaller"})


def findings(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield names in nodes that are dangerous, reach into objects by attribute name, or are unknown."""
    unknown: dict[tuple[object, str], list[Fact]] = {}
    for fact in facts:
        if is_allowed(fact.value, options):
            continue
        if fact.detail["how"] == "operator" and fact.value in _GETTERS:
            yield from _getter(fact)
        elif not _is_inert(fact):
            danger = _danger(fact)
            if danger:
                yield _finding(ACCESS if danger in _ACCESS else DANGEROUS, fact, family=danger)
            else:
                unknown.setdefault((fact.locator, fact.value.partition(".")[0]), []).append(fact)
    for (_, package), members in unknown.items():
        yield _unknown(package, members)


def _getter(fact: Fact) -> Iterator[Finding]:
    """Yield a finding if the file names the attributes to get; Python's internal attributes are worse."""
    arguments = str(fact.detail["arguments"])
    if "__" in arguments or any(map(family_of_function, re.findall(r"[\w.]+", arguments))):
        yield _finding(DANGEROUS, fact, family="indirection")
    elif fact.value != "operator.itemgetter":
        yield _finding(METHOD, fact, arguments=arguments or "values that are no text")


def _is_inert(fact: Fact) -> bool:
    from scanners.judge.inert_names import ARGUMENT_RULES
    from scanners.judge.listed_names import is_class, is_inert_name

    if fact.detail["how"] == "method":
        owner, _, name = fact.value.rpartition(".")
        return is_class(owner) and not name.startswith("_") and not family(fact.value)
    if fact.detail["how"] == "operator":
        return False
    known = is_inert_name(fact.value) and fact.value not in ARGUMENT_RULES
    return is_class(fact.value) or (known and not family(fact.value))


def _danger(fact: Fact) -> str:
    found = family(fact.value)
    # Other functions of `operator` that loading calls would call or access their arguments
    return found or ("indirection" if fact.detail["how"] == "operator" else "")


def _finding(rule: Rule, fact: Fact, **evidence: Json) -> Finding:
    path = str(fact.detail["path"])
    return Finding(rule, fact.locator, fact.value, path=path, evidence={"kind": fact.detail["kind"], **evidence})


def _unknown(package: str, members: list[Fact]) -> Finding:
    names = sorted({fact.value for fact in members})
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
    evidence: dict[str, Json] = {"count": len(names), "names": shown}
    return Finding(UNKNOWN, members[0].locator, package, evidence=evidence)
