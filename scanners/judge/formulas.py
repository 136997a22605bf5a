"""Formulas of statistical models (`y ~ x + np.log(z) + C(k, Treatment("a"))`), whose terms are evaluated as Python.

Sources: patsy's `builtins.py`, `tokens.py` and `eval.py`, formulaic's `transforms/__init__.py`, and statsmodels'
`base/data.py`, which evaluates its formula again while it is loaded.
"""

from __future__ import annotations

from modelsweep.core import patterns as re
from scanners.judge.dangerous_names import family, family_of_function
from scanners.parsing.builtin_names import BUILTINS

_TEXT = re.compile(r"(?<!\w)(?:'[^'\"\\\n]*+'|\"[^'\"\\\n]*+\")")
_CALLED = re.compile(r"([\w.]*+)\s*+\(")
_NUMPY = (
    "abs absolute arccos arcsin arctan cbrt ceil clip cos cosh digitize exp exp2 expm1 fabs floor isfinite isnan log "
    "log10 log1p log2 maximum mean minimum nan_to_num power rint round sign sin sinh sqrt square std tan tanh where"
)
_CALLS = frozenset(
    (
        "C Diff Helmert I Poly Q Sum Treatment abs bs cc center contr.custom contr.diff contr.helmert contr.poly "
        "contr.sum contr.treatment cr cs exp exp10 exp2 float int lag log log10 log2 poly pow round "
        "scale standardize te"
    ).split()
) | {f"{module}.{name}" for module in ("np", "numpy") for name in _NUMPY.split()}
"""Functions that only compute: those of formula libraries, of Python, and of NumPy."""
_SUSPICIOUS_SIGNS = ("__", "'", '"', "\\", ":=", "@", "#", ";", "\n")
_SUSPICIOUS_WORDS = re.compile(r"\b(?:as|async|await|for|from|global|import|lambda|yield|while|with)\b")
_COMPUTED = re.compile(r"(?:[)\]}]|~~)\s*+\(")
"""A call of a bracketed expression, or of a string (here `~~`), which has no name."""
_JOINING = frozenset("and else if in is not or".split())
_ALIASES = {"np": "numpy", "pd": "pandas", "sp": "scipy", "sm": "statsmodels"}
_DANGEROUS_BUILTINS = frozenset("breakpoint compile delattr eval exec getattr globals locals setattr vars".split())
_NAMED = re.compile(r"[A-Za-z_.][\w.]*+")


def is_plain(formula: str) -> bool:
    """Return whether a formula calls only functions that compute, each by name."""
    called = _called(formula)
    return called is not None and _CALLS.issuperset(called)


def is_tame(formula: str) -> bool:
    """Return whether a formula's other calls may be functions of its script or methods of tables with harmless names.

    These may in turn call their arguments.
    """
    called = _called(formula)
    tame = called is not None and "__" not in formula and all(map(_may_be_own, _NAMED.findall(_TEXT.sub("", formula))))
    return tame and all(name in _CALLS or name not in BUILTINS for name in called or ())


def _may_be_own(name: str) -> bool:
    package, _, rest = name.strip(".").partition(".")
    full = f"{_ALIASES.get(package, package)}.{rest}" if rest else f"__main__.{package}"
    return package not in _DANGEROUS_BUILTINS and not (rest and family(full)) and not family_of_function(full)


def _called(formula: str) -> list[str] | None:
    """Return the names that a formula calls, or None if it does what no formula needs, or calls something unnamed."""
    bare = _TEXT.sub("~~", formula)
    if any(part in bare for part in _SUSPICIOUS_SIGNS) or _SUSPICIOUS_WORDS.search(bare) or _COMPUTED.search(bare):
        return None
    return [name for name in _CALLED.findall(bare) if name and name not in _JOINING]
