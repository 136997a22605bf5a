"""Classes of Ruby objects: what loading them can do.

The field `how` of a `ruby-class` fact tells whether the stream has an `object` of the class, one that the class itself
reads (`loaded`), or a `reference` to it. Gadget chains that end in a command are documented for every release of Ruby's
standard library; an unknown chain consists of classes that no model needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.options import Options
from scanners.judge.allowed import is_allowed

_MARSHAL = "https://docs.ruby-lang.org/en/master/security_rdoc.html"
_CHAIN = "https://github.com/GitHubSecurityLab/ruby-unsafe-deserialization"
_NAMES_SHOWN = 5
_FIX = "Do not load the file with Ruby. Find out where it came from."

DANGEROUS = Rule(
    id="ruby/dangerous-class",
    title="Ruby objects of a class that is used to reach command execution",
    severity=Severity.CRITICAL,
    message="loading it would use {subject} ({family})",
    why="Marshal creates the objects that a stream names, and calls methods of their classes when they are loaded or "
    "compared. This class is known to call methods, read files, or fetch or run what the stream chooses, and no model "
    "needs it.",
    fix=_FIX,
    cwe=502,
    references=(_MARSHAL, _CHAIN),
)
UNKNOWN = Rule(
    id="ruby/unknown-class",
    title="Ruby objects from a package not known to be harmless",
    severity=Severity.WARNING,
    message="loading the objects would use {count} unknown class(es) from the package {subject}: {names}",
    why="What a class does when its objects are loaded is not in the file, but on the machine that loads it.",
    fix="If the package is yours, allow it with --allow-import 'PACKAGE.*'. Otherwise have the model saved as numbers.",
    confidence="medium",
    cwe=502,
    references=(_MARSHAL,),
)
KINDS = frozenset({"ruby-class"})
RULES = (DANGEROUS, UNKNOWN)
_FAMILIES: tuple[tuple[str, frozenset[str]], ...] = (
    ("packages and their installation", frozenset("Gem Bundler Rake RDoc".split())),
    (
        "command or code execution",
        frozenset(
            "ERB Erubi Erubis Haml Slim Kernel Process IO Open3 PTY Method UnboundMethod Proc Binding TracePoint IRB "
            "RubyVM Fiddle ObjectSpace Psych Marshal DRb Rinda".split()
        ),
    ),
    (
        "calls of methods by name",
        frozenset(
            "Delegator SimpleDelegator UncaughtThrowError ActiveSupport::Deprecation ActiveSupport::Dependencies "
            "ActiveModel::AttributeMethods ActionView ActionDispatch ActionController Rack Sprockets Arel Puma "
            "WEBrick".split()
        ),
    ),
    (
        "files and network",
        frozenset("Net File Dir Tempfile Socket TCPSocket UDPSocket UNIXSocket OpenURI PStore FileUtils".split()),
    ),
)
_HARMLESS = frozenset(
    # Ruby's own values
    "Array Hash String Symbol Integer Fixnum Bignum Float Rational Complex Range Struct Data Set SortedSet Time Date "
    "DateTime BigDecimal Regexp Encoding Random NilClass TrueClass FalseClass Object BasicObject Comparable Enumerable "
    "Numeric Matrix Vector OpenStruct Pathname "
    # learners and numbers
    "Numo Rumale SVMKit NMatrix Daru ClassifierReborn Classifier NBayes StuffClassifier DecisionTree Ai4r RubyFann Eps "
    "TfIdfSimilarity Torch Libmf LIBMF Disco Polars Prophet FastText XGBoost Xgb LightGBM Tomoto Isotree OnlineStats "
    "Statsample MachineLearningWorkbench Magro Suika Hanny Fselector KMeansClusterer Clusterer Linalg Cumo".split()
)


def findings(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield classes that are known to be dangerous, and unknown classes by package."""
    unknown: dict[tuple[object, str], list[Fact]] = {}
    for fact in facts:
        parts = fact.value.split("::")
        package, owners = parts[0], {"::".join(parts[:count]) for count in range(1, len(parts) + 1)}
        if is_allowed(fact.value.replace("::", "."), options):
            continue
        danger = next((family for family, listed in _FAMILIES if owners & listed), "")
        if danger:
            yield Finding(DANGEROUS, fact.locator, fact.value, span=fact.span, evidence={"family": danger})
        elif package not in _HARMLESS:
            unknown.setdefault((fact.locator, package), []).append(fact)
    for (_, package), members in unknown.items():
        yield _unknown(package, members)


def _unknown(package: str, members: list[Fact]) -> Finding:
    names = sorted({fact.value for fact in members})
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
    evidence: dict[str, Json] = {"count": len(names), "names": shown}
    return Finding(UNKNOWN, members[0].locator, package or "without a name", span=members[0].span, evidence=evidence)
