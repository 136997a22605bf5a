"""Python files of a repository, as small as they can be kept: what importing each does, and what it imports.

A function that runs what it is given says nothing by itself, and neither does a call of it in another file: here the
two meet, and are judged as if the call stood where the function is.
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
_CLASSES = 10
"""Classes of one file of which it is known what making them does."""
_CALLS = 300
"""Calls of one file, as they are compared with each other: no honest file has so many that are told."""
_WRONG = (KeyError, TypeError, ValueError, AttributeError, AssertionError)
_NOTHING = "nothing in it runs commands or reaches the network by itself"
_UNREAD = "what it does could not be read"
UNKNOWN = "…"
"""Stands in the text of a call for what is not constant."""


class Deed(NamedTuple):
    """What running a file does: how bad that is, a sentence, and the line that it speaks of, if of one."""

    severity: Severity
    text: str
    line: Json = None


HARMLESS = Deed(Severity.INFO, _NOTHING)


class Bytecode(NamedTuple):
    """What a source, or a compiled file, names of note, and the size of the source.

    It is -1 in a compiled file that Python does not hold against the size of its source.
    """

    size: int
    names: frozenset[str]


class Use(NamedTuple):
    """A call of a function of another file, by its name there, with the constant texts that it is given."""

    name: str
    when: str
    line: int
    texts: tuple[str, ...]
    owner: str


class Module(NamedTuple):
    """A file that may be imported: its place in the order of results, and `stem`, its path up to the module's name.

    `deed` is judged as of a file that loaders import, `alone` as of one that nothing names; `made` is what making an
    instance of a class does besides, where that matters, `served` as of one that a server is given. `uses` are calls of
    functions of other files, `passing` the
    calls of functions that hand their own arguments on, by the name of the function. `bytecode` is what a file has to
    do with compiled ones in the places of sources, nothing where that cannot be told.
    """

    order: int
    locator: Locator
    stem: str
    is_compiled: bool
    deed: Deed
    alone: Severity
    made: Mapping[str, Deed]
    imports: tuple[str, ...]
    uses: tuple[Use, ...] = ()
    passing: Mapping[str, Sequence[Fact]] = {}
    bytecode: Bytecode | None = None
    served: Deed = HARMLESS

    @property
    def weight(self) -> int:
        """Bytes of memory that it takes, about."""
        texts = len(self.stem) + len(self.deed.text) + sum(len(name) + 60 for name in self.imports)
        used = sum(200 + len(use.name) + sum(map(len, use.texts)) for use in self.uses)
        return 600 + texts + used + len(self.made) * 400 + sum(map(len, self.passing.values())) * 1_000

    def deed_by(self, use: Use, function: str, user: Module, *, by_loader: bool) -> Deed:
        """Return what a call in `user` of a function of this file does, judged where it stands."""
        calls = [found for call in self.passing.get(function, ()) if (found := _filled(call, use))]
        if not calls:
            return HARMLESS
        deed = _deed(calls, use.owner)
        worst = Severity.CRITICAL if by_loader else max(user.alone, Severity.WARNING)
        return deed._replace(severity=min(deed.severity, worst))

    def deed_of(self, named: str, *, by_loader: bool) -> Deed:
        """Return what importing the file and making an instance of its class `named` does.

        What programs import that have other reasons to run a tool than to load a model is malicious only by itself.
        """
        deed = self.made.get(named, self.deed)
        if named == ANY:
            deed = max((self.deed, *self.made.values()), key=lambda item: item.severity)
        elif named == SERVED:
            deed = max(self.deed, self.served, key=lambda item: item.severity)
        worst = Severity.CRITICAL if by_loader else max(self.alone, Severity.WARNING)
        return deed._replace(severity=min(deed.severity, worst))


def module_of(order: int, locator: Locator, stem: str, facts: Sequence[Fact], unread: frozenset[str]) -> Module:
    """Return a file with what its facts say of it; `unread` are the scanners that had a problem with it."""
    compiled = locator.suffix in COMPILED
    deed, imports = HARMLESS, tuple[str, ...]()
    made: dict[str, Deed] = {}
    uses, passing = tuple[Use, ...](), dict[str, list[Fact]]()
    alone, served = deed.severity, HARMLESS
    if compiled:
        deed = Deed(Severity.WARNING, "it is compiled, and what it does cannot be read")
    elif "python" in unread:
        deed = Deed(Severity.INFO, _UNREAD)
    try:
        imports = tuple(name for fact in facts if fact.kind == "python-module" for name in fact.texts("imports"))
        calls = [fact for fact in facts if fact.kind == "python-call"]
        if calls and not compiled:
            shared = [fact for fact in calls if "owner" not in fact.detail]
            deed = _deed(shared, "") if shared else deed
            alone = max((finding.severity for finding in findings_of_file(calls)), default=alone)
            served = _deed([_as_served(fact) for fact in calls], "")
            owners = list(dict.fromkeys(str(fact.detail["owner"]) for fact in calls if "owner" in fact.detail))
            for owner in owners[:_CLASSES]:
                own = [fact for fact in calls if fact.detail.get("owner") == owner]
                made[owner] = _deed([*shared, *own], owner)
        uses = tuple(map(_use, (fact for fact in facts if fact.kind == "python-use")))
        for fact in calls:
            if "function" in fact.detail:
                passing.setdefault(str(fact.detail["function"]), []).append(fact)
    except _WRONG:  # facts of a child that was taken over, or of another version
        deed = Deed(Severity.INFO, _UNREAD)
    return Module(order, locator, stem, compiled, deed, alone, made, imports, uses, passing, _bytecode(facts), served)


def _as_served(call: Fact) -> Fact:
    """Return a call of a file whose classes a server makes, and whose functions it calls."""
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
    """Return the call that a function makes of what it is given, None where that is not constant."""
    given = call.detail["given"]
    places = [place for place in given if isinstance(place, int)] if isinstance(given, list) else []
    texts = [use.texts[place] for place in places if place < len(use.texts) and use.texts[place]]
    if not texts:
        return None
    text = str(call.detail["text"]).replace(UNKNOWN, " ".join(texts), 1)
    detail = {**call.detail, "text": text, "when": use.when, "line": use.line}
    return replace(call, detail={**detail, "owner": use.owner} if use.owner else detail)


def _deed(calls: Sequence[Fact], named: str) -> Deed:
    """Return the worst of what calls do, those in the class `named` included."""
    if len(calls) > _CALLS:
        return Deed(Severity.WARNING, f"it makes more than {_CALLS} calls that reach out of it")
    found = list(findings_of_file(calls, loaded=True, named=named))
    if not found:
        return HARMLESS
    worst = max(found, key=lambda finding: finding.severity)
    return Deed(worst.severity, shorten(worst.message, _SHOWN), worst.evidence.get("line"))
