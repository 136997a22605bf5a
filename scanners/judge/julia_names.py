"""Names that Julia objects look up: functions that run commands, and code inside the file.

The field `how` of a `julia-name` fact tells whether a `name` is looked up in its modules, is a `symbol` (a part of
code), or marks `code` in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Rule, Severity
from modelsweep.core.options import Options
from scanners.judge.allowed import is_allowed

_SERIALIZATION = "https://docs.julialang.org/en/v1/stdlib/Serialization/"
_BSON = "https://github.com/JuliaIO/BSON.jl#notes"
_FIX = "Do not load the file with Julia. Find out where it came from."

DANGEROUS = Rule(
    id="julia/runs-commands",
    title="Julia objects that name functions for running commands or loading native code",
    severity=Severity.CRITICAL,
    message="the objects name {subject}",
    why="Functions travel with a model as code, and are looked up by name. A model computes, and has no use for "
    "commands and libraries.",
    fix=_FIX,
    cwe=502,
    references=(_SERIALIZATION, _BSON),
)
EVALUATES = Rule(
    id="julia/evaluates-code",
    title="Julia objects that name functions for evaluating code or fetching files",
    severity=Severity.WARNING,
    message="the objects name {subject}",
    why="What is evaluated or fetched is decided only when the model is used.",
    fix="Ask the author of the model what it is for, or load the weights into a model that you define yourself.",
    confidence="medium",
    cwe=94,
    references=(_SERIALIZATION, _BSON),
)
STORED = Rule(
    id="julia/stored-code",
    title="Julia functions stored with their code",
    severity=Severity.INFO,
    message="the file holds anonymous functions as code",
    why="Layers written inline (`x -> ...`) are saved as code, which runs when the model is used.",
    fix="Save only the model's weights (`Flux.state`), and define the model in code that you have read.",
    cwe=502,
    references=(_BSON,),
)
KINDS = frozenset({"julia-name"})
RULES = (DANGEROUS, EVALUATES, STORED)
_RUN = frozenset(
    "cmd_gen Cmd AbstractCmd CmdRedirect OrCmds AndCmds spawn dlopen dlsym rundetached jl_dlopen "
    "Libdl.dlopen Base.run Base.Cmd Base.pipeline Core.Intrinsics.llvmcall".split()
)
"""Functions that build commands or load native code; entries with a module only match the whole name."""
_EVALUATE = frozenset(
    "include_string evalfile invokelatest_eval unsafe_store! unsafe_load unsafe_pointer_to_objref Core.eval Base.eval "
    "Base.include Base.include_string Meta.parse Base.download Downloads.download Serialization.deserialize "
    "Distributed.remotecall Distributed.addprocs Base.rm Pkg.add Pkg.develop Base.exit".split()
)


def findings(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield names that a model has no use for, and code in the file."""
    for fact in facts:
        if is_allowed(fact.value, options):
            continue
        if fact.detail["how"] == "code":
            yield Finding(STORED, fact.locator, fact.value, span=fact.span)
        elif _is_of(fact, _RUN):
            yield Finding(DANGEROUS, fact.locator, fact.value, span=fact.span)
        elif _is_of(fact, _EVALUATE):
            yield Finding(EVALUATES, fact.locator, fact.value, span=fact.span)


def _is_of(fact: Fact, listed: frozenset[str]) -> bool:
    """Return whether a name is listed, with or without its module; types of functions begin with `#`."""
    if fact.detail["how"] == "symbol":
        return fact.value in listed
    parts = [part.lstrip("#") for part in fact.value.split(".")]
    return parts[-1] in listed or ".".join(parts[-2:]) in listed
