"""Whether the state that an instance is given is inert: rules on the states of classes that need one."""

from __future__ import annotations

from collections.abc import Callable

from modelsweep.core import patterns as re
from modelsweep.core.finding import Json
from scanners.judge import formulas
from scanners.judge import inert_names as tables
from scanners.judge.by_value import MAKERS, NAMEDTUPLES, STATE_FILES, fills_otherwise
from scanners.judge.described import global_name, instance_of, is_data, is_encoded, items
from scanners.judge.function_globals import globals_beside
from scanners.judge.handed_values import NEW_BLOCK
from scanners.judge.inert import CONSTRUCTORS, callable_first, holds_a_block, nested_pickle, pairs_of
from scanners.judge.listed_names import is_call, is_class, is_inert_name

_FOLDER = re.compile(r"(?:[A-Za-z]:[\\/])?[^:]*")
_CONTEXT_OPTIONS = frozenset({"compiler_config", "dynamic", "export"})
_TEMPLATE_KEY = "_parse_arg_template"
_EXECUTED = {"distribution-state": _TEMPLATE_KEY, "formula-state": "formula"}
# Rules of callables whose results real saves give a state; what others return may be a class, a module or anything.
_BUILDABLE = frozenset("calls-0-with-1 calls-0-with-2 class-first one-argument same-package setattr-state".split())


def _distribution_state(state: Json) -> bool:
    """Return whether scipy would pass nothing but its own template to exec; older states have none."""
    if not (isinstance(state, dict) and "dict" in state):
        generator = items(state)[1:2] if len(items(state)) == 2 else []  # which is kept as it is
        rest = items(state)[0] if generator and instance_of(generator[0]).startswith(CONSTRUCTORS) else state
        return is_data(rest) and _TEMPLATE_KEY not in str(rest) and "'more'" not in str(rest)
    templates = _values_of(state, _TEMPLATE_KEY)
    return all(isinstance(one, str) and re.fullmatch(tables.DISTRIBUTION_TEMPLATE, one) for one in templates)


def _values_of(state: Json, *keys: str) -> list[Json]:
    """Return all that is stored under some keys of a described dictionary: a later value does not hide an earlier."""
    content = state.get("dict") if isinstance(state, dict) else None
    if not isinstance(content, list):
        return []
    return [value for key, value in zip(content[::2], content[1::2], strict=False) if key in keys]


def _raw_handle(state: Json) -> bool:
    """Return whether no handle is a number, which would be freed as a pointer."""
    if not (isinstance(state, dict) and "dict" in state):
        return False
    handles = _values_of(state, "handle", "_handle")
    return not any(isinstance(one, int | float) or (isinstance(one, dict) and "int" in one) for one in handles)


def _is_dict(state: Json) -> bool:
    return isinstance(state, dict) and "dict" in state


def _nested_state(state: Json) -> bool:
    """Return whether all that loading would read as files is literal, and so examined."""
    return isinstance(state, dict) and "dict" in state and all(map(_is_literal, _values_of(state, *STATE_FILES)))


def _is_literal(described: Json) -> bool:
    if not isinstance(described, dict) or is_encoded(described):
        return True
    kind, content = next(iter(described.items()))
    if kind in ("tuple", "list", "dict") and isinstance(content, list):
        return all(map(_is_literal, content)) and "more" not in described
    return kind == "bytes"


def _local_folder(state: Json) -> bool:
    """Return whether a folder that loading opens is a path, and no address of another machine."""
    folders = _values_of(state, "work_dir", "model_name")
    plain = all(one is None or (isinstance(one, str) and _FOLDER.fullmatch(one)) for one in folders)
    return isinstance(state, dict) and "dict" in state and plain


def _file_beside(state: Json) -> bool:
    """Return whether joblib would read its array from a file beside the one that it loads."""
    return isinstance(state, dict) and "dict" in state and not file_elsewhere(state)


def file_elsewhere(state: Json) -> str:
    """Return the file elsewhere, or the computed name of one, from which joblib would read an array; or nothing."""
    from scanners.judge.external_files import leaves  # few pickles name a file

    named = _values_of(state, "filename")
    computed = any(not isinstance(one, str) for one in named)
    return next((one for one in named if isinstance(one, str) and leaves(one)), "a computed path" if computed else "")


def _uncompiled_state(state: Json) -> bool:
    compiled = _values_of(state, "_compile_kwargs", "define_params")
    return isinstance(state, dict) and "dict" in state and all(one is None for one in compiled)


def _held_functions(state: Json) -> bool:
    """Return whether a descriptor holds nothing of a name that may not be held."""
    return _is_dict(state) and all(map(is_inert_name, globals_beside(state)))


def _formula_state(state: Json) -> bool:
    return isinstance(state, dict) and "dict" in state and all(map(_plain_formula, _values_of(state, "formula")))


def _plain_formula(formula: Json) -> bool:
    return formula is None or (isinstance(formula, str) and formulas.is_plain(formula))


def _spoils_block(state: Json) -> bool:
    """Return whether a partial that makes a block of pandas is given more than `ndim`."""
    given = items(state)
    named = bool(given) and global_name(given[0]) == NEW_BLOCK
    return named and not (len(given) > 2 and holds_a_block(given[0], given[1], given[2]))


STATE_RULES: dict[str, Callable[[Json], bool]] = {
    "callable-first": lambda state: (
        callable_first(items(state)) and not fills_otherwise(state) and not _spoils_block(state)
    ),
    "distribution-state": _distribution_state,
    "raw-handle": _raw_handle,
    "nested-state": _nested_state,
    "local-folder": _local_folder,
    "file-beside": _file_beside,
    "held-functions": _held_functions,
    "uncompiled-state": _uncompiled_state,
    "formula-state": _formula_state,
    "pickled-keys": _is_dict,
    "pickled-module": lambda state: (
        _is_dict(state) and all(nested_pickle([one], 0) for one in _values_of(state, "module"))
    ),
    "plain-metadata": lambda state: _is_dict(state) and is_data(_values_of(state, "_var_metadata")),
    "plain-state": _is_dict,
    "state-pickle": lambda state: nested_pickle([state], 0),
}


def executed_text(name: str, state: Json) -> str:
    """Return the text that an instance of the class `name` would execute of a state that is not inert, else nothing.

    A formula that may call functions of the script alone is for review.
    """
    key = _EXECUTED.get(tables.STATE_RULES.get(name, ""), "")
    rule = _distribution_state if key == _TEMPLATE_KEY else _formula_state
    texts = [text for text in _values_of(state, key) if isinstance(text, str) and not rule({"dict": [key, text]})]
    worse = [text for text in texts if key != "formula" or not formulas.is_tame(text)]
    return worse[0] if worse else ""


def is_inert_build(name: str, state: Json) -> bool:
    """Return whether giving an instance that `name` made a described state is inert."""
    rule = tables.STATE_RULES.get(name)
    if rule:
        return not (isinstance(state, dict) and state.get("more")) and STATE_RULES[rule](state)
    if name in MAKERS:
        return not name.endswith(NAMEDTUPLES)
    ruled = tables.ARGUMENT_RULES.get(name)
    if ruled == "compiled-context":
        return is_data(state) and _CONTEXT_OPTIONS.issuperset(pairs_of(state))
    return not name or is_class(name) or is_call(name) or ruled in _BUILDABLE
