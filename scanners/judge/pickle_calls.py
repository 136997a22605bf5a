"""Judge what a pickle would call: inert by generated tables, dangerous by family, everything else unknown.

The tables and the rules on arguments come from `scripts/inert`, which saves real objects with real frameworks.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from modelsweep.core.finding import Fact, Finding, Json, Rule
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.text import redact, shorten
from scanners.judge.allowed import is_allowed, reacts
from scanners.judge.by_value import (
    BARE_FUNCTION,
    CLASSES,
    FUNCTIONS,
    KERAS_UNPICKLER,
    LOOKED_UP,
    NAMEDTUPLES,
    NAMESPACES,
    finds_method,
    finds_slot,
    is_own_attribute,
    looks_up_setattr,
    maker_of,
)
from scanners.judge.code_on_load import running_code, setting_attributes
from scanners.judge.dangerous_names import family, family_of_function, is_loader
from scanners.judge.described import TYPE_LOADER, global_name, globals_in, instance_of, is_data, items, tables_in
from scanners.judge.expressions import is_expression, is_inert_expression, is_undefined_function, runs_text
from scanners.judge.function_globals import globals_beside, globals_passed, is_namespace, is_of_whole, whole_modules
from scanners.judge.handed_values import consumed, is_foreign, nested, taken_apart
from scanners.judge.inert import (
    is_created_instance,
    is_harmless_method,
    is_inert_call,
    is_keras_unpickler,
    loads_computed,
    makes_block,
    subscripts_own_class,
)
from scanners.judge.inert_names import ARGUMENT_RULES, STATE_RULES
from scanners.judge.inert_states import executed_text, file_elsewhere, is_inert_build
from scanners.judge.listed_names import is_call, is_class, is_class_name, is_inert_name, is_known_package
from scanners.judge.pickle_attributes import attribute_opinion, is_namesake, is_own_setter, shows_class
from scanners.judge.pickle_code import NAMES_SHOWN, code_opinion, reaches_anything
from scanners.judge.pickle_rules import (
    ALL,
    CODE,
    COMPUTED_CALL,
    COMPUTED_NAME,
    CONSUMED,
    DANGEROUS_ARGUMENT,
    DANGEROUS_CALL,
    DANGEROUS_IMPORT,
    EXTENSION,
    FILE_ELSEWHERE,
    FRAME,
    HIDDEN_CALL,
    MODIFIED_IMPORT,
    OWN_CALL,
    OWN_CLASS,
    UNKNOWN,
    Opinion,
    finding,
)
from scanners.parsing.pickle_values import render

RULES = ALL
ARGUMENT_TEXT = 160
"""Maximum characters of arguments in a message."""
NAME_TEXT = 100
"""Maximum characters of a callee in a message if it is itself the result of a call."""
_SETSTATE = "__setstate__"
"""The method that loading calls with the state of an instance."""
OWN_PACKAGES = frozenset(
    "__main__ __mp_main__ backbone backbones common config configs core data dataset experiments layers lib losses "
    "main model modeling models modules net nets network networks project scripts src tests train trainer training "
    "utils".split()
)
"""The main script and common names of modules next to it, which no published package has."""
CALLING = frozenset("calls-0-with-1 calls-0-with-2 same-package union-type".split())
"""Rules of callables that call their arguments."""
_CACHE = "functools.lru_cache"
"""Its result is a wrapper that calls its argument."""
_MAPPED = frozenset(f"numpy.{module}memmap" for module in ("", "core.memmap.", "_core.memmap."))
"""The class of arrays that were memory-mapped when saved; only a call or a use as an argument is reported."""
_OPEN = frozenset({"io.open", "_io.open", "builtins.open"})
"""Names that dill stores among the globals of a function that opens files."""
_ITERATED = frozenset(
    "builtins.enumerate builtins.iter builtins.reversed builtins.zip collections.ChainMap collections.UserDict "
    "collections.UserList collections.deque itertools.chain itertools.combinations itertools.cycle itertools.islice "
    "itertools.permutations itertools.product itertools.repeat itertools.zip_longest".split()
)
"""Iterables over pairs whose keys are not visible; no real object is saved with such a state."""
_TABLES = frozenset("geopandas pandas polars pyarrow scipy xarray".split())
"""Packages of tables and arrays, which other packages use as the state of their own objects."""
APPLIED = frozenset({"functools.partial", "types.MethodType"})
"""Callables whose result calls their first argument with further arguments that they bind."""
_SWITCHES = {"trust_remote_code": True, "trust_repo": True, "allow_pickle": True, "weights_only": False, "shell": True}
"""Keywords that make loaders run what they would otherwise refuse."""
_PACKAGED = "packaged"
"""The kind of facts with the names of the modules in a torch.package."""
_READ_OTHERWISE = frozenset({"data.pkl", "constants.pkl"})
_CODE_TYPES = frozenset({"types.CodeType", "builtins.code"})
_LITERALS = frozenset("tuple list dict set frozenset bytes float int".split())
"""Keys that describe a literal value."""


def findings(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Judge the calls, imports and code objects of all pickles of a unit."""
    grouped: dict[tuple[object, str, Rule], list[Fact]] = {}
    packaged = {(fact.locator, fact.value) for fact in facts if fact.kind == _PACKAGED}
    facts = [fact for fact in facts if fact.kind != _PACKAGED] if packaged else facts
    by_value, explained = _ByValue.of(facts), _Explained.of(facts)
    for fact in facts:
        if fact.kind == "import" and (explained.covers(fact) or _allowed(fact, options)):
            continue
        opinion = by_value.opinion(fact)
        if not opinion and (taken := _reacting(fact, options)):
            yield finding(
                CONSUMED, fact, taken, callee=fact.value if fact.kind == "call" else f"{fact.value}.{_SETSTATE}"
            )
        elif opinion is not None:
            yield from opinion
        elif fact.kind == "code":
            grouped.setdefault((fact.locator, "", CODE), []).append(fact)
        elif not (_allowed(fact, options) or _is_in_package(fact, packaged)):
            rule = OWN_CLASS if fact.value not in explained.passed and _is_own(fact) else UNKNOWN
            grouped.setdefault((fact.locator, _package(fact.value), rule), []).append(fact)
    for (_, package, rule), members in grouped.items():
        yield _of_group(rule, package, members)


class _Explained(NamedTuple):
    """Names whose imports need no opinion because the calls of the pickle are judged."""

    called: set[tuple[Locator, str]]
    passed: set[str]
    """Names that are passed to callables that call their arguments."""
    whole: set[tuple[Locator, str]]
    """Modules whose whole namespace a pickle stores by name."""

    @classmethod
    def of(cls, facts: Sequence[Fact]) -> _Explained:
        calls = [fact for fact in facts if fact.kind == "call"]
        functions = _places(calls, FUNCTIONS)
        return cls(
            called={(fact.locator, name) for fact in calls for name in _explained(fact)}
            | {(locator, name) for locator in functions for name in NAMESPACES},
            passed={name for fact in calls for name in _called_by(fact)},
            whole=whole_modules(fact for fact in facts if fact.kind == "import" and fact.locator in functions),
        )

    def covers(self, fact: Fact) -> bool:
        """Return whether an import needs no opinion of its own."""
        if (fact.locator, fact.value) in self.called and not (_through(fact) and is_inert_name(fact.value)):
            return True
        return bool(self.whole) and is_of_whole(fact, self.whole) and not _through(fact)


def _reacting(fact: Fact, options: Options) -> str:
    """Return the class of an instance that a call or state takes apart, if the user's list only allows to hold it."""
    if not options.allow_imports:
        return ""
    if fact.kind == "state":
        makers = [str(fact.detail.get("maker"))]
    elif fact.kind == "call" and "computed" not in fact.detail:
        given, name = items(fact.detail.get("args")), fact.value
        if is_allowed(name, options):
            given = [*given, *(one for item in given for one in nested(item))]
        elif name not in ARGUMENT_RULES:
            given = taken_apart(name, given, str(fact.detail.get("how")))
        makers = [instance_of(one) for one in given]
    else:
        return ""
    return next((maker for maker in makers if reacts(maker, options)), "")


class _ByValue(NamedTuple):
    """The pickles of a unit by how they use functions stored by value."""

    running: set[Locator]
    """Pickles that call a function that they contain."""
    on_load: frozenset[tuple[Locator, str]]
    """Code objects that run on load for another reason."""
    reaching: set[Locator]
    """Pickles whose code can reach any object of the process."""
    opening: set[Locator]
    """Pickles whose code opens files."""
    setting: set[Locator]
    """Pickles that call `__setattr__` of a class stored by value."""
    bare: set[Locator]
    """Pickles that name the type of code objects, but make no function of one."""
    by_name: set[Locator]
    """Pickles that look up the type of functions only as cloudpickle does."""
    keras: set[Locator]
    """Pickles whose only code loads a Keras model."""
    making: set[Locator]
    """Pickles that make functions, and so contain dictionaries with their globals."""

    @classmethod
    def of(cls, facts: Sequence[Fact]) -> _ByValue:
        codes = [fact for fact in facts if fact.kind == "code"]
        imports = [fact for fact in facts if fact.kind == "import"]
        making = _places((fact for fact in facts if fact.kind == "call"), FUNCTIONS)
        return cls(
            running={fact.locator for fact in facts if maker_of(fact.detail.get("computed")) in FUNCTIONS},
            on_load=running_code(facts),
            reaching={fact.locator for fact in facts if reaches_anything(fact)},
            opening={fact.locator for fact in codes if "open" in fact.texts("names")},
            setting=setting_attributes(facts),
            bare=_places(imports, _CODE_TYPES) - making,
            by_name={fact.locator for fact in imports if fact.value.endswith(TYPE_LOADER)}
            - _places(imports, {BARE_FUNCTION}),
            keras={fact.locator for fact in codes}
            - {fact.locator for fact in codes if not KERAS_UNPICKLER.issuperset(fact.texts("names"))},
            making=making,
        )

    def opinion(self, fact: Fact) -> Opinion:
        """Judge one fact, considering what else its pickle does."""
        if fact.kind == "code":
            runs = fact.locator in self.running or (fact.locator, fact.value) in self.on_load
            bare, reaches = fact.locator in self.bare, fact.locator in self.reaching
            return code_opinion(fact, runs=runs, bare=bare, reaches=reaches)
        if fact.kind == "import" and fact.value in _OPEN and fact.locator in self.opening:
            return ()
        if is_own_setter(fact) and fact.locator not in self.setting:
            return ()
        if fact.kind == "attribute" and fact.locator in self.making and is_namesake(fact):
            return ()
        if fact.locator in self.keras and _loads_keras(fact):
            return ()
        if fact.kind == "call" and fact.value == BARE_FUNCTION and fact.locator not in self.by_name:
            return [_dangerous_call(fact, family(fact.value))]
        return _OPINIONS[fact.kind](fact)


def _loads_keras(fact: Fact) -> bool:
    """Return whether a function stored by value is called with a buffer only, which is examined as a model."""
    called = maker_of(fact.detail.get("computed")) in FUNCTIONS
    return called and is_keras_unpickler("._unpickle_model", items(fact.detail.get("args")))


def _explained(fact: Fact) -> tuple[str, ...]:
    """Return the names that a call uses, so that their imports need no opinion."""
    return (fact.value, *LOOKED_UP) if looks_up_setattr(fact.value, items(fact.detail.get("args"))) else (fact.value,)


def _call(fact: Fact) -> Opinion:
    name, arguments = fact.value, fact.detail.get("args")
    if name.isdigit() or fact.detail.get("computed") == {"computed": True}:
        return ()  # an entry of the extension registry, or a computed name: reported separately
    if "computed" in fact.detail:
        return _computed_call(fact)
    given = items(arguments)
    if _is_inert(fact, given):
        return ()
    if ARGUMENT_RULES.get(name) == "module-by-name" and given and not family(str(given[0])):
        return None  # cloudpickle and dill import a user's own modules this way
    if danger := _danger_of(name, given, arguments):
        return [_dangerous_call(fact, danger)]
    passed = [other for other in globals_passed(name, arguments) if family(other) and not is_inert_name(other)]
    if passed:
        return [finding(DANGEROUS_ARGUMENT, fact, passed[0], shown=_shown(fact))]
    return _of_unknown(fact, name, given, arguments)


def _is_inert(fact: Fact, given: list[Json]) -> bool:
    """Return whether a call by name is inert, by the tables or because picklers write calls of this form."""
    name, how, arguments = fact.value, str(fact.detail.get("how")), fact.detail.get("args")
    if is_inert_expression(name, arguments, fact.detail.get("plain")):
        return True
    via = fact.detail.get("via")
    applied = instance_of(via) in APPLIED  # adds arguments of its own
    return (
        (is_inert_call(name, how, arguments) and not applied)
        or makes_block(via, arguments)
        or is_own_attribute(name, given)
        or looks_up_setattr(name, given)
        or finds_slot(name, given)
        or finds_method(name, given)
        or subscripts_own_class(name, given)
    )


def _danger_of(name: str, given: list[Json], arguments: Json) -> str:
    """Return the dangerous family of a call, by its name or its arguments, or an empty string."""
    if found := family(name):
        return found
    if _reaches_inside(name, arguments):
        return "indirection"
    if _switches_code_on(name, arguments) or runs_text(name, arguments):
        return "code execution"
    return "deserialisation" if loads_computed(name, given) else ""


def _of_unknown(fact: Fact, name: str, given: list[Json], arguments: Json) -> Opinion:
    """Judge a call whose callee and arguments belong to no dangerous family."""
    if family_of_function(name):
        return [_dangerous_call(fact, f"{family_of_function(name)}, by its name")]
    if subject := consumed(name, given, str(fact.detail.get("how"))):
        return [finding(CONSUMED, fact, subject, callee=name)]
    # A callable with a rule on its arguments is itself known; its unknown arguments are reported separately.
    unknown = any(not is_inert_name(other) for other in globals_passed(name, arguments))
    return () if name in ARGUMENT_RULES and unknown else None


def _dangerous_call(fact: Fact, danger: str) -> Finding:
    return finding(DANGEROUS_CALL, fact, family=danger, shown=_shown(fact))


def _computed_call(fact: Fact) -> Opinion:
    computed = fact.detail["computed"]
    if _is_literal(computed):
        return ()  # loading fails here: such an object is not callable
    maker = maker_of(computed)
    if maker in CLASSES and not (maker.endswith(NAMEDTUPLES) and fact.detail.get("how") == "REDUCE"):
        return ()  # an instance of a class stored by value, whose code is judged separately
    if isinstance(computed, dict) and computed.get("args") == {"tuple": []}:
        caller = f"{instance_of(computed)}.__call__"  # an instance without a state, which may have a rule
        if caller in ARGUMENT_RULES and is_inert_call(caller, "REDUCE", fact.detail.get("args")):
            return ()
    if instance_of(computed) == _CACHE and _is_callable_alone(items(fact.detail.get("args"))):
        return ()
    if is_created_instance(computed, fact.detail.get("args")) or is_harmless_method(computed):
        return ()
    if is_undefined_function(computed, fact.detail.get("plain")) or makes_block(computed, fact.detail.get("args")):
        return ()
    rule = OWN_CALL if maker in FUNCTIONS else COMPUTED_CALL
    return [finding(rule, fact, shorten(fact.value, NAME_TEXT))]


def _is_literal(computed: Json) -> bool:
    """Return whether a callee is a literal string, number or container."""
    return not isinstance(computed, dict) or not _LITERALS.isdisjoint(computed)


def _is_callable_alone(given: list[Json]) -> bool:
    """Return whether the only argument of a decorator is a function stored by value or an inert name."""
    return len(given) == 1 and (maker_of(given[0]) in FUNCTIONS or is_inert_name(global_name(given[0])))


def _switches_code_on(name: str, arguments: Json) -> bool:
    """Return whether a keyword makes a loader run or unpickle what comes with a model."""
    tables = tables_in(arguments) if is_loader(name) else []
    return any(table.get(key) is value for table in tables for key, value in _SWITCHES.items())


def _reaches_inside(name: str, arguments: Json) -> bool:
    """Return whether getattr reads a special attribute, through which any object can be reached."""
    return ARGUMENT_RULES.get(name) == "getattr" and any(
        isinstance(item, str) and item.startswith("__") and item != "__new__" for item in items(arguments)
    )


def _build(fact: Fact) -> Opinion:
    state = fact.detail.get("state")
    if ARGUMENT_RULES.get(fact.value) == "module-by-name":  # dill stores the attributes of a user's module this way
        named = items(fact.detail.get("made"))[:1]
        module = str(named[0]) if named else ""
        return [finding(MODIFIED_IMPORT, fact, module)] if is_known_package(module) else None
    if is_expression(fact.value) and all(map(is_expression, globals_beside(state))):
        return ()  # the attributes are only set
    if is_inert_build(fact.value, state):
        made = items(fact.detail.get("made"))
        if "made" in fact.detail and made[:1] != items(state)[:1]:
            return [finding(HIDDEN_CALL, fact, render(state), name="func")]
        return ()
    passed = [other for other in globals_beside(state) if family(other) and not is_inert_name(other)]
    if passed and fact.value in STATE_RULES:
        return [finding(DANGEROUS_ARGUMENT, fact, passed[0], shown=f"{fact.value}.{_SETSTATE}")]
    if STATE_RULES.get(fact.value) == "file-beside" and (path := file_elsewhere(state)):
        return [finding(FILE_ELSEWHERE, fact, shorten(path, ARGUMENT_TEXT))]
    executed = executed_text(fact.value, state)
    if not executed:  # unknown names in a partial are reported separately, as in a call
        held = STATE_RULES.get(fact.value) == "callable-first"
        return () if held and not all(map(is_inert_name, globals_beside(state))) else None
    shown = f"{fact.value}.{_SETSTATE} on {shorten(redact(executed), ARGUMENT_TEXT)!r}"
    return [finding(DANGEROUS_CALL, fact, family="code execution", shown=shown)]


def _state(fact: Fact) -> Opinion:
    """Judge a state that is an instance: `__setstate__` may iterate over it."""
    maker = str(fact.detail.get("maker"))
    subject = is_foreign(maker, _package(fact.value)) if _package(maker) not in _TABLES else ""
    subject = maker if maker in _ITERATED else subject
    return [finding(CONSUMED, fact, subject, callee=f"{fact.value}.{_SETSTATE}")] if subject else ()


def _key(fact: Fact) -> Opinion:
    """Judge a key of a table that is not a literal: pandas calls a callable key."""
    subject = shorten(str(fact.detail.get("key")), NAME_TEXT)
    return [finding(CONSUMED, fact, subject, callee=f"{fact.value}.__setitem__")]


def _import(fact: Fact) -> Opinion:
    through = _through(fact)
    if is_inert_name(fact.value) and (not through or is_inert_name(through)):
        return ()
    if shows_class(fact.value.rpartition(".")[2], fact.value) or fact.value in _MAPPED:
        return ()
    if fact.detail.get("globals") and is_namespace(fact.value):
        return () if is_known_package(fact.value) else None
    danger = family(fact.value) or family(through)
    if danger:
        return [finding(DANGEROUS_IMPORT, fact, family=danger)]
    return None


def _through(fact: Fact) -> str:
    """Return the name by which a global is reached through another module, or an empty string if it is in a class."""
    through = fact.detail.get("through")
    if not isinstance(through, str):
        return ""
    owner = fact.value.removesuffix(through) + through.partition(".")[0]
    in_class = not through[:1].isupper() and (is_class(owner) or is_call(owner))
    return "" if in_class else through


_OPINIONS: dict[str, Callable[[Fact], Opinion]] = {
    "call": _call,
    "build": _build,
    "state": _state,
    "key": _key,
    "modify": lambda fact: [finding(MODIFIED_IMPORT, fact)],
    "import": _import,
    "attribute": attribute_opinion,
    "computed-name": lambda fact: [finding(COMPUTED_NAME, fact)],
    "extension-code": lambda fact: [finding(EXTENSION, fact)],
    "frame": lambda fact: [finding(FRAME, fact)],
    "slots": lambda _: (),
}
KINDS = frozenset({*_OPINIONS, "code", _PACKAGED})


def _shown(fact: Fact) -> str:
    """Return the call as Python code, redacted and cut."""
    arguments = fact.detail.get("args")
    text = "" if arguments is None else redact(render(arguments))
    if not text.startswith("("):
        text = f"({text})"
    return f"{fact.value}{shorten(text, ARGUMENT_TEXT)}"


def _places(facts: Iterable[Fact], names: Container[str]) -> set[Locator]:
    """Return the pickles of the facts about one of the names."""
    return {fact.locator for fact in facts if fact.value in names}


def _allowed(fact: Fact, options: Options) -> bool:
    made = fact.kind != "call" or str(fact.detail.get("how")).startswith("NEWOBJ")
    return is_allowed(fact.value, options, made=made)


def _package(name: str) -> str:
    return name.partition(".")[0]


def _called_by(fact: Fact) -> list[str]:
    """Return the global names in the arguments of a call if the callee calls its arguments."""
    return globals_in(fact.detail.get("args")) if ARGUMENT_RULES.get(fact.value) in CALLING else []


def _is_own(fact: Fact) -> bool:
    """Return whether a fact is about the script that saved the pickle or modules next to it, and calls no function.

    The object is created without its constructor, only referenced, or an enumeration's member by its value.
    """
    if fact.detail.get("globals"):
        return _package(fact.value) in OWN_PACKAGES
    return (_package(fact.value) in OWN_PACKAGES or _is_created_name(fact.value)) and _is_held(fact)


def _is_in_package(fact: Fact, packaged: set[tuple[Locator, str]]) -> bool:
    """Return whether a fact is about a module in the same torch.package, whose code is judged, and calls no function.

    `torch.load` and `torch.jit.load` read members with the names in `_READ_OTHERWISE`, and look names up elsewhere.
    """
    if not fact.locator.members or fact.locator.name in _READ_OTHERWISE:
        return False
    return (fact.locator.container, fact.value.rpartition(".")[0]) in packaged and _is_held(fact)


def _is_held(fact: Fact) -> bool:
    """Return whether an object is created without its constructor, only referenced, or looked up by its value."""
    name, how, given = fact.value, str(fact.detail.get("how")), items(fact.detail.get("args"))
    if family_of_function(name) or any("__" in part for part in name.split(".")[1:]):
        return False
    if fact.kind == "call":
        made = how in ("NEWOBJ", "NEWOBJ_EX") or (how in ("INST", "OBJ") and not given)
        value = how == "REDUCE" and len(given) == 1 and is_data(given[0]) and is_class_name(name)
        return made or value or is_keras_unpickler(name, given)
    return fact.kind in ("import", "build")


def _is_created_name(name: str) -> bool:
    """Return whether a name is a class that a user's script creates with deap."""
    return name.rpartition(".")[0] == "deap.creator" and is_class_name(name)


def _of_group(rule: Rule, package: str, members: list[Fact]) -> Finding:
    """Return one finding for all names of a package, or for all functions that a pickle stores."""
    names = sorted({f"{fact.value}()" if fact.kind == "code" else fact.value for fact in members})
    shown = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
    return finding(rule, members[0], package or names[0], count=len(names), names=shown)
