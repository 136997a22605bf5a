"""Code objects of pickles: which dangerous names they use, and whether loading runs them."""

from __future__ import annotations

from modelsweep.core.finding import Fact
from scanners.judge.by_value import SUSPECT_NAMES
from scanners.judge.described import items
from scanners.judge.inert_names import ARGUMENT_RULES
from scanners.judge.pickle_rules import BARE_OBJECT, DANGEROUS_CODE, RUNNING_CODE, Opinion, finding

NAMES_SHOWN = 5
_DECODER = "b64decode"
_UNPICKLERS = frozenset("load loads Unpickler pickle dill joblib cloudpickle".split())
"""Names of functions that load decoded bytes as code."""
_METHODS = frozenset({"eval", "exec"})
"""Builtins that share their names with methods of models and tables."""
_SYSTEM_OWNERS = frozenset({"os", "_os", "posix", "nt", "sys"})
"""Modules that have, or give access to, another `system` than `platform.system`."""
_LISTING = frozenset(
    "__builtins__ __globals__ __import__ __subclasses__ _getframe builtins f_builtins f_globals get_objects "
    "import_module modules".split()
)
"""Names with which one function can pass on what another looks up by a string."""
_REACHING = frozenset(
    "__base__ __bases__ __builtins__ __closure__ __code__ __dict__ __getattribute__ __globals__ __import__ __loader__ "
    "__mro__ __self__ __spec__ __subclasses__ _getframe attrgetter builtins currentframe f_back f_builtins f_globals "
    "f_locals get_objects getattr getattr_static getmembers gi_frame globals import_module load_module locals "
    "methodcaller modules resolve_name tb_frame vars".split()
)
"""Names with which code can reach an object that it knows only as a string or an attribute of an unknown object."""


def _explained_names(fact: Fact, used: list[str]) -> set[str]:
    """Return the dangerous names that code uses only as strings, as methods of models, or as `platform.system`."""
    if not _REACHING.isdisjoint(used):
        return set()
    methods = _METHODS | ({"system"} if "platform" in used and _SYSTEM_OWNERS.isdisjoint(used) else set())
    return {*fact.texts("texts"), *(methods.intersection(fact.texts("attributes")))}


def reaches_anything(fact: Fact) -> bool:
    """Return whether code can list all classes, modules or builtins, or a call imports `builtins`."""
    if fact.kind == "code":
        return not _LISTING.isdisjoint(fact.texts("names"))
    by_name = fact.kind == "call" and ARGUMENT_RULES.get(fact.value) == "module-by-name"
    return by_name and items(fact.detail.get("args"))[:1] in (["builtins"], ["__builtin__"])


def code_opinion(fact: Fact, *, runs: bool, bare: bool, reaches: bool) -> Opinion:
    """Judge a code object.

    `runs`: loading runs it, as far as known. `bare`: the pickle names the type of code objects, but makes no function.
    `reaches`: code of the same pickle can reach any object of the process.
    """
    used = fact.texts("names")
    dangerous = sorted(SUSPECT_NAMES.intersection(used) - (set() if reaches else _explained_names(fact, used)))
    if dangerous == [_DECODER] and _UNPICKLERS.isdisjoint(used):
        dangerous = []  # models take images in base64
    if not dangerous:
        return [finding(BARE_OBJECT, fact)] if bare else None
    rule = RUNNING_CODE if runs else DANGEROUS_CODE
    return [finding(rule, fact, names=", ".join(dangerous[:NAMES_SHOWN]))]
