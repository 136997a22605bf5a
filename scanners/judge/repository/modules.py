"""Python files of a repository in compact form: what importing each file does, and what it imports.

A function that runs its argument is no evidence by itself, nor is a call of it in another file: here the two are
combined, and judged as if the call were in the file of the function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from modelsweep.core.finding import Fact, Json, Severity
from modelsweep.core.locator import Locator
from modelsweep.core.text import shorten
from modelsweep.core.values import replace
from scanners.judge.python_code import findings_of_file
from scanners.judge.repository.names import ANY, COMPILED, SERVED

_SHOWN = 300
_MAX_CLASSES = 10
"""Maximum classes of one file for which the effect of instantiation is kept."""
_MAX_CALLS = 300
"""Maximum calls of one file, since they are compared with each other: no honest file has that many notable ones."""
_WRONG = (KeyError, TypeError, ValueError, AttributeError, AssertionError)
_NOTHING = "nothing in it runs commands or reaches the network by itself"
_UNREAD = "what it does could not be read"
UNKNOWN = "…"
"""Placeholder for non-constant parts in the text of a call."""


class Effect(NamedTuple):
    """What running a file does: its severity, a sentence, and the line that it refers to, if any."""

    severity: Severity
    text: str
    line: Json = None


HARMLESS = Effect(Severity.INFO, _NOTHING)


class Bytecode(NamedTuple):
    """Notable names in a source or a compiled file, and the size of the source.

    The size is -1 in a compiled file for which Python does not check it.
    """

    size: int
    names: frozenset[str]


class Use(NamedTuple):
    """A call of a function in another file, by its name there, with its constant string arguments."""

    name: str
    when: str
    line: int
    texts: tuple[str, ...]
    owner: str


class Module(NamedTuple):
    """A file that may be imported: its position in the order of results, and `stem`, its path without the suffix.

    `effect` is judged for a file that loaders import, `alone` for one that nothing names, `served` for one that a model
    server runs; `made` is what instantiating a class does in addition, if relevant. `uses` are calls of functions in
    other files, `passing` the calls by functions that pass on their own arguments, by function name. `bytecode`
    relates sources to compiled files, or is None if that is unknown.
    """

    order: int
    locator: Locator
    stem: str
    is_compiled: bool
    effect: Effect
    alone: Severity
    made: Mapping[str, Effect]
    imports: tuple[str, ...]
    uses: tuple[Use, ...] = ()
    passing: Mapping[str, Sequence[Fact]] = {}
    bytecode: Bytecode | None = None
    served: Effect = HARMLESS

    @property
    def weight(self) -> int:
        """Approximate bytes of memory."""
        texts = len(self.stem) + len(self.effect.text) + sum(len(name) + 60 for name in self.imports)
        used = sum(200 + len(use.name) + sum(map(len, use.texts)) for use in self.uses)
        return 600 + texts + used + len(self.made) * 400 + sum(map(len, self.passing.values())) * 1_000

    def effect_of_call(self, use: Use, function: str, user: Module, *, by_loader: bool) -> Effect:
        """Return what a call in `user` of a function in this file does."""
        calls = [found for call in self.passing.get(function, ()) if (found := _filled(call, use))]
        if not calls:
            return HARMLESS
        effect = _effect(calls, use.owner)
        worst = Severity.CRITICAL if by_loader else max(user.alone, Severity.WARNING)
        return effect._replace(severity=min(effect.severity, worst))

    def effect_of_import(self, named: str, *, by_loader: bool) -> Effect:
        """Return what importing the file and instantiating its class `named` does.

        If other programs than model loaders import it, they may have reasons to run a tool, so only what is malicious
        by itself counts as such.
        """
        effect = self.made.get(named, self.effect)
        if named == ANY:
            effect = max((self.effect, *self.made.values()), key=lambda item: item.severity)
        elif named == SERVED:
            effect = max(self.effect, self.served, key=lambda item: item.severity)
        worst = Severity.CRITICAL if by_loader else max(self.alone, Severity.WARNING)
        return effect._replace(severity=min(effect.severity, worst))


def module_of(order: int, locator: Locator, stem: str, facts: Sequence[Fact], unread: frozenset[str]) -> Module:
    """Return the module for a file's facts; `unread` are the scanners that had a problem with it."""
    compiled = locator.suffix in COMPILED
    effect, imports = HARMLESS, tuple[str, ...]()
    made: dict[str, Effect] = {}
    uses, passing = tuple[Use, ...](), dict[str, list[Fact]]()
    alone, served = effect.severity, HARMLESS
    if compiled:
        effect = Effect(Severity.WARNING, "it is compiled, and what it does cannot be read")
    elif "python" in unread:
        effect = Effect(Severity.INFO, _UNREAD)
    try:
        imports = tuple(name for fact in facts if fact.kind == "python-module" for name in fact.texts("imports"))
        calls = [fact for fact in facts if fact.kind == "python-call"]
        if calls and not compiled:
            shared = [fact for fact in calls if "owner" not in fact.detail]
            effect = _effect(shared, "") if shared else effect
            alone = max((finding.severity for finding in findings_of_file(calls)), default=alone)
            served = _effect([_as_served(fact) for fact in calls], "")
            owners = list(dict.fromkeys(str(fact.detail["owner"]) for fact in calls if "owner" in fact.detail))
            for owner in owners[:_MAX_CLASSES]:
                own = [fact for fact in calls if fact.detail.get("owner") == owner]
                made[owner] = _effect([*shared, *own], owner)
        uses = tuple(map(_use, (fact for fact in facts if fact.kind == "python-use")))
        for fact in calls:
            if "function" in fact.detail:
                passing.setdefault(str(fact.detail["function"]), []).append(fact)
    except _WRONG:  # facts from a compromised child, or from another version
        effect = Effect(Severity.INFO, _UNREAD)
    return Module(order, locator, stem, compiled, effect, alone, made, imports, uses, passing, _bytecode(facts), served)


def _as_served(call: Fact) -> Fact:
    """Return a call as part of a file whose classes a server instantiates, and whose functions it calls."""
    return replace(call, detail={**call.detail, "how": [*call.texts("how"), "served"]})


def _bytecode(facts: Sequence[Fact]) -> Bytecode | None:
    for fact in facts:
        size = fact.detail.get("size" if fact.kind == "python-module" else "source", -1)
        names = frozenset(fact.texts("names"))
        if fact.kind == "python-module" and size != -1 and isinstance(size, int):
            return Bytecode(size, names)
        if fact.kind == "python-compiled" and names and fact.detail.get("place") != "beside" and isinstance(size, int):
            return Bytecode(size, names)
    return None


def _use(fact: Fact) -> Use:
    line = fact.detail["line"]
    owner, texts = str(fact.detail.get("owner", "")), tuple(fact.texts("texts"))
    return Use(fact.value, str(fact.detail["when"]), line if isinstance(line, int) else 0, texts, owner)


def _filled(call: Fact, use: Use) -> Fact | None:
    """Return the call that a function makes with the arguments of `use`, or None if they are not constant."""
    given = call.detail["given"]
    places = [place for place in given if isinstance(place, int)] if isinstance(given, list) else []
    texts = [use.texts[place] for place in places if place < len(use.texts) and use.texts[place]]
    if not texts:
        return None
    text = str(call.detail["text"]).replace(UNKNOWN, " ".join(texts), 1)
    detail = {**call.detail, "text": text, "when": use.when, "line": use.line}
    return replace(call, detail={**detail, "owner": use.owner} if use.owner else detail)


def _effect(calls: Sequence[Fact], named: str) -> Effect:
    """Return the worst effect of the calls, including those in the class `named`."""
    if len(calls) > _MAX_CALLS:
        return Effect(Severity.WARNING, f"it makes more than {_MAX_CALLS} calls that reach out of it")
    found = list(findings_of_file(calls, loaded=True, named=named))
    if not found:
        return HARMLESS
    worst = max(found, key=lambda finding: finding.severity)
    return Effect(worst.severity, shorten(worst.message, _SHOWN), worst.evidence.get("line"))
