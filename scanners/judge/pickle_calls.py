"""What a pickle would call, judged: inert by generated tables, dangerous by family, everything else unknown.

The tables and the rules on arguments come from `scripts/inert`, which saves real objects with real frameworks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact, Finding, Json, Rule
from modelsweep.core.locator import Locator
from modelsweep.core.options import Options
from modelsweep.core.text import redact, shorten
from scanners.judge.allowed import is_allowed, reacts
from scanners.judge.by_value import (
    BARE_FUNCTION,
    CLASSES,
    FROZEN_SETTER,
    FUNCTIONS,
    KERAS_UNPICKLER,
    LOOKED_UP,
    NAMEDTUPLES,
    NAMESPACES,
    PLAIN_METHODS,
    SETTER,
    SHOWING,
    TELLING,
    finds_method,
    finds_slot,
    is_own_attribute,
    looks_up_setattr,
    maker_of,
)
from scanners.judge.code_on_load import running_code, setting_attributes
from scanners.judge.dangerous_names import family, family_of_function
from scanners.judge.described import TYPE_LOADER, global_name, globals_in, instance_of, is_data, items, tables_in
from scanners.judge.expressions import is_expression, is_inert_expression, is_undefined_function, runs_text
from scanners.judge.function_globals import globals_beside, globals_handed, is_namespace, is_of_whole, whole_modules
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
from scanners.judge.pickle_rules import (
    ALL,
    BARE_OBJECT,
    CODE,
    COMPUTED_CALL,
    COMPUTED_NAME,
    CONSUMED,
    DANGEROUS_ARGUMENT,
    DANGEROUS_CALL,
    DANGEROUS_CODE,
    DANGEROUS_IMPORT,
    EXTENSION,
    FILE_ELSEWHERE,
    FRAME,
    HIDDEN_CALL,
    MODIFIED_IMPORT,
    OWN_CALL,
    OWN_CLASS,
    RUNNING_CODE,
    UNKNOWN,
)
from scanners.parsing import standard_library
from scanners.parsing.pickle_values import render

RULES = ALL
ARGUMENT_TEXT = 160
"""Characters of arguments shown in a message."""
NAME_TEXT = 100
"""Characters of a callable that is itself the result of a call."""
NAMES_SHOWN = 5
OWN_PACKAGES = frozenset(
    "__main__ __mp_main__ backbone backbones common config configs core data dataset experiments layers lib losses "
    "main model modeling models modules net nets network networks project scripts src tests train trainer training "
    "utils".split()
)
"""The main script, and what people call the modules beside it: no package that others install has these names."""
CALLING = frozenset("calls-0-with-1 calls-0-with-2 same-package union-type".split())
"""Rules of callables that call what they are handed."""
_CACHE = "functools.lru_cache"
"""Wraps a function, which calling the wrapper calls."""
_MAPPED = frozenset(f"numpy.{module}memmap" for module in ("", "core.memmap.", "_core.memmap."))
"""The class of arrays that were mapped when they were saved: making one is a call, and handing it over told as such."""
_OPEN = frozenset({"io.open", "_io.open", "builtins.open"})
"""What dill stores among the globals of a function that opens files, where others leave it to the builtins."""
_ITERATED = frozenset(
    "builtins.enumerate builtins.iter builtins.reversed builtins.zip collections.ChainMap collections.UserDict "
    "collections.UserList collections.deque itertools.chain itertools.combinations itertools.cycle itertools.islice "
    "itertools.permutations itertools.product itertools.repeat itertools.zip_longest".split()
)
"""What yields pairs whose keys nobody sees: no object is saved with such a state."""
_TABLES = frozenset("geopandas pandas polars pyarrow scipy xarray".split())
"""Packages of tables and arrays, which others hand to their own objects as the state."""
APPLIED = frozenset({"functools.partial", "types.MethodType"})
"""Calling what these return calls their first argument, with arguments that they hold."""
_SWITCHES = {"trust_remote_code": True, "trust_repo": True, "allow_pickle": True, "weights_only": False, "shell": True}
_LOADER = re.compile(r"\.(?:from_pretrained|from_config|load\w*|pipeline|read_\w+|run|call)$")
"""What is called like a loader, and the keywords by which it runs what it would refuse else."""
_REDUCTIONS = frozenset("all any max mean min size sum".split())
"""Methods of that name only read data, of whatever inert class: tables of statistics hold them under their own name."""
# Functions of data: what they are given they do not run.
_PLAIN_FUNCTIONS = (
    "builtins.hash",
    "builtins.len",
    "builtins.max",
    "builtins.min",
    "builtins.sum",
    "builtins.abs",
    "math.",
    "numpy.",
)
_ARITHMETIC = frozenset(
    f"{module}.{name}"
    for module in ("_operator", "operator")
    for name in (
        "abs add and_ eq floordiv ge gt index inv invert is_ is_not le lshift lt matmul mod mul ne neg not_ or_ pos "
        "pow rshift sub truediv truth xor"
    ).split()
)
"""Operators on one or two values; those that look up, set, delete or call are not among them."""
_BY_OPCODES = frozenset("add append extend".split())
"""Methods that opcodes call with what the file says."""
_COMMON = frozenset(
    "any build cast clone count cpu cumsum default_factory empty encode exists groups key log match nodes numpy "
    "recording reverse set species sum t terms transpose union".split()
)
"""Methods that some hook of a listed class calls on what it holds, and words under which functions are kept, too."""
BARE_CODE = frozenset({"types.CodeType", "builtins.code"})
_DECODER = "b64decode"
_UNPICKLERS = frozenset("load loads Unpickler pickle dill joblib cloudpickle".split())
"""Names of what runs decoded bytes."""
_METHODS = frozenset({"eval", "exec"})
"""Builtins that models and tables have methods of the same name as."""
_SYSTEM_OWNERS = frozenset({"os", "_os", "posix", "nt", "sys"})
"""Modules that have, or lead to, another `system` than that of `platform`."""
_LISTING = frozenset(
    "__builtins__ __globals__ __import__ __subclasses__ _getframe builtins f_builtins f_globals get_objects "
    "import_module modules".split()
)
"""Names by which one function gets what another one asks for by a text."""
_REACHING = frozenset(
    "__base__ __bases__ __builtins__ __closure__ __code__ __dict__ __getattribute__ __globals__ __import__ __loader__ "
    "__mro__ __self__ __spec__ __subclasses__ _getframe attrgetter builtins currentframe f_back f_builtins f_globals "
    "f_locals get_objects getattr getattr_static getmembers gi_frame globals import_module load_module locals "
    "methodcaller modules resolve_name tb_frame vars".split()
)
"""Names by which code reaches others that it only holds as texts, or as attributes of what nobody sees."""
_LITERALS = frozenset("tuple list dict set frozenset bytes float int".split())
"""Keys of what describes a value that stands in the pickle itself."""


def findings(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Judge the calls, imports and code objects of all pickles of a unit."""
    grouped: dict[tuple[object, str, Rule], list[Fact]] = {}
    by_value = _ByValue.of(facts)
    called = {(fact.locator, name) for fact in facts if fact.kind == "call" for name in _explained(fact)}
    functions = {fact.locator for fact in facts if fact.kind == "call" and fact.value in FUNCTIONS}
    called |= {(locator, name) for locator in functions for name in NAMESPACES}
    handed = {name for fact in facts if fact.kind == "call" for name in _called_by(fact)}
    whole = whole_modules(fact for fact in facts if fact.kind == "import" and fact.locator in functions)
    for fact in facts:
        told = (fact.locator, fact.value) in called and not (_through(fact) and is_inert_name(fact.value))
        namespace = bool(whole) and is_of_whole(fact, whole) and not _through(fact)
        if fact.kind == "import" and (told or namespace or _allowed(fact, options)):
            continue
        found = by_value.opinion(fact)
        if not found and (taken := _reacting(fact, options)):
            callee = fact.value if fact.kind == "call" else f"{fact.value}.__setstate__"
            yield Finding(CONSUMED, fact.locator, taken, span=fact.span, evidence={"callee": callee})
        elif found is not None:
            yield from found
        elif fact.kind == "code":
            grouped.setdefault((fact.locator, "", CODE), []).append(fact)
        elif not _allowed(fact, options):
            rule = OWN_CLASS if fact.value not in handed and _is_own(fact) else UNKNOWN
            grouped.setdefault((fact.locator, _package(fact.value), rule), []).append(fact)
    for (_, package, rule), members in grouped.items():
        yield _of_group(rule, package, members)


def _reacting(fact: Fact, options: Options) -> str:
    """Return the class of an instance that something takes apart, where the user's list only lets it be held."""
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


# An opinion yields findings, nothing where the fact is inert, or None where nobody knows: these are told together.
Opinion = Sequence[Finding] | None


class _ByValue(NamedTuple):
    """Pickles by what they have to do with functions that are stored by value.

    `running` call one that they bring along, `on_load` is the code of others that runs, `reaching` have code that gets
    at anything in the process, `opening` code that opens files, `setting` call the setter of attributes. `bare` name
    the type of code itself, and make no function of it. `by_name` find the type of functions as cloudpickle does, and
    in no other way. `keras` store nothing but what loads a model of Keras. `making` make functions of code, and so
    bring tables of names as their globals.
    """

    running: set[Locator]
    on_load: frozenset[tuple[Locator, str]]
    reaching: set[Locator]
    opening: set[Locator]
    setting: set[Locator]
    bare: set[Locator]
    by_name: set[Locator]
    keras: set[Locator]
    making: set[Locator]

    @classmethod
    def of(cls, facts: Sequence[Fact]) -> _ByValue:
        """Return what there is among `facts`."""
        imports = [fact for fact in facts if fact.kind == "import"]
        return cls(
            {fact.locator for fact in facts if maker_of(fact.detail.get("computed")) in FUNCTIONS},
            running_code(facts),
            {fact.locator for fact in facts if _reaches_anything(fact)},
            {fact.locator for fact in facts if fact.kind == "code" and "open" in _used(fact)},
            setting_attributes(facts),
            {fact.locator for fact in imports if fact.value in BARE_CODE}
            - {fact.locator for fact in facts if fact.kind == "call" and fact.value in FUNCTIONS},
            {fact.locator for fact in imports if fact.value.endswith(TYPE_LOADER)}
            - {fact.locator for fact in imports if fact.value == BARE_FUNCTION},
            {fact.locator for fact in facts if fact.kind == "code"}
            - {fact.locator for fact in facts if fact.kind == "code" and not KERAS_UNPICKLER.issuperset(_used(fact))},
            {fact.locator for fact in facts if fact.kind == "call" and fact.value in FUNCTIONS},
        )

    def opinion(self, fact: Fact) -> Opinion:
        """Judge one fact in the light of what else its pickle does."""
        if fact.kind == "code":
            runs = fact.locator in self.running or (fact.locator, fact.value) in self.on_load
            return _code(fact, runs, fact.locator in self.bare, fact.locator in self.reaching)
        if fact.kind == "import" and fact.value in _OPEN and fact.locator in self.opening:
            return ()
        if _is_own_setter(fact) and fact.locator not in self.setting:
            return ()
        if fact.kind == "attribute" and fact.locator in self.making and _is_namesake(fact):
            return ()
        if fact.locator in self.keras and _loads_keras(fact):
            return ()
        if fact.kind == "call" and fact.value == BARE_FUNCTION and fact.locator not in self.by_name:
            return [_dangerous_call(fact, family(fact.value))]
        return _OPINIONS[fact.kind](fact)


def _loads_keras(fact: Fact) -> bool:
    """Return whether a function that came along is called with a buffer alone, which is examined as a model is."""
    called = maker_of(fact.detail.get("computed")) in FUNCTIONS
    return called and is_keras_unpickler("._unpickle_model", items(fact.detail.get("args")))


def _explained(fact: Fact) -> tuple[str, ...]:
    """Return the names that a call explains, so that their import says nothing more."""
    return (fact.value, *LOOKED_UP) if looks_up_setattr(fact.value, items(fact.detail.get("args"))) else (fact.value,)


def _call(fact: Fact) -> Opinion:
    arguments, how = fact.detail.get("args"), str(fact.detail.get("how"))
    name = fact.value
    if name.isdigit() or fact.detail.get("computed") == {"computed": True}:
        return ()  # an entry of the extension registry, or a name that is computed: told as such
    if "computed" in fact.detail:
        return _computed_call(fact)
    given = items(arguments)
    if is_inert_expression(name, arguments, fact.detail.get("plain")):
        return ()
    applied = instance_of(fact.detail.get("via")) in APPLIED  # which brings arguments of its own
    if (
        (is_inert_call(name, how, arguments) and not applied)
        or makes_block(fact.detail.get("via"), arguments)
        or is_own_attribute(name, given)
        or looks_up_setattr(name, given)
        or finds_slot(name, given)
        or finds_method(name, given)
        or subscripts_own_class(name, given)
    ):
        return ()
    if ARGUMENT_RULES.get(name) == "module-by-name" and given and not family(str(given[0])):
        return None  # importing a private module is what cloudpickle and dill do for those who use one
    danger = family(name) or ("indirection" if _reaches_inside(name, arguments) else "") or _switched(name, arguments)
    danger = danger or ("code execution" if runs_text(name, arguments) else "")
    danger = danger or ("deserialisation" if loads_computed(name, given) else "")
    if danger:
        return [_dangerous_call(fact, danger)]
    handed = [other for other in globals_handed(name, arguments) if family(other) and not is_inert_name(other)]
    if handed:
        return [Finding(DANGEROUS_ARGUMENT, fact.locator, handed[0], span=fact.span, evidence=_shown(fact, arguments))]
    return _of_unknown(fact, name, given, arguments)


def _of_unknown(fact: Fact, name: str, given: list[Json], arguments: Json) -> Opinion:
    """Judge a call of which neither the callable's family nor what it is handed tells anything."""
    if family_of_function(name):
        return [_dangerous_call(fact, f"{family_of_function(name)}, by its name")]
    if subject := consumed(name, given, str(fact.detail.get("how"))):
        return [Finding(CONSUMED, fact.locator, subject, span=fact.span, evidence={"callee": name})]
    # A callable with a rule on its arguments is itself known: the unknown ones among them are told as such.
    unknown = any(not is_inert_name(other) for other in globals_handed(name, arguments))
    return () if name in ARGUMENT_RULES and unknown else None


def _dangerous_call(fact: Fact, danger: str) -> Finding:
    evidence = {"family": danger, **_shown(fact, fact.detail.get("args"))}
    return Finding(DANGEROUS_CALL, fact.locator, fact.value, span=fact.span, evidence=evidence)


def _computed_call(fact: Fact) -> Opinion:
    computed = fact.detail["computed"]
    if _is_literal(computed):
        return ()  # loading ends here: no such object can be called
    maker = maker_of(computed)
    if maker in CLASSES and not (maker.endswith(NAMEDTUPLES) and fact.detail.get("how") == "REDUCE"):
        return ()  # an instance of a class that the pickle brings along: its code is judged as such
    if isinstance(computed, dict) and computed.get("args") == {"tuple": []}:
        caller = f"{instance_of(computed)}.__call__"  # of an instance without a state, which a rule may know
        if caller in ARGUMENT_RULES and is_inert_call(caller, "REDUCE", fact.detail.get("args")):
            return ()
    if instance_of(computed) == _CACHE and _is_callable_alone(items(fact.detail.get("args"))):
        return ()
    if is_created_instance(computed, fact.detail.get("args")) or is_harmless_method(computed):
        return ()
    if is_undefined_function(computed, fact.detail.get("plain")) or makes_block(computed, fact.detail.get("args")):
        return ()
    rule = OWN_CALL if maker in FUNCTIONS else COMPUTED_CALL
    return [Finding(rule, fact.locator, shorten(fact.value, NAME_TEXT), span=fact.span)]


def _is_literal(computed: Json) -> bool:
    """Return whether a value that stands in the pickle itself is a text, a number or a container."""
    return not isinstance(computed, dict) or not _LITERALS.isdisjoint(computed)


def _is_callable_alone(given: list[Json]) -> bool:
    """Return whether a decorator is given nothing but a function that came along, or one that may be held."""
    return len(given) == 1 and (maker_of(given[0]) in FUNCTIONS or is_inert_name(global_name(given[0])))


def _switched(name: str, arguments: Json) -> str:
    """Return the family of a loader that is told by keyword to run, or to unpickle, what comes with a model."""
    for table in tables_in(arguments) if _LOADER.search(name) else ():
        if any(table.get(name) is value for name, value in _SWITCHES.items()):
            return "code execution"
    return ""


def _reaches_inside(name: str, arguments: Json) -> bool:
    """Return whether getattr is used to reach a special attribute, the way out of any object."""
    return ARGUMENT_RULES.get(name) == "getattr" and any(
        isinstance(item, str) and item.startswith("__") and item != "__new__" for item in items(arguments)
    )


def _build(fact: Fact) -> Opinion:
    state = fact.detail.get("state")
    if ARGUMENT_RULES.get(fact.value) == "module-by-name":  # dill stores the attributes of a module of the script
        named = items(fact.detail.get("made"))[:1]
        module = str(named[0]) if named else ""
        known = [Finding(MODIFIED_IMPORT, fact.locator, module, span=fact.span)]
        return known if is_known_package(module) else None
    if is_expression(fact.value) and all(map(is_expression, globals_beside(state))):
        return ()  # attributes are set, and nothing is made of them
    if is_inert_build(fact.value, state):
        made = items(fact.detail.get("made"))
        if "made" in fact.detail and made[:1] != items(state)[:1]:
            planted: dict[str, Json] = {"name": "func"}
            return [Finding(HIDDEN_CALL, fact.locator, render(state), span=fact.span, evidence=planted)]
        return ()
    handed = [other for other in globals_beside(state) if family(other) and not is_inert_name(other)]
    if handed and fact.value in STATE_RULES:
        keeper: dict[str, Json] = {"shown": f"{fact.value}.__setstate__"}
        return [Finding(DANGEROUS_ARGUMENT, fact.locator, handed[0], span=fact.span, evidence=keeper)]
    if STATE_RULES.get(fact.value) == "file-beside" and (path := file_elsewhere(state)):
        return [Finding(FILE_ELSEWHERE, fact.locator, shorten(path, ARGUMENT_TEXT), span=fact.span)]
    executed = executed_text(fact.value, state)
    if not executed:  # the unknown ones among what a partial holds are told as such, as in a call
        held = STATE_RULES.get(fact.value) == "callable-first"
        return () if held and not all(map(is_inert_name, globals_beside(state))) else None
    shown = f"{fact.value}.__setstate__ on {shorten(redact(executed), ARGUMENT_TEXT)!r}"
    evidence: dict[str, Json] = {"family": "code execution", "shown": shown}
    return [Finding(DANGEROUS_CALL, fact.locator, fact.value, span=fact.span, evidence=evidence)]


def _state(fact: Fact) -> Opinion:
    """Judge a state that is an instance: a hook may take it apart."""
    maker = str(fact.detail.get("maker"))
    subject = is_foreign(maker, _package(fact.value)) if _package(maker) not in _TABLES else ""
    subject = maker if maker in _ITERATED else subject
    evidence: dict[str, Json] = {"callee": f"{fact.value}.__setstate__"}
    return [Finding(CONSUMED, fact.locator, subject, span=fact.span, evidence=evidence)] if subject else ()


def _key(fact: Fact) -> Opinion:
    """Judge a key of a table that is no literal: pandas calls one that can be called."""
    evidence: dict[str, Json] = {"callee": f"{fact.value}.__setitem__"}
    subject = shorten(str(fact.detail.get("key")), NAME_TEXT)
    return [Finding(CONSUMED, fact.locator, subject, span=fact.span, evidence=evidence)]


def _modify(fact: Fact) -> Opinion:
    return [Finding(MODIFIED_IMPORT, fact.locator, fact.value, span=fact.span)]


def _import(fact: Fact) -> Opinion:
    through = _through(fact)
    if is_inert_name(fact.value) and (not through or is_inert_name(through)):
        return ()
    if _shows_a_class(_last(fact.value), fact.value) or fact.value in _MAPPED:
        return ()
    if fact.detail.get("globals") and is_namespace(fact.value):
        return () if is_known_package(fact.value) else None
    danger = family(fact.value) or family(through)
    if danger:
        return [Finding(DANGEROUS_IMPORT, fact.locator, fact.value, span=fact.span, evidence={"family": danger})]
    return None


def _through(fact: Fact) -> str:
    """Return the name by which a global is reached through another module, nothing where it is in a class."""
    through = fact.detail.get("through")
    if not isinstance(through, str):
        return ""
    owner = fact.value.removesuffix(through) + through.partition(".")[0]
    in_class = not through[:1].isupper() and (is_class(owner) or is_call(owner))
    return "" if in_class else through


def _is_own_setter(fact: Fact) -> bool:
    """Return whether a function stored by value is the `__setattr__` of a class, which few ways of loading call."""
    return fact.kind == "attribute" and fact.detail.get("name") == SETTER and fact.detail.get("made") in FUNCTIONS


def _attribute(fact: Fact) -> Opinion:
    name, made = fact.detail.get("name", ""), fact.detail.get("made")
    a_module = fact.value == name and name in standard_library.MODULES  # which nobody can call
    if made is None and (a_module or PLAIN_METHODS.get(fact.value) == name):
        return ()
    if isinstance(made, str) and made.startswith("numpy.") and is_call(made):
        return ()  # a number or an array, which nobody can call
    if made in FUNCTIONS:
        uses = fact.detail.get("uses")
        if isinstance(uses, list) and all(isinstance(one, str) and one in FROZEN_SETTER for one in uses):
            return ()
        return [Finding(OWN_CALL, fact.locator, fact.value, span=fact.span)]
    plain = (
        is_class(fact.value)
        or is_call(fact.value)
        or (fact.value.startswith(_PLAIN_FUNCTIONS) and not family(fact.value))
        or fact.value in _ARITHMETIC
        or (name in _REDUCTIONS and fact.value.endswith(f".{name}") and is_inert_name(fact.value))
        or _is_inherited(str(name), fact.value)
    )
    if plain and made is None and name not in ("__class__", "__setstate__", "__dict__"):
        return ()
    common = name in _COMMON and not (family(fact.value) or family_of_function(fact.value))
    if made is None and (common or _shows_a_class(str(name), fact.value)):
        return ()  # what it is, is told of its import
    is_word = str(name).isidentifier() and not str(name).startswith("__")
    is_danger = family(fact.value) or family_of_function(fact.value)
    if made is None and is_word and not is_danger and (is_class_name(fact.value) or not is_inert_name(fact.value)):
        return None  # a table of classes or functions by name: what nobody knows is told of its import
    evidence = {"name": name}
    return [Finding(HIDDEN_CALL, fact.locator, fact.value, span=fact.span, evidence=evidence)]


def _is_namesake(fact: Fact) -> bool:
    """Return whether a module, or what may be held of a framework, stands under its own name, as in a namespace."""
    name, value = str(fact.detail.get("name")), fact.value
    plain = fact.detail.get("made") is None and name.isidentifier() and not name.startswith("__")
    acts = name in _BY_OPCODES or _LOADER.search(value) or family_of_function(value)
    return plain and value.endswith(f".{name}") and is_inert_name(value) and not acts


def _shows_a_class(name: str, value: str) -> bool:
    """Return whether a class stored by value shows itself as a class of a framework that nobody read does."""
    owner, _, method = value.rpartition(".")
    return name == method and name in SHOWING and is_class_name(owner) and is_known_package(owner) and not family(value)


def _is_inherited(name: str, value: str) -> bool:
    """Return whether a class stored by value takes a special method from an inert class as it is called there."""
    owner, _, method = value.rpartition(".")
    same = method == name or (name == "__call__" and is_class_name(owner))
    return name.startswith("__") and same and is_class(owner) and not (family(value) or family_of_function(value))


def _computed_name(fact: Fact) -> Opinion:
    return [Finding(COMPUTED_NAME, fact.locator, fact.value, span=fact.span)]


def _extension(fact: Fact) -> Opinion:
    return [Finding(EXTENSION, fact.locator, fact.value, span=fact.span)]


def _frame(fact: Fact) -> Opinion:
    return [Finding(FRAME, fact.locator, fact.value, span=fact.span)]


def _explained_names(fact: Fact, used: list[str]) -> set[str]:
    """Return the telling names that code uses as nothing but texts, methods of models, or `platform.system`."""
    if not _REACHING.isdisjoint(used):
        return set()
    texts, attributes = fact.detail.get("texts"), fact.detail.get("attributes")
    found = {str(name) for name in texts} if isinstance(texts, list) else set()
    taken = {str(name) for name in attributes} if isinstance(attributes, list) else set()
    methods = _METHODS | ({"system"} if "platform" in used and _SYSTEM_OWNERS.isdisjoint(used) else set())
    return found | (taken & methods)


def _reaches_anything(fact: Fact) -> bool:
    """Return whether code lists all classes, modules or builtins, or a function is handed the module of builtins."""
    if fact.kind == "code":
        return not _LISTING.isdisjoint(_used(fact))
    by_name = fact.kind == "call" and ARGUMENT_RULES.get(fact.value) == "module-by-name"
    return by_name and items(fact.detail.get("args"))[:1] in (["builtins"], ["__builtin__"])


def _code(fact: Fact, runs: bool, bare: bool, reaches: bool) -> Opinion:
    """Judge a code object; `runs` says that loading runs it, as far as can be told, `bare` that the pickle names the
    type of code itself, and no function, `reaches` that its code gets at anything.
    """
    used = _used(fact)
    dangerous = sorted(TELLING.intersection(used) - (set() if reaches else _explained_names(fact, used)))
    if dangerous == [_DECODER] and _UNPICKLERS.isdisjoint(used):
        dangerous = []  # models are sent pictures in base64
    if not dangerous:
        return [Finding(BARE_OBJECT, fact.locator, fact.value, span=fact.span)] if bare else None
    evidence: dict[str, Json] = {"names": ", ".join(dangerous[:NAMES_SHOWN])}
    rule = RUNNING_CODE if runs else DANGEROUS_CODE
    return [Finding(rule, fact.locator, fact.value, span=fact.span, evidence=evidence)]


def _used(fact: Fact) -> list[str]:
    """Return the names that a code object uses."""
    names = fact.detail.get("names")
    return [str(name) for name in names] if isinstance(names, list) else []


def _slots(_: Fact) -> Opinion:
    return ()


_OPINIONS = {
    "call": _call,
    "build": _build,
    "state": _state,
    "key": _key,
    "modify": _modify,
    "import": _import,
    "attribute": _attribute,
    "computed-name": _computed_name,
    "extension-code": _extension,
    "frame": _frame,
    "slots": _slots,
}
KINDS = frozenset({*_OPINIONS, "code"})


def _shown(fact: Fact, arguments: Json) -> dict[str, Json]:
    """Return the call as people would write it, redacted and cut."""
    text = "" if arguments is None else redact(render(arguments))
    if not text.startswith("("):
        text = f"({text})"
    return {"shown": f"{fact.value}{shorten(text, ARGUMENT_TEXT)}"}


def _allowed(fact: Fact, options: Options) -> bool:
    made = fact.kind != "call" or str(fact.detail.get("how")).startswith("NEWOBJ")
    return is_allowed(fact.value, options, made=made)


def _package(name: str) -> str:
    return name.partition(".")[0]


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _called_by(fact: Fact) -> list[str]:
    """Return the globals that a callable which calls what it is handed was handed."""
    return globals_in(fact.detail.get("args")) if ARGUMENT_RULES.get(fact.value) in CALLING else []


def _is_own(fact: Fact) -> bool:
    """Return whether a fact is of the script that saved the pickle or the modules beside it, and calls no function.

    What is made without its constructor, held, or an enumeration's member by its value.
    """
    name, how, given = fact.value, str(fact.detail.get("how")), items(fact.detail.get("args"))
    if fact.detail.get("globals"):
        return _package(name) in OWN_PACKAGES
    if (
        (_package(name) not in OWN_PACKAGES and not _is_created_name(name))
        or family_of_function(name)
        or any("__" in part for part in name.split(".")[1:])
    ):
        return False
    if fact.kind == "call":
        made = how in ("NEWOBJ", "NEWOBJ_EX") or (how in ("INST", "OBJ") and not given)
        value = how == "REDUCE" and len(given) == 1 and is_data(given[0]) and is_class_name(name)
        return made or value or is_keras_unpickler(name, given)
    return fact.kind in ("import", "build")


def _is_created_name(name: str) -> bool:
    """Return whether a name is of a class that the script which loads the pickle has had deap create."""
    return name.rpartition(".")[0] == "deap.creator" and is_class_name(name)


def _of_group(rule: Rule, package: str, members: list[Fact]) -> Finding:
    """Return what is said at once of all names of a package, or of all functions that a pickle stores."""
    names = sorted({f"{fact.value}()" if fact.kind == "code" else fact.value for fact in members})
    shown = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
    evidence: dict[str, Json] = {"count": len(names), "names": shown}
    return Finding(rule, members[0].locator, package or names[0], span=members[0].span, evidence=evidence)
